"""What classifiers and regressors behind the gate have in common."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from torch import nn

from sklearn_emma._predictors.gated_copies import (
    GatedCopies,
    clone_copies,
    fit_copies,
    given_copies,
)


class Seen(BaseEstimator):
    """Keeps what it is fitted on."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        self.seen_ = X, y, sample_weight
        return self


@pytest.mark.parametrize(
    "predictor", [None, nn.Linear(2, 2), nn.Linear, lambda a, b: a]
)
def test_what_is_torchs_is_no_estimator(predictor):
    assert given_copies(predictor) is None


def test_an_estimator_by_itself_means_copies_of_it():
    one, given = Ridge(), GatedCopies(Ridge(), n_copies=2)
    assert given_copies(one).estimator is one
    assert given_copies(given) is given


@pytest.mark.parametrize("predictor", [Ridge, GatedCopies(Ridge)])
def test_a_class_is_told_to_be_made(predictor):
    with pytest.raises(ValueError, match=r"got the class Ridge; write Ridge\(\)"):
        given_copies(predictor)


def test_what_is_cloned_stays_as_it_is():
    given = GatedCopies(LogisticRegression(C=3.0))
    copies = clone_copies(given, np.ones(4), np.dtype("f8"), 2)
    assert copies is not given and copies.estimator is not given.estimator
    assert copies.estimator.C == 3.0


@pytest.mark.parametrize("columns", [None, 2])
def test_answers_and_weights_are_those_of_each_copy(columns):
    y = np.arange(3.0) if columns is None else np.arange(6.0).reshape(3, 2)
    weight = np.array([0.5, 1.0, 2.0])
    X = np.arange(12.0).reshape(6, 2)
    estimator = Seen()
    fit_copies(estimator, X, y, weight, seed=7)
    seen, answers, counts = estimator.seen_
    np.testing.assert_array_equal(seen, X)
    np.testing.assert_array_equal(answers, np.concatenate([y, y]))
    np.testing.assert_array_equal(counts, [0.5, 1.0, 2.0, 0.5, 1.0, 2.0])
    assert estimator.random_state is not None
