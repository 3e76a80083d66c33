"""An energy behind a frozen encoder: of features in place of values."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from numbers import Integral
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_emma._energies.potential import PotentialEnergyTransformer
from sklearn_emma._inputs.standardisation import FARTHEST
from sklearn_emma._inputs.sub_estimators import (
    fit_weighted,
    honours,
    set_random_states,
)
from sklearn_emma._inputs.values import check_numbers
from sklearn_emma._inputs.weights import check_weights
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.torch_state import RandomStateLike, draw_seed
from sklearn_emma._validation import (
    Constraints,
    HasMethods,
    Interval,
    fit_context,
    noting,
    unchanged_on_error,
)


class EncodedEnergy(BaseEstimator):
    """Energy of the features that a trained encoder makes of a large mode.

    Values go through a torch module that is not trained any further, its features are
    standardised, and another energy learns how likely they are. So a mode costs what
    the encoder costs, however large it is. What the encoder does not pass on, the
    energy cannot notice: one that was trained to ignore noise hides noise.

    Parameters
    ----------
    encoder : nn.Module, default=None
        Trained, from values (n, ...) of a shape to features, which are flattened. It
        is copied, and used in evaluation mode, in single precision, on the device on
        which it lives. None hands values on as they are.
    energy : estimator, default=None
        Density model with ``score_samples`` of the standardised features. None is
        :class:`PotentialEnergyTransformer`.
    shape : tuple of int, default=None
        Shape of the values in a row, which lie flattened in its columns. None is the
        shape of the :class:`Mode` in an estimator with modes, and else a row as it is.
    batch_size : int, default=256
        Rows that are encoded at a time.
    random_state : int, RandomState instance or None, default=None
        Seeds the energy where its own ``random_state`` is None.

    Attributes
    ----------
    energy_ : estimator
        Fitted on features.
    encoder_ : nn.Module
        Copy that encodes.
    scaler_ : StandardScaler
        Training statistics of the features.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    See Also
    --------
    ConvolutionalEnergy : An energy of images and signals that needs no encoder.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn_emma import EncodedEnergy
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3 * 16 * 16))
    >>> encoder = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Flatten())
    >>> energy = EncodedEnergy(encoder, shape=(3, 16, 16), random_state=0).fit(X)
    >>> energy.energy_.n_features_in_
    48
    >>> odd, usual = energy.score_samples([X[0] + 1, X[0]])
    >>> bool(odd < usual)
    True
    """

    _parameter_constraints: Constraints = {
        "encoder": [nn.Module, None],
        "energy": [HasMethods(["fit", "score_samples"]), None],
        "shape": [tuple, list, None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        encoder: nn.Module | None = None,
        energy: BaseEstimator | None = None,
        *,
        shape: Sequence[int] | None = None,
        batch_size: int = 256,
        random_state: RandomStateLike = None,
    ) -> None:
        self.encoder = encoder
        self.energy = energy
        self.shape = shape
        self.batch_size = batch_size
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    @ordinary_state()
    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Encode X, and fit the energy on its features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of one mode, clean and flattened.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights ≥ 0, which the energy must be able to take: see
            ``energy_estimator`` of :class:`EMMAClassifier`.

        Returns
        -------
        self : EncodedEnergy
            Fitted.

        Raises
        ------
        ValueError
            If values do not have the shape, the encoder does not take them, or its
            features are not finite.
        """
        with unchanged_on_error(self):
            values = self._validate(X, reset=True, ensure_min_samples=2)
            self._check_mode(values.shape[1])
            weight = check_weights(sample_weight, values)
            values, weight = values[weight > 0], weight[weight > 0]
            self.encoder_ = self._copied()
            features = self._encode(self.encoder_, values)
            if not np.isfinite(features).all():
                kind = type(self.encoder_).__name__
                raise ValueError(
                    f"`encoder`, {kind}, returned features that are not finite."
                )
            self.scaler_ = StandardScaler().fit(features, sample_weight=weight)
            given = self.energy
            self.energy_ = PotentialEnergyTransformer() if given is None else given
            self.energy_ = clone(self.energy_)
            random = check_random_state(self.random_state)
            set_random_states(self.energy_, draw_seed(random))
            if not honours(self.energy_, weight):
                raise ValueError(
                    f"`energy`, {type(self.energy_).__name__}, takes no "
                    "`sample_weight`, and the weights are not whole numbers, for which "
                    "rows could be repeated."
                )
            fit_weighted(self.energy_, self._scaled(features), weight)
        return self

    @ordinary_state()
    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Score features by their energy: its ``score_samples``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode, flattened.

        Returns
        -------
        score : ndarray of shape (n_samples,)
            Higher is more usual; only differences matter.
        """
        check_is_fitted(self)
        features = self._encode(self.encoder_, self._validate(X, reset=False))
        scores: np.ndarray = self.energy_.score_samples(self._scaled(features))
        return scores

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        """Standardised features, at most a million from 0."""
        scaled = (features - self.scaler_.mean_) / self.scaler_.scale_
        return np.nan_to_num(scaled, nan=FARTHEST).clip(-FARTHEST, FARTHEST)

    @torch.no_grad()
    def _encode(self, encoder: nn.Module, X: np.ndarray) -> np.ndarray:
        """Features (n, k), in double precision, of rows X (n, d)."""
        encoder.eval()
        first = next(encoder.parameters(), torch.empty(0))
        shape = (X.shape[1],) if self.shape is None else tuple(self.shape)
        largest = np.finfo(np.float32).max
        x = torch.from_numpy(X.clip(-largest, largest).astype(np.float32, copy=False))
        found = []
        for part in x.split(self.batch_size):
            made = encoder(part.reshape(-1, *shape).to(first.device))
            size = getattr(made, "shape", ())
            if len(size) < 2 or len(made) != len(part):
                raise ValueError(
                    f"`encoder`, {type(encoder).__name__}, must return features "
                    f"(n_samples, ...), got {tuple(size)} for {len(part)} samples."
                )
            found.append(made.flatten(1).cpu())
        features: np.ndarray = torch.cat(found).double().numpy()
        return features

    def _check_mode(self, n_features: int) -> None:
        """See that the encoder takes rows of so many values."""
        if self.shape is not None and int(np.prod(self.shape)) != n_features:
            raise ValueError(
                f"`shape` {tuple(self.shape)!r} is not that of the {n_features} values "
                "in a row."
            )
        encoder = self._copied()
        name = type(encoder).__name__
        with noting(f"`encoder`, {name}, was tried on two rows of zeros."):
            self._encode(encoder, np.zeros((2, n_features)))

    def _copied(self) -> nn.Module:
        given = nn.Flatten() if self.encoder is None else self.encoder
        return copy.deepcopy(given).float()

    def _validate(self, X: ArrayLike, **options: object) -> np.ndarray:
        kinds = {"dtype": [np.float64, np.float32], "order": "C"}
        return check_numbers(self, X, **kinds | options)
