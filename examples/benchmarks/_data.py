"""The development data sets, by name.

Columns are laid side by side mode by mode, so that a network may split them by size.
Generated data are the same for every seed of the benchmark, which decides the split.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
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
    # Images: Lazebnik et al., CVPR 2006; features as in RCML, AAAI 2024.
    return _from_file("scene15", ("view0", "view1", "view2"))


def _msrc() -> Dataset:
    # Images: Winn & Jojic, ICCV 2005.
    return _from_file("msrc", ("view1", "view2", "view3", "view4"))


def _rosmap() -> Dataset:
    # As prepared by MOGONET: Wang et al., Nature Communications 2021.
    return _from_file("rosmap", ("mrna", "methylation", "mirna"))


def _iris() -> Dataset:
    bunch = load_iris()
    modes = {"sepal": [0, 1], "petal": [2, 3]}
    return Dataset("iris", bunch.data, bunch.target, modes)


def _views8() -> Dataset:
    """Eight views of six features; five know nothing about the class."""
    separation = [1.2] * 3 + [0.0] * 5
    return _generated("views8", 1000, n_features=6, rank=3, separation=separation)


def _wide() -> Dataset:
    """Three modes of 200 features that follow 40 factors; 25 samples a class."""
    return _generated(
        "wide",
        600,
        n_features=200,
        rank=40,
        separation=[0.35] * 3,
        train_per_class=25,
    )


DATASETS: dict[str, Callable[[], Dataset]] = {
    "htru2": _htru2,
    "scene15": _scene15,
    "digits": _digits,
    "breast_cancer": _breast_cancer,
    "digits_small": _digits_small,
    "msrc": _msrc,
    "rosmap": _rosmap,
    "iris": _iris,
    "views8": _views8,
    "wide": _wide,
}


def _from_bunch(name: str, bunch: Bunch, **options: int) -> Dataset:
    order = [column for columns in bunch.modes.values() for column in columns]
    place = {column: i for i, column in enumerate(order)}
    modes = {mode: [place[c] for c in columns] for mode, columns in bunch.modes.items()}
    X = np.asarray(bunch.data, dtype=float)[:, order]
    return Dataset(name, X, _from_zero(bunch.target), modes, **options)


def _from_file(name: str, views: Sequence[str]) -> Dataset:
    # The papers circulate features that no licence allows us to fetch for you.
    folder = os.environ.get(DATA_VARIABLE)
    path = Path(folder or ".") / f"{name}.npz"
    if not folder or not path.is_file():
        raise OSError(
            f"{name} needs the file {path.name} (arrays {', '.join(views)}, y) in the "
            f"folder named by the environment variable {DATA_VARIABLE}, which is "
            f"{'not set' if not folder else repr(folder)}. Put it there, or leave "
            f"{name} out of --datasets."
        )
    with np.load(path) as arrays:
        return _side_by_side(
            name, {view: arrays[view] for view in views}, arrays["y"].ravel()
        )


def _generated(
    name: str,
    n_samples: int,
    *,
    n_features: int,
    rank: int,
    separation: Sequence[float],
    n_classes: int = 4,
    train_per_class: int | None = None,
) -> Dataset:
    """Each mode mixes a few factors, whose means differ by class, and adds noise.

    ``separation``, for each mode, is the sd of the means of a factor, whose own sd is
    1; 0 is a mode without any information about the class.
    """
    rng = np.random.default_rng(0)
    y = np.arange(n_samples) % n_classes
    views = {}
    for m, distance in enumerate(separation):
        centers = distance * rng.normal(size=(n_classes, rank))
        factors = centers[y] + rng.normal(size=(n_samples, rank))
        mixing = rng.normal(size=(rank, n_features)) / np.sqrt(rank)
        noise = 0.5 * rng.normal(size=(n_samples, n_features))
        offset = rng.uniform(-5, 5, n_features)  # raw values are rarely centred
        views[f"view{m}"] = offset + factors @ mixing + noise
    return _side_by_side(name, views, y, train_per_class)


def _side_by_side(
    name: str,
    views: Mapping[str, np.ndarray],
    target: np.ndarray,
    train_per_class: int | None = None,
) -> Dataset:
    ends = np.cumsum([view.shape[1] for view in views.values()])
    modes = {
        view: list(range(end - values.shape[1], end))
        for (view, values), end in zip(views.items(), ends.tolist(), strict=True)
    }
    X = np.hstack(list(views.values())).astype(float)
    return Dataset(name, X, _from_zero(target), modes, train_per_class=train_per_class)


def _from_zero(target: np.ndarray) -> np.ndarray:
    return np.unique(target, return_inverse=True)[1]
