"""Mixtures of Gaussians, against scikit-learn, scipy and hand-worked numbers."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from sklearn_emma._energies.gaussian_mixtures import (
    Mixture,
    _coefficients,
    _moments,
    fit_mixture,
)


def clusters(n, d, seed=0):
    rng = np.random.default_rng(seed)
    centres = 2 * rng.normal(size=(5, d))
    x = centres[rng.integers(5, size=n)] + rng.normal(size=(n, d)) * 0.5
    return (x - x.mean(axis=0)) / x.std(axis=0)


def fitted(x, k, floor=0.01, weight=None, **options):
    weight = np.ones(len(x)) if weight is None else weight
    options = {"max_iter": 200, "tol": 1e-6} | options
    return fit_mixture(x, weight, k, floor, np.random.RandomState(0), **options)


def density(x, mixture):
    return sum(
        share * multivariate_normal(mean, covariance).pdf(x)
        for share, mean, covariance in zip(*mixture, strict=True)
    )


@pytest.mark.parametrize("d", [1, 2, 5])
def test_one_component_is_the_gaussian_of_the_rows(d):
    x = clusters(300, d)
    mixture, _ = fitted(x, 1, floor=0.25)
    np.testing.assert_allclose(mixture.shares, [1.0])
    np.testing.assert_allclose(mixture.means[0], x.mean(axis=0), atol=1e-12)
    expected = np.cov(x.T, bias=True).reshape(d, d) + 0.25 * np.eye(d)
    np.testing.assert_allclose(mixture.covariances[0], expected, atol=1e-12)


@pytest.mark.parametrize(("n", "d", "k"), [(200, 1, 2), (400, 3, 4), (600, 5, 3)])
def test_where_it_ends_scikit_learn_has_nothing_to_gain(n, d, k):
    x = clusters(n, d)
    own, _ = fitted(x, k, tol=1e-10, max_iter=5000)
    theirs = GaussianMixture(
        k,
        reg_covar=0.01,
        tol=1e-4,
        weights_init=own.shares,
        means_init=own.means,
        precisions_init=np.linalg.inv(own.covariances),
    ).fit(x)
    order = own.means[:, 0].argsort(), theirs.means_[:, 0].argsort()
    for ours, given in (
        (own.shares, theirs.weights_),
        (own.means, theirs.means_),
        (own.covariances, theirs.covariances_),
    ):
        np.testing.assert_allclose(ours[order[0]], given[order[1]], atol=0.01)
    assert np.log(density(x, own)).mean() == pytest.approx(theirs.score(x), abs=1e-3)


def test_the_log_density_is_linear_in_the_moments():
    x = clusters(50, 3)
    mixture, curve = fitted(x, 3)
    joint = np.exp(_moments(x) @ _coefficients(mixture)).sum(axis=1)
    np.testing.assert_allclose(joint, density(x, mixture), rtol=1e-9)
    assert np.log(joint).mean() == pytest.approx(curve[-1])


def test_roots_and_peaks_are_those_of_the_density():
    mixture = Mixture(
        np.array([0.25, 0.75]), np.zeros((2, 1)), np.array([[[4.0]], [[1.0]]])
    )
    np.testing.assert_allclose(mixture.roots[:, 0, 0], [0.5, 1.0])
    peaks = [0.25 / np.sqrt(8 * np.pi), 0.75 / np.sqrt(2 * np.pi)]
    np.testing.assert_allclose(np.exp(mixture.log_peaks(mixture.roots)), peaks)


def test_the_likelihood_rises_until_it_hardly_does():
    x = clusters(300, 2)
    _, curve = fitted(x, 4, floor=1e-6, tol=1e-3)
    gains = np.diff(curve)
    assert (gains[:-1] >= 1e-3).all() and -1e-9 < gains[-1] < 1e-3
    assert len(fitted(x, 4, max_iter=3, tol=0.0)[1]) == 3


def test_a_row_of_weight_two_is_two_rows():
    x = clusters(200, 3)
    counts = np.random.default_rng(1).integers(1, 4, size=200)
    first, _ = fitted(x, 1, weight=counts.astype(float))
    second, _ = fitted(np.repeat(x, counts, axis=0), 1)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_few_distinct_rows_and_constant_features_are_no_problem():
    x = np.repeat([[1.0, 0.0], [-1.0, 0.0]], 10, axis=0)
    mixture, _ = fitted(x, 4)
    assert all(np.isfinite(part).all() for part in mixture)
    np.testing.assert_allclose(mixture.covariances[:, 1, 1], 0.01)
    at_rows, between = density(np.array([[1.0, 0.0], [0.0, 0.0]]), mixture)
    assert at_rows > 1e6 * between
