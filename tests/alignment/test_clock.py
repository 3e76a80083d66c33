import numpy as np
import pytest

from sklearn_emma.alignment import _clock
from sklearn_emma.alignment._clock import (
    Clock,
    joined,
    pairwise_cost,
    uniform_clock,
    warp_one,
    warp_pair,
)
from sklearn_emma.alignment._warping import Restrictions


def three_sequences(steps=(7, 9, 6), n_samples=4, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n_samples, 2, n)) for n in steps]


def slow_cost(projected, clock, sample):
    """Σ_{i<j} ‖P_i W_i − P_j W_j‖², by matrices."""
    steps = clock.steps[sample, : clock.length[sample]]
    read = [
        x[sample] @ np.eye(x.shape[2])[:, steps[:, i]] for i, x in enumerate(projected)
    ]
    return sum(
        np.linalg.norm(read[i] - read[j]) ** 2
        for i in range(len(read))
        for j in range(i)
    )


def check_clock(clock, steps):
    """Each sequence begins, ends, and leaves no step out; some sequence moves on."""
    for sample, length in enumerate(clock.length):
        used = clock.steps[sample, :length]
        assert used[0].tolist() == [0] * len(steps)
        assert used[-1].tolist() == [n - 1 for n in steps]
        moves = np.diff(used, axis=0)
        assert ((moves >= 0) & (moves <= 1)).all()
        assert moves.any(axis=1).all()


def test_a_uniform_clock_leaves_no_step_out():
    clock = uniform_clock([5, 9, 1], 2)
    assert clock.steps.shape == (2, 9, 3)
    check_clock(clock, [5, 9, 1])


def test_the_cost_of_a_clock_is_the_sum_over_all_pairs():
    projected = three_sequences()
    clock = uniform_clock([7, 9, 6], 4)
    clock = warp_one(projected, clock, 1, None)
    cost = pairwise_cost(projected, clock)
    expected = [slow_cost(projected, clock, sample) for sample in range(4)]
    np.testing.assert_allclose(cost, expected)


@pytest.mark.parametrize("window", [None, 2])
def test_warping_one_sequence_anew_never_makes_the_cost_rise(window):
    projected = three_sequences(n_samples=10)
    clock = uniform_clock([7, 9, 6], 10)
    costs = [pairwise_cost(projected, clock)]
    for number in [0, 1, 2, 0, 1, 2]:
        clock = warp_one(projected, clock, number, window)
        check_clock(clock, [7, 9, 6])
        costs.append(pairwise_cost(projected, clock))
    assert (np.diff(costs, axis=0) <= 1e-9).all()
    assert costs[-1].sum() < 0.7 * costs[0].sum()


def test_with_two_sequences_warping_one_is_dynamic_time_warping():
    projected = three_sequences((6, 6), seed=3)
    found, cost = warp_pair(projected, Restrictions())
    one = warp_one(projected, uniform_clock([6, 6], 4), 0, None)
    np.testing.assert_allclose(pairwise_cost(projected, one), cost)
    assert one.equals(found)


def test_no_two_clocks_are_further_apart_than_the_window():
    steps, window = (7, 9, 6), 1.5
    projected = three_sequences(steps)
    clock = uniform_clock(list(steps), 4)
    for number in range(3):
        clock = warp_one(projected, clock, number, window)
    times = clock.steps / (np.array(steps) - 1)
    for i in range(3):
        for j in range(i):
            apart = np.abs(times[..., i] - times[..., j]) * (
                min(steps[i], steps[j]) - 1
            )
            assert apart.max() <= window + 1e-9


def test_a_window_that_leaves_no_clock_is_refused():
    projected = three_sequences()
    with pytest.raises(ValueError, match=r"\[7, 9, 6\] steps within window=0: widen"):
        warp_one(projected, uniform_clock([7, 9, 6], 4), 0, 0)


def test_samples_are_warped_each_by_itself(monkeypatch):
    projected = three_sequences((6, 8))
    whole, cost = warp_pair(projected, Restrictions())
    monkeypatch.setattr(_clock, "_CELLS", 1)
    alone, alone_cost = warp_pair(projected, Restrictions())
    assert whole.equals(alone)
    np.testing.assert_array_equal(cost, alone_cost)


def test_clocks_of_different_length_are_joined():
    short = Clock(np.array([[[0, 0], [1, 1]]]), np.array([2]))
    long = Clock(np.array([[[0, 0], [0, 1], [1, 1]]]), np.array([3]))
    both = joined([short, long])
    assert both.length.tolist() == [2, 3]
    assert both.steps[0].tolist() == [[0, 0], [1, 1], [1, 1]]
