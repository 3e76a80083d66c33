"""Ragged modes as citizens of scikit-learn, and in front of failing sensors."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklearn_emma import EMMAClassifier, EMMARegressor, Mode, pack_modes
from sklearn_emma.corruption import Gain, MissingMode, StuckMode, SwappedMode
from sklearn_emma.predictors import Encoders, valid_positions
from sklearn_emma.robustness import corrupt

QUICK = {"max_iter": 2, "pretraining_max_iter": 2, "random_state": 0}


def samples(n=80, seed=0):
    """Signals whose frequency tells the class, and columns that tell it poorly."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    lengths, phases = rng.integers(12, 31, n), rng.uniform(0, 6, n)
    sounds = [
        np.sin(phase + np.arange(k) * (0.5 + label)) + 0.1 * rng.normal(size=k)
        for k, phase, label in zip(lengths, phases, y, strict=True)
    ]
    return sounds, y[:, np.newaxis] + rng.normal(size=(n, 2)), y


SOUNDS, TABLE, Y = samples()
X, MODES = pack_modes({"mic": SOUNDS, "table": TABLE})
CLF = EMMAClassifier(MODES, **QUICK).fit(X, Y)


def test_clones_and_pickles_answer_alike():
    again = clone(CLF).fit(X, Y)
    restored = pickle.loads(pickle.dumps(CLF))
    for other in (again, restored):
        np.testing.assert_array_equal(other.predict_proba(X), CLF.predict_proba(X))
    assert CLF.energies_["mic"].ragged and CLF.energies_["mic"].shape == (1, 30)


def test_cross_validation_and_searches_need_nothing_new():
    assert cross_val_score(clone(CLF), X, Y, cv=2).shape == (2,)
    slow = clone(CLF).set_params(lr=1e-3)
    search = GridSearchCV(slow, {"rho": [0.5, 1.0]}, cv=2).fit(X, Y)
    assert search.best_estimator_.predict(X).shape == (80,)


def test_numbers_are_predicted_from_signals_of_any_length():
    target = np.array([len(sound) for sound in SOUNDS], dtype=float)
    model = EMMARegressor(MODES, **QUICK).fit(X, target)
    assert np.isfinite(model.predict(X)).all()


def test_new_data_may_be_shorter_and_more_padding_changes_no_energy():
    few, _ = pack_modes({"mic": SOUNDS[:5], "table": TABLE[:5]}, like=MODES)
    np.testing.assert_array_equal(few, X[:5])
    wider, modes = pack_modes(
        {"mic": [*SOUNDS, np.ones(80)], "table": np.vstack([TABLE, TABLE[:1]])}
    )
    other = EMMAClassifier(modes, **QUICK).fit(wider[:80], Y)
    np.testing.assert_allclose(
        other.potential_energy(wider[:80])[:, 0], CLF.potential_energy(X)[:, 0]
    )


def test_a_signal_that_is_nan_throughout_is_a_missing_mode():
    lost = X.copy()
    lost[:3, MODES["mic"].columns] = np.nan
    assert (CLF.attention(lost)[:3, 0] == 0).all()
    assert (CLF.attention(X)[:, 0] > 0).all()


def test_a_value_that_is_missing_is_the_mean_and_shortens_nothing():
    gap, filled = X.copy(), X.copy()
    gap[:, 4] = np.nan
    filled[:, 4] = CLF.scaler_.mean_[4]
    np.testing.assert_allclose(
        CLF.potential_energy(gap), CLF.potential_energy(filled), rtol=1e-6
    )


def test_a_mode_that_fails_keeps_its_length_unless_it_is_lost():
    pads = np.isnan(X)
    for failure in (StuckMode(), SwappedMode(), Gain()):
        failed = corrupt(X, failure, modes=MODES, n_failing=2, random_state=0)
        assert np.isnan(failed[pads]).all(), failure
    failed = corrupt(X, StuckMode(), modes=MODES, n_failing=2, random_state=0)
    np.testing.assert_array_equal(np.isnan(failed), pads)
    lost = corrupt(X, MissingMode(), modes=MODES, n_failing=2, random_state=0)
    assert np.isnan(lost).all()


def test_noise_is_noticed_and_looked_away_from_at_any_length():
    sounds, table, y = samples(400)
    X, modes = pack_modes({"mic": sounds, "table": table})
    clf = EMMAClassifier(modes, max_iter=8, pretraining_max_iter=8, random_state=0)
    clf.fit(X[:300], y[:300])
    noisy = X[300:].copy()
    mic = modes["mic"].columns
    noisy[:, mic] += 5 * np.random.default_rng(1).normal(size=noisy[:, mic].shape)
    energies = clf.potential_energy(X[300:])[:, 0], clf.potential_energy(noisy)[:, 0]
    assert energies[1].min() > np.quantile(energies[0], 0.95)
    assert clf.attention(noisy)[:, 0].mean() < 0.5 * clf.attention(X[300:])[:, 0].mean()


def test_encoders_of_ones_own_find_the_ends():
    seen = []

    class Mean(torch.nn.Module):
        def forward(self, x):
            seen.append(valid_positions(x).sum(1).amax().item())
            return x.sum(2) / valid_positions(x).sum(1, keepdim=True).clamp_min(1)

    predictor = Encoders({"mic": lambda shape: Mean()})
    EMMAClassifier(MODES, predictor=predictor, **QUICK).fit(X, Y)
    assert max(seen) == 30


def test_the_deployed_module_answers_as_the_classifier():
    silent = X.copy()
    silent[0, 8:12] = CLF.scaler_.mean_[8]
    silent[0, 12:30] = np.nan
    proba, attention = CLF.to_torch()(torch.from_numpy(silent))
    np.testing.assert_allclose(proba, CLF.predict_proba(silent), atol=1e-10)
    np.testing.assert_allclose(attention, CLF.attention(silent), atol=1e-10)


def test_a_part_of_a_mode_may_be_ragged():
    modes = {"device": {"mic": MODES["mic"], "hum": [30]}, "speed": [31]}
    clf = EMMAClassifier(modes, **QUICK).fit(X, Y)
    assert clf.energies_["device__mic"].ragged


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        (Mode(slice(0, 30), ragged=True), "'mic': ragged=True is .* got shape=None"),
        (Mode(slice(0, 30), shape=(1, 5, 6), ragged=True), r"got shape=\(1, 5, 6\)"),
        (Mode(slice(0, 30), shape=30, ragged=True), "got shape=30"),
        (Mode(slice(0, 30), shape=(1, 30), ragged="yes"), "`ragged` must be True or"),
        (Mode(slice(0, 30), shape=(1, 31), ragged=True), "holds 31 values, but .* 30"),
    ],
)
def test_what_cannot_be_ragged_is_an_error_that_names_the_mode(mode, message):
    with pytest.raises(ValueError, match=message):
        EMMAClassifier({"mic": mode, "table": [30, 31]}, **QUICK).fit(X, Y)
