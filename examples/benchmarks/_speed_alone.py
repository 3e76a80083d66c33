"""What the package costs by itself: many modes, and its import."""

from __future__ import annotations

import statistics
import subprocess
import sys

import numpy as np
from _speed_timing import Times, alternating
from tqdm.auto import tqdm

from sklearn_emma import EMMAClassifier, PotentialEnergyTransformer

# The default epochs are 10 of the energies, 15 of the predictor, 40 with the gate.
EPOCHS = {"energies": 2, "predictor": 1, "gate": 3}
IMPORT = """
import time
import torch, skorch, sklearn
cpu, wall = time.process_time(), time.perf_counter()
import sklearn_emma
print(time.process_time() - cpu, time.perf_counter() - wall)
"""


def growth(
    few: int, many: int, pairs: int, n_samples: int = 1024
) -> tuple[float, float, float]:
    """CPU time of ``fit`` by sample and feature, at few and at many modes of 4 each.

    Returns both in seconds, and the median ratio of pairs. A few epochs, about in
    their default proportion, in steps of 256 samples.
    """
    fits = {n_modes: _fit(n_modes, n_samples) for n_modes in (few, many)}
    fits[few]()
    times = list(
        alternating(fits[few], fits[many], pairs, f"{few} and {many} modes, in turn")
    )
    each = [
        (a.cpu / (4 * few * n_samples), b.cpu / (4 * many * n_samples))
        for a, b in times
    ]
    low, high = (statistics.median(column) for column in zip(*each, strict=True))
    return low, high, statistics.median(b / a for a, b in each)


def _fit(n_modes: int, n_samples: int):
    X = np.random.default_rng(0).normal(size=(n_samples, 4 * n_modes))
    clf = EMMAClassifier(
        {f"mode_{i}": list(range(4 * i, 4 * i + 4)) for i in range(n_modes)},
        energy_estimator=PotentialEnergyTransformer(max_iter=EPOCHS["energies"]),
        pretraining_max_iter=EPOCHS["predictor"],
        max_iter=EPOCHS["gate"],
        batch_size=256,
        random_state=0,
    )
    return lambda: clf.fit(X, X[:, 0] > 0)


def import_times(repeats: int) -> Times:
    """Seconds of the import above that of torch, skorch and scikit-learn, medians.

    Each in a process of its own; the first, which may compile, is not counted.
    """
    found = []
    for _ in tqdm(range(repeats + 1), desc="import", leave=False):
        command = [sys.executable, "-c", IMPORT]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append([float(number) for number in done.stdout.split()])
    return Times(*(statistics.median(c) for c in zip(*found[1:], strict=True)))
