"""Energies given by the user, and the energy up to which a mode passes."""

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_emma import EMMAClassifier, EMMARegressor
from sklearn_emma.datasets import make_multimodal_classification

X, Y, MODES = make_multimodal_classification(240, 3, random_state=0)
X = X.copy()
X[:6, MODES["mode_2"]] = np.nan
X[6, :] = np.nan
QUICK = {
    "energy_estimator": GaussianMixture(random_state=0),
    "pretraining_max_iter": 3,
    "max_iter": 10,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def clf():
    return EMMAClassifier(MODES, **QUICK).fit(X, Y)


def with_threshold(clf, gain, bias, dtype):
    """The same classifier with this threshold, which training leaves at 0."""
    network = clf.network_.gate.attention_function
    network.gain.data.fill_(gain)
    network.bias.data.fill_(bias)
    return clf, X.astype(dtype)


# --------------------------------------------------------------- energies of the user's


METHODS = [
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "class_energy",
    "free_energy",
    "attention",
    "importance",
    "modal_energy",
    "total_energy",
    "explain",
]


@pytest.mark.parametrize("name", METHODS)
def test_the_models_own_energies_given_back_change_nothing(clf, name):
    method = getattr(clf, name)
    own, gaps = clf.potential_energy(X), np.full((len(X), 3), np.nan)
    half = np.where(np.arange(len(X))[:, None] % 2, own, np.nan)
    for given in (own, gaps, half):
        np.testing.assert_array_equal(
            np.asarray(method(X, potential_energy=given), dtype=float),
            np.asarray(method(X), dtype=float),
        )


def test_a_mode_said_to_be_broken_is_shut_like_one_that_is(clf):
    given = np.full((len(X), 3), np.nan)
    given[:, 0] = 1e6
    attention = clf.attention(X, potential_energy=given)
    rest = slice(7, None)
    assert attention[rest, 0].max() < 0.05 < clf.attention(X)[rest, 0].min()
    broken = X.copy()
    broken[:, MODES["mode_0"]] = 1e4
    np.testing.assert_allclose(
        clf.importance(X, potential_energy=given)[rest],
        clf.importance(broken)[rest],
        atol=0.01,
    )


def test_a_row_does_not_depend_on_what_is_said_of_others(clf):
    given = np.full((len(X), 3), np.nan)
    given[10] = [5.0, 500.0, 5.0]
    changed = clf.importance(X, potential_energy=given) != clf.importance(X)
    assert changed[10].all() and changed.any(axis=1).sum() == 1


def test_energies_of_a_missing_mode_say_nothing(clf):
    given = np.full((len(X), 3), np.nan)
    given[:6, 2] = -100.0
    np.testing.assert_array_equal(
        clf.predict_proba(X, potential_energy=given), clf.predict_proba(X)
    )


def test_rows_are_cut_into_chunks_with_their_energies(clf, monkeypatch):
    given = np.random.default_rng(0).normal(size=(len(X), 3)) * 10
    whole = clf.importance(X, potential_energy=given)
    monkeypatch.setattr("sklearn_emma._model.model._CHUNK_VALUES", 64 * 7)
    np.testing.assert_allclose(
        clf.importance(X, potential_energy=given), whole, rtol=1e-12
    )


def test_a_frame_is_read_by_the_names_of_modes(clf):
    given = clf.potential_energy(X) + 1
    frame = pd.DataFrame(given, columns=list(MODES))[["mode_2", "mode_0", "mode_1"]]
    np.testing.assert_array_equal(
        clf.attention(X, potential_energy=frame),
        clf.attention(X, potential_energy=given),
    )
    explained = clf.explain(X, potential_energy=frame)
    np.testing.assert_array_equal(
        explained["mode_1", "potential_energy"].to_numpy()[7:], given[7:, 1]
    )


def test_energies_beyond_the_type_of_x_are_those_of_a_broken_mode(clf):
    given = np.full((len(X), 3), np.nan)
    given[:, 1] = 1e300
    attention = clf.attention(X.astype(np.float32)[7:], potential_energy=given[7:])
    assert np.isfinite(attention).all() and attention[:, 1].max() < 0.05


def test_energies_reach_the_classifier_in_a_pipeline_by_routing(clf):
    given = clf.potential_energy(X) + np.array([50.0, 0.0, 0.0])
    with sklearn.config_context(enable_metadata_routing=True):
        own = EMMAClassifier(MODES, **QUICK).set_predict_proba_request(
            potential_energy=True
        )
        pipeline = make_pipeline(StandardScaler(), own).fit(X, Y)
        routed = pipeline.predict_proba(X, potential_energy=given)
    scaled = pipeline[0].transform(X)
    direct = pipeline[1].predict_proba(scaled, potential_energy=given)
    np.testing.assert_array_equal(routed, direct)
    assert (routed != pipeline.predict_proba(X)).any()


def test_a_regressor_takes_them_too():
    y = np.nan_to_num(X).sum(axis=1)
    reg = EMMARegressor(MODES, loss="gaussian", **QUICK).fit(X, y)
    given = np.full((len(X), 3), np.nan)
    np.testing.assert_array_equal(
        reg.predict(X, potential_energy=given), reg.predict(X)
    )
    given[:, 0] = 1e6
    mean, std = reg.predict(X, return_std=True, potential_energy=given)
    np.testing.assert_array_equal(mean, reg.predict(X, potential_energy=given))
    assert (mean[7:] != reg.predict(X)[7:]).all() and (std > 0).all()


@pytest.mark.parametrize("wrong", [np.zeros((2, 3)), [[0, 0, np.inf]] * len(X)])
@pytest.mark.parametrize("name", ["predict", "attention", "total_energy"])
def test_what_are_no_energies_of_these_samples_is_refused(clf, name, wrong):
    with pytest.raises(ValueError, match="`potential_energy` must"):
        getattr(clf, name)(X, potential_energy=wrong)


# ----------------------------------------------------------------------- the threshold


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("function", ["soft", "hard"])
def test_a_mode_passes_where_its_energy_is_below_the_threshold(function, bias, dtype):
    made = EMMAClassifier(
        MODES, attention_function=function, joint_energy=False, **QUICK
    )
    clf, x = with_threshold(made.fit(X.astype(dtype), Y), 2.5, bias, dtype)
    energy, threshold = clf.modal_energy(x), clf.energy_threshold(x)
    present = ~np.isnan(energy)
    passes = clf.attention(x) > 0
    below = energy < threshold[:, None]
    sure = np.abs(energy - threshold[:, None]) > 1e-4
    np.testing.assert_array_equal((passes == below) | ~sure, present | ~sure)
    assert (sure & present).mean() > 0.9
    assert np.isnan(threshold[6]) and np.isfinite(np.delete(threshold, 6)).all()


def test_the_threshold_is_the_formula_of_the_thesis(clf):
    clf, x = with_threshold(clf, 3.0, 0.25, np.float64)
    energy = clf.modal_energy(x)
    partition = np.nansum(np.exp(-clf.rho_ * energy), axis=1)
    with np.errstate(divide="ignore"):
        expected = (np.log(3.0 / 0.25) - np.log(partition)) / clf.rho_
    expected[6] = np.nan
    np.testing.assert_allclose(clf.energy_threshold(x), expected, rtol=1e-10)


def test_it_moves_with_the_energies_of_the_other_modes(clf):
    clf, x = with_threshold(clf, 3.0, 0.25, np.float64)
    given = np.full((len(X), 3), np.nan)
    given[:, 0] = 1e6
    higher = clf.energy_threshold(x, potential_energy=given) > clf.energy_threshold(x)
    assert np.delete(higher, 6).all()


def test_without_a_bias_every_energy_passes(clf):
    clf, x = with_threshold(clf, 3.0, 0.0, np.float64)
    assert (np.delete(clf.energy_threshold(x), 6) == np.inf).all()


@pytest.mark.parametrize("function", ["importance", "none", "classical"])
def test_functions_without_a_threshold_say_so(function):
    clf = EMMAClassifier(
        MODES, attention_function=function, predictor=torch.nn.Linear, **QUICK
    )
    with pytest.raises(ValueError, match="Only soft and hard attention"):
        clf.fit(X, Y).energy_threshold(X)


# ----------------------------------------------------------------------- parts of modes


PARTS = {
    "left": {"a": MODES["mode_0"], "b": MODES["mode_1"]},
    "right": MODES["mode_2"],
}
OF_MODE = [0, 0, 1]


@pytest.fixture(scope="module")
def nested():
    return EMMAClassifier(PARTS, joint_energy=False, **QUICK).fit(X, Y)


@pytest.mark.parametrize("name", METHODS)
def test_the_own_energies_of_parts_given_back_change_nothing(nested, name):
    method = getattr(nested, name)
    own = nested.potential_energy(X, level="parts")
    assert own.shape == (len(X), 3)
    np.testing.assert_array_equal(
        np.asarray(method(X, potential_energy=own), dtype=float),
        np.asarray(method(X), dtype=float),
    )


def test_an_energy_of_a_mode_is_that_of_each_of_its_parts(nested):
    given = np.full((len(X), 2), np.nan)
    given[:, 0] = np.linspace(-3, 9, len(X))
    by_name = pd.DataFrame(given, columns=list(nested.modes_)).iloc[:, ::-1]
    of_parts = pd.DataFrame(given[:, OF_MODE], columns=list(nested.parts_))
    expected = nested.importance(X, level="parts", potential_energy=of_parts)
    for said in (given, by_name, given[:, OF_MODE]):
        found = nested.importance(X, level="parts", potential_energy=said)
        np.testing.assert_array_equal(found, expected)
    # What was said of the mode is what it then has, a mean over equal parts.
    told = nested.explain(X, potential_energy=given)["left", "potential_energy"]
    np.testing.assert_allclose(told[7:], given[7:, 0], rtol=1e-12, atol=1e-12)


def test_a_part_said_to_be_broken_is_shut_within_its_mode(nested):
    given = pd.DataFrame(np.nan, index=range(len(X)), columns=list(nested.parts_))
    given["left__b"] = 1e6
    told = nested.attention(X, level="parts", potential_energy=given)[7:]
    usual = nested.attention(X, level="parts")[7:]
    assert told[:, 1].max() < 0.05 < usual[:, 1].min()
    # Its mode is still heard: the other part has nearly all of its importance.
    assert nested.attention(X, potential_energy=given)[7:, 0].min() > 0.05


def test_names_of_neither_level_and_other_numbers_of_columns_are_refused(nested):
    for wrong in (np.zeros((len(X), 4)), np.zeros((len(X), 1))):
        with pytest.raises(ValueError, match=r"left__a.*, or .*'left', 'right'"):
            nested.attention(X, potential_energy=wrong)
    mixed = pd.DataFrame(np.zeros((len(X), 2)), columns=["left__a", "right"])
    with pytest.raises(ValueError, match="must have a column for each mode, named"):
        nested.attention(X, potential_energy=mixed)


@pytest.mark.parametrize("function", ["soft", "hard"])
def test_the_threshold_is_that_of_the_gate_among_modes(function):
    made = EMMAClassifier(
        PARTS, attention_function=function, joint_energy=False, **QUICK
    ).fit(X, Y)
    clf, x = with_threshold(made, 2.5, 0.5, np.float64)
    energy, threshold = clf.modal_energy(x), clf.energy_threshold(x)
    partition = np.nansum(np.exp(-clf.rho_ * energy), axis=1)
    present = ~np.isnan(energy)
    expected = np.log(2.5 / 0.5) - np.log(partition[present.any(axis=1)])
    np.testing.assert_allclose(
        threshold[present.any(axis=1)], expected / clf.rho_, rtol=1e-10
    )
    passes = clf.attention(x) > 0
    assert 0 < passes.sum() < passes.size
    sure = np.abs(energy - threshold[:, None]) > 1e-9
    np.testing.assert_array_equal(passes[sure], (energy < threshold[:, None])[sure])
    assert np.isnan(threshold[6])


def test_of_a_single_mode_the_threshold_is_that_among_its_parts():
    shared = {"joint_energy": False} | QUICK
    flat = EMMAClassifier(MODES, **shared).fit(X, Y)
    single = EMMAClassifier({"all": MODES}, **shared).fit(X, Y)
    for clf in (flat, single):
        with_threshold(clf, 3.0, 0.25, np.float64)
    np.testing.assert_array_equal(single.energy_threshold(X), flat.energy_threshold(X))
    given = np.linspace(0, 9, len(X))[:, None]
    np.testing.assert_array_equal(
        single.predict_proba(X, potential_energy=given),
        flat.predict_proba(X, potential_energy=np.repeat(given, 3, axis=1)),
    )
