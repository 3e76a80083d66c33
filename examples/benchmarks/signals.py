"""Real signals of which one fails: two energies, no attention, and a kNN gate.

    python -m pip install --no-deps aeon
    python examples/benchmarks/signals.py [--datasets motions ...] [--seeds 3] [--smoke]

Prints accuracies on test data by data set and failure, means over modes and splits,
and their means over failures by split. The recordings come with the package aeon, of
which nothing else is needed. Those of several channels are two modes, and those of one
are cut in halves. One mode fails at a time; training simulates Gaussian noise up to σ =
2 and missing modes, as by default.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from _peers.gates import knn_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_emma import ConvolutionalEnergy, EMMAClassifier, pack_modes

DATASETS = {
    "motions": "BasicMotions/BasicMotions",
    "vowels": "JapaneseVowels/JapaneseVowels_eq",
    "italy": "ItalyPowerDemand/ItalyPowerDemand",
    "gun": "GunPoint/GunPoint",
    "arrow": "ArrowHead/ArrowHead",
    "leaf": "OSULeaf/OSULeaf",
}
TRAIN_SHARE, MOST_TESTED = 0.7, 600


class Gate:
    """A trained classifier in front of which modes far from all training rows go."""

    def __init__(self, classifier: EMMAClassifier, modes: dict) -> None:
        self.classifier = classifier
        self.columns = [mode.columns for mode in modes.values()]

    def fit(self, X: np.ndarray, y: np.ndarray) -> Gate:
        """Learn what is far from rows that were held out; the classifier is trained."""
        self.scaler = StandardScaler().fit(X)
        seen, held = train_test_split(
            self.scaler.transform(X), test_size=0.2, random_state=0
        )
        self.scores = [knn_score(seen[:, c]) for c in self.columns]
        far = zip(self.scores, self.columns, strict=True)
        self.limits = [np.quantile(score(held[:, c]), 0.99) for score, c in far]
        return self

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """Accuracy, modes beyond their limit taken for missing."""
        z, X = np.nan_to_num(self.scaler.transform(X)), X.copy()
        gates = zip(self.columns, self.scores, self.limits, strict=True)
        for columns, score, limit in gates:
            X[score(z[:, columns]) > limit, columns] = np.nan
        return self.classifier.score(X, y)


def load(name: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Signals (n, channels, length) of two modes, and classes (n,)."""
    spec = find_spec("aeon")
    if spec is None or spec.origin is None:
        raise SystemExit("The recordings come with aeon: pip install --no-deps aeon")
    folder = Path(spec.origin).parent / "datasets" / "data"
    signals, labels = [], []
    for part in ("TRAIN", "TEST"):
        text = (folder / f"{DATASETS[name]}_{part}.ts").read_text("utf-8")
        for line in text.lower().partition("@data")[2].split():
            *channels, label = line.split(":")
            signals.append([[float(v) for v in one.split(",")] for one in channels])
            labels.append(label)
    X, y = np.array(signals), np.unique(labels, return_inverse=True)[1]
    if X.shape[1] > 1:
        half = X.shape[1] // 2
        return {"first": X[:, :half], "second": X[:, half:]}, y
    half = X.shape[2] // 2
    return {"first": X[:, :, :half], "second": X[:, :, -half:]}, y


class Failing(NamedTuple):
    """A mode (n, channels, length) as it should read, and how much it varies."""

    right: np.ndarray
    mean: float
    unit: float
    usual: np.ndarray


def failures(mode: Failing, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """What the mode reads in its place, by name."""
    x, mean, unit, usual = mode
    t = np.arange(x.shape[2])
    for sigma in (1, 2, 4, 8):
        noise = np.random.default_rng(seed).normal(size=x.shape)
        yield f"noise σ = {sigma}", x + sigma * unit * noise
    rng = np.random.default_rng(seed)
    yield "missing", np.full_like(x, np.nan)
    yield "dead (all 0)", np.zeros_like(x)
    yield "its mean", np.broadcast_to(usual, x.shape)
    level = mean + unit * rng.normal(size=(*x.shape[:2], 1))
    yield "stuck at a value", np.broadcast_to(level, x.shape)
    start = rng.integers(0, len(t) // 2, (len(x), 1, 1))
    yield "cut in half", np.where((t >= start) & (t < start + len(t) // 2), 0, x)
    held = np.take_along_axis(x, np.broadcast_to(start, (*x.shape[:2], 1)), axis=2)
    yield "held from then on", np.where(t >= start, held, x)
    ends = mean + rng.choice([-5 * unit, 5 * unit], x.shape)
    yield "salt and pepper", np.where(rng.random(x.shape) < 0.3, ends, x)
    yield "too loud (× 4)", mean + 4 * (x - mean)
    yield "drifting by 3 sd", x + 3 * unit * np.linspace(0, 1, len(t))


def measure(name: str, seed: int, smoke: bool) -> Iterator[tuple]:
    """Data set, split, method, failure and accuracy."""
    signals, y = load(name)
    order = np.random.default_rng(seed).permutation(len(y))
    n_train = min(int(TRAIN_SHARE * len(y)), 60 if smoke else len(y))
    train, test = order[:n_train], order[n_train:][:MOST_TESTED]
    X, modes = pack_modes({k: v[train] for k, v in signals.items()})
    options = {"random_state": seed}
    if smoke:
        options |= {"max_iter": 2, "pretraining_max_iter": 2}
    plain = EMMAClassifier(modes, attention_function="none", **options)
    values = {mode: ConvolutionalEnergy() for mode in modes}
    methods = {
        "EMMA": EMMAClassifier(modes, **options),
        "convolutions": EMMAClassifier(modes, energy_estimator=values, **options),
        "no attention": plain,
        "neighbour gate": Gate(plain, modes),  # in front of what is fitted before it
    }
    for method in methods.values():
        method.fit(X, y[train])
    read = {k: v[test] for k, v in signals.items()}
    cases = [("clean", read)]
    for k, right in read.items():
        seen = signals[k][train]
        mode = Failing(right, seen.mean(), seen.std(), seen.mean(axis=0))
        cases += [(what, read | {k: broken}) for what, broken in failures(mode, seed)]
    for what, given in cases:
        X_new, _ = pack_modes(given, like=modes)
        for method, fitted in methods.items():
            yield name, seed, method, what, fitted.score(X_new, y[test])


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=[*DATASETS])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--smoke", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    seeds = range(1 if given.smoke else given.seeds)
    for name in given.datasets:
        rows = [row for seed in seeds for row in measure(name, seed, given.smoke)]
        columns = ["data", "split", "method", "the mode", "accuracy"]
        table = pd.DataFrame(rows, columns=columns)
        means = table.pivot_table("accuracy", "the mode", "method", sort=False)
        failing = table[table["the mode"] != "clean"]
        by_split = failing.pivot_table("accuracy", "split", "method", sort=False)
        print(f"\n{name}\n{means.to_string(float_format='{:.3f}'.format)}")
        print(
            f"\nMean over failures\n{by_split.to_string(float_format='{:.4f}'.format)}"
        )
        print(by_split.mean().to_string(float_format="{:.4f}".format), flush=True)


if __name__ == "__main__":
    main()
