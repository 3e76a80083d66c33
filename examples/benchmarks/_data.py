"""The development data sets, by name.

Columns are laid side by side mode by mode, so that a network may split them by size.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sklearn_emma.datasets import (
    fetch_htru2,
    load_breast_cancer_modes,
    load_digits_quadrants,
)

DATA_VARIABLE = "SKLEARN_EMMA_DATA"


@dataclass(frozen=True)
class Dataset:
    """A data set before it is split.

    ``X`` (n, d), in mode order; ``y`` (n,), classes from 0; ``modes``, columns of each
    mode; ``rare_class``, the class whose F1 is the score, None for accuracy;
    ``train_per_class``, how many training samples a class keeps, None for all.
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    modes: dict[str, list[int]]
    rare_class: int | None = None
    train_per_class: int | None = None


def load(name: str) -> Dataset:
    """Load a data set by its name in :data:`DATASETS`."""
    if name not in DATASETS:
        raise ValueError(f"No data set {name!r}; choose from {sorted(DATASETS)}.")
    return DATASETS[name]()


def _htru2() -> Dataset:
    # R. J. Lyon et al., MNRAS 459 (2016) 1104. The fetcher looks into the folder of
    # the environment variable first, and says so when it finds nothing.
    return _from_bunch("htru2", fetch_htru2(), rare_class=1)


def _breast_cancer() -> Dataset:
    return _from_bunch("breast_cancer", load_breast_cancer_modes())


def _digits() -> Dataset:
    return _from_bunch("digits", load_digits_quadrants())


def _digits_small() -> Dataset:
    return _from_bunch("digits_small", load_digits_quadrants(), train_per_class=10)


def _scene15() -> Dataset:
    # Images: Lazebnik et al., CVPR 2006; the three views as circulated with papers on
    # multi-view learning. No licence allows us to fetch them for you.
    folder = os.environ.get(DATA_VARIABLE)
    path = Path(folder or ".") / "scene15.npz"
    if not folder or not path.is_file():
        raise OSError(
            f"scene15 needs the file scene15.npz (arrays view0, view1, view2, y) in "
            f"the folder named by the environment variable {DATA_VARIABLE}, which is "
            f"{'not set' if not folder else repr(folder)}. Put it there, or leave "
            "scene15 out of --datasets."
        )
    with np.load(path) as arrays:
        views = {f"view{i}": arrays[f"view{i}"] for i in range(3)}
        target = arrays["y"].ravel()
    ends = np.cumsum([view.shape[1] for view in views.values()])
    modes = {
        name: list(range(end - view.shape[1], end))
        for (name, view), end in zip(views.items(), ends.tolist(), strict=True)
    }
    X = np.hstack(list(views.values()))
    return Dataset("scene15", X, _from_zero(target), modes)


DATASETS: dict[str, Callable[[], Dataset]] = {
    "htru2": _htru2,
    "scene15": _scene15,
    "digits": _digits,
    "breast_cancer": _breast_cancer,
    "digits_small": _digits_small,
}


def _from_bunch(name: str, bunch: Bunch, **options: int) -> Dataset:
    order = [column for columns in bunch.modes.values() for column in columns]
    place = {column: i for i, column in enumerate(order)}
    modes = {mode: [place[c] for c in columns] for mode, columns in bunch.modes.items()}
    X = np.asarray(bunch.data, dtype=float)[:, order]
    return Dataset(name, X, _from_zero(bunch.target), modes, **options)


def _from_zero(target: np.ndarray) -> np.ndarray:
    return np.unique(target, return_inverse=True)[1]
