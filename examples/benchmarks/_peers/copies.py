"""scikit-learn classifiers on corrupted copies: what a user would try first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from _protocol import corrupt_like_training, layout_of, make_generator
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from .method import Effort, Method

N_COPIES = 5


def corrupted_copies(
    X: np.ndarray,
    y: np.ndarray,
    modes: dict[str, list[int]],
    seed: int,
    kind: str = "both",
) -> tuple[np.ndarray, np.ndarray]:
    """Return five corrupted copies of X (n, d), one below the other, and their classes.

    One copy is enough if nothing is corrupted.
    """
    n_copies = 1 if kind == "clean" else N_COPIES
    generator, layout = make_generator(seed, "copies"), layout_of(modes)
    copies = [
        corrupt_like_training(X, layout, generator, kind)[0].numpy()
        for _ in range(n_copies)
    ]
    return np.vstack(copies), np.tile(y, n_copies)


@dataclass
class CorruptedCopies:
    """A classifier fitted on five corrupted copies of the training data.

    ``kind`` is that of the training corruption; ``fill`` replaces NaN by the mean.
    """

    estimator: BaseEstimator
    kind: str = "both"
    fill: bool = False

    def fit(self, X_train, y_train, X_val, y_val, modes, seed) -> CorruptedCopies:
        """Fit; see :class:`~_peers.method.Method`."""
        X, y = corrupted_copies(X_train, y_train, modes, seed, self.kind)
        self.estimator_ = clone(self.estimator).set_params(random_state=seed)
        self.estimator_.fit(self._filled(X), y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, n_classes)."""
        return self.estimator_.predict_proba(self._filled(X))

    def _filled(self, X: np.ndarray) -> np.ndarray:
        return np.nan_to_num(X, nan=0.0) if self.fill else X


def forest(effort: Effort) -> RandomForestClassifier:
    """Build the random forest (Breiman, 2001) of all methods that have one."""
    return RandomForestClassifier(effort.n_trees, n_jobs=1)


def logistic_regression() -> LogisticRegression:
    """Build the logistic regression of all methods that have one."""
    return LogisticRegression(max_iter=1000)


def methods(effort: Effort) -> dict[str, Method]:
    """Two ensembles of trees, which know NaN, and a linear classifier."""
    boosting = HistGradientBoostingClassifier(max_iter=min(100, effort.n_trees))
    return {
        "rf-copies": CorruptedCopies(forest(effort)),
        "hgb-copies": CorruptedCopies(boosting),
        "lr-copies": CorruptedCopies(logistic_regression(), fill=True),
    }
