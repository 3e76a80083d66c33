"""Every energy is checked whenever it scores."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator

import helpers

MODES = {"a": [4, 0, 1], "b": [2, 3], "c": [5]}


def quick(energy_estimator, **params):
    return helpers.quick(energy_estimator=energy_estimator, modes=MODES, **params)


class Scoring(BaseEstimator):
    """Scores as it is told."""

    def __init__(self, scores):
        self.scores = scores

    def fit(self, X, y=None):
        return self

    def score_samples(self, X):
        return self.scores(len(X))


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (lambda n: -1.0, r"shape \(n_samples,\); .* one of \(\) for 5"),
        (lambda n: np.ones(1), r"one of \(1,\) for 5 samples"),
        (lambda n: np.ones((n, 1)), r"one of \(5, 1\) for 5"),
        (lambda n: np.full(n, np.nan), r"Scoring\(.* is NaN for samples it"),
    ],
)
def test_scores_that_are_not_one_for_each_sample(data, scores, message):
    with pytest.raises(ValueError, match=message) as caught:
        quick({"b": Scoring(scores)}).fit(*data)
    assert caught.value.__notes__[0].startswith("Mode 'b': its energy, Scoring")


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (lambda n: -1.0, r"one of \(\) for 120 samples"),
        (lambda n: np.ones(1), r"one of \(1,\) for 120 samples"),
        (lambda n: np.full(n, -1j), "real numbers; .* returned ndarray of complex128"),
        (lambda n: np.array(["low"] * n), "real numbers; .* ndarray of <U3"),
        (lambda n: [None] * n, "real numbers; .* list of object"),
        (lambda n: np.where(np.arange(n) == 9, np.nan, 0.0), "is NaN for samples it"),
    ],
)
def test_scores_are_checked_for_all_rows_before_the_predictor_learns(
    data, scores, message
):

    def for_many(n):
        return scores(n) if n > 5 else np.zeros(n)

    energies = {"b": Scoring(for_many)}
    with pytest.raises(ValueError, match=message) as caught:
        quick(energies, predictor=refuses_to_train).fit(*data)
    assert caught.value.__notes__ == [
        "Mode 'b': its energy, Scoring, cannot be scored."
    ]


def refuses_to_train(n_in, n_out):
    module = torch.nn.Linear(n_in, n_out)
    module.calibrate = None
    module.register_full_backward_hook(lambda *_: pytest.fail("it was trained"))
    return module


def test_scores_are_checked_at_prediction(data):
    X, y = data
    model = quick({"b": Scoring(np.zeros)}).fit(X, y)
    model.energies_["b"].scores = lambda n: 0.0
    with pytest.raises(ValueError, match=r"one of \(\) for 120 samples") as caught:
        model.attention(X)
    assert "Mode 'b'" in caught.value.__notes__[0]


@pytest.mark.parametrize("dtype", [np.longdouble, np.float16, np.uint8, np.int64])
def test_scores_of_any_real_type(data, dtype):
    scores = Scoring(lambda n: np.full(n, 3, dtype=dtype))
    assert np.all(quick({"b": scores}).fit(*data).potential_energy(data[0])[:, 1] == -3)


def test_scores_as_a_list(data):
    model = quick({"b": Scoring(lambda n: [-2.0] * n)}).fit(*data)
    assert np.all(model.potential_energy(data[0])[:, 1] == 2.0)
