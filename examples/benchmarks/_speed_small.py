"""What small data cost: a first fit, and cross-validation on two cores."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

import numpy as np
from _data import Dataset, load
from _speed_peers import forest_fit, mlp_fit
from _speed_timing import Line, compare, seconds
from joblib import Parallel, delayed
from sklearn.model_selection import StratifiedKFold, cross_val_score

from sklearn_emma import EMMAClassifier

FIRST_FIT = """
import json, time
start = time.process_time()
import sklearn_emma
imported = time.process_time()
from sklearn.datasets import load_breast_cancer
X, y = load_breast_cancer(return_X_y=True)
modes = {"mean": range(10), "error": range(10, 20), "worst": range(20, 30)}
modes = {name: list(columns) for name, columns in modes.items()}
loaded = time.process_time()
sklearn_emma.EMMAClassifier(modes, random_state=0).fit(X, y)
fitted = time.process_time()
print(json.dumps([imported - start, fitted - loaded]))
"""


def first_fit(pairs: int) -> Line:
    """CPU time of the first fit of a process, beside that of importing the package."""
    times = [
        json.loads(subprocess.check_output([sys.executable, "-c", FIRST_FIT]))
        for _ in range(pairs)
    ]
    imported, fitted = (
        statistics.median(column) for column in zip(*times, strict=True)
    )
    return Line(
        "first `fit`, breast cancer, beside `import sklearn_emma`",
        seconds(fitted),
        seconds(imported),
        cpu=f"{statistics.median(b / a for a, b in times):.2f}",
        must_reach="≤ 1",
    )


def small_mlp(pairs: int, max_iter: int) -> Line:
    """Training on breast cancer, against scikit-learn's network that stops early."""
    data = load("breast_cancer")
    return compare(
        "`fit`, breast cancer, against MLPClassifier(early_stopping=True) on five "
        "corrupted copies",
        lambda: _classifier(data).fit(data.X, data.y),
        lambda: mlp_fit(data.X, data.y, _modes(data), max_iter),
        pairs=pairs,
        must_reach="≤ 3",
    )


def cross_validation(pairs: int, n_trees: int) -> Line:
    """Five folds of digits in two processes, against a forest on corrupted copies."""
    data = load("digits")
    folds = list(StratifiedKFold(5).split(data.X, data.y))

    def forests() -> None:
        Parallel(n_jobs=2)(
            delayed(forest_fit)(data.X[rows], data.y[rows], _modes(data), n_trees)
            for rows, _ in folds
        )

    return compare(
        f"`cross_val_score`, digits, two cores, against RandomForest({n_trees}) on "
        "five corrupted copies (wall time counts)",
        lambda: cross_val_score(_classifier(data), data.X, data.y, cv=folds, n_jobs=2),
        forests,
        pairs=pairs,
        must_reach="≤ 2",
    )


def _classifier(data: Dataset) -> EMMAClassifier:
    return EMMAClassifier(_modes(data), random_state=0)


def _modes(data: Dataset) -> dict[str, list[int]]:
    return {mode: np.asarray(columns).tolist() for mode, columns in data.modes.items()}
