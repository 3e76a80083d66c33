"""A trained autoencoder in its coordinates, ready to score values of a mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklearn_emma._energies.autoencoder import potential, reconstruct
from sklearn_emma._energies.coordinates import Coordinates
from sklearn_emma._energies.finite import finite_energy
from sklearn_emma._energies.magnitudes import Magnitudes
from sklearn_emma._energies.objectives import Objective
from sklearn_emma._energies.regularizers import Regularizer
from sklearn_emma._inputs.values import check_numbers
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.net import Callbacks
from sklearn_emma._optim.torch_state import RandomStateLike
from sklearn_emma._statistics.normal_scores import NormalScores

_CHECKS = {"dtype": [np.float64, np.float32], "order": "C", "reset": False}


class FittedAutoencoder(NamedTuple):
    """Weights W (K, D), c (K,) and b (D,), and the coordinates z in which they act.

    ``stiffness`` is κ, a number.
    """

    coordinates: Coordinates
    weight: np.ndarray
    hidden_bias: np.ndarray
    visible_bias: np.ndarray
    stiffness: float = 1.0

    def potential(self, X: np.ndarray) -> np.ndarray:
        """Ψ of X (n, d), finite, (n,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            z = torch.from_numpy(self.coordinates(X)).unsqueeze(0)
        return finite_energy(potential(z, *self._tensors(X))[0]).numpy()

    def reconstruct(self, X: np.ndarray) -> np.ndarray:
        """X moved by the step that is nearest to r(z) − z, (n, d)."""
        step = self.coordinates.pull_back(X, self._step(X))
        return (X + step).astype(X.dtype, copy=False)

    def reconstruction_error(self, X: np.ndarray) -> np.ndarray:
        """‖r(z) − z‖² of X (n, d), finite, (n,)."""
        with np.errstate(over="ignore"):
            error = np.square(self._step(X)).sum(axis=1)
        return finite_energy(torch.from_numpy(error)).numpy()

    def arrays(self) -> list[np.ndarray]:
        """Everything learnt, coordinates first."""
        mean, matrix, scores = self.coordinates
        weights = (np.asarray(a) for a in self[1:])
        return [mean, matrix, *weights, *(scores or ())]

    def _step(self, X: np.ndarray) -> np.ndarray:
        z = self.coordinates(X)
        found = reconstruct(torch.from_numpy(z).unsqueeze(0), *self._tensors(X))
        return found[0].numpy() - z

    def _tensors(self, X: np.ndarray) -> list[Tensor]:
        """The weights as a stack of one, in the type of X."""
        arrays = (np.asarray(a, dtype=X.dtype)[np.newaxis] for a in self[1:])
        return [torch.tensor(array) for array in arrays]


class AutoencoderEstimator(BaseEstimator):
    """Parameters of an estimator with an autoencoder, and what it has learnt."""

    n_components: int
    sigma: float
    preprocessing: str | None
    shrinkage: float | str
    objective: str | Objective
    regularizer: str | Regularizer | None
    alpha: float
    max_iter: int
    batch_size: int | str
    lr: float
    lr_schedule: str
    optimizer: Callable[..., torch.optim.Optimizer] | None
    callbacks: Callbacks | None
    device: torch.device | str
    verbose: bool | int
    random_state: RandomStateLike

    components_: np.ndarray
    intercept_hidden_: np.ndarray
    intercept_visible_: np.ndarray
    mean_: np.ndarray
    whitening_: np.ndarray
    normal_scores_: NormalScores | None
    stiffness_: float
    shrinkage_: float | None
    loss_curve_: list[float]
    n_iter_: int
    n_features_in_: int
    offset_: np.ndarray
    scale_: np.ndarray

    @property
    def _fitted(self) -> FittedAutoencoder:
        check_is_fitted(self)
        z = Coordinates(self.mean_, self.whitening_, self.normal_scores_)
        weights = self.components_, self.intercept_hidden_, self.intercept_visible_
        return FittedAutoencoder(z, *weights, self.stiffness_)

    @ordinary_state()
    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Unnormalised log-likelihood −Ψ, as scikit-learn's density estimators give it.

        Compare scores of rows that a model has not seen with each other: rows that it
        was fitted on score somewhat higher, the more so the fewer they are for their
        number of features. Scores of two models, of two modes say, have different
        origins and units, and are not to be compared as they are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode.

        Returns
        -------
        score : ndarray of shape (n_samples,)
            Higher is more usual.
        """
        return -self._fitted.potential(self._in_units(X))

    @ordinary_state()
    def reconstruct(self, X: ArrayLike) -> np.ndarray:
        """Denoise: one pass through the autoencoder, in the units of X.

        With normal scores not every z belongs to an x: there, the step from x is the
        one whose change of z is nearest to r(z) − z, to first order. In any coordinates
        a small part of the step leads down Ψ.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode.

        Returns
        -------
        reconstruction : ndarray of shape (n_samples, n_features)
            r(x).
        """
        found = self._fitted.reconstruct(self._in_units(X))
        return self._units.undo(found)

    @ordinary_state()
    def reconstruction_error(self, X: ArrayLike) -> np.ndarray:
        """Squared norm ‖r(z) − z‖², the estimator that competes with Ψ.

        It vanishes at *every* critical point of Ψ, maxima included, and so takes the
        middle of a ring of data for usual.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode.

        Returns
        -------
        error : ndarray of shape (n_samples,)
            In the units of the coordinates z.
        """
        return self._fitted.reconstruction_error(self._in_units(X))

    @property
    def _units(self) -> Magnitudes:
        check_is_fitted(self)
        return Magnitudes(self.offset_, self.scale_)

    def _in_units(self, X: ArrayLike) -> np.ndarray:
        """Checked X, as coordinates take it."""
        units = self._units
        return units(self._validate(X))

    def _validate(self, X: ArrayLike, **options: object) -> np.ndarray:
        return check_numbers(self, X, **_CHECKS | options)
