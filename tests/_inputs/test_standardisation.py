"""Standardised values against the scaler, and their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.standardisation import (
    bounded,
    fit_scaler,
    fit_scaler_of_modes,
    standardise,
)

DTYPES = [np.dtype("f4"), np.dtype("f8")]


def fitted(dtype, scale=1.0):
    X = 3 + scale * np.random.default_rng(0).normal(size=(30, 4))
    return X.astype(dtype), StandardScaler().fit(X)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_standardise_is_what_the_scaler_does(dtype, scale):
    X, scaler = fitted(dtype, scale)
    X[::3, 1] = np.nan
    z = standardise(X, scaler)
    assert z.dtype == dtype
    eps = 1e4 * np.finfo(dtype).eps
    np.testing.assert_allclose(z, scaler.transform(X), rtol=eps, atol=eps)
    # To the last bit: bounds are no arithmetic.
    mean, sd = scaler.mean_.astype(dtype), scaler.scale_.astype(dtype)
    np.testing.assert_array_equal(z, (X - mean) / sd)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_values_lie_row_by_row_however_they_came(dtype):
    X, scaler = fitted(dtype)
    given = X.copy()
    for laid_out in (X, np.asfortranarray(X), X[:, [2, 0, 1, 3]][:, [1, 2, 0, 3]]):
        z = standardise(laid_out, scaler)
        assert z.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(z, standardise(X, scaler))
    np.testing.assert_array_equal(X, given)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@given(data=st.data())
def test_any_value_is_finite_and_keeps_its_side_and_order(dtype, data):
    given_dtype = data.draw(st.sampled_from(DTYPES))
    values = st.floats(
        allow_nan=True, allow_infinity=False, width=8 * given_dtype.itemsize
    )
    X = data.draw(arrays(given_dtype, (3, 4), elements=values))
    before = X.copy()
    _, scaler = fitted(dtype, data.draw(st.sampled_from([1e-6, 1.0, 1e9])))
    z = standardise(bounded(X, dtype), scaler)
    assert z.dtype == dtype
    np.testing.assert_array_equal(np.isnan(z), np.isnan(X))
    assert not (np.abs(z) > 1e6).any()
    for column, original in zip(z.T, X.T, strict=True):
        ordered = column[np.argsort(original)]
        assert (np.diff(ordered[~np.isnan(ordered)]) >= 0).all()
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("given_dtype", DTYPES, ids=str)
def test_usual_values_are_only_cast(dtype, given_dtype):
    X = np.array([[-1e30, -1.5, 0.0, 1e-30, 2e36, np.nan]], dtype=given_dtype)
    result = bounded(X, dtype)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, X.astype(dtype))


# ------------------------------------------------------------------------- statistics


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", [10, 1000])
def test_statistics_of_the_largest_values_are_finite(dtype, n):
    largest = np.finfo(dtype).max
    X = bounded(np.tile([[largest], [-largest]], (n, 1)), dtype)
    with np.errstate(invalid="ignore", over="ignore"):  # of scikit-learn's check
        scaler = fit_scaler(X)
    np.testing.assert_allclose(standardise(X, scaler).ravel(), [1, -1] * n, rtol=1e-5)


def table(dtype):
    X = np.random.default_rng(0).normal([3.0, -200.0, 0.0], [1.0, 7.0, 1e-3], (40, 3))
    X[::5, 1] = np.nan
    return X.astype(dtype), np.arange(40.0) % 3


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_usual_statistics_are_those_of_scikit_learn(dtype):
    X, weight = table(dtype)
    scaler, expected = fit_scaler(X, weight), StandardScaler().fit(X, None, weight)
    for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
        np.testing.assert_allclose(
            getattr(scaler, name), getattr(expected, name), rtol=1e-14
        )
    np.testing.assert_allclose(scaler.transform(X), expected.transform(X))


@pytest.mark.parametrize(
    ("dtype", "power"),
    [
        *((np.float64, power) for power in (-980, -600, -401, -3, 4, 401, 600, 1014)),
        *((np.float32, power) for power in (-100, -61, -3, 4, 61, 118)),
    ],
)
def test_a_power_of_two_changes_no_bit(dtype, power):
    X, weight = table(dtype)
    scaled = np.ldexp(X, power)
    with np.errstate(invalid="ignore", over="ignore"):
        expected = standardise(X, fit_scaler(X, weight))
        found = standardise(scaled, fit_scaler(scaled, weight))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("factor", [1e-307, 1e-200, 1e200, 1e304])
def test_any_scale_gives_the_same_values(factor):
    X, weight = table(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        found = standardise(X * factor, fit_scaler(X * factor, weight))
    rtol = 1e-9 if factor > 1e-306 else 1e-4  # of subnormal numbers, some digits less
    expected = standardise(X, fit_scaler(X, weight))
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("value", [0.1, -1013.0, 1e-30, 1e30])
def test_a_column_that_varies_by_rounding_only_is_constant(dtype, value):
    rng = np.random.default_rng(0)
    noise = np.finfo(dtype).eps * rng.integers(-2, 3, size=(50, 1))
    X = (dtype.type(value) * (1 + noise)).astype(dtype)
    assert len(np.unique(X)) > 1
    scaler = fit_scaler(X)
    np.testing.assert_allclose(scaler.scale_, abs(value), rtol=1e-5)
    np.testing.assert_array_equal(standardise(X, scaler), 0)
    # In units of its own size, whatever that is.
    other = (X[:1] * [[0.0], [2.0], [-1.0]]).astype(dtype)
    found = standardise(other, scaler) * np.sign(value)
    np.testing.assert_allclose(found.ravel(), [-1, 1, -2], rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_column_that_varies_by_little_but_truly_has_its_deviation(dtype):
    step = 50 * np.finfo(dtype).eps
    X = 1 + step * np.random.default_rng(0).normal(size=(50_000, 1))
    X = X.astype(dtype)
    scaler = fit_scaler(X)
    np.testing.assert_allclose(scaler.scale_, X.std(dtype="f8"), rtol=1e-6)


def test_columns_of_zeros_and_of_no_values():
    X = np.array([[0.0, np.nan, 2.0], [0.0, np.nan, 4.0]])
    scaler = fit_scaler(X, np.array([1.0, 3.0]))
    np.testing.assert_array_equal(scaler.mean_, [0, 0, 3.5])
    np.testing.assert_array_equal(scaler.scale_[:2], [1, 1])
    np.testing.assert_array_equal(
        standardise(np.array([[2.0, 2.0, 3.5]]), scaler), [[2, 2, 0]]
    )


def test_a_channel_has_one_mean_and_scale_and_columns_have_their_own():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 8)) * [1, 2, 3, 4, 10, 10, 1, 5]
    X[::4, 1] = np.nan
    weight = rng.uniform(1, 2, 50)
    modes = {"signal": range(6), "table": [6, 7]}
    layout = ModeLayout.from_columns(modes, {"signal": (2, 3)})
    scaler, plain = fit_scaler_of_modes(X, weight, layout), fit_scaler(X, weight)
    for channel in (slice(0, 3), slice(3, 6)):
        values, counts = X[:, channel].ravel(), weight.repeat(3)
        known = ~np.isnan(values)
        mean = np.average(values[known], weights=counts[known])
        square = np.average(np.square(values[known] - mean), weights=counts[known])
        np.testing.assert_allclose(scaler.mean_[channel], mean)
        np.testing.assert_allclose(scaler.var_[channel], square)
        np.testing.assert_allclose(scaler.scale_[channel], np.sqrt(square))
    np.testing.assert_array_equal(scaler.scale_[6:], plain.scale_[6:])
    np.testing.assert_array_equal(scaler.mean_[6:], plain.mean_[6:])


def test_modes_of_columns_have_the_scaler_of_columns_to_the_bit():
    X = np.random.default_rng(0).normal(size=(50, 4))
    layout = ModeLayout.from_columns({"a": [0, 1], "b": [2, 3]})
    found, plain = (
        fit_scaler_of_modes(X, np.ones(50), layout),
        fit_scaler(X, np.ones(50)),
    )
    np.testing.assert_array_equal(found.mean_, plain.mean_)
    np.testing.assert_array_equal(found.scale_, plain.scale_)
