"""Energies by distance: how far the nearest training rows are."""

from __future__ import annotations

from numbers import Integral
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.neighbors import NearestNeighbors

from sklearn_emma._energies.cross_fitting import row_keys
from sklearn_emma._energies.estimator import EnergyEstimator
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._validation import (
    Constraints,
    Interval,
    fit_context,
    unchanged_on_error,
)


class NeighborsEnergy(EnergyEstimator):
    """Mean distance to the nearest training rows.

    Take it for modes of few features and many rows, of any shape: it assumes nothing,
    and is hard to beat there. It keeps all training rows, and scoring searches them,
    so that it is slow where there are many; of many features all distances become
    alike.

    A training row does not count as its own neighbour: rows are recognised by their
    values, and one copy is left out. So training rows do not look more usual than
    others.

    Parameters
    ----------
    n_neighbors : int, default=5
        How many; where there are fewer other training rows, all of them.

    Attributes
    ----------
    n_neighbors_ : int
        Number of neighbours that are used.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    References
    ----------
    S. Ramaswamy, R. Rastogi and K. Shim, "Efficient algorithms for mining outliers from
    large data sets", SIGMOD 2000, with the distance to the k-th neighbour.

    F. Angiulli and C. Pizzuti, "Fast outlier detection in high dimensional spaces",
    PKDD 2002, with the sum of the distances to all k.

    Examples
    --------
    >>> from sklearn_emma.energies import NeighborsEnergy
    >>> energy = NeighborsEnergy(n_neighbors=2).fit([[0.0], [1.0], [3.0]])
    >>> [float(value) for value in -energy.score_samples([[0.0], [2.0]])]
    [2.0, 1.0]
    """

    _parameter_constraints: Constraints = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_neighbors: int = 5) -> None:
        self.n_neighbors = n_neighbors

    @fit_context(prefer_skip_nested_validation=True)
    @ordinary_state()
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Keep the training rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of one mode, clean; two rows at least.
        y : None
            Ignored.

        Returns
        -------
        self : NeighborsEnergy
            Fitted.

        Raises
        ------
        ValueError
            For NaN, infinities and a single row.
        """
        with unchanged_on_error(self):
            values = self._validate(X, reset=True, ensure_min_samples=2)
            self.n_neighbors_ = min(self.n_neighbors, len(values) - 1)
            # One more than counts: the nearest may be the row itself.
            self._neighbors = NearestNeighbors(n_neighbors=self.n_neighbors_ + 1)
            self._neighbors.fit(values)
            self._keys = np.unique(row_keys(values))
        return self

    def _energy(self, X: np.ndarray) -> np.ndarray:
        distances, _ = self._neighbors.kneighbors(X)
        known = np.isin(row_keys(X), self._keys)
        others = np.where(known[:, np.newaxis], distances[:, 1:], distances[:, :-1])
        mean: np.ndarray = others.mean(axis=1)
        return mean
