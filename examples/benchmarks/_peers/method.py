"""What the harness asks of a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Method(Protocol):
    """One competitor; X is in units of training sd, NaN where a mode is missing.

    Two things are optional, and each returns its signals by name:
    ``mode_suspicion(X)`` arrays (n, M), higher for a mode that seems corrupted, and
    ``uncertainty(X)`` arrays (n,), higher for a sample that seems hard. A method with
    a true attribute ``is_oracle`` gets NaN in every mode that was corrupted.
    """

    def fit(
        self,
        X_train: np.ndarray,
        y_train: np.ndarray,
        X_val: np.ndarray,
        y_val: np.ndarray,
        modes: dict[str, list[int]],
        seed: int,
    ) -> Method:
        """Fit on clean data, corrupting it as the protocol says; classes from 0."""
        ...

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, n_classes)."""
        ...


@dataclass(frozen=True)
class Effort:
    """How much is spent on training.

    ``min_steps``: a small data set has few batches an epoch, so that its networks
    may train for more epochs, until they made as many steps.
    """

    max_epochs: int = 100
    min_steps: int = 2000
    n_trees: int = 300
    is_smoke: bool = False


FULL = Effort()
SMOKE = Effort(max_epochs=5, min_steps=200, n_trees=20, is_smoke=True)
