"""What a GPU is good for: the same fits and predictions on it and on the CPU.

    python examples/benchmarks/devices.py [--rounds 3] [--smoke]

Prints a Markdown table of seconds by the clock, medians of rounds in which all take
turns; of the last line, which takes minutes, there is one. "Not recorded" is the GPU
with every step launched kernel by kernel. Without a GPU there is the CPU alone.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from _data import load as load_modes
from _speed_timing import seconds
from speed import MODES, load
from threadpoolctl import threadpool_limits

from sklearn_emma import EMMAClassifier
from sklearn_emma._optim import steps
from sklearn_emma.predictors import MLP

WIDE = {f"m{k}": range(128 * k, 128 * (k + 1)) for k in range(4)}

Data = tuple[np.ndarray, np.ndarray]


def wide(n_samples: int) -> Data:
    """Many features, of which a few tell the class."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 512))
    return X, (X[:, ::64].sum(axis=1) > 0).astype(int)


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch and linear algebra use so many."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        with threadpool_limits(number):
            yield
    finally:
        torch.set_num_threads(before)


def fit(modes: dict[str, Any], data: Data, device: str, **params: Any) -> Any:
    """Train on a device, in float32."""
    X, y = data[0].astype(np.float32), data[1]
    clf = EMMAClassifier(modes, random_state=0, device=device, **params)
    return clf.fit(X, y)


def elapsed(action: Callable[[], object]) -> float:
    """Time by the clock, with all that the GPU has been asked to do."""
    start = time.perf_counter()
    action()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def contenders(
    act: Callable[[str], Callable[[], object]], n_threads: int
) -> dict[str, Callable[[], float]]:
    """What each column measures; ``act`` prepares an action for a device."""

    def on(device: str) -> float:
        with threads(n_threads):  # much of a fit is computed on the CPU anyway
            return elapsed(act(device))

    def step_by_step() -> float:
        with patch.object(steps, "repeats", lambda net: False):
            return on("cuda")

    columns: dict[str, Callable[[], float]] = {}
    if torch.cuda.is_available():
        columns = {"GPU": lambda: on("cuda"), "GPU, not recorded": step_by_step}
    return columns | {"CPU": lambda: on("cpu")}


def line(name: str, columns: dict[str, Callable[[], float]], rounds: int) -> str:
    """One line of the table."""
    times: dict[str, list[float]] = {column: [] for column in columns}
    for _ in range(rounds):
        for column, measure in columns.items():
            times[column].append(measure())
    medians = (seconds(statistics.median(values)) for values in times.values())
    return f"| {name} | {' | '.join(medians)} |"


def main() -> None:
    """Measure and print the table, line by line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--smoke", action="store_true", help="little of everything")
    args = parser.parse_args()
    n_samples, n_rows = (600, 10_000) if args.smoke else (12_000, 1_000_000)
    epochs = {"max_iter": 2, "pretraining_max_iter": 2} if args.smoke else {}
    short = epochs or {"max_iter": 10, "pretraining_max_iter": 5}
    htru2, cancer, many = load(n_samples), load_modes("breast_cancer"), wide(n_samples)
    n_threads = torch.get_num_threads()

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"torch {torch.__version__}, {gpu}, {n_threads} threads where not one.\n")
    names = list(contenders(lambda device: lambda: None, 1))
    print("| | " + " | ".join(names) + " |\n|---|" + "--:|" * len(names))

    def small(device: str) -> Callable[[], object]:
        some = cancer.X[:455], cancer.y[:455]
        return lambda: fit(cancer.modes, some, device, **epochs)

    def default(device: str) -> Callable[[], object]:
        return lambda: fit(MODES, htru2, device, **epochs)

    def large(device: str) -> Callable[[], object]:
        predictor = MLP(hidden_layer_sizes=(1024, 1024))
        return lambda: fit(WIDE, many, device, predictor=predictor, **short)

    fitted = fit(MODES, htru2, "cpu", max_iter=1, pretraining_max_iter=1)
    rows = np.resize(htru2[0], (n_rows, 8)).astype(np.float32)

    def score(device: str) -> Callable[[], object]:
        fitted.set_params(device=device).predict_proba(rows[:10])  # moves there
        return lambda: fitted.predict_proba(rows)

    for name, act, used, rounds in (
        ("`fit`, breast cancer, 455 × 30", small, 1, args.rounds),
        (f"`fit`, HTRU2, {n_samples:,} × 8", default, 1, args.rounds),
        (f"`predict_proba`, {n_rows:,} × 8", score, 1, args.rounds),
        (f"`fit`, {n_samples:,} × 512, `MLP((1024, 1024))`", large, n_threads, 1),
    ):
        columns = contenders(act, used)
        if act is not large:
            line(name, columns, 1)  # torch loads what it needs
        print(line(name, columns, rounds), flush=True)


if __name__ == "__main__":
    main()
