"""What all small energies keep to, by themselves and in the classifier."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

import helpers
from sklearn_emma.energies import (
    NeighborsEnergy,
    OutlierEnergy,
    PrototypeEnergy,
    ReconstructionEnergy,
)

ENERGIES = [
    ReconstructionEnergy(PCA(1)),
    PrototypeEnergy(3, random_state=0),
    PrototypeEnergy(3, beta=0.5, random_state=0),
    NeighborsEnergy(3),
    OutlierEnergy(),
]
every_energy = pytest.mark.parametrize("energy", ENERGIES, ids=repr)


@pytest.fixture(name="X", scope="module")
def samples():
    return np.random.default_rng(0).normal(size=(80, 3))


@every_energy
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_of_any_finite_value_are_finite_and_of_its_type(X, energy, dtype):
    energy.fit(X.astype(dtype))
    largest = np.finfo(dtype).max
    far = np.array([[0, 0, 0], [1e6, 0, 0], [1e30, 0, 0], [largest, 0, 0]], dtype=dtype)
    scores = energy.score_samples(far)
    assert scores.dtype == dtype and np.isfinite(scores).all()


@every_energy
def test_scores_of_a_row_depend_on_no_other(X, energy):
    energy.fit(X[:60])
    alone = np.concatenate([energy.score_samples(x[np.newaxis]) for x in X])
    np.testing.assert_allclose(alone, energy.score_samples(X), atol=1e-12)


@every_energy
def test_a_fit_that_fails_leaves_what_was_learnt(X, energy):
    before = energy.fit(X).score_samples(X)
    with pytest.raises(ValueError, match="NaN"):
        energy.fit(np.full((9, 3), np.nan))
    np.testing.assert_array_equal(energy.score_samples(X), before)


@every_energy
@helpers.random_state_kept()
def test_nothing_is_drawn_from_the_global_state(X, energy):
    first = energy.fit(X).score_samples(X)
    np.testing.assert_array_equal(energy.fit(X).score_samples(X), first)


@every_energy
def test_the_classifier_takes_it_and_notices_noise(energy):
    X, y = helpers.three_classes()
    model = helpers.quick(energy_estimator=energy).fit(X, y)
    noisy = X.copy()
    noisy[:, :2] += 6 * np.random.default_rng(1).normal(size=(len(X), 2))
    assert type(model.energies_["a"]) is type(energy)
    rise = model.potential_energy(noisy) - model.potential_energy(X)
    assert np.median(rise[:, 0]) > 0
    np.testing.assert_array_equal(rise[:, 1], 0)
