"""Weighted quantiles against numpy's, repetition and a slow loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_emma._statistics.quantiles import median_and_iqr, weighted_quantiles

LEVELS = np.array([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9, 1.0])

whole = st.lists(st.integers(-3, 3), min_size=1, max_size=20)


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_without_weights_as_numpy(values):
    X = np.array(values)[:, np.newaxis]
    expected = np.quantile(X, LEVELS, axis=0, method="inverted_cdf")
    actual = weighted_quantiles(X, np.ones(len(X)), LEVELS)
    np.testing.assert_array_equal(actual, expected.T)


@pytest.mark.parametrize("n", [64, 100, 1000])
def test_a_level_that_falls_on_a_sample_is_that_sample(n):
    """Levels k / n of n samples: rounding must not pick a neighbour."""
    X = np.random.default_rng(0).permutation(n)[:, np.newaxis].astype(float)
    levels = np.arange(1, n + 1) / n
    for weight in (1.0, 0.1, 1 / 3):
        actual = weighted_quantiles(X, np.full(n, weight), levels)
        np.testing.assert_array_equal(actual[0], np.arange(n))


@given(values=whole, data=st.data())
def test_a_weight_is_a_number_of_repetitions(values, data):
    X = np.stack([values, np.negative(values)], axis=1).astype(float)
    counts = st.lists(st.integers(0, 4), min_size=len(X), max_size=len(X))
    weight = data.draw(counts.filter(any))
    repeated = np.repeat(X, weight, axis=0)
    expected = np.quantile(repeated, LEVELS, axis=0, method="inverted_cdf").T
    for scale in (1.0, 0.1):
        actual = weighted_quantiles(X, scale * np.array(weight), LEVELS)
        np.testing.assert_array_equal(actual, expected)


def slow_quantile(values, weight, level):
    """Smallest value of positive weight with that share at or below it."""
    counted = sorted(v for v, w in zip(values, weight, strict=True) if w > 0)
    for value in counted:
        if weight[values <= value].sum() >= level * weight.sum():
            return value
    raise AssertionError


def test_any_weights_as_a_slow_loop():
    rng = np.random.default_rng(0)
    X = rng.integers(-5, 5, size=(60, 3)).astype(float)  # ties
    weight = rng.exponential(size=60) * (rng.random(60) < 0.8)
    levels = np.linspace(0, 0.999, 50)
    expected = [[slow_quantile(c, weight, level) for level in levels] for c in X.T]
    np.testing.assert_array_equal(weighted_quantiles(X, weight, levels), expected)


def test_rows_without_weight_are_no_quantile():
    X = np.array([[-5.0], [1.0], [2.0], [9.0]])
    actual = weighted_quantiles(X, np.array([0.0, 1.0, 1.0, 0.0]), LEVELS)
    assert set(actual.ravel()) == {1.0, 2.0}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_type_of_the_data_does_not_matter(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 2)).astype(np.float32)
    weight = rng.uniform(size=5000).astype(np.float32)
    before = X.copy()
    actual = weighted_quantiles(X.astype(dtype), weight.astype(dtype), LEVELS)
    expected = weighted_quantiles(X.astype("f8"), weight.astype("f8"), LEVELS)
    assert actual.dtype == np.float64 and actual.shape == (2, len(LEVELS))
    np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(X, before)


def test_median_and_range_are_those_of_repeated_rows():
    X = np.array([[9.0, 7.0], [0.0, 7.0], [3.0, 7.0], [2.0, 7.0]])
    median, iqr = median_and_iqr(X, np.array([1.0, 1.0, 2.0, 0.0]))
    np.testing.assert_array_equal(median, [3.0, 7.0])
    np.testing.assert_array_equal(iqr, [3.0, 1.0])  # 3 − 0; constant


@pytest.mark.parametrize("weight", [[1.0] * 5, [1.0, 2.0, 0.0, 1.0, 3.0]])
def test_quantiles_of_a_feature_lie_side_by_side(weight):
    """As torch wants them; of equal weights, which are computed apart, too."""
    X = np.random.default_rng(0).normal(size=(5, 3))
    found = weighted_quantiles(X, np.array(weight), LEVELS)
    assert found.flags.c_contiguous and found.shape == (3, len(LEVELS))
