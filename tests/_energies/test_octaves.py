"""The energy of octaves: what it notices, beside which it is trained, and refusals."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from sklearn_emma import EMMAClassifier, Mode, OctaveEnergy, PotentialEnergyTransformer
from sklearn_emma._energies.strengths import Strengths

SMALL = PotentialEnergyTransformer(max_iter=3)


def walks(n=200, channels=2, length=24, seed=0):
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(size=(n, channels, length)), axis=2)


def flat(signals):
    return signals.reshape(len(signals), -1)


@pytest.fixture(scope="module")
def fitted():
    return OctaveEnergy(shape=(2, 24), random_state=0).fit(flat(walks()))


STEP = np.random.default_rng(1).normal(size=(50, 2, 24))
FAILURES = {
    "dead": lambda x: np.zeros_like(x),
    "stuck": lambda x: np.repeat(x[:, :, :1], 24, axis=2),
    "one channel is stuck": lambda x: np.where([[[True], [False]]], x[:, :, :1], x),
    "noisy": lambda x: x + 3 * STEP,
    "too loud": lambda x: 10 * x,
    "drifting": lambda x: x + np.linspace(0, 40, 24),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_fails_is_less_usual_than_nearly_all_that_is_new(fitted, failure):
    new = walks(50, seed=2)
    least = np.quantile(fitted.score_samples(flat(walks(500, seed=3))), 0.02)
    found = fitted.score_samples(flat(FAILURES[failure](new)))
    assert np.mean(found < least) > 0.9


def test_two_parts_notice_what_froze_half_way():
    x, new = flat(walks(length=32)), walks(50, length=32, seed=2)
    new[:, :, 16:] = new[:, :, 15:16]
    missed = []
    for n_parts in (1, 2):
        energy = OctaveEnergy(shape=(2, 32), n_parts=n_parts, random_state=0).fit(x)
        usual = energy.score_samples(flat(walks(500, length=32, seed=3)))
        missed.append(
            np.mean(energy.score_samples(flat(new)) > np.quantile(usual, 0.02))
        )
    assert missed[1] == 0 < missed[0]


def test_it_is_the_potential_of_the_numbers(fitted):
    x = flat(walks(20, seed=5))
    assert fitted.potential_.n_features_in_ == len(fitted.usual_) == 2 * 6
    numbers = Strengths((2, 24), 1, torch.from_numpy(fitted.usual_))
    expected = fitted.potential_.score_samples(numbers(torch.from_numpy(x)))
    np.testing.assert_allclose(fitted.score_samples(x), expected)


def test_a_pickle_answers_alike(fitted):
    x = flat(walks(20, seed=5))
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.score_samples(x), fitted.score_samples(x))


def test_the_scale_of_a_channel_and_the_sign_of_a_signal_do_not_matter():
    x = flat(walks())
    sides = np.repeat([2.0**-30, 1024.0], 24)
    one, other = (OctaveEnergy(SMALL, shape=(2, 24), random_state=0) for _ in "ab")
    one, other = one.fit(x), other.fit(sides * x)
    expected = one.score_samples(x)
    np.testing.assert_allclose(other.score_samples(sides * x), expected, rtol=1e-9)
    np.testing.assert_allclose(one.score_samples(-x), expected, rtol=1e-9)


def test_weights_are_numbers_of_rows():
    x = flat(walks(60))
    weight = np.arange(60) % 3 + 1
    energy = OctaveEnergy(SMALL, shape=(2, 24), random_state=0)
    weighted = energy.fit(x, sample_weight=weight).score_samples(x)
    repeated = energy.fit(np.repeat(x, weight, axis=0)).score_samples(x)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-9)


def test_modes_are_scored_together_as_each_by_itself():
    signals, rng = walks(150, channels=3), np.random.default_rng(0)
    y = rng.integers(0, 2, 150)
    X = np.c_[flat(signals), rng.normal(size=(150, 2)) + y[:, np.newaxis]]
    modes = {
        "one": Mode(range(24), shape=(1, 24)),
        "two": Mode(range(24, 72), shape=(2, 24)),
        "table": [72, 73],
    }
    model = EMMAClassifier(modes, max_iter=1, pretraining_max_iter=1, random_state=0)
    model.fit(X, y)
    found = model.potential_energy(X)
    z = (X - model._model.scaler.mean_) / model._model.scaler.scale_
    for k, (name, columns) in enumerate(model.modes_.items()):
        energy = model.energies_[name]
        assert isinstance(energy, OctaveEnergy) == (name != "table")
        alone = -energy.score_samples(z[:, columns])
        np.testing.assert_allclose(found[:, k], alone, rtol=1e-8)


@pytest.mark.parametrize("shape", [(24, 3), (1, 6, 8), (2, 24.0), (0, 24), 48])
def test_a_shape_that_is_not_that_of_signals_is_refused(shape):
    with pytest.raises((ValueError, TypeError), match="shape"):
        OctaveEnergy(shape=shape).fit(flat(walks(5)))


def test_without_a_shape_a_row_is_one_channel():
    x = walks(40, channels=1)[:, 0]
    plain = OctaveEnergy(SMALL, random_state=0).fit(x)
    same = OctaveEnergy(SMALL, shape=(1, 24), random_state=0).fit(x)
    np.testing.assert_array_equal(plain.score_samples(x), same.score_samples(x))


def test_parameters_of_the_potential_are_checked_and_kept(fitted):
    mine = PotentialEnergyTransformer(sigma=-1.0)
    with pytest.raises(ValueError, match="'sigma' parameter"):
        OctaveEnergy(mine).fit(flat(walks(5)))
    mine = PotentialEnergyTransformer(max_iter=2, n_components=3, random_state=7)
    made = OctaveEnergy(mine, shape=(2, 24)).fit(flat(walks(50))).potential_
    assert made.components_.shape[0] == 3 and made.random_state == 7
    assert not hasattr(mine, "components_")


def test_it_needs_a_fit():
    with pytest.raises(NotFittedError):
        OctaveEnergy().score_samples(np.zeros((2, 8)))


def test_it_tells_how_it_gets_on(capsys):
    OctaveEnergy(SMALL, verbose=True).fit(flat(walks(30)))
    assert "potential energies" in capsys.readouterr().err
