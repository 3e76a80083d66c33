"""Project, warp, project, warp: until nothing is gained."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_emma.alignment._clock import Clock
from sklearn_emma.alignment._projections import Projection


class Stopping(NamedTuple):
    """When to stop: after ``max_iter`` rounds, or ``patience`` without a gain.

    A gain is one of more than ``tol`` times the objective.
    """

    max_iter: int
    patience: int
    tol: float


class Solution(NamedTuple):
    """The best iterate, and the way to it.

    ``objectives`` (rounds, 2) are those after projecting and after warping.
    """

    projection: Projection
    objective: float
    objectives: np.ndarray


def alternate(
    project: Callable[[Clock], tuple[Projection, float]],
    warp: Callable[[Projection, Clock], tuple[Clock, float]],
    clock: Clock,
    stopping: Stopping,
) -> Solution:
    """Alternate between projections and a clock, each the best given the other.

    ``project`` gives the projections for a clock, ``warp`` the clock for these, and
    both the objective. Where warping changes the constraint on the projections, the
    objective can rise, so that the best projections are kept.

    Warns
    -----
    ConvergenceWarning
        If the last round still gained.
    """
    best: tuple[Projection, float] | None = None
    objectives = []
    stale = 0
    for _ in range(stopping.max_iter):
        projection, objective = project(clock)
        if best is None or objective < best[1]:
            gain = np.inf if best is None else best[1] - objective
            stale = 0 if gain > stopping.tol * abs(objective) else stale + 1
            best = projection, objective
        else:
            stale += 1
        moved, after = warp(projection, clock)
        objectives.append((objective, after))
        if stale >= stopping.patience or moved.equals(clock):
            break
        clock = moved
    else:
        warnings.warn(
            f"The alignment still improved after max_iter={stopping.max_iter} rounds.",
            ConvergenceWarning,
            stacklevel=4,
        )
    assert best is not None
    return Solution(*best, np.array(objectives))
