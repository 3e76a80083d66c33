"""The public convolutional energy: what it learns, from what, and what it refuses."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from sklearn_emma import ConvolutionalEnergy, PotentialEnergyTransformer
from sklearn_emma._energies.convolution import potential, reconstruct
from sklearn_emma._energies.frequencies import whitened

SHAPE = (2, 24)


def signals(n, seed=0):
    """Smooth, two channels that go together."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=(n, 1, 24)), axis=2)
    return (walk + 0.3 * rng.normal(size=(n, 2, 24))).reshape(n, -1)


X = signals(300)
NEW = signals(200, seed=1)


def small(**params):
    settings = {"n_components": 4, "max_iter": 3, "random_state": 0}
    return ConvolutionalEnergy(SHAPE, **(settings | params))


@pytest.fixture(scope="module")
def energy():
    return small().fit(X)


@pytest.mark.parametrize("preprocessing", ["whiten", "standardize", None])
def test_scores_are_minus_the_potential_in_its_coordinates(preprocessing):
    fitted = small(preprocessing=preprocessing).fit(X)
    spectrum = (None if a is None else torch.from_numpy(a) for a in fitted.spectrum_)
    z = whitened(torch.from_numpy(NEW.reshape(-1, *SHAPE)), *spectrum)
    weights = (
        torch.from_numpy(array)
        for array in (
            fitted.components_,
            fitted.intercept_hidden_,
            fitted.intercept_visible_,
        )
    )
    geometry = fitted._convolution(48)
    expected = -potential(z, geometry, *weights, fitted.stiffness_)
    np.testing.assert_allclose(fitted.score_samples(NEW), expected, rtol=1e-9)


def test_whitened_gaussians_have_the_stiffness_of_the_dense_energy(energy):
    assert energy.stiffness_ == pytest.approx(0.09 / 1.09)
    assert small(preprocessing=None).fit(X).stiffness_ == 1.0


@pytest.mark.parametrize("preprocessing", ["whiten", "standardize"])
def test_training_removes_noise(preprocessing):
    """Better than leaving z as it is, whose loss is σ² for each value."""
    fitted = small(preprocessing=preprocessing, n_components=16, max_iter=20).fit(X)
    assert fitted.loss_curve_[-1] < 0.95 * 0.3**2 * 48
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 20


@pytest.mark.parametrize("size", [0.2, 0.5])
def test_small_noise_shows_where_a_dense_energy_of_as_few_rows_is_blind(size):
    few = X[:60]
    noise = size * NEW.std() * np.random.default_rng(2).normal(size=NEW.shape)
    labels = np.repeat([0, 1], len(NEW))
    ours = small().fit(few)
    dense = PotentialEnergyTransformer(max_iter=3, random_state=0).fit(few)
    both = np.concatenate([NEW, NEW + noise])
    found = roc_auc_score(labels, -ours.score_samples(both))
    assert found > max(0.9, roc_auc_score(labels, -dense.score_samples(both)))


def test_units_do_not_matter(energy):
    for factor in (1e-30, 1e30):
        other = small().fit(factor * X)
        np.testing.assert_allclose(
            other.score_samples(factor * NEW), energy.score_samples(NEW), rtol=1e-4
        )


def test_a_row_of_weight_two_is_the_row_twice():
    weight = np.where(np.arange(300) < 50, 2, 1)
    weighted = small().fit(X, sample_weight=weight)
    twice = small().fit(np.concatenate([X, X[:50]]))
    np.testing.assert_allclose(
        weighted.score_samples(NEW), twice.score_samples(NEW), rtol=1e-6
    )


def test_random_state_decides_and_leaves_the_global_state(energy):
    before = torch.random.get_rng_state()
    again = small().fit(X)
    np.testing.assert_array_equal(again.components_, energy.components_)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (small(random_state=1).fit(X).components_ != again.components_).any()


def test_scores_have_the_type_of_x_and_hardly_depend_on_it(energy):
    narrow = small().fit(X.astype(np.float32))
    found = narrow.score_samples(NEW.astype(np.float32))
    assert found.dtype == np.float32 and energy.score_samples(NEW).dtype == np.float64
    np.testing.assert_allclose(found, energy.score_samples(NEW), rtol=1e-3)


def test_rows_are_scored_one_by_one_whatever_is_beside_them(energy, monkeypatch):
    whole = energy.score_samples(NEW)
    np.testing.assert_allclose(energy.score_samples(NEW[7:8]), whole[7:8], rtol=1e-12)
    from sklearn_emma._energies import convolutional_training

    monkeypatch.setattr(convolutional_training, "_CHUNK_VALUES", 500)
    np.testing.assert_allclose(energy.score_samples(NEW), whole, rtol=1e-12)


def test_it_is_cloned_and_pickled(energy):
    assert clone(energy).get_params() == energy.get_params()
    again = pickle.loads(pickle.dumps(energy))
    np.testing.assert_array_equal(again.score_samples(NEW), energy.score_samples(NEW))


def test_without_a_shape_rows_are_signals_of_one_channel():
    plain = ConvolutionalEnergy(n_components=2, max_iter=1, random_state=0).fit(X)
    same = ConvolutionalEnergy((1, 48), n_components=2, max_iter=1, random_state=0)
    np.testing.assert_array_equal(plain.score_samples(X), same.fit(X).score_samples(X))
    assert plain.components_.shape == (2, 1, 5)


def test_values_far_off_have_finite_energies_and_constant_ones_can_be_learnt(energy):
    assert np.isfinite(energy.score_samples(np.full((1, 48), 1e300))).all()
    blank = small().fit(np.ones((20, 48)))
    assert np.isfinite(blank.score_samples(X)).all()


@pytest.mark.parametrize("shape", [(2, 23), (48, 0), (1, 2, 4, 6), "ab"])
def test_a_shape_that_is_not_that_of_a_row_is_an_error(shape):
    with pytest.raises(ValueError, match="shape"):
        ConvolutionalEnergy(shape).fit(X)


def test_missing_values_are_refused():
    lacking = X.copy()
    lacking[3, 4] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        small().fit(lacking)


def test_images_are_reconstructed_by_the_field_of_their_potential():
    """r(z) − z = −∂Ψ/∂z of what was learnt from images of three channels."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(60, 3 * 6 * 5))
    params = {"preprocessing": None, "stride": 1, "max_iter": 2, "random_state": 0}
    fitted = ConvolutionalEnergy((3, 6, 5), n_components=3, **params).fit(images)
    geometry = fitted._convolution(90)
    weights = [
        torch.from_numpy(array)
        for array in (
            fitted.components_,
            fitted.intercept_hidden_,
            fitted.intercept_visible_,
        )
    ]
    z = torch.from_numpy(images[:2]).view(2, 3, 6, 5)
    step = 1e-5 * np.eye(90)
    rise = [
        (fitted.score_samples(images[:2] - e) - fitted.score_samples(images[:2] + e))
        for e in step
    ]
    gradient = np.stack(rise, axis=1) / 2e-5
    found = (z - reconstruct(z, geometry, *weights)).flatten(1)
    np.testing.assert_allclose(gradient, found, atol=1e-6)
