"""The shrunk covariance against scikit-learn's, repetition, and degenerate data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import oas, shrunk_covariance

from sklearn_emma._statistics.covariance import (
    inverse_root,
    oracle_shrinkage,
    principal_axes,
)


def standardised(n, d, seed=0, mixing=1.0):
    """Samples (n, d) of mean 0 and unit variance."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ (np.eye(d) + mixing * rng.normal(size=(d, d)))
    return (x - x.mean(axis=0)) / x.std(axis=0)


def root(z, weight=None):
    return inverse_root(z, np.ones(len(z)) if weight is None else weight)


@pytest.mark.parametrize("mixing", [0.0, 1.0])
@pytest.mark.parametrize("n", [2, 8, 30, 500])
@pytest.mark.parametrize("d", [1, 2, 20])
def test_shrinkage_is_that_of_scikit_learn(n, d, mixing):
    z = standardised(n, d, mixing=mixing)
    covariance, _ = oas(z, assume_centered=True)
    matrix = root(z)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    assert (np.linalg.eigvalsh(matrix) > 0).all()
    expected = np.linalg.inv(covariance)
    np.testing.assert_allclose(matrix @ matrix, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("unit", [0.3, 1.0, 20.0])
def test_shrinkage_is_that_of_scikit_learn_in_other_units(unit):
    z = unit * 3 * standardised(40, 4)
    covariance, _ = oas(z, assume_centered=True)
    expected = np.linalg.inv(covariance)
    np.testing.assert_allclose(root(z) @ root(z), expected, rtol=1e-6)


@pytest.mark.parametrize("n", [2, 8, 30, 500])
@pytest.mark.parametrize("d", [1, 2, 20])
def test_the_oracle_share_is_that_of_scikit_learn(n, d):
    z = standardised(n, d)
    _, expected = oas(z, assume_centered=True)
    found = oracle_shrinkage(z, np.ones(n))
    assert found == pytest.approx(expected if d > 1 else 1.0)  # of 1 × 1, all is shrunk
    np.testing.assert_array_equal(root(z), inverse_root(z, np.ones(n), found))


@pytest.mark.parametrize("share", [1e-4, 0.1, 0.7, 1.0])
@pytest.mark.parametrize(("n", "d"), [(50, 4), (8, 20), (3, 30)])
def test_a_share_that_is_given_is_that_of_the_identity(n, d, share):
    """Also with fewer samples than features, whose axes are found among samples."""
    z, weight = standardised(n, d), np.random.default_rng(0).uniform(0.5, 2, size=n)
    covariance = (z * weight[:, np.newaxis]).T @ z / weight.sum()
    expected = np.linalg.inv(shrunk_covariance(covariance, share))
    matrix = inverse_root(z, weight, share)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)
    np.testing.assert_allclose(matrix @ matrix, expected, rtol=1e-6, atol=1e-6)


def test_without_any_share_directions_of_no_variance_are_not_blown_up():
    for n in (8, 500):
        z = standardised(n, 20)
        z[:, 0] = z[:, 1]
        lengths = np.linalg.eigvalsh(inverse_root(z, np.ones(n), 0.0))
        largest = np.linalg.eigvalsh(z.T @ z / n)[-1]
        assert np.isfinite(lengths).all() and lengths[-1] <= 1.001e3 / np.sqrt(largest)


