import numpy as np
import pytest

from helpers import all_paths
from sklearn_emma.alignment import dtw
from sklearn_emma.alignment._warping import squared_distances, within_window


def matrices(path, n, m):
    """W_x and W_y in {0, 1}, (n, l) and (m, l)."""
    return np.eye(n)[:, path[:, 0]], np.eye(m)[:, path[:, 1]]


@pytest.mark.parametrize("n, m", [(4, 5), (3, 3), (6, 2)])
@pytest.mark.parametrize("window", [None, 1, 1.5])
def test_the_frobenius_norm_is_the_least_of_all_paths(n, m, window):
    rng = np.random.default_rng(n)
    X, Y = rng.normal(size=(2, n)), rng.normal(size=(2, m))
    found = dtw(X, Y, window=window)
    W_x, W_y = matrices(found.path, n, m)
    assert np.isclose(found.cost, np.linalg.norm(X @ W_x - Y @ W_y) ** 2)
    width = np.inf if window is None else window
    totals = [
        sum(np.sum((X[:, i] - Y[:, j]) ** 2) for i, j in path)
        for path in all_paths(n, m)
        if all(
            abs(i / (n - 1) - j / (m - 1)) * (min(n, m) - 1) <= width + 1e-9
            for i, j in path
        )
    ]
    assert np.isclose(found.cost, min(totals))


def test_a_known_warp_is_recovered():
    t = np.linspace(0, 1, 60)
    warp = t**1.4
    X = np.array([np.sin(8 * t), np.cos(5 * t)])
    Y = np.array([np.sin(8 * warp), np.cos(5 * warp)])
    path = dtw(X, Y).path
    gap = path[:, 0] - np.interp(path[:, 1], np.arange(60), warp * 59)
    assert np.abs(gap).max() <= 1
    assert np.abs(path[:, 0] - path[:, 1]).max() >= 7  # far from the diagonal


def test_sequences_of_different_rates_meet_at_the_same_share_of_time():
    x = np.arange(10.0)
    path = dtw(x, np.repeat(x, 3)).path
    assert path.tolist() == [[j // 3, j] for j in range(30)]


def test_a_window_of_nothing_is_the_diagonal():
    x, y = np.random.default_rng(0).normal(size=(2, 8))
    found = dtw(x, y, window=0)
    assert found.path.tolist() == [[k, k] for k in range(8)]
    assert np.isclose(found.cost, np.sum((x - y) ** 2))


def test_a_slope_of_one_is_the_diagonal_too():
    x, y = np.random.default_rng(0).normal(size=(2, 8))
    assert dtw(x, y, slope=1).path.tolist() == [[k, k] for k in range(8)]


def test_an_open_boundary_leaves_out_what_the_other_has_not_seen():
    signal = np.random.default_rng(0).normal(size=23)
    early, late = signal[3:], signal[:-3]
    assert dtw(early, late).cost > 1
    found = dtw(early, late, boundary=3)
    assert found.cost == 0
    assert found.path.tolist() == [[k, k + 3] for k in range(17)]


def test_distances_of_equal_steps_are_never_negative():
    X = 1e4 + np.random.default_rng(0).normal(size=(2, 3, 5))
    distances = squared_distances(X, X)
    assert (distances >= 0).all()
    diagonal = distances[:, np.arange(5), np.arange(5)]
    np.testing.assert_allclose(diagonal, 0, atol=1e-6)


def test_the_window_is_the_usual_band_for_equal_lengths():
    inside = within_window(np.arange(6), np.arange(6), (6, 6), 2)
    i, j = np.indices((6, 6))
    np.testing.assert_array_equal(inside, abs(i - j) <= 2)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"window": -1}, "`window` must be"),
        ({"window": np.nan}, "`window` must be"),
        ({"slope": 0}, "`slope` must be"),
        ({"slope": 1.5}, "`slope` must be"),
        ({"boundary": -1}, "`boundary` must be"),
    ],
)
def test_restrictions_without_meaning_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        dtw([0.0, 1.0], [0.0, 1.0], **arguments)


@pytest.mark.parametrize(
    "X, Y, message",
    [
        ([[0, 1]], [[0, 1], [1, 2]], "X has 1 channels and Y has 2"),
        ([0, np.nan], [0, 1], "X has values that are NaN"),
        ([0, 1], [[[0]]], "Y must have shape"),
    ],
)
def test_sequences_that_cannot_be_compared_are_refused(X, Y, message):
    with pytest.raises(ValueError, match=message):
        dtw(X, Y)


def test_where_no_path_is_left_it_says_what_to_widen():
    with pytest.raises(ValueError, match=r"3 and 7 steps .* slope=2: widen"):
        dtw(np.arange(3.0), np.arange(7.0), slope=2)
