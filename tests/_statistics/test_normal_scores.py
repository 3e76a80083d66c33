"""Normal scores against slow code and scikit-learn's transformer."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer

from sklearn_emma._statistics.normal_scores import (
    N_QUANTILES,
    NormalScoring,
    fit_normal_scores,
    normal_scores,
    with_scores,
)

LEVELS = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES

# Grids of values with ties; ties in all of a column make it constant.
matrices = arrays(np.int8, (30, 2), elements=st.integers(-20, 20)).map(lambda a: a / 4)


def fit(X, weight=None):
    return fit_normal_scores(X, np.ones(len(X)) if weight is None else weight)


def scores(fitted, X):
    """Scores (n, d) of X (n, d)."""
    tensors = [torch.from_numpy(np.asarray(a))[None] for a in (X, *fitted)]
    return normal_scores(*tensors)[0].numpy()


def skewed(n=500, d=3, seed=0):
    return np.exp(np.random.default_rng(seed).normal(size=(n, d)) * np.arange(1, d + 1))


# ------------------------------------------------------------------------- the map


def slow_scores(X, column):
    """Knots and scores of a feature, one knot for each distinct quantile."""
    knots = np.quantile(X[:, column], LEVELS, method="inverted_cdf")
    values = norm.ppf(LEVELS)
    distinct = np.unique(knots)
    return distinct, np.array([values[knots == knot].mean() for knot in distinct])


def slow_score(x, knots, values, deviation):
    if x < knots[0]:
        return values[0] - (knots[0] - x) / deviation
    if x > knots[-1]:
        return values[-1] + (x - knots[-1]) / deviation
    return np.interp(x, knots, values)


def assert_slow(X, other):
    fitted = fit(X)
    for column in range(X.shape[1]):
        knots, values = slow_scores(X, column)
        varies = np.ptp(X[:, column]) > 0
        deviation = X[:, column].std() if varies else 1.0
        expected = [slow_score(x, knots, values, deviation) for x in other[:, column]]
        actual = scores(fitted, other)[:, column]
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


@given(X=matrices, other=matrices)
def test_equal_slow_code_with_ties_and_constant_features(X, other):
    assert_slow(X, 2 * other)


def test_equal_slow_code_on_skewed_features():
    assert_slow(skewed(), skewed(seed=1) - 1)


def test_bulk_of_skewed_data_becomes_gaussian_as_in_scikit_learn():
    X = skewed(5000)
    actual = scores(fit(X), X)
    reference = QuantileTransformer(output_distribution="normal").fit_transform(X)
    inside = np.abs(reference) < 1.5
    np.testing.assert_allclose(actual[inside], reference[inside], atol=0.05)


@given(X=matrices)
def test_the_map_is_monotone(X):
    grid = np.linspace(-12, 12, 400)[:, np.newaxis].repeat(2, axis=1)
    assert (np.diff(scores(fit(X), grid), axis=0) >= -1e-12).all()


@given(X=matrices)
def test_the_map_is_continuous(X):
    fitted = fit(X)
    near = fitted.knots.T[:, np.newaxis] + 1e-9 * np.array([-1, 0, 1])[:, None]
    jump = np.ptp(scores(fitted, near.reshape(-1, 2)).reshape(near.shape), axis=1)
    assert jump.max() < 1e-6


@given(X=matrices, distance=st.floats(0.5, 1e4), side=st.sampled_from([-1.0, 1.0]))
def test_tails_rise_by_one_for_each_standard_deviation(X, distance, side):
    fitted = fit(X)
    deviation = np.where(np.ptp(X, axis=0) > 0, X.std(axis=0), 1.0)
    edge = (X.max(axis=0) if side > 0 else X.min(axis=0)) + side * 0.1
    rise = np.diff(scores(fitted, np.stack([edge, edge + side * distance])), axis=0)
    np.testing.assert_allclose(rise[0], side * distance / deviation, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 7.3, 1e6 + 0.1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_features_have_score_0_and_unit_tails(value, dtype):
    """A mean that is off by a rounding error is no standard deviation."""
    X = np.full((30, 1), value, dtype=dtype)
    weight = np.random.default_rng(0).uniform(0.1, 3.0, size=30).astype(dtype)
    fitted = fit(X, weight)
    np.testing.assert_allclose(scores(fitted, X), 0, atol=1e-6)
    np.testing.assert_allclose(scores(fitted, X + dtype(1)), 1, rtol=1e-6)


def test_features_are_where_they_were_with_their_scores_behind_them():
    X = skewed()
    tensors = [torch.from_numpy(a)[None] for a in (X, *fit(X))]
    both = with_scores(tensors[0], normal_scores(*tensors))
    assert both.shape == (1, 500, 6)
    np.testing.assert_array_equal(both[0, :, ::2], X)
    np.testing.assert_array_equal(both[0, :, 1::2].argsort(dim=0), X.argsort(axis=0))


# --------------------------------------------------- samples, weights, types, groups


@given(
    X=matrices,
    weight=st.lists(st.integers(0, 3), min_size=30, max_size=30).filter(any),
)
def test_a_weight_is_a_number_of_repetitions(X, weight):
    weighted = fit(X, np.array(weight, dtype=float))
    repeated = fit(np.repeat(X, weight, axis=0))
    for a, b in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_has_the_same_scores_by_itself(dtype):
    X = skewed().astype(dtype)
    fitted = fit(X)
    batch = scores(fitted, X)
    alone = np.concatenate([scores(fitted, row[np.newaxis]) for row in X])
    np.testing.assert_array_equal(alone, batch)


def test_single_precision_follows_double():
    X = skewed()
    single, double = fit(X.astype(np.float32)), fit(X)
    assert {a.dtype for a in single} == {np.dtype("f4")}
    assert {a.dtype for a in double} == {np.dtype("f8")}
    actual = scores(single, X.astype(np.float32))
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, scores(double, X), rtol=1e-4, atol=1e-4)


def test_single_precision_of_many_samples_far_from_0():
    """Their mean and deviation are not summed up in single precision."""
    X = 1000 + np.random.default_rng(0).normal(size=(100_000, 1))
    slope = fit(X.astype(np.float32)).slope
    np.testing.assert_allclose(slope[:, [0, -1]], 1 / X.std(), rtol=1e-3)


def test_a_group_of_modes_equals_its_modes():
    fits = [fit(skewed(seed=seed)) for seed in range(3)]
    X = np.stack([skewed(20, seed=seed + 9) for seed in range(3)])
    tensors = [torch.from_numpy(np.stack(part)) for part in zip(*fits, strict=True)]
    together = normal_scores(torch.from_numpy(X), *tensors)
    for group, fitted, own in zip(together, fits, X, strict=True):
        np.testing.assert_array_equal(group, scores(fitted, own))


def test_knots_that_are_as_good_as_equal_count_as_equal():
    """A slope between them would be infinite, and a score NaN."""
    X = np.r_[np.full(20, 0.0), np.full(20, 1e-309), -1.0, 1.0][:, np.newaxis]
    fitted = fit(X)
    assert all(np.isfinite(part).all() for part in fitted)
    assert np.isfinite(scores(fitted, X)).all()


def test_a_module_has_the_scores_of_the_map():
    X, fitted = skewed(20, seed=3), fit(skewed())
    scoring = NormalScoring(fitted)
    found = scoring(torch.from_numpy(X)).numpy()
    np.testing.assert_array_equal(found, scores(fitted, X))


def with_changed(fitted, part, amount):
    """The maps of two features as tensors, one number of a part times 1 + amount."""
    maps = [torch.from_numpy(array[1:].copy()) for array in fitted]
    maps[part][1, 7] *= 1 + amount
    return maps


@pytest.mark.parametrize("part", range(3))
def test_maps_agree_up_to_rounding_and_no_further(part):
    fitted = fit(skewed())
    scoring, columns = NormalScoring(fitted), torch.tensor([1, 2])
    assert scoring.agrees(columns, *with_changed(fitted, part, 1e-15))
    assert not scoring.agrees(columns, *with_changed(fitted, part, 1e-9))
    assert not scoring.agrees(columns.flip(0), *with_changed(fitted, part, 0.0))
