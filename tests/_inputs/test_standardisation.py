"""Standardised values against the scaler, and their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from sklearn_emma._inputs.standardisation import bounded, standardise

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


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", [10, 1000])
def test_statistics_of_bounded_values_are_finite(dtype, n):
    largest = np.finfo(dtype).max
    X = bounded(np.tile([[largest], [-largest]], (n, 1)), dtype)
    with np.errstate(invalid="ignore"):  # of scikit-learn's check
        scaler = StandardScaler().fit(X)
    np.testing.assert_allclose(standardise(X, scaler).ravel(), [1, -1] * n, rtol=1e-5)
