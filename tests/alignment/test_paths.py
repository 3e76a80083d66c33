"""Cheapest paths, against all paths there are."""

import numpy as np
import pytest

from helpers import all_paths
from sklearn_emma.alignment import _paths
from sklearn_emma.alignment._paths import cheapest_paths


def most_uses(path):
    """How often the step of either sequence is used that is used most."""
    return max(
        np.unique(steps, return_counts=True)[1].max()
        for steps in zip(*path, strict=True)
    )


def brute_force(cost, slope=None, boundary=0):
    totals = [
        sum(cost[cell] for cell in path)
        for path in all_paths(*cost.shape, boundary)
        if slope is None or most_uses(path) <= slope
    ]
    return min(totals, default=np.inf)


def check_path(cost, paths, number, slope, boundary):
    steps = paths.steps[number, : paths.length[number]]
    assert np.isclose(cost[tuple(steps.T)].sum(), paths.cost[number])
    moves = np.diff(steps, axis=0)
    assert ((moves >= 0) & (moves <= 1)).all()
    assert (moves.sum(1) > 0).all()
    assert slope is None or most_uses(steps.tolist()) <= slope
    left_out = steps[0], np.array(cost.shape) - 1 - steps[-1]
    assert all(min(end) == 0 and max(end) <= boundary for end in left_out)


@pytest.mark.parametrize("slope", [None, 1, 2, 3])
@pytest.mark.parametrize("boundary", [0, 1, 2])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 2), (1, 3)])
def test_no_path_is_cheaper_than_the_one_found(shape, slope, boundary):
    costs = np.random.default_rng(0).exponential(size=(6, *shape))
    costs[1, shape[0] // 2, 0] = np.inf
    paths = cheapest_paths(costs, slope=slope, boundary=boundary)
    for number, cost in enumerate(costs):
        expected = brute_force(cost, slope, boundary)
        assert np.isclose(paths.cost[number], expected)
        if np.isfinite(expected):
            check_path(cost, paths, number, slope, boundary)


def test_matrices_of_a_batch_may_be_of_different_size():
    costs = np.random.default_rng(1).exponential(size=(3, 5, 6))
    ends = np.array([[5, 6], [3, 4], [2, 6]])
    paths = cheapest_paths(costs, ends=ends)
    for number, (n, m) in enumerate(ends):
        alone = cheapest_paths(costs[number : number + 1, :n, :m])
        assert paths.cost[number] == alone.cost[0]
        steps = paths.steps[number, : paths.length[number]]
        np.testing.assert_array_equal(steps, alone.steps[0])


def test_a_batch_that_is_cut_gives_the_same_paths(monkeypatch):
    costs = np.random.default_rng(2).exponential(size=(9, 6, 7))
    whole = cheapest_paths(costs, slope=2)
    monkeypatch.setattr(_paths, "_CELLS", 300)
    cut = cheapest_paths(costs, slope=2)
    for before, after in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(before, after)


def test_of_equal_paths_the_shortest_is_taken():
    paths = cheapest_paths(np.zeros((1, 4, 4)))
    assert paths.steps[0].tolist() == [[k, k] for k in range(4)]
