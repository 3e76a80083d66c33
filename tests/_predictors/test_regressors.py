"""Scikit-learn regressors as predictors: what they see, and what is refused."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from sklearn_emma._inputs.numbers import Numbers
from sklearn_emma._predictors.regressors import clone_regressor, fit_regressor
from sklearn_emma.predictors import MLP, GatedCopies

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = 1e3 + X @ np.array([[1.0, 2.0], [0.0, -30.0], [2.0, 5.0]])
ONES = np.ones(len(X))
FLOAT64 = np.dtype(np.float64)


def fitted(estimator, y, x=X, weight=ONES):
    target = Numbers.from_values(y, "squared_error").learn(y, weight)
    copies = clone_regressor(estimator, weight, FLOAT64, 3, target.n_columns)
    return fit_regressor(copies.estimator, x, y, weight, target, 0), target


@pytest.mark.parametrize("y", [Y[:, 0], Y, Y[:, :1]])
def test_answers_are_those_of_the_regressor_in_its_own_units(y):
    found, target = fitted(LinearRegression(), y)
    outputs = found.logits(torch.from_numpy(X))
    assert outputs.shape == (30, target.n_columns) and outputs.dtype == torch.float64
    np.testing.assert_allclose(target.decode(outputs.numpy()), y)
    np.testing.assert_allclose(found.estimator.predict(X), y)
    assert found.logits(torch.from_numpy(X).float()).dtype == torch.float32


def test_every_copy_has_the_same_values_and_weights():
    weight = np.arange(30.0)
    found, _ = fitted(Ridge(), Y, np.concatenate([X, X]), weight)
    expected = Ridge().fit(
        np.concatenate([X, X]), np.concatenate([Y, Y]), np.tile(weight, 2)
    )
    np.testing.assert_allclose(found.estimator.coef_, expected.coef_)


def test_rows_are_repeated_for_a_regressor_without_weights():
    weight = np.arange(30.0) % 3
    found, _ = fitted(KNeighborsRegressor(2), Y[:, 0], X, weight)
    assert found.estimator.n_samples_fit_ == weight.sum()


def test_seeds_that_are_none_are_set():
    found, _ = fitted(RandomForestRegressor(2), Y)
    assert found.estimator.random_state == 0


@pytest.mark.parametrize(
    "predictor", [MLP(), torch.nn.Linear, torch.nn.Linear(3, 1), None]
)
def test_what_is_torchs_is_none(predictor):
    assert clone_regressor(predictor, ONES, FLOAT64, 3, 1) is None


@pytest.mark.parametrize(
    "predictor, n_targets, message",
    [
        (Ridge, 1, r"must be an instance.*write Ridge\(\)"),
        (GatedCopies(Ridge), 1, r"write Ridge\(\)"),
        (LogisticRegression(), 1, "must be a regressor, got the classifier"),
        (GatedCopies(torch.nn.Linear(3, 1)), 1, "which has `fit` and `predict`"),
        (GatedCopies(Ridge(), n_copies=0), 1, "'n_copies' parameter of GatedCopies"),
        (Ridge(alpha=-1), 1, "'alpha' parameter of Ridge"),
        (
            HistGradientBoostingRegressor(),
            2,
            "y has 2: wrap it in MultiOutputRegressor",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(predictor, n_targets, message):
    with pytest.raises(ValueError, match=message):
        clone_regressor(predictor, ONES, FLOAT64, 3, n_targets)


@pytest.mark.parametrize(
    "predictor",
    [
        MultiOutputRegressor(HistGradientBoostingRegressor()),
        GridSearchCV(Ridge(), {"alpha": [1.0]}),
        make_pipeline(Ridge()),
        KNeighborsRegressor(),
    ],
)
def test_several_targets_are_left_to_those_who_may_take_them(predictor):
    assert clone_regressor(predictor, ONES, FLOAT64, 3, 2) is not None


def test_weights_that_are_no_repetitions_need_a_regressor_that_takes_them():
    weight = np.linspace(0.1, 1.7, 30)
    assert clone_regressor(Ridge(), weight, FLOAT64, 3, 1) is not None
    with pytest.raises(ValueError, match="takes no `sample_weight`"):
        clone_regressor(KNeighborsRegressor(), weight, FLOAT64, 3, 1)


class Answers(RegressorMixin, BaseEstimator):
    """Answers whatever it is told to."""

    def __init__(self, answer=None):
        self.answer = answer

    def fit(self, X, y):
        if self.answer is None:
            raise RuntimeError("out of order")
        return self

    def predict(self, X):
        return self.answer(len(X))


@pytest.mark.parametrize(
    "answer, message",
    [
        (lambda n: np.zeros(n - 1), r"n_targets\) = \(5, 1\); got \(4,\)"),
        (lambda n: np.full(n, np.nan), "must return finite numbers"),
        (lambda n: np.array(["a"] * n), "must return numbers"),
    ],
)
def test_answers_that_are_no_numbers_are_refused_at_once(answer, message):
    with pytest.raises(ValueError, match=message) as caught:
        fitted(Answers(answer), Y[:, 0])
    assert "Answers: it cannot predict" in "".join(caught.value.__notes__)


def test_errors_of_a_fit_say_whose_they_are():
    with pytest.raises(RuntimeError, match="out of order") as caught:
        fitted(Answers(), Y[:, 0])
    assert "Answers: it cannot be fitted" in "".join(caught.value.__notes__)
