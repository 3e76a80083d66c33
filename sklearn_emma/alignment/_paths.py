"""Cheapest paths through matrices of costs: the dynamic programming of time warping.

Many matrices are searched at once. Cells of an anti-diagonal do not depend on one
another, so that a search takes as many steps as there are anti-diagonals, whatever the
number of matrices.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Steps (Δi, Δj) that a path may take: both sequences move, or one stands still.
_BOTH, _FIRST, _SECOND = (1, 1), (1, 0), (0, 1)
# Cells that are searched at once: they fit into the cache of a processor.
_CELLS = 2**20


class Paths(NamedTuple):
    """Paths through a batch of B matrices.

    ``cost`` (B,) is the sum over a path, ``steps`` (B, L, 2) its cells (i, j), of which
    the first ``length`` (B,) count; the rest repeat the last.
    """

    cost: np.ndarray
    steps: np.ndarray
    length: np.ndarray


def cheapest_paths(
    costs: np.ndarray,
    *,
    slope: int | None = None,
    boundary: int = 0,
    ends: np.ndarray | None = None,
) -> Paths:
    """Cheapest monotone, continuous path through each matrix.

    Parameters
    ----------
    costs : ndarray of shape (B, n, m)
        Cost of each cell, at least 0; infinite where no path may go.
    slope : int, default=None
        How many cells of a path at most may lie in one row, or in one column.
    boundary : int, default=0
        How many rows, or columns, a path may leave out at each of its ends.
    ends : ndarray of int of shape (B, 2), default=None
        Number of rows and columns of each matrix; what lies behind is padding.

    Returns
    -------
    Paths
        The cost is infinite where there is no path; the steps then mean nothing.
    """
    n_batch, n, m = costs.shape
    if ends is None:
        ends = np.broadcast_to((n, m), (n_batch, 2))
    size = max(1, _CELLS // (n * m * len(_automaton(slope))))
    found = [
        _search(costs[s : s + size], _automaton(slope), boundary, ends[s : s + size])
        for s in range(0, n_batch, size)
    ]
    cost = np.concatenate([paths.cost for paths in found])
    length = np.concatenate([paths.length for paths in found])
    # As long as the longest path of all parts; what is added repeats the last cell.
    longest = length.max()
    steps = [
        paths.steps[:, np.minimum(np.arange(longest), paths.steps.shape[1] - 1)]
        for paths in found
    ]
    return Paths(cost, np.concatenate(steps), length)


def _automaton(slope: int | None) -> list[list[tuple[tuple[int, int], int]]]:
    """For each state of a path, the (step, state before) by which it is entered.

    States count how often a sequence has stood still in a row: 0 is never, then one to
    ``slope − 1`` times for the first sequence, then for the second. The states of an
    unbounded path are all one.
    """
    if slope is None:
        return [[(_BOTH, 0), (_FIRST, 0), (_SECOND, 0)]]
    still = range(1, slope)
    first, second = list(still), [slope - 1 + k for k in still]
    entered: list[list[tuple[tuple[int, int], int]]] = [
        [(_BOTH, state) for state in [0, *first, *second]]
    ]
    for step, own, other in ((_SECOND, first, second), (_FIRST, second, first)):
        for k, before in zip(still, [0, *own], strict=False):
            fresh = [0, *other] if k == 1 else [before]
            entered.append([(step, state) for state in fresh])
    return entered


def _search(
    costs: np.ndarray,
    automaton: list[list[tuple[tuple[int, int], int]]],
    boundary: int,
    ends: np.ndarray,
) -> Paths:
    # Matrices last, so that the cells of an anti-diagonal lie side by side.
    cost = np.ascontiguousarray(costs.transpose(1, 2, 0))
    n, m, n_batch = cost.shape
    n_states = len(automaton)
    # Total cost up to a cell, of all anti-diagonals, by state and row, with a row of
    # infinities in front of the first.
    total = np.full((n_states, n + m - 1, n + 1, n_batch), np.inf)
    entered = np.full((n_states, n + m - 1, n, n_batch), -1, dtype=np.int8)
    for d in range(n + m - 1):
        i = np.arange(max(0, d - m + 1), min(n, d + 1))
        here = cost[i, d - i]
        low, high = i[0], i[-1] + 1
        for state, ways in enumerate(automaton):
            best = total[state, d, low + 1 : high + 1]
            way = entered[state, d, low:high]
            if state == 0 and d <= boundary:
                best[(i == 0) | (i == d)] = 0.0
            for number, ((rows, columns), before) in enumerate(ways):
                if d < rows + columns:
                    continue
                other = total[before, d - rows - columns]
                other = other[low + 1 - rows : high + 1 - rows]
                np.copyto(way, number, where=other < best)
                np.minimum(best, other, out=best)
            best += here
    return _trace(total[:, :, 1:], entered, automaton, boundary, ends)


def _trace(
    total: np.ndarray,
    entered: np.ndarray,
    automaton: list[list[tuple[tuple[int, int], int]]],
    boundary: int,
    ends: np.ndarray,
) -> Paths:
    """Follow each path back from its cheapest end."""
    batch = np.arange(len(ends))
    last_i, last_j = ends.T - 1
    cost = np.full(len(ends), np.inf)
    state, i, j = (np.zeros(len(ends), dtype=np.intp) for _ in range(3))
    left_out = [(0, 0)]
    left_out += [cell for k in range(1, boundary + 1) for cell in ((k, 0), (0, k))]
    for rows, columns in left_out:
        at_i, at_j = last_i - rows, last_j - columns
        inside = (at_i >= 0) & (at_j >= 0)
        at_i, at_j = at_i * inside, at_j * inside
        for candidate in range(len(automaton)):
            ending = np.where(
                inside, total[candidate, at_i + at_j, at_i, batch], np.inf
            )
            better = ending < cost
            cost = np.where(better, ending, cost)
            state = np.where(better, candidate, state)
            i, j = np.where(better, at_i, i), np.where(better, at_j, j)
    most = max(len(ways) for ways in automaton)
    table = np.zeros((len(automaton), most + 1, 3), dtype=np.intp)
    for number, ways in enumerate(automaton):
        table[number, -1, 2] = number  # −1: the path begins here
        for way, (step, before) in enumerate(ways):
            table[number, way] = *step, before
    back = [np.stack([i, j], axis=1)]
    length = np.ones(len(ends), dtype=np.intp)
    while True:
        way = entered[state, i + j, i, batch]
        moves = (way >= 0) & np.isfinite(cost)
        if not moves.any():
            break
        rows, columns, before = table[state, np.where(moves, way, -1)].T
        i, j, state = i - rows, j - columns, before
        length += moves
        back.append(np.stack([i, j], axis=1))
    steps = np.stack(back, axis=1)
    # Forwards, from the beginning of each path; behind its end, the end repeats.
    order = np.maximum(length[:, np.newaxis] - 1 - np.arange(steps.shape[1]), 0)
    return Paths(cost, steps[batch[:, np.newaxis], order], length)
