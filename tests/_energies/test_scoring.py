"""A fitted autoencoder in its coordinates against slow code."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from sklearn_emma._energies.autoencoder import FrozenAutoencoder
from sklearn_emma._energies.coordinates import Coordinates, fit_coordinates
from sklearn_emma._energies.scoring import FittedAutoencoder

KINDS = [None, "standardize", "whiten", "normal_scores"]


@pytest.fixture(name="X", scope="module")
def skewed():
    rng = np.random.default_rng(0)
    return np.exp(0.3 * rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3)))


def fitted(X, kind, kappa=0.3):
    z = fit_coordinates(X, None, kind).coordinates
    rng, width = np.random.default_rng(1), z.matrix.shape[0]
    shapes = (5, width), (5,), (width,)
    weights = (rng.normal(size=s).astype(X.dtype) for s in shapes)
    return FittedAutoencoder(z, *weights, kappa)


def moved(z, W, c, b, kappa):
    """r(z) by plain code."""
    return z - kappa * (z - b) + expit(z @ W.T + c) @ W


@pytest.mark.parametrize("kind", KINDS)
def test_potential_and_error_are_those_of_the_coordinates(X, kind):
    autoencoder = fitted(X, kind)
    z, (_, W, c, b, kappa) = autoencoder.coordinates(X), autoencoder
    potential = [
        kappa / 2 * np.sum((row - b) ** 2) - np.logaddexp(0, W @ row + c).sum()
        for row in z
    ]
    np.testing.assert_allclose(autoencoder.potential(X), potential)
    step = moved(z, W, c, b, kappa) - z
    error = autoencoder.reconstruction_error(X)
    np.testing.assert_allclose(error, np.square(step).sum(axis=1))
    expected = X + autoencoder.coordinates.pull_back(X, step)
    np.testing.assert_allclose(autoencoder.reconstruct(X), expected, rtol=1e-9)


@pytest.mark.parametrize("kind", [None, "standardize", "whiten"])
def test_a_reconstruction_has_the_coordinates_that_the_autoencoder_gave_it(X, kind):
    autoencoder = fitted(X, kind)
    z, (_, *weights) = autoencoder.coordinates(X), autoencoder
    reconstruction = autoencoder.coordinates(autoencoder.reconstruct(X))
    np.testing.assert_allclose(reconstruction, moved(z, *weights), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kappa", [1.0, 0.3, 0.01])
def test_the_field_is_the_negative_gradient_of_the_potential(X, kind, kappa):
    """r(z) − z = −∂Ψ/∂z, by finite differences in the coordinates."""
    autoencoder = fitted(X, kind, kappa)
    z = autoencoder.coordinates(X)
    # The same weights on coordinates that are taken as they are.
    width = z.shape[1]
    plain = autoencoder._replace(
        coordinates=Coordinates(np.zeros(width), np.eye(width))
    )
    step = 1e-5 * np.eye(width)
    rise = [plain.potential(z + e) - plain.potential(z - e) for e in step]
    gradient = np.stack(rise, axis=1) / 2e-5
    np.testing.assert_allclose(plain.reconstruct(z) - z, -gradient, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_answers_are_in_the_type_of_the_values_and_energies_finite(X, kind, dtype):
    autoencoder = fitted(X.astype(dtype), kind)
    broken = X[:3].astype(dtype)
    broken[:, 0] = np.finfo(dtype).max, -np.finfo(dtype).max, 0
    potential = autoencoder.potential(broken)
    assert potential.dtype == dtype and np.isfinite(np.square(potential)).all()
    assert potential[0] > 1e15 < potential[1]
    assert autoencoder.reconstruct(X.astype(dtype)).dtype == dtype
    assert autoencoder.reconstruction_error(X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_its_arrays_are_what_a_frozen_autoencoder_is_made_of(X, kind):
    autoencoder = fitted(X, kind)
    frozen = FrozenAutoencoder.from_arrays(autoencoder.arrays(), torch.float64)
    expected = {
        "mean": autoencoder.coordinates.mean,
        "matrix": autoencoder.coordinates.matrix,
        "weight": autoencoder.weight,
        "hidden_bias": autoencoder.hidden_bias,
        "visible_bias": autoencoder.visible_bias,
        "stiffness": 0.3,
    }
    if kind == "normal_scores":
        expected |= autoencoder.coordinates.scores._asdict()
    for name, tensor in frozen._asdict().items():
        if name in expected:
            np.testing.assert_array_equal(tensor, expected[name])
        else:
            assert tensor is None
