"""What energy estimators share: checked rows in, finite scores out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._energies.finite import finite_energy
from sklearn_emma._inputs.values import check_numbers
from sklearn_emma._optim.ambient import ordinary_state


class EnergyEstimator(BaseEstimator, ABC):
    """An estimator whose ``score_samples`` is minus the energy that it defines."""

    n_features_in_: int

    @abstractmethod
    def _energy(self, X: np.ndarray) -> np.ndarray:
        """Ψ of each row of checked X (n, d), (n,); what overflows is made finite."""

    @ordinary_state()
    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Energy of each sample, with a minus sign.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode, flattened.

        Returns
        -------
        score : ndarray of shape (n_samples,)
            −Ψ, finite; higher is more usual. Only differences matter.
        """
        check_is_fitted(self)
        values = self._validate(X, reset=False)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            energy = np.asarray(self._energy(values), dtype=values.dtype)
        return -finite_energy(torch.from_numpy(energy)).numpy()

    def _validate(self, X: ArrayLike, **options: object) -> np.ndarray:
        kinds = {"dtype": [np.float64, np.float32], "order": "C"}
        return check_numbers(self, X, **kinds | options)
