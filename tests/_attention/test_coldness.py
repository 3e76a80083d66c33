"""The coldness: a number, learnt, or annealed."""

import math

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sklearn_emma import EMMAClassifier, EMMAGate
from sklearn_emma._attention.checking import check_gate
from sklearn_emma._attention.nested import NestedGate, all_gates
from sklearn_emma.attention import Annealed
from sklearn_emma.datasets import make_multimodal_classification
from sklearn_emma.model_selection import EMMAGridSearchCV

X, Y, MODES = make_multimodal_classification(120, 2, random_state=0)
QUICK = {
    "energy_estimator": GaussianMixture(),
    "predictor": torch.nn.Linear,
    "pretraining_max_iter": 2,
    "joint_energy": False,
    "random_state": 0,
}


def classifier(**params):
    return EMMAClassifier(MODES, **{"max_iter": 5} | QUICK | params)


def seen(**params):
    """Coldness in each epoch of a fit, as a callback of the user's sees it."""
    found = []

    class Note(Callback):
        def on_epoch_end(self, net, **kwargs):
            found.append(net.module_.gate.rho.item())

    clf = classifier(callbacks=[Note()], **params).fit(X, Y)
    return np.array(found), clf


# ------------------------------------------------------------------------ the schedule


def test_each_epoch_multiplies_by_the_same_factor():
    rho, clf = seen(rho=Annealed(0.1, 10.0))
    expected = [0.1, 0.1 * 10**0.5, 1.0, 10**0.5, 10.0]
    np.testing.assert_allclose(rho, expected, rtol=1e-12)
    assert clf.rho_ == pytest.approx(10.0, rel=1e-14)


def test_it_may_cool_or_heat():
    rho, _ = seen(rho=Annealed(8.0, 2.0), max_iter=3)
    np.testing.assert_allclose(rho, [8.0, 4.0, 2.0], rtol=1e-12)


def test_a_single_epoch_is_that_of_the_end():
    rho, clf = seen(rho=Annealed(0.1, 10.0), max_iter=1)
    np.testing.assert_allclose([*rho, clf.rho_], 10.0, rtol=1e-12)


def test_from_a_number_to_itself_is_that_number():
    annealed = classifier(rho=Annealed(2.0, 2.0)).fit(X, Y)
    fixed = classifier(rho=2.0).fit(X, Y)
    np.testing.assert_array_equal(annealed.attention(X), fixed.attention(X))
    assert annealed.loss_curve_ == fixed.loss_curve_


def test_the_geometric_formula():
    annealed = Annealed(0.3, 7.0)
    assert (annealed.at(0), annealed.at(1)) == (0.3, 7.0)
    for t in (0.2, 0.7):
        assert annealed.at(t) == pytest.approx(0.3 * (7.0 / 0.3) ** t)


def test_the_gate_by_itself_is_annealed_by_its_owner():
    gate = EMMAGate(2, rho=Annealed(0.5, 8.0))
    assert gate.rho.item() == pytest.approx(0.5)
    gate.anneal(0.5)
    assert gate.rho.item() == pytest.approx(2.0)
    assert not gate.log_rho.requires_grad
    fixed = EMMAGate(2, rho=3.0)
    fixed.anneal(0.5)
    assert fixed.rho.item() == pytest.approx(3.0)


# ----------------------------------------------------------------- around the schedule


def test_a_fit_that_goes_on_stays_at_the_end():
    clf = classifier(rho=Annealed(0.1, 10.0), warm_start=True).fit(X, Y)
    assert clf.fit(X, Y).rho_ == pytest.approx(10.0)
    assert clf.n_iter_ == 10


def test_the_best_epoch_keeps_its_own_coldness():
    clf = classifier(
        rho=Annealed(0.01, 1e6), early_stopping=True, n_iter_no_change=2, max_iter=12
    ).fit(X, Y)
    best = int(np.argmin(clf.validation_loss_curve_))
    assert best < 11  # so cold a gate does worse than a mild one
    expected = Annealed(0.01, 1e6).at(best / 11)
    assert clf.rho_ == pytest.approx(expected)


def test_a_parameter_of_the_schedule_can_be_searched():
    clf = classifier(rho=Annealed(0.1, 1.0), max_iter=2)
    search = GridSearchCV(clf, {"rho__end": [1.0, 5.0]}, cv=2).fit(X, Y)
    assert search.best_estimator_.rho_ in (pytest.approx(1.0), pytest.approx(5.0))


def test_a_grid_of_numbers_and_schedules_scores_as_scikit_learns():
    grid = {"rho": ["learn", 2.0, Annealed(0.1, 1.0), Annealed(0.1, 10.0)]}
    clf = classifier(max_iter=2)
    ours = EMMAGridSearchCV(clf, grid, cv=2, refit=False).fit(X, Y)
    theirs = GridSearchCV(clf, grid, cv=2, refit=False).fit(X, Y)
    np.testing.assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


def test_chunks_have_no_end_to_anneal_to():
    clf = classifier(rho=Annealed())
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(AttributeError) as error:
        clf.partial_fit(X, Y, classes=[0, 1])
    assert "how many passes" in str(error.value.__cause__)


def test_it_is_a_recipe_that_can_be_cloned():
    clf = clone(classifier(rho=Annealed(0.2, 3.0)))
    assert clf.get_params()["rho__start"] == 0.2
    assert repr(clf.rho) == "Annealed(end=3.0, start=0.2)"


# ------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.inf, math.nan, "cold"])
@pytest.mark.parametrize("end", ["start", "end"])
def test_coldness_out_of_range_is_named_before_anything_is_trained(wrong, end):
    clf = classifier(rho=Annealed(**{end: wrong}))
    with pytest.raises(ValueError, match=rf"'{end}' parameter of Annealed"):
        clf.fit(X, Y)
    assert not hasattr(clf, "energies_")


@pytest.mark.parametrize("schedule", [Annealed(1.0, 1e30), Annealed(1e30, 1.0)])
def test_a_coldness_beyond_its_type_is_an_error_wherever_it_is(schedule):
    with pytest.raises(ValueError, match=r"rho=1e\+30 is too large"):
        check_gate(EMMAGate(2, rho=schedule), torch.float32)


# ------------------------------------------------------------------- a gate of gates


PARTS = {
    "a": {"l": MODES["mode_0"][:1], "r": MODES["mode_0"][1:]},
    "b": MODES["mode_1"],
}


def coldness_of_all(gate):
    return [one.rho.item() for one in all_gates(gate)]


def test_all_gates_of_modes_with_parts_are_annealed_in_step():
    found = []

    class Note(Callback):
        def on_epoch_end(self, net, **kwargs):
            found.append(coldness_of_all(net.module_.gate))

    clf = classifier(rho=Annealed(0.1, 10.0), callbacks=[Note()], warm_start=True)
    clf.set_params(modes=PARTS).fit(X, Y)
    expected = [0.1, 0.1 * 10**0.5, 1.0, 10**0.5, 10.0]
    np.testing.assert_allclose(found, np.repeat(expected, 2).reshape(5, 2), rtol=1e-12)
    assert clf.rho_ == pytest.approx(10.0, rel=1e-14)
    clf.fit(X, Y)  # which goes on
    np.testing.assert_allclose(found[5:], 10.0, rtol=1e-12)


@pytest.mark.parametrize("schedule", [Annealed(1.0, 1e30), Annealed(1e30, 1.0)])
def test_it_is_refused_in_a_gate_of_gates_too(schedule):
    with pytest.raises(ValueError, match=r"rho=1e\+30 is too large"):
        check_gate(NestedGate([2, 1], rho=schedule), torch.float32)
