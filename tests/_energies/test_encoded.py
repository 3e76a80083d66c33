"""An energy behind a frozen encoder is the energy of its features."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_emma import EMMAClassifier, EncodedEnergy, Mode

X = np.random.default_rng(0).normal(size=(80, 2 * 4 * 4))
SHAPE = (2, 4, 4)


def pooling():
    return nn.Sequential(nn.AvgPool2d(2), nn.Flatten())


def trained():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Flatten()
        module = nn.Sequential(*layers)
        module(torch.randn(30, *SHAPE))  # running means
    return module.train()


def test_scores_are_those_of_standardised_features():
    features = X.reshape(-1, 2, 2, 2, 2, 2).mean(axis=(3, 5)).reshape(80, -1)
    scaled = StandardScaler().fit_transform(features)
    expected = KernelDensity().fit(scaled).score_samples(scaled)
    energy = EncodedEnergy(pooling(), KernelDensity(), shape=SHAPE).fit(X)
    np.testing.assert_allclose(energy.score_samples(X), expected, rtol=1e-4)


def test_the_encoder_is_copied_and_neither_trained_nor_switched():
    encoder = trained()
    before = copy.deepcopy(encoder.state_dict())
    energy = EncodedEnergy(encoder, KernelDensity(), shape=SHAPE).fit(X)
    first = energy.score_samples(X)
    np.testing.assert_array_equal(energy.score_samples(X), first)  # no dropout
    assert encoder.training and not energy.encoder_.training
    for name, value in energy.encoder_.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_number_of_rows_at_a_time_does_not_matter():
    one = EncodedEnergy(trained(), KernelDensity(), shape=SHAPE, batch_size=7).fit(X)
    other = EncodedEnergy(trained(), KernelDensity(), shape=SHAPE).fit(X)
    np.testing.assert_allclose(one.score_samples(X), other.score_samples(X), rtol=1e-4)


def test_random_state_seeds_the_energy_within():
    params = {"shape": SHAPE, "random_state": 0}
    one, other = (EncodedEnergy(pooling(), **params).fit(X) for _ in range(2))
    np.testing.assert_array_equal(one.score_samples(X), other.score_samples(X))
    seeded = EncodedEnergy(pooling(), GaussianMixture(2, random_state=5), **params)
    assert seeded.fit(X).energy_.random_state == 5


def test_rows_of_weight_zero_teach_nothing_and_weights_are_passed_on():
    weight = np.where(np.arange(80) < 60, 1.0 + np.arange(80) % 2, 0.0)
    params = {"shape": SHAPE}
    energy = EncodedEnergy(pooling(), KernelDensity(), **params)
    repeated = np.repeat(X, weight.astype(int), axis=0)
    expected = clone(energy).fit(repeated).score_samples(X)
    found = energy.fit(X, sample_weight=weight).score_samples(X)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="GaussianMixture, takes no `sample_weight`"):
        EncodedEnergy(pooling(), GaussianMixture(), **params).fit(X, None, weight + 0.3)


def test_it_is_cloned_and_pickled():
    energy = EncodedEnergy(pooling(), KernelDensity(), shape=SHAPE).fit(X)
    again = pickle.loads(pickle.dumps(energy))
    np.testing.assert_array_equal(again.score_samples(X), energy.score_samples(X))
    fresh = clone(energy)
    assert fresh.shape == SHAPE and not hasattr(fresh, "encoder_")


def test_in_a_classifier_it_knows_the_shape_of_its_mode():
    modes = {"camera": Mode(range(32), shape=SHAPE), "speed": [32]}
    both = np.column_stack([X, np.arange(80) % 2])
    params = {"max_iter": 1, "pretraining_max_iter": 1, "random_state": 0}
    given = {"camera": EncodedEnergy(pooling(), KernelDensity())}
    clf = EMMAClassifier(modes, energy_estimator=given, **params)
    clf.fit(both, np.arange(80) % 2)
    assert clf.energies_["camera"].shape == SHAPE
    broken = both[:20].copy()
    broken[:, :32] += 20
    usual = clf.potential_energy(both[:20])[:, 0]
    assert (clf.potential_energy(broken)[:, 0] > usual).all()


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (nn.Linear(5, 2), "shapes cannot be multiplied"),
        (nn.Flatten(0), "must return features"),
    ],
)
def test_an_encoder_that_does_not_take_rows_is_an_error_before_training(
    encoder, message
):
    with pytest.raises((ValueError, RuntimeError, IndexError), match=message):
        EncodedEnergy(encoder).fit(X)


def test_a_shape_of_another_size_and_features_without_bound_are_errors():
    with pytest.raises(ValueError, match=r"`shape` \(2, 4\) is not that of the 32"):
        EncodedEnergy(pooling(), shape=(2, 4)).fit(X)

    class Overflowing(nn.Module):
        def forward(self, x):
            return x.flatten(1) / 0.0

    with pytest.raises(ValueError, match="features that are not finite"):
        EncodedEnergy(Overflowing()).fit(X)
