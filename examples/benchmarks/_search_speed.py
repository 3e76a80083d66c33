"""Searching 125 configurations together and one by one; times of both.

A sequential search with full training takes hours. Epochs of energies, predictor and
gate are all cut to the same share. What does not depend on them, such as scoring, then
weighs more than in full training.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import GridSearchCV

from sklearn_emma import EMMAClassifier
from sklearn_emma._training.task import epochs_alone
from sklearn_emma.model_selection import EMMAGridSearchCV

GRID = {
    "rho": [0.1, 0.3, 1.0, 3.0, "learn"],
    "lambda_c": [0.0, 0.001, 0.01, 0.1, 1.0],
    "lambda_e": [0.0, 0.001, 0.003, 0.01, 0.1],
}


class SearchTimes(NamedTuple):
    """Seconds of both searches, and their largest difference in a score."""

    together: float
    one_by_one: float
    difference: float


def search_times(
    X: np.ndarray,
    y: np.ndarray,
    modes: dict[str, Any],
    *,
    grid: dict[str, list[Any]] | None = None,
    n_splits: int = 3,
    n_jobs: int | None = 2,
    share: float = 0.03,
    **params: Any,
) -> SearchTimes:
    """Time both searches on the same data, without refit.

    Parameters
    ----------
    X, y : ndarray
        Data.
    modes : dict
        Modes of X.
    grid : dict, default=None
        None is 5 × 5 × 5 values of ρ, λ_c and λ_e.
    n_splits, n_jobs : int
        Folds, and jobs of both searches.
    share : float
        Part of the default numbers of epochs.
    **params
        Other parameters of the classifier.
    """
    n_train = len(X) * (n_splits - 1) // n_splits
    clf = shortened(EMMAClassifier(modes, random_state=0, **params), share, n_train)
    options = {"cv": n_splits, "n_jobs": n_jobs, "refit": False}
    # Worker processes start, and import, before the clock does.
    GridSearchCV(clf, {"rho": [0.1, 1.0]}, **options).fit(X[:300], y[:300])
    seconds, scores = [], []
    for kind in (EMMAGridSearchCV, GridSearchCV):
        search = kind(clf, GRID if grid is None else grid, **options)
        start = time.perf_counter()
        search.fit(X, y)
        seconds.append(time.perf_counter() - start)
        scores.append(search.cv_results_["mean_test_score"])
    return SearchTimes(*seconds, float(np.abs(scores[0] - scores[1]).max()))


def shortened(clf: EMMAClassifier, share: float, n_samples: int) -> EMMAClassifier:
    """Give a classifier a share of its epochs, for so many samples."""
    alone = epochs_alone(clf.pretraining_max_iter, n_samples)
    epochs = {"max_iter": clf.max_iter, "pretraining_max_iter": alone}
    return clf.set_params(
        **{name: max(1, round(share * n)) for name, n in epochs.items()}
    )