@pytest.mark.parametrize(("n", "d"), [(50, 4), (4, 4), (8, 20), (1, 3), (5, 1)])
def test_axes_and_variances_make_up_the_covariance(n, d):
    rng = np.random.default_rng(0)
    z, weight = rng.normal(size=(n, d)), rng.uniform(0.5, 2, size=n)
    weight[: n // 4] = 0
    values, vectors, mean_variance = principal_axes(z, weight)
    covariance = (z * weight[:, np.newaxis]).T @ z / weight.sum()
    assert len(values) == vectors.shape[1] <= min(max(n - n // 4, 1), d)
    np.testing.assert_allclose((vectors * values) @ vectors.T, covariance, atol=1e-12)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(len(values)), atol=1e-9)
    assert mean_variance == pytest.approx(np.trace(covariance) / d)


def test_samples_that_say_nothing_new_add_no_axis():
    """Fewer samples than features, all but two of them combinations of others."""
    two = np.random.default_rng(0).normal(size=(2, 30))
    z = np.random.default_rng(1).normal(size=(7, 2)) @ two
    values, vectors, _ = principal_axes(z, np.ones(7))
    assert vectors.shape == (30, 2)
    np.testing.assert_allclose((vectors * values) @ vectors.T, z.T @ z / 7, atol=1e-9)


@pytest.mark.parametrize(("n", "d"), [(3, 5), (9, 2)])
def test_samples_that_never_vary_have_no_variance(n, d):
    values, vectors, mean_variance = principal_axes(np.zeros((n, d)), np.ones(n))
    assert mean_variance == 0 and (values == 0).all()
    assert len(values) == vectors.shape[1]
    for share in (0.0, 0.5, 1.0, None):
        matrix = inverse_root(np.zeros((n, d)), np.ones(n), share)
        np.testing.assert_allclose(matrix, np.eye(d), atol=1e-12)


def test_whitened_samples_have_identity_covariance_where_they_are_many():
    z = standardised(20_000, 4)
    covariance = np.cov(z @ root(z), rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(4), atol=0.02)


@given(
    weight=st.lists(st.integers(0, 4), min_size=12, max_size=12).filter(
        lambda counts: sum(map(bool, counts)) > 3
    )
)
def test_a_weight_is_a_number_of_repetitions(weight):
    z = standardised(12, 3)
    repeated = root(np.repeat(z, weight, axis=0))
    found = root(z, np.array(weight, dtype=float))
    np.testing.assert_allclose(found, repeated, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1 / 40])
def test_weights_that_are_shares_are_not_few_samples(scale):
    """A row that counts is one sample at least, whatever weights sum to."""
    z = standardised(40, 3, mixing=3.0)
    weight = np.random.default_rng(0).uniform(0.1, 1.0, size=40)
    weight[::7] = 0
    one, other = root(z, weight), root(z, scale * weight)
    assert np.abs(one - np.diag(one.diagonal())).max() > 0.1  # not all is shrunk away
    np.testing.assert_allclose(other, one, rtol=1e-9)
    kept = weight > 0
    np.testing.assert_allclose(root(z[kept], weight[kept]), one, rtol=1e-9)


def test_more_samples_shrink_less():
    """Weight k is k samples: repetition makes the estimate surer."""
    z = standardised(12, 6)
    wanted = z.T @ z / 12
    distances = [
        np.abs(
            np.linalg.inv(root(z, np.full(12, k)) @ root(z, np.full(12, k))) - wanted
        )
        for k in (1.0, 3.0, 50.0)
    ]
    largest = [distance.max() for distance in distances]
    assert largest[0] > largest[1] > largest[2]


@pytest.mark.parametrize("d", [1, 4])
def test_where_nothing_varies_no_direction_is_scaled(d):
    """What is left of equal samples is rounding, which is nobody's deviation."""
    for z in (np.zeros((5, d)), np.full((5, d), 1e-9)):
        np.testing.assert_allclose(root(z), np.eye(d), atol=1e-12)


def test_a_direction_of_rounding_errors_is_not_blown_up():
    """Two features alike, and so many samples that next to nothing is shrunk."""
    z = standardised(40, 2)[:, [0, 1, 1]]
    matrix = root(z, np.full(40, 1e12))
    lengths = np.linalg.eigvalsh(matrix)
    assert lengths[-1] <= 1.001e3 / np.sqrt(np.linalg.eigvalsh(z.T @ z / 40)[-1])


@pytest.mark.parametrize("n", [2, 3, 5])
def test_directions_that_no_sample_has_shown_are_not_blown_up(n):
    assert np.linalg.norm(root(standardised(n, 30)), 2) < 10


def test_a_constant_feature_among_others_is_no_problem():
    z = standardised(40, 3)
    z[:, 1] = 0
    matrix = root(z)
    assert np.isfinite(matrix).all()
    np.testing.assert_allclose((z @ matrix)[:, 1], 0, atol=1e-9)
    np.testing.assert_allclose((z @ matrix)[:, [0, 2]].std(axis=0), 1, rtol=0.2)
