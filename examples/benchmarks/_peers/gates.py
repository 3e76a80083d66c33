"""An outlier score for each mode in front of a classifier with modality dropout.

A mode whose score exceeds the 99 % quantile of clean validation data is set to its
mean. kNN distance as an outlier score: Ramaswamy et al., SIGMOD 2000. Mahalanobis
distance with a shrunk covariance: Ledoit & Wolf, 2004. The composition is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors

from .concatenation import ConcatenationMLP
from .copies import CorruptedCopies, forest, logistic_regression
from .method import Effort, Method
from .network import NeuralMethod

N_NEIGHBORS = 10
QUANTILE = 0.99

Score = Callable[[np.ndarray], np.ndarray]  # one mode (n, d_m) -> (n,)


def knn_score(X: np.ndarray) -> Score:
    """Score by the distance to the tenth neighbour in X (n, d_m)."""
    neighbors = NearestNeighbors(n_neighbors=min(N_NEIGHBORS, len(X))).fit(X)
    return lambda X: neighbors.kneighbors(X)[0][:, -1]


def mahalanobis_score(X: np.ndarray) -> Score:
    """Score by the Mahalanobis distance to the mean of X (n, d_m)."""
    covariance = LedoitWolf().fit(X)
    return lambda X: np.sqrt(covariance.mahalanobis(X))


@dataclass
class Gated:
    """A gate, learnt from clean data, in front of a method that knows missing modes."""

    score: Callable[[np.ndarray], Score]
    predictor: Method

    def fit(self, X_train, y_train, X_val, y_val, modes, seed) -> Gated:
        """Fit both; see :class:`~_peers.method.Method`."""
        self.columns_ = list(modes.values())
        self.scores_ = [self.score(X_train[:, columns]) for columns in self.columns_]
        self.thresholds_ = np.ones(len(modes))
        clean = self._relative_scores(X_val)
        self.thresholds_ = np.maximum(np.quantile(clean, QUANTILE, axis=0), 1e-12)
        self.predictor.fit(X_train, y_train, X_val, y_val, modes, seed)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, n_classes), failing modes at their mean."""
        fails = self._relative_scores(X) > 1.0
        X = X.copy()
        for m, columns in enumerate(self.columns_):
            X[np.ix_(fails[:, m], columns)] = 0.0
        return self.predictor.predict_proba(np.nan_to_num(X, nan=0.0))

    def mode_suspicion(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Return score over threshold (n, M)."""
        return {"score": self._relative_scores(X)}

    def _relative_scores(self, X: np.ndarray) -> np.ndarray:
        # A missing mode has no score, and nothing to be gated.
        relative = np.zeros((len(X), len(self.columns_)))
        for m, columns in enumerate(self.columns_):
            known = ~np.isnan(X[:, columns]).any(axis=1)
            if known.any():
                scores = self.scores_[m](X[np.ix_(known, columns)])
                relative[known, m] = scores / self.thresholds_[m]
        return relative


def methods(effort: Effort) -> dict[str, Method]:
    """Two gates, each in front of three predictors with modality dropout."""

    def predictors() -> dict[str, Method]:
        return {
            "mlp": NeuralMethod(ConcatenationMLP, effort, "dropout"),
            "rf": CorruptedCopies(forest(effort), "dropout", fill=True),
            "lr": CorruptedCopies(logistic_regression(), "dropout", fill=True),
        }

    return {
        f"{gate}+{name}": Gated(score, predictor)
        for gate, score in (("knn", knn_score), ("maha", mahalanobis_score))
        for name, predictor in predictors().items()
    }
