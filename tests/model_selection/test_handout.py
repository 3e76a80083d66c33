"""What scikit-learn's search works with where all is trained beforehand."""

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ShuffleSplit

from helpers import assert_same_search, search_data, searchable
from sklearn_emma import EMMAClassifier
from sklearn_emma.model_selection import EMMAGridSearchCV, _training
from sklearn_emma.model_selection._fitting import Outcome
from sklearn_emma.model_selection._handout import (
    DrawnSplits,
    Handout,
    TrainingBrokenError,
)

X, Y, LABELS = search_data()


def importance_of_the_first_mode(estimator, X, y):
    """Scorer that wants the true class, and more than predictions."""
    assert type(estimator) is EMMAClassifier
    return {"first": float(estimator.importance(X)[:, 0].mean())}


def test_a_scorer_sees_the_fitted_classifier():
    assert_same_search(
        searchable(),
        {"rho": [0.3, 2.0]},
        scoring=importance_of_the_first_mode,
        refit="first",
    )


def test_what_fails_outside_of_a_fit_fails_the_search(
    monkeypatch,
):
    def lose(*args, **params):
        raise OSError("worker lost")

    monkeypatch.setattr(_training, "fit_group", lose)
    search = EMMAGridSearchCV(searchable(), {"rho": [0.3, 1.0]}, cv=2)
    with pytest.raises(OSError, match="worker lost"):
        search.fit(X, Y)
    assert not hasattr(search, "cv_results_")


def test_without_scoring_and_with_random_splits():
    search = EMMAGridSearchCV(
        searchable(),
        {"rho": [0.3, "learn"]},
        cv=ShuffleSplit(n_splits=3, test_size=0.25),  # other splits at each call
    ).fit(X, Y)
    assert search.n_splits_ == 3
    assert 0 <= search.best_score_ <= 1
    assert search.score(X, Y) == search.best_estimator_.score(X, Y)
    assert search.refit_time_ > 0
    assert (search.cv_results_["mean_fit_time"] > 0).all()


# ------------------------------------------------------------------------ one by one


def fitted(C):
    return LogisticRegression(C=C).fit(X, LABELS)


def test_fit_hands_out_what_is_fitted_and_then_fits():
    given = [fitted(0.1), fitted(0.2)]
    outcomes = iter([Outcome(estimator, None, 0.0) for estimator in given])
    stand_in = Handout(LogisticRegression(C=7.0), outcomes)
    assert is_classifier(stand_in)
    for estimator in given:
        got = clone(stand_in)
        got.of_the_search = "stays"
        assert got.fit(X, LABELS) is got
        assert type(got) is LogisticRegression
        assert vars(got) == vars(estimator) | {"of_the_search": "stays"}
    refit = clone(stand_in).set_params(C=3.0).fit(X, LABELS)
    assert type(refit) is LogisticRegression
    np.testing.assert_array_equal(refit.coef_, fitted(3.0).coef_)
    assert not hasattr(stand_in.estimator, "coef_") and stand_in.estimator.C == 7.0


def test_the_error_of_a_fit_is_raised_by_fit():
    error = FloatingPointError("it diverged")
    outcomes = iter([Outcome(LogisticRegression(), error, 0.0)])
    with pytest.raises(FloatingPointError) as caught:
        Handout(LogisticRegression(), outcomes).fit(X, Y)
    assert caught.value is error


def test_an_error_of_the_training_itself_is_no_error_of_a_candidate():
    def lost():
        raise OSError("worker lost")
        yield

    with pytest.raises(TrainingBrokenError) as caught:
        Handout(LogisticRegression(), lost()).fit(X, Y)
    assert not isinstance(caught.value, Exception)
    assert isinstance(caught.value.__cause__, OSError)


def test_splits_are_drawn_once():
    cv = ShuffleSplit(3)
    drawn = list(cv.split(X))
    splits = DrawnSplits(cv, drawn)
    assert splits.get_n_splits() == 3
    for _ in range(2):
        assert all(a is b for a, b in zip(splits.split(X, Y), drawn, strict=True))
