"""Peak memory of scoring a memory-mapped file, above that of the imports.

    python examples/benchmarks/_memory.py [--rows 10_000_000] [--method predict_proba]

Writes a temporary file of float32, 32 columns in 8 modes, and scores it in a process of
its own. Linux only: it reads ``/proc``.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np

from sklearn_emma import EMMAClassifier

N_FEATURES = 32
MODES = {f"mode_{i}": list(range(4 * i, 4 * i + 4)) for i in range(8)}
BLOCK = 100_000


def peak_memory(n_rows: int, method: str = "predict_proba") -> dict[str, float]:
    """Score ``n_rows`` rows of a memory map with a default estimator.

    Parameters
    ----------
    n_rows : int
        Rows of the file; it is 128 bytes times that long.
    method : str, default="predict_proba"
        Method of :class:`~sklearn_emma.EMMAClassifier`.

    Returns
    -------
    dict
        ``peak`` resident memory above the imports and size of the ``result``, both in
        MB of 10⁶ bytes, pages of the file counted in; ``seconds`` of the call.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        file = np.lib.format.open_memmap(
            path / "X.npy", mode="w+", dtype=np.float32, shape=(n_rows, N_FEATURES)
        )
        rng = np.random.default_rng(0)
        for start in range(0, n_rows, BLOCK):
            rows = file[start : start + BLOCK]
            rng.standard_normal(out=rows, dtype=np.float32)
        file.flush()
        del file, rows
        (path / "model.pkl").write_bytes(_fitted())
        command = [sys.executable, __file__, "--score", folder, "--method", method]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Scoring failed:\n{done.stderr}")
    return json.loads(done.stdout)


@cache
def _fitted() -> bytes:
    """Pickle of the estimator, fitted on rows like those of the file."""
    X = np.random.default_rng(1).standard_normal((1000, N_FEATURES), dtype=np.float32)
    clf = EMMAClassifier(MODES, max_iter=2, pretraining_max_iter=2, random_state=0)
    return pickle.dumps(clf.fit(X, X[:, 0] > 0))


def score(folder: str, method: str) -> dict[str, float]:
    """Measure one call, in a process that has done nothing else."""
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of the imports
    model = pickle.loads((Path(folder) / "model.pkl").read_bytes())
    X = np.load(Path(folder) / "X.npy", mmap_mode="r")
    start = time.perf_counter()
    result = getattr(model, method)(X)
    seconds = time.perf_counter() - start
    peak = _status("VmHWM") - before
    return {"peak": peak, "result": result.nbytes / 1e6, "seconds": seconds}


def _status(field: str) -> float:
    """Memory of this process in MB. The peak that getrusage tells is the parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == field:
            return int(rest.split()[0]) * 1024 / 1e6
    raise RuntimeError(f"/proc/self/status has no {field}.")


def main() -> None:
    """Measure and print, or, with --score, be the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--method", default="predict_proba")
    parser.add_argument("--score", metavar="FOLDER", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.score:
        print(json.dumps(score(args.score, args.method)))
        return
    print(
        "{peak:.0f} MB above the imports, {result:.0f} MB of them the result; "
        "{seconds:.1f} s".format(**peak_memory(args.rows, args.method))
    )


if __name__ == "__main__":
    main()
