import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sklearn_emma.alignment import CanonicalTimeWarping, DynamicTimeWarping, dtw

T = np.linspace(0, 1, 50)


def warped_pair(n_samples=1, noise=0.0, seed=0):
    """Signals hidden in channels of different number, the second of them warped."""
    rng = np.random.default_rng(seed)
    power = rng.uniform(1.2, 1.5, size=(n_samples, 1))
    phase = rng.uniform(0, 6, size=(n_samples, 1))
    own = np.cumsum(rng.normal(size=(n_samples, 1, 50)), axis=2) / 5
    X = np.sin(9 * T + phase)[:, np.newaxis]
    signal = np.sin(9 * T**power + phase)[:, np.newaxis]
    Y = np.array([[1, 2], [3, -1]]) @ np.concatenate([signal, own], axis=1)
    X = X + noise * rng.normal(size=X.shape)
    return [X, Y + noise * rng.normal(size=Y.shape)], power


def test_dynamic_time_warping_is_dtw_of_standardised_channels():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(3, 2, size=(4, 2, 8)), rng.normal(-1, 5, size=(4, 2, 9))
    aligned = DynamicTimeWarping(window=2).fit([X, Y]).align([X, Y])
    standard = [
        (x - x.mean((0, 2), keepdims=True)) / x.std((0, 2), keepdims=True)
        for x in (X, Y)
    ]
    for found, x, y in zip(aligned, *standard, strict=True):
        expected = dtw(x, y, window=2)
        assert np.isclose(found.cost, expected.cost)
        np.testing.assert_array_equal(found.path, expected.path)


def test_dynamic_time_warping_refuses_other_numbers_of_channels():
    with pytest.raises(ValueError, match=r"\[1, 2\] channels.*CanonicalTimeWarping"):
        DynamicTimeWarping().fit([np.zeros((1, 5)), np.zeros((2, 5))])


@pytest.mark.parametrize("constraint", ["warped", "unwarped"])
def test_on_equal_clocks_it_is_canonical_correlation_analysis(constraint):
    rng = np.random.default_rng(0)
    common = rng.normal(size=(2, 200))
    X = rng.normal(size=(3, 3)) @ np.vstack([common, rng.normal(size=(1, 200))])
    Y = rng.normal(size=(4, 4)) @ np.vstack([common, rng.normal(size=(2, 200))])
    Y += 0.5 * rng.normal(size=Y.shape)
    ctw = CanonicalTimeWarping(2, constraint=constraint, window=0, ridge=1e-10)
    u, v = ctw.fit([X, Y]).project([X, Y])
    centred = [(x - x.mean(1, keepdims=True)).T for x in (X, Y)]
    expected = np.sort(np.cos(subspace_angles(*centred)))[::-1][:2]
    found = [abs(np.corrcoef(u[k], v[k])[0, 1]) for k in range(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    if constraint == "warped":
        assert np.isclose(ctw.objective_, 2 * 200 * (2 - expected.sum()))
        assert np.isclose(ctw.align([X, Y]).cost, ctw.objective_, rtol=1e-6)


def test_a_linear_map_on_the_same_clock_is_found_without_a_window():
    X = np.cumsum(np.random.default_rng(0).normal(size=(3, 60)), axis=1)
    Y = np.array([[1, 2, 0], [0, 1, -1], [2, 0, 1]]) @ X
    ctw = CanonicalTimeWarping(3, ridge=1e-10).fit([X, Y])
    found = ctw.align([X, Y])
    assert found.cost < 1e-6
    assert found.path.tolist() == [[k, k] for k in range(60)]


def test_a_known_warp_is_recovered_though_the_signal_is_mixed_with_another():
    (X, Y), power = warped_pair(12, noise=0.02)
    ctw = CanonicalTimeWarping(window=10).fit([X, Y])
    errors, without = [], []
    for found, p in zip(ctw.align([X, Y]), power[:, 0], strict=True):
        first, second = found.path.T / 49
        errors.append(np.abs(first - second**p).mean() * 49)
        without.append(np.abs(T - T**p).mean() * 49)
    assert np.mean(without) > 3
    assert np.mean(errors) < 0.8


@pytest.mark.parametrize("seed", range(5))
def test_without_the_warped_constraint_the_objective_never_rises(seed):
    rng = np.random.default_rng(seed)
    pair = [rng.normal(size=(2, 3, 12)), rng.normal(size=(2, 2, 15))]
    ctw = CanonicalTimeWarping(2, constraint="unwarped", tol=0).fit(pair)
    way = ctw.objectives_.ravel()
    assert len(way) >= 4
    assert (np.diff(way) <= 1e-9 * way[0]).all()
    assert ctw.objective_ == way[-2]


def test_under_the_warped_constraint_each_warping_step_falls_and_the_best_is_kept():
    rises = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        pair = [rng.normal(size=(3, 12)), rng.normal(size=(2, 15))]
        ctw = CanonicalTimeWarping(2, n_iter_no_change=5, tol=0).fit(pair)
        projecting, warping = ctw.objectives_.T
        assert (warping <= projecting + 1e-9).all()
        assert ctw.objective_ == projecting.min()
        rises += (np.diff(projecting) > 1e-9).any()
    assert rises > 0  # or keeping the best would be for nothing


def test_the_projections_that_are_kept_have_the_objective_that_is_told():
    (X, Y), _ = warped_pair(5, noise=0.1)
    ctw = CanonicalTimeWarping(window=10, ridge=1e-9).fit([X, Y])
    cost = sum(found.cost for found in ctw.align([X, Y]))
    # Warping once more can only lower it.
    assert cost <= ctw.objective_ + 1e-6
    assert cost > 0.9 * ctw.objective_


def test_units_of_channels_do_not_matter():
    (X, Y), _ = warped_pair(3, noise=0.05)
    one = CanonicalTimeWarping(window=8).fit([X, Y])
    scaled = [1e6 * X + 7, Y * [[1e-4], [50]] - 2]
    other = clone(one).fit(scaled)
    assert np.isclose(one.objective_, other.objective_)
    for a, b in zip(one.align([X, Y]), other.align(scaled), strict=True):
        np.testing.assert_array_equal(a.path, b.path)


def test_more_components_than_channels_are_refused():
    with pytest.raises(ValueError, match=r"n_components=2 .* \[1, 3\] channels"):
        CanonicalTimeWarping(2).fit([np.ones((1, 5)), np.ones((3, 5))])


def test_it_warns_if_rounds_run_out():
    rng = np.random.default_rng(0)
    pair = [rng.normal(size=(2, 3, 12)), rng.normal(size=(2, 2, 15))]
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        CanonicalTimeWarping(max_iter=1).fit(pair)
