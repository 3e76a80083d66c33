"""How often a health monitor rings for nothing, and how soon it finds a failure.

On HTRU2, calibrated on the validation part. Rows of the test part are drawn at random,
one after another: first many clean ones, then streams in which a mode begins to fail.
Beside the monitor, with `run_length=1000`, are alarms of single rows at α = 0.001,
which ring for nothing as rarely.

    python examples/benchmarks/monitoring.py
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from _data import load
from _protocol import Task, split

from sklearn_emma import EMMAClassifier
from sklearn_emma.monitoring import SensorHealthMonitor

RUN_LENGTH, N_HEALTHY, N_FAILING = 1000, 100, 1000


def false_alarms(clf: EMMAClassifier, X: np.ndarray) -> dict[str, float]:
    """Rows for each false alarm of a mode."""
    monitor = SensorHealthMonitor(clf, run_length=RUN_LENGTH)
    monitor.update(X)
    n_monitor = monitor.report().n_failures.mean()
    n_rows = clf.failing_modes(X, 1 / RUN_LENGTH).sum(axis=0).mean()
    with np.errstate(divide="ignore"):
        return {"monitor": len(X) / n_monitor, "single rows": len(X) / n_rows}


def delay(clf: EMMAClassifier, X: np.ndarray, mode: str) -> dict[str, float]:
    """Rows from the onset to the first alarm, at most those there are."""
    monitor = SensorHealthMonitor(clf, run_length=RUN_LENGTH)
    failing = monitor.update(X)[mode]["failing"].to_numpy()[N_HEALTHY:]
    i = list(clf.modes_).index(mode)
    single = clf.failing_modes(X[N_HEALTHY:], 1 / RUN_LENGTH)[:, i]
    return {
        name: float(rings.argmax() + 1 if rings.any() else len(rings))
        for name, rings in (("monitor", failing), ("single rows", single))
    }


def failed(task: Task, X: np.ndarray, mode: str, how: str, size: float) -> np.ndarray:
    """X with a mode that fails from ``N_HEALTHY`` on, by ``size`` sd."""
    X = X.copy()
    rng = np.random.default_rng(len(how))
    n = len(X) - N_HEALTHY
    shape = n, len(task.modes[mode])
    added = {
        "noise": size * rng.normal(size=shape),
        "bias": np.full(shape, size),
        "drift": np.broadcast_to(size * np.arange(1, n + 1)[:, np.newaxis] / n, shape),
    }[how]
    X[N_HEALTHY:, task.modes[mode]] += added
    return X


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dataset", default="htru2")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--streams", type=int, default=20)
    options = parser.parse_args(argv)
    task = split(load(options.dataset), 0)
    clf = EMMAClassifier(task.modes, max_iter=1, pretraining_max_iter=1, random_state=0)
    clf.fit(task.X_train, task.y_train).calibrate_alarms(task.X_dev)
    rng = np.random.default_rng(0)
    clean = task.X_test[rng.integers(len(task.X_test), size=options.rows)]
    print("rows for each false alarm:", false_alarms(clf, clean), flush=True)
    rows = []
    for how, sizes in {
        "noise": (0.1, 0.25, 0.5, 1.0),
        "bias": (0.5, 1.0, 2.0),
        "drift": (1.0, 4.0),
    }.items():
        for size in sizes:
            delays = []
            for _ in range(options.streams):
                n = N_HEALTHY + N_FAILING
                X = task.X_test[rng.integers(len(task.X_test), size=n)]
                for mode in task.modes:
                    broken = failed(task, X, mode, how, size)
                    delays.append(delay(clf, broken, mode))
            rows.append({"failure": f"{how} {size:g}", **pd.DataFrame(delays).mean()})
    print(pd.DataFrame(rows).round(1).to_string(index=False))


if __name__ == "__main__":
    main()
