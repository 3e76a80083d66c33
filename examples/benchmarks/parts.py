"""Modes with parts against modes without, and parts without modes.

    python examples/benchmarks/parts.py [--datasets digits] [--seeds 4] [--smoke]

One part or one column of a mode fails, or the whole mode. Prints accuracies on test
data, means over splits: of `EMMAClassifier` with *modes* as wholes, with each *part* a
mode of its own, with *both* levels, and of a random forest that is fitted on clean data
and on five corrupted copies of them, with means in place of missing values.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from sklearn_emma import EMMAClassifier
from sklearn_emma.corruption import (
    GaussianNoise,
    MissingMode,
    Mixture,
    Sentinel,
    StuckMode,
    SwappedMode,
    ZeroedMode,
)
from sklearn_emma.robustness import corrupt

Parts = dict[str, dict[str, list[int]]]
N_COPIES = 5  # of the training data, for the forest
N_DRAWS = 3  # of each failure

# Name of a condition, its corruption, and where it strikes.
CONDITIONS = [
    ("noise, σ = 2", GaussianNoise(2.0), "part"),
    ("noise, σ = 8", GaussianNoise(8.0), "part"),
    ("missing", MissingMode(), "part"),
    ("stuck", StuckMode(), "part"),
    ("sentinel", Sentinel(), "part"),
    ("noise, σ = 4", GaussianNoise(4.0), "part of two modes"),
    ("noise, σ = 4", GaussianNoise(4.0), "column"),
    ("stuck", StuckMode(), "column"),
    ("noise, σ = 2", GaussianNoise(2.0), "mode"),
    ("missing", MissingMode(), "mode"),
    ("at its mean", ZeroedMode(), "mode"),
    ("swapped", SwappedMode(), "mode"),
]


def replicates(seed: int) -> tuple[np.ndarray, np.ndarray, Parts]:
    """Two modes of four replicates of four columns; three classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 1500)
    blocks, modes = [], {}
    for mode in range(2):
        centres = np.random.default_rng(100 + mode).normal(size=(3, 4))
        shared = 0.7 * rng.normal(size=(len(y), 4))
        modes[f"mode{mode}"] = {}
        for part in range(4):
            first = 4 * len(blocks)
            modes[f"mode{mode}"][f"part{part}"] = list(range(first, first + 4))
            blocks.append(centres[y] + shared + 0.7 * rng.normal(size=(len(y), 4)))
    return np.hstack(blocks), y, modes


def digits(seed: int) -> tuple[np.ndarray, np.ndarray, Parts]:
    """Two halves of an image, whose parts are its rows of pixels."""
    X, y = load_digits(return_X_y=True)
    pixel = np.arange(64).reshape(8, 8).tolist()
    modes = {
        half: {f"row{i}": pixel[i] for i in rows}
        for half, rows in (("upper", range(4)), ("lower", range(4, 8)))
    }
    return X, y, modes


def breast_cancer(seed: int) -> tuple[np.ndarray, np.ndarray, Parts]:
    """Means, errors and worst values, whose parts are columns."""
    X, y = load_breast_cancer(return_X_y=True)
    modes = {
        name: {f"column{j}": [10 * i + j] for j in range(10)}
        for i, name in enumerate(("mean", "error", "worst"))
    }
    return X, y, modes


DATASETS = {f.__name__: f for f in (replicates, digits, breast_cancer)}


def joined(modes: Parts) -> dict[str, list[int]]:
    """Columns of each mode."""
    return {
        name: [c for columns in parts.values() for c in columns]
        for name, parts in modes.items()
    }


class Forest:
    """A random forest that has seen failures of both levels."""

    def __init__(self, modes: Parts, seed: int) -> None:
        self.modes, self.seed = modes, seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> Forest:
        """Fit on clean data and corrupted copies."""
        self.mean = X.mean(axis=0)
        copies = [
            corrupt(X, Mixture(), modes=self.modes, clean_fraction=0.33, random_state=r)
            for r in range(N_COPIES)
        ]
        self.forest = RandomForestClassifier(300, random_state=self.seed)
        stacked = self._filled(np.vstack([X, *copies]))
        self.forest.fit(stacked, np.tile(y, 1 + N_COPIES))
        return self

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """Accuracy."""
        return self.forest.score(self._filled(X), y)

    def _filled(self, X: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(X), self.mean, X)


def measure(dataset: str, seed: int, smoke: bool) -> pd.DataFrame:
    """Accuracy of each model, by what fails and how."""
    X, y, modes = DATASETS[dataset](seed)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.35, stratify=y, random_state=seed
    )
    whole = joined(modes)
    each = {f"{m} {p}": c for m, parts in modes.items() for p, c in parts.items()}
    single = {m: {str(c): [c] for c in columns} for m, columns in whole.items()}
    short = {"max_iter": 2, "pretraining_max_iter": 2} if smoke else {}
    models = {
        name: EMMAClassifier(given, random_state=seed, **short)
        for name, given in (("modes", whole), ("parts", each), ("both", modes))
    }
    models["forest"] = Forest(modes, seed)
    strikes = {
        "part": {"modes": modes, "part_fraction": 1.0},
        "part of two modes": {"modes": modes, "part_fraction": 1.0, "n_failing": 2},
        "column": {"modes": single, "part_fraction": 1.0},
        "mode": {"modes": whole},
    }
    tests = {("nothing", ""): [X_test]}
    for name, corruption, where in CONDITIONS:
        tests[where, name] = [
            corrupt(
                X_test,
                corruption,
                reference=X_train,
                random_state=100 + r,
                **strikes[where],
            )
            for r in range(N_DRAWS)
        ]
    table = pd.DataFrame(index=pd.MultiIndex.from_tuples(tests), columns=[*models])
    for name, model in models.items():
        start = time.perf_counter()
        model.fit(X_train, y_train)
        print(f"{dataset} {seed} {name}: {time.perf_counter() - start:.0f} s")
        for condition, copies in tests.items():
            table.loc[condition, name] = np.mean(
                [model.score(copy, y_test) for copy in copies]
            )
    return table.astype(float)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=[*DATASETS])
    parser.add_argument("--seeds", type=int, default=4, help="number of splits")
    parser.add_argument("--smoke", action="store_true", help="a minute, for CI")
    options = parser.parse_args()
    seeds = 1 if options.smoke else options.seeds
    for dataset in options.datasets:
        tables = [measure(dataset, seed, options.smoke) for seed in range(seeds)]
        mean = sum(tables) / len(tables)
        print(f"\n{dataset}\n\n| fails | how | {' | '.join(mean.columns)} |")
        print("|---" * (2 + mean.shape[1]) + "|")
        for (where, name), row in mean.iterrows():
            cells = " | ".join(f"{value:.3f}" for value in row)
            print(f"| {where} | {name} | {cells} |")
        print(flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
