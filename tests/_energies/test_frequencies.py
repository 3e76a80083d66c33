"""Cosine transforms against scipy's, and whitening against closed forms."""

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from scipy.linalg import sqrtm

from sklearn_emma._energies.frequencies import (
    fit_spectrum,
    from_frequencies,
    to_frequencies,
    whitened,
)

ONES = np.ones(400)


def coordinates(X, spectrum):
    tensors = (None if a is None else torch.from_numpy(a) for a in spectrum)
    return whitened(torch.from_numpy(X), *tensors).numpy()


@pytest.mark.parametrize("size", [(1,), (7,), (4, 6), (300,), (301,), (2, 270)])
def test_transform_is_that_of_scipy_and_is_undone(size):
    x = np.random.default_rng(0).normal(size=(3, 2, *size))
    found = to_frequencies(torch.from_numpy(x))
    expected = dctn(x, axes=range(2, x.ndim), norm="ortho")
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(from_frequencies(found), x, atol=1e-12)


def test_each_frequency_has_unit_variance_and_no_correlation_between_channels():
    rng = np.random.default_rng(0)
    X = np.cumsum(rng.normal(size=(400, 2, 12)), axis=2)
    X[:, 1] += 2 * X[:, 0]
    spectrum = fit_spectrum(X, ONES, "whiten")
    z = to_frequencies(torch.from_numpy(coordinates(X, spectrum))).numpy()
    for frequency in range(8):
        covariance = np.cov(z[..., frequency].T, bias=True)
        np.testing.assert_allclose(covariance, np.eye(2), atol=0.15)


def test_roots_are_those_of_the_covariance_of_a_frequency():
    X = np.random.default_rng(0).normal(size=(400, 2, 3)) @ np.diag([3, 1, 0.5])
    mean, scale, roots = fit_spectrum(X, ONES, "whiten")
    found = dctn((X - mean) / scale[:, None], axes=[2], norm="ortho")
    covariances = [np.cov(found[..., f].T, bias=True) for f in range(3)]
    added = 1e-3 * np.mean([np.trace(c) / 2 for c in covariances]) * np.eye(2)
    for root, covariance in zip(roots, covariances, strict=True):
        np.testing.assert_allclose(root, np.linalg.inv(sqrtm(covariance + added)))


def test_a_row_of_weight_two_is_the_row_twice():
    X = np.random.default_rng(0).normal(size=(20, 1, 5))
    weight = np.where(np.arange(20) < 5, 2.0, 1.0)
    twice = np.concatenate([X, X[:5]])
    for one, other in zip(
        fit_spectrum(X, weight, "whiten"),
        fit_spectrum(twice, np.ones(25), "whiten"),
        strict=True,
    ):
        np.testing.assert_allclose(one, other)


def test_standardised_channels_have_mean_0_and_unit_variance_over_their_positions():
    X = np.random.default_rng(0).normal(size=(400, 2, 3, 4)) * [[[1]], [[50]]] + 7
    spectrum = fit_spectrum(X, ONES, "standardize")
    z = coordinates(X, spectrum)
    assert spectrum.roots is None
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.square(z).mean(axis=(0, 2, 3)), 1)


@pytest.mark.parametrize("preprocessing", ["whiten", "standardize", None])
def test_values_that_do_not_vary_stay_finite(preprocessing):
    X = np.full((400, 1, 4), 3.0)
    z = coordinates(X + 1, fit_spectrum(X, ONES, preprocessing))
    np.testing.assert_allclose(z, 1 if preprocessing else 4)
