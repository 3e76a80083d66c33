"""Size and latency of a classifier: itself, as a torch module, and in ONNX.

    python examples/benchmarks/deployment.py --dataset htru2

Needs onnx, onnxscript and onnxruntime.
"""

from __future__ import annotations

import argparse
import io
import pickle
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import torch
from _data import load
from _protocol import split

from sklearn_emma import EMMAClassifier


def milliseconds(ask: Callable[[Any], object], values: Any, n: int) -> float:
    """Median time of a call, after a few for warming up."""
    times = []
    for _ in range(n):
        start = time.perf_counter()
        ask(values)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[n // 5 :]))


def exported(module: torch.nn.Module, X: torch.Tensor, folder: Path) -> Path:
    """Write the module for any number of rows; return the path of the file."""
    program = torch.onnx.export(
        module,
        (X[:2],),
        dynamo=True,
        input_names=["X"],
        output_names=["probabilities", "attention"],
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        verbose=False,
    )
    program.save(folder / "model.onnx", external_data=False)
    return folder / "model.onnx"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dataset", default="htru2")
    parser.add_argument("--repeats", type=int, default=200)
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    task = split(load(options.dataset), 0)
    clf = EMMAClassifier(task.modes, max_iter=2, pretraining_max_iter=2, random_state=0)
    clf.fit(task.X_train, task.y_train)
    X = np.resize(task.X_test, (1000, task.X_test.shape[1]))
    X[::10, 0] = np.nan
    expected = clf.predict_proba(X)
    stored = len(pickle.dumps(clf))
    rows = [("predict_proba, float64", clf.predict_proba, X, stored)]
    session = onnxruntime.SessionOptions()
    session.intra_op_num_threads = 1
    for name, dtype in (("float64", torch.float64), ("float32", torch.float32)):
        module = clf.to_torch(dtype=dtype)
        x = torch.from_numpy(X)
        buffer = io.BytesIO()
        torch.save(module.state_dict(), buffer)
        rows.append((f"to_torch(), {name}", module, x, buffer.tell()))
        with tempfile.TemporaryDirectory() as folder:
            path = exported(module, x, Path(folder))
            size = path.stat().st_size
            run = onnxruntime.InferenceSession(path, session).run

        def ask(values: np.ndarray, run: Callable = run) -> list[np.ndarray]:
            return run(None, {"X": values})

        rows.append((f"onnxruntime, {name}", ask, x.numpy(), size))
    table = []
    with torch.inference_mode():
        for name, ask, values, size in rows:
            answer = ask(values)
            found = answer[0] if isinstance(answer, tuple | list) else answer
            table.append(
                {
                    "what": name,
                    "kB": size / 1000,
                    "1 row, ms": milliseconds(ask, values[:1], options.repeats),
                    "1000 rows, ms": milliseconds(ask, values, options.repeats // 5),
                    "largest difference": np.abs(np.asarray(found) - expected).max(),
                }
            )
    print(pd.DataFrame(table).to_string(index=False))


if __name__ == "__main__":
    main()
