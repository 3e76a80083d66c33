"""Prototypes: a smoothed minimum with its limits, against K-means and mixtures."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans

from sklearn_emma._energies.prototypes import smoothed_minimum
from sklearn_emma.energies import PrototypeEnergy

BETAS = [0, 1e-300, 1e-9, 0.1, 1.0, 30.0, 1e300, np.inf]


@pytest.fixture(name="X", scope="module")
def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(90, 2)) + 5 * rng.integers(0, 3, size=(90, 1))


@pytest.fixture(scope="module")
def distances():
    return np.random.default_rng(1).uniform(0, 9, size=(20, 4))


@pytest.mark.parametrize("beta", [0.1, 1.0, 30.0])
def test_the_smoothed_minimum_is_a_free_energy(distances, beta):
    expected = -(logsumexp(-beta * distances, axis=1) - np.log(4)) / beta
    np.testing.assert_allclose(smoothed_minimum(distances, beta), expected)


def test_it_falls_from_the_mean_to_the_minimum(distances):
    found = [smoothed_minimum(distances, beta) for beta in BETAS]
    np.testing.assert_allclose(found[0], distances.mean(axis=1))
    np.testing.assert_allclose(found[2], distances.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(found[1], distances.mean(axis=1), rtol=1e-12)
    assert all((a >= b - 1e-12).all() for a, b in pairwise(found))
    np.testing.assert_allclose(found[-2], distances.min(axis=1))
    np.testing.assert_array_equal(found[-1], distances.min(axis=1))


def means_at(energy, X):
    """scikit-learn's K-means, begun where the energy has ended."""
    k = len(energy.prototypes_)
    return KMeans(k, init=energy.prototypes_, n_init=1).fit(X)


def test_without_smoothing_it_is_k_means(X):
    energy = PrototypeEnergy(3, random_state=0).fit(X)
    means = means_at(energy, X)
    np.testing.assert_allclose(means.cluster_centers_, energy.prototypes_)
    found, expected = -energy.score_samples(X), np.square(means.transform(X)).min(1)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.sum() == pytest.approx(means.inertia_)


def test_with_all_smoothing_it_is_the_mean_over_prototypes(X):
    energy = PrototypeEnergy(3, beta=0, random_state=0).fit(X)
    expected = np.square(means_at(energy, X).transform(X)).mean(axis=1)
    np.testing.assert_allclose(-energy.score_samples(X), expected)


def test_in_between_it_is_a_mixture_of_equal_gaussians(X):
    """β = 1 / (2 s²): −log p = β Ψ + (d / 2) log 2πs²."""
    s = 0.7
    energy = PrototypeEnergy(3, beta=1 / (2 * s**2), random_state=0).fit(X)
    density = np.mean(
        [multivariate_normal(w, s**2).pdf(X) for w in energy.prototypes_], axis=0
    )
    found = -energy.score_samples(X) / (2 * s**2) + np.log(2 * np.pi * s**2)
    np.testing.assert_allclose(found, -np.log(density))


def test_few_rows_are_the_prototypes_themselves():
    energy = PrototypeEnergy(8, random_state=0).fit([[0.0], [0.0], [7.0]])
    assert sorted(energy.prototypes_.ravel().tolist()) == [0.0, 7.0]


def test_weight_is_repetition(X):
    weight = np.random.default_rng(2).integers(0, 4, size=len(X))
    weighted = PrototypeEnergy(3, random_state=0).fit(X, sample_weight=weight)
    repeated = PrototypeEnergy(3, random_state=0).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(weighted.prototypes_, repeated.prototypes_)


@pytest.mark.parametrize("beta", [-1.0, np.nan, "soft"])
def test_a_temperature_that_is_none_is_refused(X, beta):
    with pytest.raises(ValueError, match="'beta' parameter of PrototypeEnergy"):
        PrototypeEnergy(beta=beta).fit(X)
