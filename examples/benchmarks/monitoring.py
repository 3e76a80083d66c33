"""How often a health monitor rings for nothing, and how soon it finds a failure.

Calibrated on the validation part. Rows of the test part are drawn at random, one after
another: first clean ones, then the same with a mode that fails. Beside the monitor,
with `run_length=1000`, are alarms of single rows at α = 0.001, which may ring for
nothing as often. Many streams are followed at once, each as a mode of the state.

    python examples/benchmarks/monitoring.py
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from _data import load
from _protocol import Task, split

from sklearn_emma import EMMAClassifier
from sklearn_emma._statistics.conformal import with_confidence
from sklearn_emma.monitoring._health import Health

RUN_LENGTH, CONFIDENCE = 1000, 0.9
N_HEALTHY, N_FAILING = 100, 1000


class Streams:
    """Many streams of p-values of one mode.

    ``n_clean`` rows calibrate; ``seed`` decides which rows come.
    """

    def __init__(self, n_clean: int, n_streams: int, seed: int) -> None:
        self.n_clean, self.n_streams = n_clean, n_streams
        self.rng = np.random.default_rng(seed)
        self.health = Health((1,) * n_streams, math.log(RUN_LENGTH), None)
        self.single = np.zeros(n_streams, dtype=int)

    def follow(self, p: np.ndarray, n_rows: int) -> None:
        """Take in rows drawn from those with these p-values (n,)."""
        limits = with_confidence(p, self.n_clean, 1 - CONFIDENCE)
        for _ in range(n_rows):
            rows = self.rng.integers(len(p), size=self.n_streams)
            rings = (p[rows] <= 1 / RUN_LENGTH) & (self.single == 0)
            self.single[rings] = self.health.n_rows + 1
            self.health.step(limits[rows], self.rng.random(self.n_streams))


def false_alarms(clf: EMMAClassifier, X: np.ndarray, n_rows: int) -> pd.DataFrame:
    """Rows for each false alarm, mode by mode."""
    table = []
    for mode, n, p in zip(clf.modes_, clf.alarm_rows_, clf.p_values(X).T, strict=True):
        streams = Streams(int(n), 200, seed=0)
        streams.follow(p, n_rows)
        read = n_rows * streams.n_streams
        with np.errstate(divide="ignore"):
            monitor = read / streams.health.n_failures.sum()
            single = 1 / np.mean(p <= 1 / RUN_LENGTH)
        table.append({"mode": mode, "monitor": monitor, "single rows": single})
    return pd.DataFrame(table)


def delays(clf: EMMAClassifier, task: Task, how: str, size: float) -> dict[str, object]:
    """Mean number of rows from the onset to the first alarm, over modes and streams."""
    found = {"monitor": [], "single rows": []}
    clean, failed = clf.p_values(task.X_test), clf.p_values(broken(task, how, size))
    for i, n in enumerate(clf.alarm_rows_.tolist()):
        streams = Streams(n, 200, seed=i)
        streams.follow(clean[:, i], N_HEALTHY)
        early = streams.health.failing | (streams.single > 0)
        streams.follow(failed[:, i], N_FAILING)
        last = N_HEALTHY + N_FAILING
        rung = np.where(streams.health.found < 0, last, streams.health.found + 1)
        single = np.where(streams.single == 0, last, streams.single)
        found["monitor"].append((rung[~early] - N_HEALTHY).mean())
        found["single rows"].append((single[~early] - N_HEALTHY).mean())
    return {"failure": f"{how} {size:g}", **{k: np.mean(v) for k, v in found.items()}}


def broken(task: Task, how: str, size: float) -> np.ndarray:
    """Test rows with all modes failing, by ``size`` standard deviations."""
    noise = np.random.default_rng(0).normal(size=task.X_test.shape)
    return task.X_test + size * (noise if how == "noise" else 1.0)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dataset", default="htru2")
    parser.add_argument("--rows", type=int, default=2000)
    options = parser.parse_args(argv)
    task = split(load(options.dataset), 0)
    clf = EMMAClassifier(task.modes, max_iter=1, pretraining_max_iter=1, random_state=0)
    clf.fit(task.X_train, task.y_train).calibrate_alarms(task.X_dev)
    print("Rows for each false alarm:")
    alarms = false_alarms(clf, task.X_test, options.rows)
    print(alarms.round(0).to_string(index=False), flush=True)
    print("\nRows until a failure is found:")
    sizes = {"noise": (0.1, 0.25, 0.5, 1.0), "bias": (0.25, 0.5, 1.0, 2.0)}
    rows = [delays(clf, task, how, size) for how in sizes for size in sizes[how]]
    print(pd.DataFrame(rows).round(1).to_string(index=False))


if __name__ == "__main__":
    main()
