"""The common clock of several sequences: which step of each is read when."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sklearn_emma.alignment._paths import cheapest_paths
from sklearn_emma.alignment._warping import (
    Restrictions,
    squared_distances,
    within_window,
)

# Cells of matrices of costs that are held at once.
_CELLS = 2**23


class Clock(NamedTuple):
    """Common clocks of B samples, each of M sequences.

    ``steps`` (B, L, M) are the steps of each sequence at each common step, of which the
    first ``length`` (B,) count; the rest repeat the last.
    """

    steps: np.ndarray
    length: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Which common steps count, (B, L)."""
        counts: np.ndarray = np.arange(self.steps.shape[1]) < self.length[:, np.newaxis]
        return counts

    def read(self, sequence: np.ndarray, number: int) -> np.ndarray:
        """A sequence (B, d, n) at all common steps, those that do not count included.

        Returns (B, d, L).
        """
        steps = self.steps[:, np.newaxis, :, number]
        return np.take_along_axis(sequence, steps, axis=2)

    def columns(self, sequence: np.ndarray, number: int) -> np.ndarray:
        """The common steps of all samples, of a sequence (B, d, n), as rows (·, d)."""
        columns: np.ndarray = self.read(sequence, number).transpose(0, 2, 1)[
            self.counts
        ]
        return columns

    def equals(self, other: Clock) -> bool:
        """Whether two clocks read the same steps at the same time."""
        return (
            np.array_equal(self.length, other.length)
            and self.steps.shape == other.steps.shape
            and np.array_equal(self.steps, other.steps)
        )


def uniform_clock(n_steps: list[int], n_samples: int) -> Clock:
    """Clock of sequences that begin and end together and run evenly in between."""
    common = np.linspace(0, 1, max(n_steps))
    steps = np.stack([np.rint(common * (n - 1)) for n in n_steps], axis=-1)
    shape = n_samples, *steps.shape
    steps = np.broadcast_to(steps.astype(np.intp), shape)
    return Clock(steps, np.full(n_samples, max(n_steps)))


def warp_pair(
    projected: list[np.ndarray], restrictions: Restrictions
) -> tuple[Clock, np.ndarray]:
    """Dynamic time warping of two sequences (B, k, n) and (B, k, m).

    Returns their clock, and the sum of squared differences of each sample, (B,).

    Raises
    ------
    ValueError
        If there is no path within the restrictions.
    """
    X, Y = projected
    size = max(1, _CELLS // (X.shape[2] * Y.shape[2]))
    found = [
        restrictions.paths(squared_distances(X[s : s + size], Y[s : s + size]))
        for s in range(0, len(X), size)
    ]
    cost = np.concatenate([paths.cost for paths in found])
    return joined([Clock(paths.steps, paths.length) for paths in found]), cost


def joined(clocks: list[Clock]) -> Clock:
    """Clocks of different samples as one."""
    longest = max(clock.steps.shape[1] for clock in clocks)
    steps = [
        clock.steps[:, np.minimum(np.arange(longest), clock.steps.shape[1] - 1)]
        for clock in clocks
    ]
    length = np.concatenate([clock.length for clock in clocks])
    return Clock(np.concatenate(steps), length)


def warp_one(
    projected: list[np.ndarray],
    clock: Clock,
    number: int,
    window: float | None,
) -> Clock:
    """Warp one of M sequences (B, k, n_i) anew to the mean of the others.

    Where the path repeats a step of the mean, the others repeat theirs. The sum of
    squared differences over all pairs, :func:`pairwise_cost`, is the least that this
    sequence's warping can reach, so that it never rises.

    Raises
    ------
    ValueError
        If there is no path within the window.
    """
    others = [i for i in range(len(projected)) if i != number]
    read = np.stack([clock.read(projected[i], i) for i in others])
    mean = read.mean(0)
    spread = np.square(read - mean).sum((0, 2))
    # Sum over the pairs at a cell: M − 1 times the distance to the mean of the others,
    # and what these differ by among themselves and from it.
    own = projected[number]
    costs = len(others) * squared_distances(own, mean)
    costs += len(projected) * spread[:, np.newaxis]
    n = own.shape[2]
    for i in others:
        steps, sizes = clock.steps[:, :, i], (n, projected[i].shape[2])
        allowed = within_window(np.arange(n), steps, sizes, window)
        costs[~np.broadcast_to(allowed, costs.shape)] = np.inf
    ends = np.stack([np.full(len(own), n), clock.length], axis=1)
    paths = cheapest_paths(costs, ends=ends)
    if not np.isfinite(paths.cost).all():
        raise ValueError(
            f"No common clock keeps sequences of {[x.shape[2] for x in projected]} "
            f"steps within window={window}: widen it, to 1 at least where the numbers "
            "of steps differ."
        )
    moved = np.take_along_axis(clock.steps, paths.steps[:, :, 1:], axis=1)
    moved[:, :, number] = paths.steps[:, :, 0]
    return _without_repetitions(Clock(moved, paths.length))


def pairwise_cost(projected: list[np.ndarray], clock: Clock) -> np.ndarray:
    """Σ_{i<j} ‖P_i W_i − P_j W_j‖² of each sample, (B,)."""
    read = np.stack([clock.read(x, i) for i, x in enumerate(projected)])
    spread = len(read) * np.square(read - read.mean(0)).sum((0, 2))
    cost: np.ndarray = (spread * clock.counts).sum(1)
    return cost


def _without_repetitions(clock: Clock) -> Clock:
    """Leave out the common steps at which no sequence moves on."""
    moves = (np.diff(clock.steps, axis=1) != 0).any(2)
    first = np.ones((len(moves), 1), dtype=bool)
    kept = np.concatenate([first, moves], axis=1) & clock.counts
    length = kept.sum(1)
    order = np.argsort(~kept, axis=1, kind="stable")[:, : length.max()]
    order = np.take_along_axis(
        order, np.minimum(np.arange(length.max()), length[:, np.newaxis] - 1), axis=1
    )
    return Clock(np.take_along_axis(clock.steps, order[:, :, np.newaxis], 1), length)
