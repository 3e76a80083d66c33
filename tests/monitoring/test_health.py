import math

import numpy as np
import pytest

from sklearn_emma.monitoring._health import Health

WIDTHS = (2, 1)


def health(threshold=1000.0, freeze_after=None):
    return Health(WIDTHS, math.log(threshold), freeze_after)


def follow(state, p, values=None):
    """Steps with p (n, 2) and values (n, 3), which otherwise never repeat."""
    p = np.asarray(p, dtype=float)
    if values is None:
        values = state.n_rows + np.arange(len(p))[:, np.newaxis] + np.arange(3)
    return [state.step(*row) for row in zip(p, np.asarray(values, float), strict=True)]


def clean(n, seed=0):
    return np.random.default_rng(seed).random((n, 2))


def failing(n, p=0.002, seed=0):
    rows = clean(n, seed)
    rows[:, 0] = p
    return rows


def test_a_failure_is_found_soon_and_its_onset_is_told():
    state = health()
    follow(state, clean(200))
    states = follow(state, failing(20))
    assert state.failing.tolist() == [True, False]
    assert state.n_failures.tolist() == [1, 0]
    assert 200 <= state.found[0] <= 205 and state.found[1] == -1
    assert abs(state.since[0] - 200) <= 3
    rung = [s.failing[0] for s in states]
    assert rung.index(True) == state.found[0] - 200
    assert states[state.found[0] - 200].log_evidence[0] >= math.log(1000)


def test_recovery_is_found_and_its_onset_is_told():
    state = health()
    follow(state, clean(100))
    follow(state, failing(60))
    states = follow(state, clean(60, seed=1))
    assert not state.failing.any() and state.n_failures.tolist() == [1, 0]
    first = [s.failing[0] for s in states].index(False)
    assert first < 30
    assert abs(state.since[0] - 160) <= 5
    follow(state, failing(20))  # and it may fail again
    assert state.failing[0] and state.n_failures[0] == 2
    assert abs(state.since[0] - 220) <= 3


def test_a_failure_that_shows_in_every_second_row_is_one_failure():
    state = health()
    p = clean(400)
    p[::2, 0] = 0.002
    states = follow(state, p)
    rung = np.array([s.failing[0] for s in states])
    assert rung.argmax() < 20 and rung[rung.argmax() :].all()
    assert state.n_failures[0] == 1


def test_a_drift_that_no_single_row_shows_is_found():
    state = health()
    p = clean(300)
    p[100:, 1] **= 2  # often below 0.1, hardly ever below 0.0001
    follow(state, p)
    assert state.failing.tolist() == [False, True]
    assert 80 <= state.since[1] <= 140


def test_a_missing_mode_stays_as_it_was():
    state = health()
    follow(state, failing(20))
    evidence = state.log_evidence[0]
    values = np.arange(3) + np.arange(500)[:, np.newaxis]
    p = clean(500)
    p[:, 0] = np.nan
    follow(state, p, values)
    assert state.failing[0] and state.n_missing.tolist() == [500, 0]
    assert state.log_evidence[0] == pytest.approx(evidence, abs=0.5)


def test_a_mode_that_repeats_its_values_is_frozen():
    state = health(freeze_after=3)
    values = [[1, 2, 3], [1, 2, 4], [1, 2, 5], [1, 9, 5], [1, 9, 5], [2, 9, 5]]
    states = follow(state, np.full((6, 2), 0.5), values)
    frozen = [s.frozen.tolist() for s in states]
    a, b = zip(*frozen, strict=True)
    assert a == (False, False, True, False, False, False)
    assert b == (False, False, False, False, True, True)
    assert state.equal_since.tolist() == [5, 2]


def test_missing_rows_neither_freeze_a_mode_nor_thaw_it():
    state = health(freeze_after=3)
    p = np.full((5, 2), 0.5)
    p[2:4, 0] = np.nan
    values = [[1, 2, 0]] * 2 + [[0, 0, 0]] * 2 + [[1, 2, 0]]
    states = follow(state, p, values)
    assert [s.frozen[0] for s in states] == [False] * 4 + [True]
    assert [s.frozen[1] for s in states] == [False] * 2 + [True] * 3


def test_modes_are_followed_independently():
    p = np.vstack([clean(150), failing(30), clean(80, 3)])
    together, alone = health(), Health((1,), math.log(1000), None)
    states = follow(together, p)
    for row, state in zip(p, states, strict=True):
        own = alone.step(row[:1], row[:1])
        assert own.failing[0] == state.failing[0]
        assert own.log_evidence[0] == state.log_evidence[0]


def test_false_alarms_by_a_row_are_no_more_frequent_than_promised():
    n_modes, rng = 1500, np.random.default_rng(5)
    state = Health((1,) * n_modes, math.log(200), None)
    for _ in range(40):
        state.step(rng.random(n_modes), rng.random(n_modes))
    # 40 / 200 of the modes at most: 300, and 3.3 standard deviations of a binomial.
    assert 0 < (state.n_failures > 0).sum() <= 300 + 51
