"""Classifiers behind the gate: weights, searches, clones, refits, failures."""

import copy
import pickle
import threading

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

import helpers
from sklearn_emma.predictors import GatedCopies

MODES = {"left": [2, 0], "right": [1, 3]}
rng = np.random.default_rng(0)
y = np.array(["ill", "odd", "well"])[np.arange(80) % 3]
X = rng.normal(size=(80, 4)) + np.arange(80)[:, np.newaxis] % 3


def quick(predictor, **params):
    return helpers.quick(predictor=predictor, **{"modes": MODES} | params)


class Recorder(ClassifierMixin, BaseEstimator):
    """Predicts the first class; keeps what it was fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.seen_ = X, y, sample_weight
        return self

    def predict_proba(self, X):
        return np.tile(np.arange(len(self.classes_)) == 0, (len(X), 1))


# ----------------------------------------------------------------------------- weights


CLASSIFIERS = [
    LogisticRegression(),
    RandomForestClassifier(5),
    KNeighborsClassifier(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    VotingClassifier([("f", RandomForestClassifier(3))], voting="soft"),
]


@pytest.mark.parametrize("predictor", CLASSIFIERS, ids=lambda p: type(p).__name__)
def test_a_weight_is_a_number_of_rows(predictor):
    weight = np.arange(80) % 4
    weighed = quick(predictor).fit(X, y, sample_weight=weight)
    rows = np.repeat(np.arange(80), weight)
    repeated = quick(predictor).fit(X[rows], y[rows])
    np.testing.assert_array_equal(weighed.predict_proba(X), repeated.predict_proba(X))
    assert not np.allclose(
        quick(predictor).fit(X, y).predict_proba(X), weighed.predict_proba(X)
    )


@pytest.mark.parametrize("pipeline", [False, True])
def test_weights_of_samples_and_classes_reach_fit_in_every_copy(pipeline):
    weight = np.linspace(0.5, 2, 80)
    given = make_pipeline(StandardScaler(), Recorder()) if pipeline else Recorder()
    model = quick(GatedCopies(given, n_copies=3), class_weight={"ill": 7.0})
    fitted = model.fit(X, y, sample_weight=weight).predictor_
    _, labels, seen = (fitted[-1] if pipeline else fitted).seen_
    seen, labels = seen.reshape(3, 80), labels.reshape(3, 80)
    assert (seen == seen[0]).all() and (labels == labels[0]).all()
    expected = weight * np.where(y == "ill", 7.0, 1.0)
    for label in model.classes_:
        np.testing.assert_allclose(
            np.sort(seen[labels == label]), np.sort(np.repeat(expected[y == label], 3))
        )


def test_a_class_without_weight():
    model = quick(KNeighborsClassifier(), class_weight={"odd": 0}).fit(X, y)
    assert model.predictor_.classes_.tolist() == ["ill", "well"]
    assert model.classes_.tolist() == ["ill", "odd", "well"]
    proba = model.predict_proba(X)
    assert (proba[:, 1] < 1e-300).all() and np.allclose(proba.sum(axis=1), 1)


# ------------------------------------------------------------------------ surroundings


def test_is_drawn_with_its_parts():
    model = quick(RandomForestClassifier(3)).fit(X, y)
    assert "RandomForestClassifier" in model._repr_html_()


def test_searches_reach_into_the_classifier():
    search = GridSearchCV(
        quick(GatedCopies(RandomForestClassifier(3))),
        {"predictor__estimator__max_depth": [1, 4], "predictor__n_copies": [1, 2]},
        cv=2,
    ).fit(X, y)
    names = {"predictor__estimator__max_depth", "predictor__n_copies"}
    assert set(search.best_params_) == names
    best = search.best_estimator_.predictor_
    assert best.max_depth == search.best_params_["predictor__estimator__max_depth"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_search_reaches_into_a_bare_classifier():
    grid = {"predictor__max_depth": [1, 4]}
    search = GridSearchCV(quick(RandomForestClassifier(3)), grid, cv=2).fit(X, y)
    best = search.best_estimator_.predictor_
    assert best.max_depth == search.best_params_["predictor__max_depth"]


def test_gated_copies_are_a_parameter_object_like_any_other():
    copies = GatedCopies(LogisticRegression(C=0.5), n_copies=3)
    assert copies.get_params(deep=False).keys() == {"estimator", "n_copies"}
    assert copies.get_params()["estimator__C"] == 0.5
    assert (
        repr(copies) == "GatedCopies(estimator=LogisticRegression(C=0.5), n_copies=3)"
    )
    model = clone(quick(copies))
    model.set_params(predictor__estimator__C=2.0, predictor__n_copies=4)
    assert (model.predictor.estimator.C, model.predictor.n_copies) == (2.0, 4)
    assert (copies.estimator.C, copies.n_copies) == (0.5, 3)
    fitted = model.fit(X, y)
    assert fitted.predictor_.C == 2.0 and not hasattr(model.predictor, "classes_")
    assert not hasattr(model.predictor.estimator, "coef_")  # a clone is fitted


@pytest.mark.parametrize("wrapped", [False, True])
def test_clones_copies_and_pickles(wrapped):
    forest = RandomForestClassifier(3)
    model = quick(GatedCopies(forest) if wrapped else forest).fit(X, y)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    fresh = clone(model)
    inside = fresh.predictor.estimator if wrapped else fresh.predictor
    assert not hasattr(inside, "estimators_")
    np.testing.assert_array_equal(
        fresh.fit(X, y).predict_proba(X), model.predict_proba(X)
    )


def test_warm_start_goes_on_with_the_gate_and_refits_the_classifier():
    model = quick(LogisticRegression(), warm_start=True).fit(X, y)
    first, proba = model.predictor_, model.predict_proba(X)
    model.fit(X, y)
    assert model.n_iter_ == 6 and model.predictor_ is not first
    assert not np.allclose(model.predict_proba(X), proba)
    model.set_params(predictor=None).fit(X, y)
    assert model.n_iter_ == 9 and model.predictor_ is model.network_.predictor
    logits = model.predict_log_proba(X)
    assert np.isfinite(logits).all() and logits.shape == (80, 3)


def test_early_stopping_holds_nothing_back_from_the_classifier():
    copies = GatedCopies(Recorder(), n_copies=2)
    model = quick(copies, early_stopping=True).fit(X, y)
    assert len(model.predictor_.seen_[0]) == 160
    assert len(model.validation_loss_curve_) == model.n_iter_


class Fails(Recorder):
    def fit(self, X, y):
        raise RuntimeError("the classifier gave up")


def test_a_classifier_that_fails_leaves_the_model_as_it_was():
    model = quick(LogisticRegression()).fit(X, y)
    proba = model.predict_proba(X)
    with pytest.raises(RuntimeError, match="gave up"):
        model.set_params(predictor=Fails()).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), proba)


def test_its_parts_may_be_fitted_in_threads():
    """Those of torch too, though while it is fitted nobody else may draw."""
    energies = [(f"{i}", helpers.small(max_iter=1, random_state=i)) for i in range(3)]
    fitted = {}

    def fit(n_jobs):
        union = FeatureUnion(energies, n_jobs=n_jobs)
        model = quick(make_pipeline(union, LogisticRegression(C=1e-3)), epochs=1)
        with joblib.parallel_config("threading"):
            fitted[n_jobs] = model.fit(X, y)

    for n_jobs in (1, 2):
        thread = threading.Thread(target=fit, args=(n_jobs,), daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive(), "they wait for each other"
    alone, threads = (model.predict_proba(X) for model in fitted.values())
    np.testing.assert_array_equal(alone, threads)
