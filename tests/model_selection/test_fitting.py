"""Candidates are fitted, and scored where they were fitted."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer

from helpers import search_data, searchable
from sklearn_emma.corruption import Failures
from sklearn_emma.model_selection import EMMAGridSearchCV
from sklearn_emma.model_selection._fitting import Work, fit_group

X, Y, LABELS = search_data()
ROWS = np.arange(len(X))
SPLIT = ROWS[:100], ROWS[100:]


def work_on(estimator, **changes):
    given = {
        "fit_params": {},
        "score_params": {},
        "scorer": get_scorer("neg_log_loss"),
        "train_scores": False,
        "raise_errors": False,
    }
    return Work(estimator=estimator, X=X, y=Y, **(given | changes))


def test_scores_are_those_of_a_fit_and_arrays_are_cut_to_the_rows():
    weight = np.linspace(0.1, 2.0, len(X))
    params = {"sample_weight": weight}
    work = work_on(LogisticRegression(), fit_params=params, score_params=params)
    found = fit_group(work, [{"C": 0.1}, {"C": 5.0}], SPLIT)
    train, test = SPLIT
    for C, outcome in zip([0.1, 5.0], found, strict=True):
        fitted = LogisticRegression(C=C).fit(X[train], Y[train], weight[train])
        score = work.scorer(fitted, X[test], Y[test], sample_weight=weight[test])
        assert outcome.scores == ({None: score},)
        assert outcome.fit_time > 0 and outcome.score_time > 0


def test_training_rows_are_scored_behind_the_others_if_they_are_wanted():
    candidates = [{"rho": 0.3}, {"rho": "learn"}]
    some = fit_group(work_on(searchable()), candidates, SPLIT)
    every = fit_group(work_on(searchable(), train_scores=True), candidates, SPLIT)
    for one, both in zip(some, every, strict=True):
        assert one.estimator is both.estimator is None  # they are not wanted any more
        assert one.scores == both.scores[:1] and len(both.scores) == 2
        assert both.scores[0] != both.scores[1]


def of_few_rows(estimator, X, y):
    if len(X) > 80:
        raise ValueError("too many rows")
    return 1.0


def test_with_one_score_missing_all_are_left_to_be_computed():
    work = work_on(searchable(), scorer=of_few_rows, train_scores=True)
    (found,) = fit_group(work, [{"rho": 0.3}], SPLIT)
    assert found.scores == () and found.error is None and found.score_time > 0
    assert found.estimator.predict(X).shape == (len(X),)


def complaining(estimator, X, y):
    warnings.warn("so few rows", UserWarning, stacklevel=1)
    return 1.0


def failing(estimator, X, y):
    raise ValueError("no score")


@pytest.mark.parametrize("scorer", [complaining, failing])
def test_what_a_scorer_complains_of_is_left_to_be_scored(scorer):
    work = work_on(searchable(), scorer=scorer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is heard of it here
        warnings.simplefilter("default", UserWarning)
        (found,) = fit_group(work, [{"rho": 0.3}], SPLIT)
    assert found.scores == () and found.error is None
    assert found.estimator.predict(X).shape == (len(X),)


def test_the_error_of_a_diverged_one_is_that_of_its_fit():
    clf = searchable(corruption=Failures(importance_floor=0.0), lambda_e=1e308)
    with pytest.raises(FloatingPointError) as expected:
        clf.fit(X, Y)
    grid = {"lambda_e": [1e308], "rho": [0.5, "learn"]}
    clf = clf.set_params(rho=0.5)
    work = work_on(clf)
    found = fit_group(work, [{"rho": "learn"}, {"rho": 0.5}], (ROWS, ROWS[:5]))
    assert str(found[0].error) == str(expected.value)
    assert found[0].scores == ()
    with pytest.raises(ValueError, match="All the 4 fits failed"):
        EMMAGridSearchCV(clf, grid, cv=2).fit(X, Y)
