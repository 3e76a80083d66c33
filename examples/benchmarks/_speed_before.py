"""``fit`` of this package beside that of another version of it, data set by data set.

Each version lives in a process of its own, which fits when told to and says what CPU
time that took.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _data import load
from _speed_timing import Line, seconds

DATASETS = ("htru2", "digits", "breast_cancer", "scene15", "rosmap")

# Knows nothing but what every version has.
_WORKER = """
import json, sys, time, warnings
import numpy as np, torch
from sklearn_emma import EMMAClassifier
torch.set_num_threads(1)
warnings.simplefilter("ignore")
data = np.load(sys.argv[1])
modes = json.loads(str(data["modes"]))
for _ in sys.stdin:
    start = time.process_time()
    EMMAClassifier(modes, random_state=0).fit(data["X"], data["y"])
    print(time.process_time() - start, flush=True)
"""


class _Version:
    """A Python with a version of the package, ready to fit."""

    def __init__(self, python: str, file: Path) -> None:
        # Its own package, whatever this process has put in front.
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [python, "-c", _WORKER, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env if python != sys.executable else None,
            cwd=file.parent,
        )

    def fit(self) -> float:
        """CPU time in seconds."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("fit\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def fits_before(python: str, pairs: int, n_samples: int) -> Iterator[Line]:
    """CPU time of the default ``fit``, against that of the version of ``python``.

    On four of five samples of each set, at most ``n_samples``; the first fit of each
    process, in which torch loads what it needs, is not counted.
    """
    for name in DATASETS:
        try:
            data = load(name)
        except OSError:
            continue  # not at hand
        rng = np.random.default_rng(0)
        rows = rng.permutation(len(data.X))[: min(n_samples, int(0.8 * len(data.X)))]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "data.npz"
            names = ", ".join(
                f'"{mode}": {list(map(int, columns))}'
                for mode, columns in data.modes.items()
            )
            np.savez(file, X=data.X[rows], y=data.y[rows], modes=f"{{{names}}}")
            sides = [_Version(sys.executable, file), _Version(python, file)]
            for side in sides:
                side.fit()
            times = [[side.fit() for side in sides] for _ in range(pairs)]
            for side in sides:
                side.stop()
        mine, theirs = (
            statistics.median(column) for column in zip(*times, strict=True)
        )
        ratio = statistics.median(a / b for a, b in times)
        yield Line(
            f"`fit` on {name}, {len(rows):,} × {data.X.shape[1]}, against the version "
            "before",
            seconds(mine),
            seconds(theirs),
            cpu=f"{ratio:.2f}",
            must_reach="≤ 0.33",
        )
