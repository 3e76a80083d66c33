"""Coordinates of an autoencoder against scikit-learn and plain statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import oas

from sklearn_emma._whitening import fit_coordinates

KINDS = [None, "standardize", "whiten"]


def correlated(n, d, seed=0, mixing=1.0):
    rng = np.random.default_rng(seed)
    mix = np.eye(d) + mixing * rng.normal(size=(d, d))
    return 3 + rng.normal(size=(n, d)) @ mix


def coordinates(X, weight=None, kind="whiten"):
    mean, matrix = fit_coordinates(X, weight, kind)
    return (X - mean) @ matrix


def test_no_preprocessing_leaves_values_as_they_are():
    X = correlated(5, 3)
    np.testing.assert_array_equal(coordinates(X, kind=None), X)


def test_standardised_features_have_unit_variance_and_keep_their_correlation():
    X = correlated(50, 3)
    z = coordinates(X, kind="standardize")
    np.testing.assert_allclose(z, (X - X.mean(0)) / X.std(0))


def test_whitened_features_have_identity_covariance_where_samples_are_many():
    covariance = np.cov(coordinates(correlated(20_000, 4)), rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(4), atol=0.02)


def test_real_features_are_whitened(htru2):
    X = htru2[0].to_numpy()[:, :4]
    before = np.corrcoef(X, rowvar=False) - np.eye(4)
    covariance = np.cov(coordinates(X), rowvar=False)
    assert np.abs(before).max() > 0.9
    np.testing.assert_allclose(covariance, np.eye(4), atol=0.02)


@pytest.mark.parametrize("mixing", [0.0, 1.0])
@pytest.mark.parametrize("n", [2, 8, 30, 500])
@pytest.mark.parametrize("d", [1, 2, 20])
def test_shrinkage_is_that_of_scikit_learn(n, d, mixing):
    X = correlated(n, d, mixing=mixing)
    scale = X.std(axis=0)
    covariance, _ = oas((X - X.mean(axis=0)) / scale, assume_centered=True)
    _, matrix = fit_coordinates(X, None, "whiten")
    # A = diag(1/scale) S^(-1/2), so that A Aᵀ is known from the shrunk covariance S.
    expected = np.linalg.inv(covariance) / np.outer(scale, scale)
    np.testing.assert_allclose(matrix @ matrix.T, expected, rtol=1e-6, atol=1e-12)


@given(
    weight=st.lists(st.integers(0, 4), min_size=12, max_size=12).filter(
        lambda counts: sum(map(bool, counts)) > 3
    )
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_is_a_number_of_repetitions(kind, weight):
    X = correlated(12, 3)
    weighted = fit_coordinates(X, np.array(weight, dtype=float), kind)
    repeated = fit_coordinates(np.repeat(X, weight, axis=0), None, kind)
    for a, b in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("constant", [[0], [1, 2], [0, 1, 2]])
@pytest.mark.parametrize("kind", KINDS)
def test_constant_features_are_no_problem(constant, kind):
    X = correlated(40, 3)
    X[:, constant] = 7.0
    mean, matrix = fit_coordinates(X, None, kind)
    assert np.isfinite(mean).all() and np.isfinite(matrix).all()
    z = (X - mean) @ matrix
    varying = [i for i in range(3) if i not in constant]
    if kind is not None:
        np.testing.assert_allclose(z[:, constant], 0, atol=1e-9)
        np.testing.assert_allclose(z[:, varying].std(0), 1, rtol=0.2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fewer_samples_than_features(dtype):
    X = correlated(5, 30).astype(dtype)
    mean, matrix = fit_coordinates(X, None, "whiten")
    assert (mean.dtype, matrix.dtype) == (dtype, dtype)
    other = (correlated(200, 30, seed=1).astype(dtype) - mean) @ matrix
    assert np.isfinite(other).all()
    # Directions that no sample has shown are not blown up.
    assert np.linalg.norm(matrix * X.std(axis=0)[:, None], 2) < 10


def test_equal_samples_leave_no_direction_to_scale():
    mean, matrix = fit_coordinates(np.full((5, 3), 2.0), None, "whiten")
    np.testing.assert_array_equal(mean, [2, 2, 2])
    np.testing.assert_allclose(matrix, np.eye(3))
