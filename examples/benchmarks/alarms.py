"""False alarms and alarms found, by data set: what the page on alarms cites.

A mode is alarmed by its own energy, so gate and predictor are trained for one epoch
only. Per data set and seed there are two calibrations: the training rows, and clean
rows that nothing was learnt from (the validation part). Clean rows of the test part are
scored for false alarms, and again with Gaussian noise of each σ in one mode at a time.

    python examples/benchmarks/alarms.py --seeds 3
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from _data import DATASETS, load
from _protocol import Task, split

from sklearn_emma import EMMAClassifier

ALPHAS, SIGMAS = (0.01, 0.05), (0.5, 1.0, 2.0, 4.0)


def measure(task: Task, seed: int) -> pd.DataFrame:
    """Share of alarms by calibration and α: false ones, and found at each σ."""
    clf = EMMAClassifier(
        task.modes, max_iter=1, pretraining_max_iter=1, random_state=seed
    ).fit(task.X_train, task.y_train)
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=task.X_test.shape)
    rows = []
    for calibration in ("training rows", "held-out rows"):
        if calibration == "held-out rows":
            clf.calibrate_alarms(task.X_dev)
        clean = clf.p_values(task.X_test)
        noisy = {s: clf.p_values(task.X_test + s * noise) for s in SIGMAS}
        for alpha in ALPHAS:
            found = {f"σ = {s:g}": np.mean(p <= alpha) for s, p in noisy.items()}
            rows.append(
                {
                    "data set": task.name,
                    "clean rows": clf.alarm_rows_.min(),
                    "calibration": calibration,
                    "α": alpha,
                    "false": np.mean(clean <= alpha),
                    **found,
                }
            )
    return pd.DataFrame(rows)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--max-samples", type=int, default=None)
    options = parser.parse_args(argv)
    tables = []
    for name in options.datasets:
        for seed in range(options.seeds):
            tables.append(measure(split(load(name), seed, options.max_samples), seed))
        keys = ["data set", "calibration", "α"]
        shown = pd.concat(tables[-options.seeds :]).groupby(keys, sort=False).mean()
        print(shown.round(4).to_string(), flush=True)


if __name__ == "__main__":
    main()
