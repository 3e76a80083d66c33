"""Other losses of the classifier: linear oracles, energies, and what goes with them."""

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from helpers import quick, rare_class, three_classes
from sklearn_emma import EMMAClassifier
from sklearn_emma._losses.recipes import LOSSES
from sklearn_emma.losses import Hinge, free_energy, hinge_loss, nll_loss
from sklearn_emma.predictors import MLP

ALL = sorted(LOSSES)
OTHERS = [name for name in ALL if name != "nll"]


def linear(loss, *, decay=0.0, epochs=400, **params):
    """A linear classifier of all data at once, with an L2 penalty of its weights."""
    return EMMAClassifier(
        {"all": [0, 1, 2, 3]},
        loss=loss,
        predictor=MLP((), evidence=False),
        attention_function="none",
        corruption=None,
        optimizer=partial(torch.optim.Adam, weight_decay=decay),
        pretraining_max_iter=100,
        max_iter=epochs,
        batch_size=1000,
        random_state=0,
        **{"lr": 0.05} | params,
    )


def overlapping():
    """X (120, 4), standardised, and y, 0 or 1, which no line separates."""
    X, y = rare_class()
    X = StandardScaler().fit_transform(X)
    assert LogisticRegression(C=1e3).fit(X, y).score(X, y) < 1
    return X, y


def penalised(score, y, weight, decay):
    """Mean hinge of scores of the class 1, plus what the decay of both logits costs."""
    hinge = np.maximum(0, 1 - np.where(y == 1, 1, -1) * score)
    return hinge.mean() + decay / 4 * np.square(weight).sum()


def test_with_a_linear_predictor_the_hinge_is_a_support_vector_machine():
    """Both logits have half of w as weights: ‖w‖² counts λ/4, and C = 2/(λ n)."""
    X, y = overlapping()
    decay = 0.05
    emma = linear("hinge", decay=decay).fit(X, y)
    C = 2 / (decay * len(y))
    svm = LinearSVC(loss="hinge", C=C, tol=1e-8, max_iter=10**6).fit(X, y)
    line = emma.predictor_.linear
    weight = np.append(*(p.diff(dim=0).detach() for p in (line.weight, line.bias)))
    expected = np.append(svm.coef_, svm.intercept_)
    np.testing.assert_allclose(weight, expected, atol=0.01 * np.abs(expected).max())
    found = penalised(emma.decision_function(X), y, weight, decay)
    best = penalised(svm.decision_function(X), y, expected, decay)
    assert best <= found + 1e-9 < 1.0005 * best


def test_with_a_linear_predictor_the_likelihood_is_logistic_regression():
    X, y = overlapping()
    decay = 0.05
    emma = linear("nll", decay=decay).fit(X, y)
    C = 2 / (decay * len(y))  # liblinear penalises the intercept, as decay does
    logistic = LogisticRegression(C=C, solver="liblinear", tol=1e-8).fit(X, y)
    np.testing.assert_allclose(
        emma.predict_proba(X), logistic.predict_proba(X), atol=1e-3
    )


def test_the_perceptron_separates_what_can_be_separated():
    X, y = overlapping()
    y = (X @ [1.0, -2.0, 0.5, 1.0] > 0.3).astype(int)
    emma = linear("perceptron", epochs=300).fit(X, y)
    assert emma.score(X, y) == 1
    assert emma.loss_curve_[-1] == 0


@pytest.mark.parametrize("loss", [*ALL, Hinge(2.0), hinge_loss])
def test_the_class_of_least_energy_is_predicted(loss):
    X, y = three_classes()
    labels = np.array(["a", "b", "c"])[y]
    clf = quick(loss=loss, epochs=5).fit(X, labels)
    energy = clf.class_energy(X)
    assert energy.shape == (120, 3)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[energy.argmin(axis=1)])
    np.testing.assert_array_equal(energy, -clf.decision_function(X))
    gibbs = torch.softmax(-torch.from_numpy(energy), 1)
    np.testing.assert_allclose(clf.predict_proba(X), gibbs, rtol=1e-6)


