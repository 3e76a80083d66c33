"""Mean and scale: those of scikit-learn's StandardScaler."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from sklearn_emma._statistics.moments import mean_and_scale


def assert_those_of_scikit_learn(X, weight):
    scaler = StandardScaler().fit(X, sample_weight=weight)
    mean, scale = mean_and_scale(X, weight)
    assert mean.dtype == scale.dtype == np.float64
    np.testing.assert_allclose(mean, scaler.mean_, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(scale, scaler.scale_, rtol=1e-14, atol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(
    st.integers(2, 30), st.integers(1, 4), st.floats(-8, 8), st.integers(0, 2**32 - 1)
)
def test_they_are_those_of_scikit_learn(dtype, n, d, power, seed):
    rng = np.random.default_rng(seed)
    X = (10**power * (rng.normal(size=(n, d)) + 5 * rng.normal(size=d))).astype(dtype)
    assert_those_of_scikit_learn(X, np.ones(n))
    assert_those_of_scikit_learn(X, rng.integers(0, 3, n) + rng.integers(1, 3, n) / 3)


def test_a_feature_that_varies_by_rounding_alone_has_the_scale_one():
    X = np.full((50, 3), 0.1)
    X[::2, 1] += 2e-17
    X[:, 2] = np.arange(50) * 1e-12 + 1e6
    assert_those_of_scikit_learn(X, np.ones(50))
    assert mean_and_scale(X, np.ones(50))[1][:2].tolist() == [1, 1]
