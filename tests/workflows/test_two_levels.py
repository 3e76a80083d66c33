"""Modes with parts, from fit to Displays: both levels are seen, and flat ones differ in
nothing."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.mixture import GaussianMixture

from helpers import METHODS, quick, quick_regressor, small
from sklearn_emma.corruption import MissingMode
from sklearn_emma.model_selection import EMMAGridSearchCV
from sklearn_emma.monitoring import SensorHealthMonitor
from sklearn_emma.plotting import AttentionDisplay, DistributionCurveDisplay
from sklearn_emma.robustness import attention_curve, attention_map, corrupt

MODES = {"a": {"l": [0, 1], "r": [2]}, "b": [3, 4], "c": {"x": [5], "y": [6, 7]}}
NAMES = ["a__l", "a__r", "b", "c__x", "c__y"]
OF_MODE = np.array([0, 0, 1, 2, 2])

rng = np.random.default_rng(0)
y = np.arange(240) % 3
X = rng.normal(size=(240, 8)) + y[:, np.newaxis]
GAPS = X[:30].copy()
GAPS[:10, [0, 1]] = np.nan  # a part
GAPS[10:20, :3] = np.nan  # all parts of a mode
GAPS[20:30, 0] = np.nan  # a value of a part


@pytest.fixture(scope="module")
def fitted():
    return quick(modes=MODES, epochs=5).fit(X, y)


# ------------------------------------------------------------------ the flat modes


@pytest.mark.parametrize(
    "nested",
    [
        {"all": {"a": [0, 1, 2], "b": [3, 4], "c": [5, 6, 7]}},
        {"a": {"all": [0, 1, 2]}, "b": [3, 4], "c": {"all": [5, 6, 7]}},
    ],
    ids=["one mode", "one part each"],
)
@pytest.mark.parametrize("make", [quick, quick_regressor])
def test_with_one_level_to_choose_in_everything_is_as_with_flat_modes(nested, make):
    flat = {"a": [0, 1, 2], "b": [3, 4], "c": [5, 6, 7]}
    shared = {"max_iter": 2, "pretraining_max_iter": 2}
    expected = make(modes=flat, **shared).fit(X, y)
    found = make(modes=nested, **shared).fit(X, y)
    assert found.loss_curve_ == expected.loss_curve_
    assert found.rho_ == expected.rho_
    for method in ("predict", "total_energy"):
        assert np.array_equal(getattr(found, method)(X), getattr(expected, method)(X))
    for method in ("attention", "importance", "potential_energy", "modal_energy"):
        of_parts = getattr(found, method)(X, level="parts")
        assert np.array_equal(of_parts, getattr(expected, method)(X)), method
    p = found.p_values(X, level="parts")
    assert np.array_equal(p, expected.p_values(X))
    alone = len(nested) == 1
    assert (
        np.array_equal(found.attention(X), np.ones((len(X), 1)))
        if alone
        else (np.array_equal(found.attention(X), expected.attention(X)))
    )


# ---------------------------------------------------------------- what is answered


def test_modes_and_parts_have_their_columns(fitted):
    modes = {name: columns.tolist() for name, columns in fitted.modes_.items()}
    assert modes == {"a": [0, 1, 2], "b": [3, 4], "c": [5, 6, 7]}
    assert list(fitted.parts_) == list(fitted.energies_) == NAMES
    assert fitted.parts_["c__y"].tolist() == [6, 7]
    assert fitted.attention_.shape == (240, 3)


def test_attention_of_a_part_is_that_of_its_mode_times_its_own(fitted):
    model = fitted._model
    gate = model.scores(GAPS).final
    parts, modes = fitted.attention(GAPS, level="parts"), fitted.attention(GAPS)
    share = gate.log_importance.exp()  # of a part within its mode
    within = np.ones_like(parts)
    for mode, columns in ((0, slice(0, 2)), (2, slice(3, 5))):
        inside = model.network.gate.inside(mode)
        within[:, columns] = inside.attention_function(share[:, columns]).detach()
    np.testing.assert_allclose(parts, within * modes[:, OF_MODE], rtol=1e-6)
    assert (parts[:10, 0] == 0).all() and (modes[:10, 0] > 0).all()
    assert (parts[10:20, :2] == 0).all() and (modes[10:20, 0] == 0).all()
    gated = model.network.gated(model.standardise(GAPS), gate.attention).numpy()
    x = model.standardise(GAPS).numpy()
    expected = x * parts[:, np.repeat(np.arange(5), [2, 1, 2, 1, 2])]
    np.testing.assert_allclose(gated, expected, rtol=1e-6)


def test_importance_sums_to_one_at_either_level(fitted):
    parts, modes = (fitted.importance(GAPS, level=at) for at in ("parts", "modes"))
    np.testing.assert_allclose(parts.sum(axis=1), 1.0)
    summed = np.add.reduceat(parts, [0, 2, 3], axis=1)
    np.testing.assert_allclose(summed, modes, atol=1e-12)


def test_the_potential_energy_of_a_mode_is_the_mean_of_its_parts(fitted):
    parts, modes = (
        fitted.potential_energy(GAPS, level=at) for at in ("parts", "modes")
    )
    assert np.isnan(parts[:20, 0]).all() and np.isnan(modes[10:20, 0]).all()
    np.testing.assert_array_equal(modes[:10, 0], parts[:10, 1])  # the one that is there
    share = fitted.importance(GAPS, level="parts")[:, 3:]
    share = share / fitted.importance(GAPS)[:, [2]]
    np.testing.assert_allclose((share * parts[:, 3:]).sum(axis=1), modes[:, 2])
    np.testing.assert_array_equal(modes[:, 1], parts[:, 2])


def test_total_energy_is_that_of_all_gates(fitted):
    parts, modes = (fitted.modal_energy(GAPS, level=at) for at in ("parts", "modes"))
    np.testing.assert_array_equal(parts[:, 2], modes[:, 1])
    expected = np.nansum(np.hstack([parts, modes[:, [0, 2]]]), axis=1)
    np.testing.assert_allclose(fitted.total_energy(GAPS), expected)


def test_explain_shows_each_mode_followed_by_its_parts(fitted):
    table = fitted.explain(GAPS, ranks=True)
    blocks = ["a", "a__l", "a__r", "b", "c", "c__x", "c__y"]
    assert list(dict.fromkeys(table.columns.get_level_values("mode"))) == blocks
    for level, names in (("modes", ["a", "b", "c"]), ("parts", NAMES)):
        found = np.stack([table[name]["attention"] for name in names], axis=1)
        np.testing.assert_array_equal(found, fitted.attention(GAPS, level=level))
    assert table["a__l"]["missing"].tolist() == [True] * 20 + [False] * 10
    assert table["a"]["missing"].tolist() == [False] * 10 + [True] * 10 + [False] * 10
    assert table["a__r"]["attention_rank"].between(0, 1).sum() == 20
    reference = fitted.reference_["c__y"]["attention"]
    assert reference.is_monotonic_increasing and reference.iloc[-1] > 0


def test_frames_name_modes_or_parts(fitted):
    named = copy.deepcopy(fitted).set_output(transform="pandas")
    frame = pd.DataFrame(GAPS, index=range(7, 37))
    assert list(named.attention(frame)) == ["a", "b", "c"]
    of_parts = named.failing_modes(frame, 0.1, level="parts")
    assert list(of_parts) == NAMES and of_parts.index[0] == 7


def test_an_unknown_level_is_refused(fitted):
    for method in ("attention", "p_values", "failing_modes"):
        with pytest.raises(ValueError, match="`level` must be 'modes' or 'parts', got"):
            getattr(fitted, method)(X, level="columns")


# ---------------------------------------------------------------------- alarms


def test_a_mode_rings_where_one_of_its_parts_is_unusual_enough_for_all(fitted):
    p, of_modes = fitted.p_values(GAPS, level="parts"), fitted.p_values(GAPS)
    np.testing.assert_array_equal(of_modes[:10, 0], p[:10, 1])
    assert np.isnan(of_modes[10:20, 0]).all()
    pair = np.minimum(2 * p[20:, :2].min(axis=1), 1.0)
    np.testing.assert_allclose(of_modes[20:, 0], pair)
    broken = X.copy()
    broken[:, 5] += 50
    assert fitted.failing_modes(broken, 0.05).mean(axis=0)[2] == 1
    of_parts = fitted.failing_modes(broken, 0.05, level="parts").mean(axis=0)
    assert of_parts[3] == 1 and (of_parts[[0, 1, 2, 4]] < 0.2).all()


def test_modes_of_more_parts_need_more_clean_rows_to_ring(fitted):
    few = copy.deepcopy(fitted).calibrate_alarms(X[:60])
    assert few.alarm_rows_.tolist() == [60] * 5
    few.failing_modes(X, 0.02, level="parts")  # needs 49
    with pytest.warns(UserWarning, match=r"mode 'a' \(60 rows\), 'c' .* takes 99"):
        few.failing_modes(X, 0.02)


def test_a_monitor_watches_parts(fitted):
    monitor = SensorHealthMonitor(fitted, confidence=0.5)
    states = monitor.update(X[:5])
    assert list(dict.fromkeys(states.columns.get_level_values("mode"))) == NAMES
    assert monitor.report().index.tolist() == NAMES


# -------------------------------------------------------------------- training


def test_what_is_known_to_be_corrupted_may_be_said_of_modes_or_of_parts():
    whole = np.zeros((240, 3), dtype=bool)
    whole[:20, 0] = True
    parts = whole[:, OF_MODE]
    none = {"modes": MODES, "epochs": 1, "corruption": None}
    expected = quick(**none).fit(X, y, corrupted=parts)
    for given in (whole, pd.DataFrame(whole[:, ::-1], columns=["c", "b", "a"])):
        found = quick(**none).fit(X, y, corrupted=given)
        assert np.array_equal(found.predict_proba(X), expected.predict_proba(X))
    parts[:20, 1] = False
    other = quick(**none).fit(X, y, corrupted=pd.DataFrame(parts, columns=NAMES))
    assert not np.array_equal(other.predict_proba(X), expected.predict_proba(X))
    with pytest.raises(ValueError, match="`corrupted` must have shape"):
        quick(**none).fit(X, y, corrupted=parts[:, :4])


def test_energies_are_chosen_by_the_name_of_a_mode_or_of_a_part():
    energies = {"a": GaussianMixture(), "a__r": small(), "b": GaussianMixture()}
    model = quick(modes=MODES, epochs=1, energy_estimator=energies).fit(X, y)
    kinds = [isinstance(e, GaussianMixture) for e in model.energies_.values()]
    assert kinds == [True, False, True, False, False]
    with pytest.raises(ValueError, match="'d', which is not a mode"):
        quick(modes=MODES, energy_estimator={"d": small()}).fit(X, y)


def test_training_goes_on_with_the_same_parts_only():
    model = quick(modes=MODES, epochs=1, warm_start=True).fit(X, y)
    model.fit(X, y)
    assert model.n_iter_ == 2
    flat = {name: columns.tolist() for name, columns in model.parts_.items()}
    with pytest.raises(ValueError, match="needs the modes of the previous fit"):
        model.set_params(modes=flat).fit(X, y)
    by_chunks = quick(modes=MODES, epochs=1)
    by_chunks.partial_fit(X[:120], y[:120], [0, 1, 2]).partial_fit(X[120:], y[120:])
    assert by_chunks.attention(X, level="parts").shape == (240, 5)


def test_a_search_trains_gates_of_gates_together(fitted):
    grid = {"rho": [0.5, "learn"]}
    quicker = clone(fitted).set_params(max_iter=2, pretraining_max_iter=2)
    search = EMMAGridSearchCV(quicker, grid, cv=2).fit(X, y)
    alone = clone(search.best_estimator_).fit(X, y)
    np.testing.assert_allclose(
        search.best_estimator_.predict_proba(X), alone.predict_proba(X), atol=1e-5
    )


@pytest.mark.parametrize(
    ("coupling", "attention_function"),
    [("asymmetric", "hard"), ("symmetric", "importance"), (None, "none")],
)
def test_both_levels_take_any_part_of_a_gate(coupling, attention_function):
    params = {"coupling": coupling, "attention_function": attention_function}
    model = quick(modes=MODES, epochs=1, lambda_c=0.01, **params).fit(X, y)
    attention = model.attention(GAPS, level="parts")
    assert ((attention >= 0) & (attention <= 1)).all()
    if attention_function == "none":
        assert set(attention.ravel()) == {0, 1}


def test_copies_and_deployed_models_answer_alike(fitted):
    again = pickle.loads(pickle.dumps(fitted))
    for method in METHODS:
        assert np.array_equal(getattr(again, method)(X), getattr(fitted, method)(X))
    probabilities, attention = fitted.to_torch()(torch.from_numpy(GAPS))
    np.testing.assert_allclose(probabilities, fitted.predict_proba(GAPS), atol=1e-6)
    np.testing.assert_allclose(attention, fitted.attention(GAPS), atol=1e-6)


def test_a_missing_part_is_ignored_whatever_stood_there(fitted):
    one_by_one = np.vstack([fitted.predict_proba(row[None]) for row in GAPS])
    np.testing.assert_allclose(fitted.predict_proba(GAPS), one_by_one, atol=1e-9)


# ------------------------------------------------------------------- failing parts


def test_curves_and_displays_show_either_level(fitted):
    options = {"levels": [0, 8], "n_repeats": 1, "random_state": 0}
    curve = attention_curve(fitted, X, mode="a__l", level="parts", **options)
    assert curve.columns == tuple(NAMES)
    assert curve.mean[1, 0] < curve.mean[0, 0]
    whole = attention_curve(fitted, X, mode="a", **options)
    assert whole.columns == ("a", "b", "c")
    found = attention_map(
        fitted, X, failing=("a__l", "c"), level="parts", levels=[0, 8], random_state=0
    )
    assert found.mean.shape == (2, 2, 5)
    pytest.importorskip("matplotlib").use("agg")
    display = AttentionDisplay.from_estimator(
        fitted, X, failing=["a__l", "a"], level="parts", random_state=0
    )
    assert display.columns == tuple(NAMES)
    drawn = DistributionCurveDisplay.from_estimator(
        fitted, X, mode="a__l", level="parts", **options
    )
    assert drawn.curve.columns == tuple(NAMES)


def test_parts_fail_without_any_estimator():
    failed = corrupt(X, MissingMode(), modes=MODES, part_fraction=1.0, random_state=0)
    missing = np.isnan(failed)
    assert set(missing.sum(axis=1)) <= {1, 2}
