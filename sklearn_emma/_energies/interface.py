"""What an energy is, and checks of what it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeGuard

import numpy as np
import torch
from torch import nn

from sklearn_emma._inputs.sub_estimators import Fittable
from sklearn_emma._validation import noting


class Energy(Fittable, Protocol):
    """A density model of a mode: an estimator whose Ψ is minus ``score_samples``."""

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Log-density of each row up to a constant, (n,)."""
        ...


class BatchedEnergy(Energy, Protocol):
    """An energy whose models of several modes are trained and scored as one."""

    device: torch.device | str

    @classmethod
    def _fit_together(
        cls, estimators: list[Energy], Xs: list[np.ndarray], weights: list[np.ndarray]
    ) -> None:
        """Fit estimators of equal parameters, in place, on one mode each.

        All ``Xs`` have the same rows; ``weights`` are 0 where the mode is missing.
        """
        ...

    @classmethod
    def _stack(
        cls, estimators: list[Energy], columns: list[list[int]], dtype: torch.dtype
    ) -> nn.Module:
        """Module from ``x`` (n, d), and optionally ``needed`` (n, M), to Ψ (n, M)."""
        ...


def is_batched(estimator: object) -> TypeGuard[BatchedEnergy]:
    """Whether the estimator's class defines what a :class:`BatchedEnergy` has.

    A subclass that merely inherits these may score in its own way, so it is fitted and
    scored by itself.
    """
    return {"_fit_together", "_stack"} <= vars(type(estimator)).keys()


def checked_scores(estimator: Energy, X: np.ndarray, fitted: bool) -> np.ndarray:
    """Score rows, and check that each gets a number of its own.

    What an estimator was ``fitted`` on must not be NaN either. Elsewhere a value may be
    so far off that its energy overflows.
    """
    given = estimator.score_samples(X)
    scores = np.asarray(given)
    if scores.shape != (len(X),):
        raise ValueError(
            "`score_samples` must return an array of shape (n_samples,); that of "
            f"{estimator!r} is one of {scores.shape} for {len(X)} samples."
        )
    if scores.dtype.kind not in "fiub":
        raise ValueError(
            "`score_samples` must return real numbers; that of "
            f"{estimator!r} returned {type(given).__name__} of {scores.dtype}."
        )
    if fitted and np.isnan(scores).any():
        raise ValueError(
            f"`score_samples` of {estimator!r} is NaN for samples it was fitted on."
        )
    return scores.astype(np.float64, copy=False)


@contextmanager
def naming(names: list[str], estimator: Energy, done: str = "fitted") -> Iterator[None]:
    """Note on any error of the block whose energy could not be fitted, or scored."""
    kind = type(estimator).__name__
    note = f"Mode {names[0]!r}: its energy, {kind}, cannot be {done}."
    if len(names) > 1:
        note = (
            f"Modes {', '.join(map(repr, names))}: one of their energies, {kind}, "
            f"cannot be {done}; they are trained together."
        )
    with noting(note):
        yield
