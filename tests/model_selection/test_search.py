"""EMMAGridSearchCV is GridSearchCV to its users, whatever they search with."""

import pickle
import time
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from helpers import (
    CROSSED,
    SEARCH_OPTIONS,
    assert_same_search,
    search_data,
    searchable,
)
from sklearn_emma.corruption import Failures
from sklearn_emma.model_selection import EMMAGridSearchCV

X, Y, LABELS = search_data()


def test_other_estimators_are_searched_as_ever():
    assert_same_search(LogisticRegression(), {"C": [0.1, 1.0]})


def test_many_metrics_and_a_refit_of_choice():
    clf, grid = searchable(), {"rho": [0.3, 1.0, "learn"]}
    found = assert_same_search(
        clf, grid, scoring=["accuracy", "neg_log_loss"], refit="neg_log_loss"
    )
    assert found.multimetric_
    assert set(found.scorer_) == {"accuracy", "neg_log_loss"}
    found = assert_same_search(clf, grid, refit=lambda results: 2)
    assert found.best_index_ == 2
    assert not hasattr(found, "best_score_")


def several_with_a_warning(estimator, X, y):
    warnings.warn("these rows are few", UserWarning, stacklevel=1)
    return {"first": estimator.score(X, y), "second": 0.5}


def slow_with_a_warning(estimator, X, y):
    time.sleep(0.01)
    warnings.warn("these rows are slow", UserWarning, stacklevel=1)
    time.sleep(0.01)
    return estimator.score(X, y)


def test_threads_do_not_take_the_warnings_of_each_other():
    search = EMMAGridSearchCV(
        searchable(),
        {"rho": [0.3, 1.0]},
        scoring=slow_with_a_warning,
        cv=4,
        n_jobs=2,
        refit=False,
    )
    with (
        parallel_config(backend="threading"),
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always")
        search.fit(X, Y)
    assert [str(one.message) for one in warned].count("these rows are slow") == 8


def no_score(estimator, X, y):
    raise ValueError("these rows have none")


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"scoring": "neg_log_loss", "n_jobs": 2},
        {"scoring": several_with_a_warning, "refit": "first"},
        {
            "scoring": {"good": "accuracy", "log": "neg_log_loss", "bad": no_score},
            "refit": "good",
            "error_score": -7.0,
        },
    ],
    ids=["one", "warns", "fails"],
)
def test_train_scores_and_metrics_that_fail_or_warn(options, train):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = assert_same_search(
            searchable(), {"rho": [0.3, "learn"]}, return_train_score=train, **options
        )
    # Each is heard from our search as often as from scikit-learn's.
    told = Counter(str(one.message).splitlines()[0] for one in warned)
    assert all(number % 2 == 0 for number in told.values()), told
    assert bool(told) == (options["scoring"] != "neg_log_loss")
    assert (found.cv_results_["mean_score_time"] > 0).all()


def test_groups_decide_the_splits():
    assert_same_search(
        searchable(),
        {"rho": [0.3, "learn"]},
        cv=GroupKFold(n_splits=2),
        fit_params={"groups": np.arange(len(X)) % 5},
    )


def test_metadata_is_routed():
    weight = np.where(Y == 0, 5.0, 1.0)
    groups = np.arange(len(X)) % 5
    with config_context(enable_metadata_routing=True):
        clf = searchable().set_fit_request(sample_weight=True)
        scorer = get_scorer("neg_log_loss").set_score_request(sample_weight=False)
        for estimator, prefix in [
            (clf, ""),
            (Pipeline([("same", FunctionTransformer()), ("emma", clf)]), "emma__"),
        ]:
            assert_same_search(
                estimator,
                {f"{prefix}rho": [0.3, "learn"]},
                cv=GroupKFold(n_splits=2),
                scoring=scorer,
                fit_params={"sample_weight": weight, "groups": groups},
            )
        unasked = EMMAGridSearchCV(searchable(), {"rho": [1.0]})
        with pytest.raises(Exception, match="sample_weight"):
            unasked.fit(X, Y, sample_weight=weight)


def test_data_frames():
    frame = pd.DataFrame(X, columns=[f"m{i // 4}__f{i}" for i in range(X.shape[1])])
    clf = searchable(**{"modes": None})
    search = assert_same_search(clf, {"rho": [0.3, "learn"]}, frame)
    assert search.feature_names_in_.tolist() == frame.columns.tolist()
    assert search.classes_.tolist() == sorted(set(LABELS))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scoring": "beauty"}, "beauty"),
        ({"param_grid": {"colour": [1, 2]}}, "colour"),
        ({"param_grid": {"rho": []}}, "rho"),
        ({"n_jobs": "many"}, "n_jobs"),
        ({"error_score": "ignore"}, "error_score"),
        ({"scoring": ["accuracy", "f1_macro"]}, "refit"),
        ({"cv": 1}, "cv"),
    ],
)
def test_bad_options_are_named_before_any_training(change, message, fits):
    options = {"param_grid": {"rho": [0.3, "learn"]}, "cv": 2} | change
    search = EMMAGridSearchCV(searchable(), **options)
    with pytest.raises((ValueError, TypeError), match=message):
        search.fit(X, Y)
    assert fits == {"together": [], "alone": []}


def test_data_of_one_class_are_an_error_with_its_name():
    search = EMMAGridSearchCV(
        searchable(), {"rho": [0.3, "learn"]}, cv=2, error_score="raise"
    )
    with pytest.raises(ValueError, match="class"):
        search.fit(X, np.zeros(len(X)))


def test_it_is_an_estimator_like_any_other():
    clf = searchable()
    search = EMMAGridSearchCV(clf, {"rho": [0.3, "learn"]}, **SEARCH_OPTIONS)
    assert is_classifier(search)
    with pytest.raises(NotFittedError):
        search.predict(X)
    again = clone(search)
    assert repr(again) == repr(search)
    before = repr(search.get_params())
    search.fit(X, LABELS)
    assert search.estimator is clf and not hasattr(clf, "classes_")
    assert repr(search.get_params()) == before
    assert "EMMAClassifier" in search._repr_html_()
    copied = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(copied.predict(X), search.predict(X))
    assert len(pickle.dumps(search)) < 2 * len(pickle.dumps(search.best_estimator_))
    # What has been fitted stays when another fit fails.
    search.set_params(scoring="beauty")
    with pytest.raises(ValueError, match="beauty"):
        search.fit(X, LABELS)
    np.testing.assert_array_equal(copied.predict(X), search.predict(X))


def test_global_random_state_is_untouched():
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    EMMAGridSearchCV(searchable(), CROSSED, **SEARCH_OPTIONS).fit(X, Y)
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002


def test_results_do_not_depend_on_the_number_of_jobs():
    clf = searchable(corruption=Failures())
    grid = {"rho": [0.3, "learn"], "corruption__n_failing": [1, 2]}
    one = EMMAGridSearchCV(clf, grid, **SEARCH_OPTIONS).fit(X, Y)
    two = EMMAGridSearchCV(clf, grid, **SEARCH_OPTIONS, n_jobs=2).fit(X, Y)
    with parallel_config(backend="multiprocessing", n_jobs=2):
        given = EMMAGridSearchCV(clf, grid, **SEARCH_OPTIONS).fit(X, Y)
    for other in (two, given):
        np.testing.assert_allclose(
            other.cv_results_["mean_test_score"],
            one.cv_results_["mean_test_score"],
            rtol=1e-9,
        )
