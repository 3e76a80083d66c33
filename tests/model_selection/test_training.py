"""All candidates are trained before a search asks for them, and asked for in order."""

import threading

import numpy as np
from joblib import parallel_config
from sklearn.linear_model import LogisticRegression

from helpers import SEARCH_OPTIONS, VARIED, search_data, searchable
from sklearn_emma.model_selection import EMMAGridSearchCV, _fitting, _training
from sklearn_emma.model_selection._fitting import Work

X, Y, LABELS = search_data()


def error_of(estimator, X, y):
    return float(estimator.C)


def test_scores_and_times_are_those_of_what_was_asked_for_last():
    work = Work(
        estimator=LogisticRegression(),
        X=X,
        y=Y,
        fit_params={},
        score_params={},
        scorer=error_of,
        train_scores=False,
        raise_errors=False,
    )
    rows = np.arange(len(X))
    splits = [(rows[:80], rows[80:]), (rows[80:], rows[:80])]
    training = _training.Training(work, splits, n_jobs=None, pre_dispatch=1)
    assert training.scores == []
    # The regularisation of the third is no such thing: its fit fails.
    outcomes = training.run([{"C": 0.5}, {"C": 2.0}, {"C": -1.0}])
    found = []
    for number, outcome in enumerate(outcomes, start=1):
        assert outcome.estimator is None or outcome.error is not None
        found.append(training.scores)
        assert len(training.times["fit"]) == len(training.times["score"]) == number
    assert found == [[{None: 0.5}]] * 2 + [[{None: 2.0}]] * 2 + [[]] * 2
    assert min(training.times["fit"]) > 0
    assert [time > 0 for time in training.times["score"]] == [True] * 4 + [False] * 2


def test_blocks_of_candidates_give_the_same(monkeypatch, fits):
    clf = searchable()
    options = SEARCH_OPTIONS | {"refit": False}
    whole = EMMAGridSearchCV(clf, VARIED, **options).fit(X, Y)
    monkeypatch.setattr(_training, "_BLOCK", 3)
    blocks = EMMAGridSearchCV(clf, VARIED, **options).fit(X, Y)
    assert fits["together"] == [8, 8, 3, 3, 3, 3, 2, 2]
    np.testing.assert_allclose(
        blocks.cv_results_["mean_test_score"],
        whole.cv_results_["mean_test_score"],
        rtol=1e-7,  # trained in single precision
    )


def test_work_goes_to_the_backend_of_the_caller(monkeypatch, fits):
    backends = []
    fit_stacked = _fitting._fit_stacked

    def fit_and_look(*args):
        backends.append(threading.current_thread() is threading.main_thread())
        return fit_stacked(*args)

    monkeypatch.setattr(_fitting, "_fit_stacked", fit_and_look)
    with parallel_config(backend="threading", n_jobs=2):
        EMMAGridSearchCV(searchable(), {"rho": [0.3, 1.0]}, cv=2).fit(X, Y)
    assert backends == [False, False]
