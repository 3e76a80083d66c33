"""EMMA's defaults as another installation has them, such as an older version."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from .emma import Emma
from .method import Effort, Method

WORKER = Path(__file__).with_name("worker.py")


class ElsewhereClassifier:
    """The ``EMMAClassifier`` that another Python interpreter imports.

    It is fitted and asked in a process of its own, which lives as long as this object.
    """

    def __init__(self, python: Path, **params: Any) -> None:
        # Isolated: what this process imports must not be found by the other one.
        self._process = subprocess.Popen(
            [python, "-I", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._say(params)

    def fit(self, X: np.ndarray, y: np.ndarray) -> ElsewhereClassifier:
        """Fit on samples X (n, d) of classes y (n,)."""
        self._ask("fit", X, y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, n_classes)."""
        return self._ask("predict_proba", X)

    def attention(self, X: np.ndarray) -> np.ndarray:
        """Return the attention (n, M)."""
        return self._ask("attention", X)

    def modal_energy(self, X: np.ndarray) -> np.ndarray:
        """Return the modal energies (n, M)."""
        return self._ask("modal_energy", X)

    def total_energy(self, X: np.ndarray) -> np.ndarray:
        """Return the total energy (n,)."""
        return self._ask("total_energy", X)

    def __del__(self) -> None:
        if (process := getattr(self, "_process", None)) is not None:
            process.communicate()  # closes its input, by which it ends

    def _ask(self, method: str, *arrays: np.ndarray) -> np.ndarray:
        packed = io.BytesIO()
        np.savez(packed, *arrays)
        try:
            self._say([method, packed.tell()], packed.getvalue())
            n_bytes = int(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            code = self._process.wait()
            message = f"The other installation failed in {method} (exit code {code})."
            raise RuntimeError(message) from error
        return np.load(io.BytesIO(self._process.stdout.read(n_bytes)))

    def _say(self, message: Any, data: bytes = b"") -> None:
        self._process.stdin.write(json.dumps(message).encode() + b"\n" + data)
        self._process.stdin.flush()


def elsewhere(python: Path, effort: Effort) -> Method:
    """EMMA's defaults in the installation of the interpreter ``python``."""

    def candidates(modes: dict[str, list[int]], seed: int, effort: Effort) -> list[Any]:
        shorter = {"max_iter": effort.max_epochs} if effort.is_smoke else {}
        return [ElsewhereClassifier(python, modes=modes, random_state=seed, **shorter)]

    return Emma(candidates, effort)
