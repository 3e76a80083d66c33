"""Potential energy of a signal, by how strong it is in each octave."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils import check_random_state
from torch import nn

from sklearn_emma._energies.estimator import EnergyEstimator
from sklearn_emma._energies.magnitudes import Magnitudes, fit_magnitudes, unchanged
from sklearn_emma._energies.potential import PotentialEnergyTransformer
from sklearn_emma._energies.strengths import OctaveStack, Strengths
from sklearn_emma._energies.together import fit_together, stack
from sklearn_emma._inputs.weights import check_weights, merge_duplicates
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.torch_state import RandomStateLike, draw_seed
from sklearn_emma._validation import (
    Constraints,
    Interval,
    fit_context,
    unchanged_on_error,
)


class OctaveEnergy(EnergyEstimator):
    """Potential energy Ψ of signals, of how strong they are in each octave.

    A live sensor has some strength in every octave: one that is dead, stuck or frozen
    has none, which a density of its values does not notice, as a flat line lies in
    their middle; one that is noisy or drifts has too much. The strength a of a channel
    in an octave is the root mean square of its cosine transform there, and
    :class:`PotentialEnergyTransformer` learns which of the numbers

        log(a / u) where a < u, and a / u − 1 elsewhere

    go together, u being the root mean square of a in training.

    It is the default for modes of ``shape=(channels, length)``. It does not see the
    sign of a signal, nor when something happens in it; where that tells failing signals
    from healthy ones, take :class:`ConvolutionalEnergy`.

    Parameters
    ----------
    potential : PotentialEnergyTransformer, default=None
        Learns what is usual of the numbers; None is one with default parameters.
    shape : tuple of int, default=None
        ``(channels, length)`` of the values in a row, which lie flattened in its
        columns. None is the shape of the :class:`Mode` in an estimator with modes, and
        otherwise a signal of one channel.
    n_parts : int, default=1
        Number of parts of equal length into which a signal is cut, at most one for
        eight values: two of them notice that it froze on the way, and leave twice as
        many numbers to be learnt from as many samples.
    device : str, default="cpu"
        Torch device that trains, where ``potential`` is None.
    verbose : bool or int, default=False
        Whether to show a progress bar.
    random_state : int, RandomState instance or None, default=None
        Seeds the potential where its own ``random_state`` is None.

    Attributes
    ----------
    potential_ : PotentialEnergyTransformer
        Fitted on the numbers: channel by channel, part by part, octave by octave. The
        octaves are the mean, 1, 2 to 3, 4 to 7 and so on half cycles.
    usual_ : ndarray of shape (channels * parts * octaves,)
        u.
    offset_, scale_ : ndarray of shape (n_features,)
        As of :class:`PotentialEnergyTransformer`: strengths are those of
        (x − offset) / scale.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    See Also
    --------
    ConvolutionalEnergy : An energy of values, of signals and images.
    EncodedEnergy : An energy of whatever a torch module makes of a mode.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma import OctaveEnergy
    >>> rng = np.random.default_rng(0)
    >>> X = np.cumsum(rng.normal(size=(300, 64)), axis=1)  # random walks
    >>> energy = OctaveEnergy(random_state=0).fit(X)
    >>> usual = energy.score_samples(X)
    >>> stuck = np.repeat(X[:, :1], 64, axis=1)
    >>> bool((energy.score_samples(stuck) < usual.min()).all())
    True
    >>> noisy = X + 3 * rng.normal(size=X.shape)
    >>> bool((energy.score_samples(noisy) < np.median(usual)).all())
    True
    """

    _parameter_constraints: Constraints = {
        "potential": [PotentialEnergyTransformer, None],
        "shape": [tuple, list, None],
        "n_parts": [Interval(Integral, 1, None, closed="left")],
        "device": [str, torch.device],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        potential: PotentialEnergyTransformer | None = None,
        *,
        shape: Sequence[int] | None = None,
        n_parts: int = 1,
        device: str | torch.device = "cpu",
        verbose: bool | int = False,
        random_state: RandomStateLike = None,
    ) -> None:
        self.potential = potential
        self.shape = shape
        self.n_parts = n_parts
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    @ordinary_state()
    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn how strong signals are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of one mode, clean and flattened.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights ≥ 0; weight k counts as the row repeated k times. Only ratios matter
            when weights sum to less than the number of samples: they are rescaled to a
            mean of 1. Equal non-integer weights are ignored.

        Returns
        -------
        self : OctaveEnergy
            Fitted.

        Raises
        ------
        ValueError
            For NaN, infinities, all-zero weights, or a shape that is not that of a row.
        FloatingPointError
            If training diverges.
        """
        with unchanged_on_error(self):
            values = self._validate(X, reset=True, ensure_min_samples=2)
            self._check_mode(values.shape[1])
            weight = check_weights(sample_weight, values)
            (rows,), weight, _ = merge_duplicates([values], weight)
            units = fit_magnitudes(rows, weight)
            self._fit_together([self], [units(rows)], [weight])
            self.offset_, self.scale_ = units
        return self

    def _energy(self, X: np.ndarray) -> np.ndarray:
        u = torch.from_numpy(Magnitudes(self.offset_, self.scale_)(X))
        scores: np.ndarray = self.potential_.score_samples(self._strengths(u.dtype)(u))
        return -scores

    # Modes are fitted and scored by these; see ``interface.BatchedEnergy``.
    @classmethod
    def _fit_together(
        cls,
        estimators: list[OctaveEnergy],
        Xs: list[np.ndarray],
        weights: list[np.ndarray],
    ) -> None:
        first = estimators[0]
        seed = draw_seed(check_random_state(first.random_state))
        # In a cross-fit, all that see rows of the same array share what is usual in it:
        # the first of them, which sees every row, says what that is.
        found: dict[int, tuple[Strengths, np.ndarray]] = {}
        for estimator, X, weight in zip(estimators, Xs, weights, strict=True):
            if id(X) not in found:
                x = torch.from_numpy(np.ascontiguousarray(X))
                shape = estimator._shape(X.shape[1]), estimator.n_parts
                numbers = Strengths.of_rows(x, weight, *shape)
                found[id(X)] = numbers, numbers(x).numpy()
            estimator.usual_ = found[id(X)][0].usual.numpy()
            estimator.potential_ = estimator._unfitted(seed)
            estimator.offset_, estimator.scale_ = unchanged(X.shape[1])
            estimator.n_features_in_ = X.shape[1]
        fit_together(
            [e.potential_ for e in estimators], [found[id(X)][1] for X in Xs], weights
        )

    @classmethod
    def _stack(
        cls,
        estimators: list[OctaveEnergy],
        columns: list[list[int]],
        dtype: torch.dtype,
    ) -> nn.Module:
        numbers = [e._strengths(dtype) for e in estimators]
        ends = np.cumsum([0, *(len(n.usual) for n in numbers)])
        of_each = [list(range(*pair)) for pair in pairwise(ends.tolist())]
        potentials = stack([e.potential_ for e in estimators], of_each, dtype)
        return OctaveStack(numbers, columns, potentials)

    def _unfitted(self, seed: int) -> PotentialEnergyTransformer:
        given = self.potential
        if given is None:
            given = PotentialEnergyTransformer(device=self.device)
        made: PotentialEnergyTransformer = clone(given)
        if made.random_state is None:
            made.random_state = seed
        made._validate_params()
        return made.set_params(verbose=made.verbose or self.verbose)

    def _strengths(self, dtype: torch.dtype) -> Strengths:
        usual = torch.tensor(self.usual_, dtype=dtype)
        return Strengths(self._shape(self.n_features_in_), self.n_parts, usual)

    def _shape(self, n_features: int) -> tuple[int, int]:
        """(channels, length) of rows of so many values.

        Raises
        ------
        ValueError
            If the shape is not that of a signal of so many values.
        """
        shape = (1, n_features) if self.shape is None else tuple(self.shape)
        whole = all(isinstance(n, Integral) and n > 0 for n in shape)
        if not whole or len(shape) != 2 or np.prod(shape) != n_features:
            raise ValueError(
                f"`shape` must be (channels, length) of the {n_features} values in a "
                f"row, got {self.shape!r}. For images, take ConvolutionalEnergy."
            )
        return int(shape[0]), int(shape[1])

    # Asked before anything is trained.
    _check_mode = _shape
