"""One scikit-learn classifier a mode, whose probabilities are averaged or stacked.

Stacking: Wolpert, "Stacked generalization", Neural Networks 1992.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline

from .copies import corrupted_copies, forest, logistic_regression
from .method import Effort, Method

N_FOLDS = 5


@dataclass
class Averaged:
    """Mean of the probabilities of one classifier a mode.

    A mode with a missing value has no say: neither when its classifier is fitted, nor
    in the mean. A row without any mode gets the shares of the classes.
    """

    estimator: BaseEstimator
    kind: str = "both"

    def fit(self, X_train, y_train, X_val, y_val, modes, seed) -> Averaged:
        """Fit; see :class:`~_peers.method.Method`."""
        X, y = corrupted_copies(X_train, y_train, modes, seed, self.kind)
        self.columns_ = list(modes.values())
        self.prior_ = np.bincount(y_train) / len(y_train)
        self.estimators_ = []
        for columns in self.columns_:
            known = _known(X, columns)
            estimator = clone(self.estimator).set_params(random_state=seed)
            estimator.fit(X[np.ix_(known, columns)], y[known])
            self.estimators_.append(estimator)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, n_classes)."""
        total = np.zeros((len(X), len(self.prior_)))
        n_known = np.zeros((len(X), 1))
        for estimator, columns in zip(self.estimators_, self.columns_, strict=True):
            known = _known(X, columns)
            if known.any():
                total[known] += estimator.predict_proba(X[np.ix_(known, columns)])
                n_known[known] += 1
        return np.where(n_known > 0, total / np.maximum(n_known, 1), self.prior_)


@dataclass
class Stacked:
    """A logistic regression on the probabilities of one a mode, all on the copies.

    Copies of a row stay in one fold. A missing mode is its mean, and the final
    classifier learns what the probabilities of that are worth.
    """

    def fit(self, X_train, y_train, X_val, y_val, modes, seed) -> Stacked:
        """Fit; see :class:`~_peers.method.Method`."""
        X, y = corrupted_copies(X_train, y_train, modes, seed)
        rows = np.arange(len(X)) % len(X_train)
        folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
        of_modes = [
            (mode, make_pipeline(_only(columns), logistic_regression()))
            for mode, columns in modes.items()
        ]
        self.estimator_ = StackingClassifier(
            of_modes, logistic_regression(), cv=list(folds.split(X, y, rows))
        )
        self.estimator_.fit(np.nan_to_num(X, nan=0.0), y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, n_classes)."""
        return self.estimator_.predict_proba(np.nan_to_num(X, nan=0.0))


def _known(X: np.ndarray, columns: list[int]) -> np.ndarray:
    return ~np.isnan(X[:, columns]).any(axis=1)


def _only(columns: list[int]) -> ColumnTransformer:
    return ColumnTransformer([("mode", "passthrough", columns)])


def methods(effort: Effort) -> dict[str, Method]:
    """Averages of logistic regressions and of forests, and stacking."""
    return {
        "lr-views": Averaged(logistic_regression()),
        "lr-views-clean": Averaged(logistic_regression(), "clean"),
        "rf-views": Averaged(forest(effort)),
        "rf-views-clean": Averaged(forest(effort), "clean"),
        "stacking": Stacked(),
    }