@pytest.mark.parametrize("loss", OTHERS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_loss_learns(loss):
    X, y = three_classes()
    clf = quick(loss=loss, epochs=20, predictor=MLP(16, dropout=0.0)).fit(X, y)
    reference = LogisticRegression().fit(X, y).score(X, y)
    assert clf.score(X, y) > reference - 0.08
    assert clf.loss_curve_[-1] < clf.loss_curve_[0]


def test_the_free_energy_is_that_of_the_classes_at_every_temperature():
    X, y = three_classes()
    X = X.astype(np.float32)
    clf = quick(loss="square_square").fit(X, y)
    energy = torch.from_numpy(clf.class_energy(X))
    for tau in (0.5, 1, 2.0, np.inf):
        found = clf.free_energy(X, tau=tau)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, free_energy(energy, tau))
    np.testing.assert_array_equal(clf.free_energy(X), clf.free_energy(X, 1.0))
    with pytest.raises(ValueError, match="`tau` must be a number > 0"):
        clf.free_energy(X, tau=0)


def test_the_likelihood_is_the_default_by_name_and_as_a_function():
    X, y = three_classes()
    clf = quick().fit(X, y)
    assert clf.loss == "nll"
    for loss in ("nll", nll_loss):
        same = quick(loss=loss).fit(X, y)
        np.testing.assert_array_equal(same.predict_proba(X), clf.predict_proba(X))
    assert not np.allclose(quick(loss="log").fit(X, y).class_energy(X), energy(clf, X))


def energy(clf, X):
    return clf.class_energy(X)


@pytest.mark.parametrize("loss", ALL)
def test_single_modes_are_heard_where_outputs_are_log_probabilities(loss):
    X, y = three_classes()
    clf = quick(loss=loss, predictor=MLP(8)).fit(X, y)
    assert (clf.network_.evidence is None) == (loss != "nll")
    assert (clf.temperature_ == 1) == (loss != "nll")


def test_calibration_makes_probabilities_of_energies():
    X, y = rare_class()
    clf = CalibratedClassifierCV(quick(loss="hinge", epochs=10), cv=2).fit(X, y)
    proba = clf.predict_proba(X)[:, 1]
    assert abs(proba.mean() - y.mean()) < 0.05


def test_margins_of_pairs_decide_which_errors_are_made():
    X, y = overlapping()
    for row in (0, 1):  # the class that must not be taken for the other
        margin = np.full((2, 2), 0.1)
        margin[row] = 5.0
        alike, careful = (
            linear(loss, decay=0.05, epochs=100).fit(X, y).predict(X) == row
            for loss in ("hinge", Hinge(margin))
        )
        assert careful[y == row].mean() > max(0.95, alike[y == row].mean())
        assert careful.mean() > alike.mean() + 0.05


def test_a_search_reaches_into_a_loss_and_a_pickle_keeps_it():
    X, y = three_classes()
    search = GridSearchCV(
        quick(loss=Hinge(), epochs=2), {"loss__margin": [0.1, 2.0]}, cv=2
    ).fit(X, y)
    assert set(search.cv_results_["param_loss__margin"]) == {0.1, 2.0}
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))


def test_chunks_are_learnt_by_the_same_loss():
    X, y = three_classes()
    hinge, nll = (
        quick(loss=loss).partial_fit(X, y, classes=[0, 1, 2]).class_energy(X)
        for loss in ("hinge", "nll")
    )
    assert not np.allclose(hinge, nll)


@pytest.mark.parametrize(
    "loss, message",
    [
        ("cross_entropy", "'loss' parameter of EMMAClassifier"),
        (None, "'loss' parameter of EMMAClassifier"),
        (Hinge, "must be an instance"),
        (Hinge(-1.0), "'margin' parameter of Hinge"),
        (Hinge(np.ones((2, 2))), r"\(n_classes, n_classes\) = \(3, 3\); got \(2, 2\)"),
        (lambda energies, y: energies.mean(), "loss of each sample"),
    ],
)
def test_a_loss_that_cannot_be_used_is_refused_before_training(
    loss, message, no_training
):
    X, y = three_classes()
    for train in (
        lambda clf: clf.fit(X, y),
        lambda clf: clf.partial_fit(X, y, classes=[0, 1, 2]),
    ):
        with pytest.raises(ValueError, match=message):
            train(quick(loss=loss))


def test_a_cache_tells_losses_apart_that_have_the_same_name(tmp_path):
    X, y = three_classes()
    clf = quick(memory=str(tmp_path))
    curves = []
    for power in (1, 1, 2):

        def own(energies, y, power=power):
            return hinge_loss(energies, y) ** power

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            clf.set_params(loss=own).fit(X, y)
        curves.append(clf.pretraining_loss_curve_)
    assert curves[0] == curves[1] != curves[2]
    (cached,) = tmp_path.glob("joblib/**/_recall")
    assert len([path for path in cached.iterdir() if path.is_dir()]) == 2
