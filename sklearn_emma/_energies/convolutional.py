"""Potential energy of a mode with a shape, by convolutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from torch import nn

from sklearn_emma._energies.convolutional_scoring import ConvolutionalEstimator
from sklearn_emma._energies.convolutional_training import ConvolutionalStack, learn
from sklearn_emma._energies.magnitudes import unchanged
from sklearn_emma._energies.ragged import learn_ragged
from sklearn_emma._inputs.weights import check_weights, merge_duplicates
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.net import TRAINING_CONSTRAINTS, Callbacks, Options
from sklearn_emma._optim.torch_state import RandomStateLike, draw_seed
from sklearn_emma._validation import (
    Constraints,
    Interval,
    StrOptions,
    fit_context,
    unchanged_on_error,
)


class ConvolutionalEnergy(ConvolutionalEstimator):
    """Potential energy Ψ of images and signals, with convolutions for matrices.

    The potential of :class:`PotentialEnergyTransformer`, whose W z becomes a
    convolution of z with K small kernels, and Wᵀ u its transpose:

        Ψ(z) = ½ κ ‖z − b‖² − Σ_{k, position} softplus((W_k ∗ z)_position + c_k).

    It learns to remove Gaussian noise, so that Ψ is about −sigma² log p(z) up to a
    constant: low where data are dense, high for what is noisy, blank, occluded or
    unseen. The coordinates z are values whose correlation is taken away frequency by
    frequency, see ``preprocessing``. Few parameters serve all positions, so it takes
    fewer samples than a dense energy, and its cost grows in proportion to the number of
    values, not to its cube.

    It is the default for images, and for signals that differ in length. In small images
    whose pixels have a meaning each, such as digits at 8 × 8,
    :class:`PotentialEnergyTransformer` notices smaller noise.

    Parameters
    ----------
    shape : tuple of int, default=None
        ``(channels, length)`` or ``(channels, height, width)`` of the values in a row,
        which lie flattened in its columns. None is the shape of the :class:`Mode` in an
        estimator with modes, and otherwise a signal of one channel.
    ragged : bool, default=False
        Whether signals differ in length, with NaN behind the end of each; so it is for
        a ragged :class:`Mode`. Ψ is then divided by the length, and what lies behind
        the end plays no part.
    n_components : int, default=16
        Number of kernels K.
    kernel_size : int, default=5
        Length of a kernel in each direction.
    stride : int, default=2
        Steps from one position of a kernel to the next; 2 takes a quarter of the time
        of 1 for images.
    sigma : float, default=0.3
        Standard deviation of the noise that training removes, in the units of z.
    preprocessing : {"whiten", "standardize"} or None, default="whiten"
        Coordinates z. ``"standardize"`` centres each position and scales each channel.
        ``"whiten"`` also takes the cosine transform, gives each of its frequencies unit
        variance without correlation between channels, and transforms back: then small
        noise shows, as it has frequencies that clean values lack. κ is there sigma² /
        (1 + sigma²), and 1 otherwise. ``None`` takes X as it is. Where signals differ
        in length, ``"standardize"`` centres each channel, and ``"whiten"`` takes what
        the eight values before each let expect, by channel and linearly, away.
    max_iter : int, default=10
        Number of epochs.
    batch_size : int or "auto", default="auto"
        Samples in a step; ``"auto"`` is a sixteenth of the samples, about 16 to 256.
    lr : float, default=0.02
        Learning rate.
    optimizer : torch optimizer class, default=None
        None is ``torch.optim.Adam``.
    lr_schedule : {"cosine", "constant"}, default="cosine"
        Whether the learning rate falls to 0 along a cosine over ``max_iter`` epochs.
    callbacks : list of skorch callbacks, default=None
        Copied before use; what they hold is shared.
    device : str, default="cpu"
        Torch device that trains.
    verbose : bool or int, default=False
        Whether to show a progress bar.
    random_state : int, RandomState instance or None, default=None
        Initial weights, noise and shuffling.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, channels, kernel_size, ...)
        W.
    intercept_hidden_ : ndarray of shape (n_components,)
        c.
    intercept_visible_ : ndarray of shape (channels, ...)
        b of each position; with ``ragged``, of each channel, (channels, 1).
    stiffness_ : float
        κ.
    offset_, scale_ : ndarray of shape (n_features,)
        As of :class:`PotentialEnergyTransformer`: u = (x − offset) / scale.
    spectrum_ : tuple of ndarray
        Coordinates z of u: mean of each position, scale of each channel, and a matrix
        (channels, channels) for each frequency, or None. With ``ragged``: mean and
        scale of each channel, and a matrix that whitens nine values in a row.
    loss_curve_ : list of float
        Mean denoising loss of each epoch.
    n_iter_ : int
        Number of epochs run.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    See Also
    --------
    PotentialEnergyTransformer : The dense energy, for columns.
    EncodedEnergy : An energy behind a frozen encoder.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma import ConvolutionalEnergy
    >>> steps = np.random.default_rng(0).normal(size=(300, 64))
    >>> X = np.cumsum(steps, axis=1)  # smooth signals
    >>> energy = ConvolutionalEnergy(shape=(1, 64), random_state=0).fit(X)
    >>> noisy = X[:5] + np.random.default_rng(1).normal(size=(5, 64))
    >>> bool((energy.score_samples(noisy) < energy.score_samples(X[:5])).all())
    True
    """

    _parameter_constraints: Constraints = {
        **TRAINING_CONSTRAINTS,
        "shape": [tuple, list, None],
        "ragged": ["boolean"],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
        "stride": [Interval(Integral, 1, None, closed="left")],
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "preprocessing": [StrOptions({"whiten", "standardize"}), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        shape: Sequence[int] | None = None,
        *,
        ragged: bool = False,
        n_components: int = 16,
        kernel_size: int = 5,
        stride: int = 2,
        sigma: float = 0.3,
        preprocessing: str | None = "whiten",
        max_iter: int = 10,
        batch_size: int | str = "auto",
        lr: float = 0.02,
        optimizer: Callable[..., torch.optim.Optimizer] | None = None,
        lr_schedule: str = "cosine",
        callbacks: Callbacks | None = None,
        device: str | torch.device = "cpu",
        verbose: bool | int = False,
        random_state: RandomStateLike = None,
    ) -> None:
        self.shape = shape
        self.ragged = ragged
        self.n_components = n_components
        self.kernel_size = kernel_size
        self.stride = stride
        self.sigma = sigma
        self.preprocessing = preprocessing
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.lr = lr
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.callbacks = callbacks
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    @ordinary_state()
    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train the kernels.

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
        self : ConvolutionalEnergy
            Fitted.

        Raises
        ------
        ValueError
            For NaN other than behind the ends of ragged signals, infinities, all-zero
            weights, or a shape that is not that of a row.
        FloatingPointError
            If training diverges.
        """
        with unchanged_on_error(self):
            values = self._validate(X, reset=True, ensure_min_samples=2)
            self._convolution(values.shape[1])
            weight = check_weights(sample_weight, values)
            distinct, weight, _ = merge_duplicates([values], weight)
            (rows,) = distinct
            units = self._units(rows, weight)
            self._fit_together([self], [self._with_ends(units(rows))], [weight])
            self.offset_, self.scale_ = units
        return self

    # Modes are fitted and scored by these; see ``interface.BatchedEnergy``.
    @classmethod
    def _fit_together(
        cls,
        estimators: list[ConvolutionalEnergy],
        Xs: list[np.ndarray],
        weights: list[np.ndarray],
    ) -> None:
        first = estimators[0]
        seed = draw_seed(check_random_state(first.random_state))
        for estimator, X, weight in zip(estimators, Xs, weights, strict=True):
            options = Options.from_params(estimator, estimator.max_iter)
            task = estimator.preprocessing, estimator.sigma, options, seed
            teach = learn_ragged if estimator.ragged else learn
            learnt = teach(X, weight, estimator._convolution(X.shape[1]), *task)
            for name, value in learnt._asdict().items():
                setattr(estimator, name, value)
            estimator.offset_, estimator.scale_ = unchanged(X.shape[1])
            estimator.n_iter_ = len(learnt.loss_curve_)
            estimator.n_features_in_ = X.shape[1]

    @classmethod
    def _stack(
        cls,
        estimators: list[ConvolutionalEnergy],
        columns: list[list[int]],
        dtype: torch.dtype,
    ) -> nn.Module:
        return ConvolutionalStack([e._frozen(dtype) for e in estimators], columns)
