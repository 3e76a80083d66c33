"""The package beside another version of it: ``fit`` by data set, and scoring.

Each version lives in a process of its own, which fits or scores when told to and says
what CPU time that took.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from _data import Dataset, load
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

def scoring(kind, n_rows):
    X = np.resize(data["X"], (n_rows, data["X"].shape[1]))
    if kind == "predict_proba":
        return lambda: clf.predict_proba(X)
    model = clf._model
    x = model.standardise(X)
    present = torch.ones(n_rows, len(modes), dtype=torch.bool)

    @torch.no_grad()
    def forward():
        energies = model.energies.potential(x, present)
        return torch.softmax(model.network(x, energies, present).logits, dim=1)

    return forward

for order in sys.stdin:
    kind, *n_rows = order.split()
    if kind == "fit":
        start = time.process_time()
        clf = EMMAClassifier(modes, random_state=0).fit(data["X"], data["y"])
        print(time.process_time() - start, flush=True)
        continue
    n_rows = int(n_rows[0])
    score = scoring(kind, n_rows)
    calls = 200 if n_rows == 1 else max(1, 100_000 // n_rows)
    start = time.process_time()
    for _ in range(calls):
        score()
    print((time.process_time() - start) / calls, flush=True)
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

    def seconds(self, order: str) -> float:
        """CPU time of "fit", or of scoring by what was fitted last.

        That is "predict_proba" or the bare forward pass, "forward", of so many rows.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{order}\n")
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
        rows = _some_rows(data, n_samples)
        with _both(python, data, rows) as sides:
            what = f"`fit` on {name}, {len(rows):,} × {data.X.shape[1]}, against"
            yield _compared(sides, ("fit", "fit"), pairs, what, "≤ 0.33")


def scoring_before(
    python: str, pairs: int, n_samples: int, sizes: Mapping[int, str]
) -> Iterator[Line]:
    """CPU time of ``predict_proba``, against that of the version of ``python``.

    Then against the bare forward pass of that version, of all rows at once: a measure
    that stays as it is when our own forward pass becomes faster. ``sizes`` are numbers
    of rows, with what is to be reached of the latter.
    """
    try:
        data = load("htru2")
    except OSError:
        return  # not at hand
    with _both(python, data, _some_rows(data, n_samples)) as sides:
        for size, must_reach in sizes.items():
            ours, bare = f"predict_proba {size}", f"forward {size}"
            for side in sides:
                side.seconds(ours)
                side.seconds(bare)
            what = f"`predict_proba`, {size:,} row(s), against"
            yield _compared(sides, (ours, ours), pairs, what, "–")
            what += " the bare forward pass of"
            yield _compared(sides, (ours, bare), pairs, what, must_reach)


def _some_rows(data: Dataset, n_samples: int) -> np.ndarray:
    shuffled = np.random.default_rng(0).permutation(len(data.X))
    return shuffled[: min(n_samples, int(0.8 * len(shuffled)))]


@contextmanager
def _both(python: str, data: Dataset, rows: np.ndarray) -> Iterator[list[_Version]]:
    """Yield this version and the other, which have fitted these rows once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.npz"
        modes = {mode: list(map(int, columns)) for mode, columns in data.modes.items()}
        np.savez(file, X=data.X[rows], y=data.y[rows], modes=json.dumps(modes))
        sides = [_Version(sys.executable, file), _Version(python, file)]
        try:
            for side in sides:
                side.seconds("fit")
            yield sides
        finally:
            for side in sides:
                side.stop()


def _compared(
    sides: list[_Version],
    orders: tuple[str, str],
    pairs: int,
    what: str,
    must_reach: str,
) -> Line:
    asked = list(zip(sides, orders, strict=True))
    times = []
    for pair in range(pairs):  # each goes first in turn
        turn = asked if pair % 2 == 0 else asked[::-1]
        found = [side.seconds(order) for side, order in turn]
        times.append(found if pair % 2 == 0 else found[::-1])
    mine, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    return Line(
        f"{what} the version before",
        seconds(mine),
        seconds(theirs),
        cpu=f"{statistics.median(a / b for a, b in times):.2f}",
        must_reach=must_reach,
    )
