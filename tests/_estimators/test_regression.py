"""Answers of a regressor, their spread, and training that goes on."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from helpers import linear_values as linear_data
from helpers import quick_regressor as quick
from sklearn_emma.predictors import MLP


def test_answers_are_in_the_units_and_the_shape_of_y():
    X, y = linear_data()
    for target in (y, y[:, np.newaxis], np.column_stack([y, -1e3 * y, y**2])):
        model = quick(max_iter=2).fit(X, target)
        assert model.predict(X).shape == target.shape
        assert model.predict(X[:1]).shape == target[:1].shape
    model = quick().fit(X, np.column_stack([y, -1e3 * y]))
    one, other = model.predict(X).T
    assert np.corrcoef(one, y)[0, 1] > 0.95
    np.testing.assert_allclose(other.std(), 1e3 * one.std(), rtol=0.1)


def test_units_and_offset_of_y_do_not_matter():
    X, y = linear_data()
    plain = quick(max_iter=3).fit(X, y).predict(X)
    other = quick(max_iter=3).fit(X, 1e-6 * y - 7).predict(X)
    np.testing.assert_allclose(other, 1e-6 * plain - 7, rtol=1e-9)


def test_a_gaussian_says_how_much_y_varies_around_its_prediction():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(1500, 6))
    spread = np.where(X[:, 0] > 0, 10.0, 2.0)
    y = 100 + 30 * X[:, 1] + spread * rng.normal(size=1500)
    model = quick(loss="gaussian", corruption=None, max_iter=40).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, model.predict(X))
    assert std.shape == y.shape
    far = np.abs(X[:, 0]) > 0.3
    for sign, expected in [(X[:, 0] > 0.3, 10), (X[:, 0] < -0.3, 2)]:
        assert np.median(std[sign]) == pytest.approx(expected, rel=0.35)
    assert 0.5 < (np.abs(y - mean) < std)[far].mean() < 0.85  # 0.68 of a Gaussian


def test_an_answer_is_less_sure_where_a_mode_fails():
    X, y = linear_data()
    model = quick(loss="gaussian").fit(X, y)
    broken = X.copy()
    broken[:, :2] += 4 * np.random.default_rng(2).normal(size=(len(X), 2))
    clean, failed = (
        np.median(model.predict(x, return_std=True)[1]) for x in (X, broken)
    )
    assert failed > 1.1 * clean


def test_every_column_has_a_spread_of_its_own():
    X, y = linear_data()
    noise = np.random.default_rng(1).normal(size=len(y)) * 1e3
    model = quick(loss="gaussian").fit(X, np.column_stack([y, noise]))
    mean, std = model.predict(X, return_std=True)
    assert mean.shape == std.shape == (len(y), 2)
    assert (std[:, 0] < y.std()).mean() > 0.9
    assert np.median(std[:, 1]) > 500


@pytest.mark.parametrize(
    "params, message",
    [
        ({}, 'needs loss="gaussian"'),
        ({"loss": "gaussian", "predictor": Ridge()}, "needs a torch predictor.*Ridge"),
    ],
)
def test_without_a_learnt_spread_there_is_none(params, message):
    X, y = linear_data()
    model = quick(max_iter=1, **params).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.predict(X, return_std=True)


def test_what_never_changes_is_predicted_as_it_is():
    X, y = linear_data()
    model = quick(max_iter=2, loss="gaussian").fit(X, np.full(len(y), 0.1))
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_allclose(mean, 0.1, rtol=1e-15)
    np.testing.assert_array_equal(std, 0)


# ------------------------------------------------------------------ training goes on


def test_chunks_are_learnt_one_after_another_in_the_units_of_the_first():
    X, y = linear_data()
    model = quick()
    for start in range(0, 180, 60):
        model.partial_fit(X[start : start + 60], y[start : start + 60])
    for _ in range(5):
        model.partial_fit(X[:180], y[:180])
    assert model.n_iter_ == 8
    assert model.score(X[180:], y[180:]) > 0.8
    again = pickle.loads(pickle.dumps(model))
    model.partial_fit(X[:60], y[:60]), again.partial_fit(X[:60], y[:60])
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_one_pass_over_everything_is_a_fit_of_one_epoch():
    X, y = linear_data()
    passed = quick(lr_schedule="constant").partial_fit(X, y)
    assert passed.pretraining_loss_curve_ and len(passed.loss_curve_) == 1
    assert passed.loss_curve_[0] < passed.pretraining_loss_curve_[0]


def test_a_warm_start_keeps_what_values_are_standardised_by():
    X, y = linear_data()
    alone = MLP(hidden_layer_sizes=16, dropout=0.0, evidence=False)
    model = quick(warm_start=True, max_iter=5, predictor=alone).fit(X, y)
    before = model.predict(X)
    model.set_params(max_iter=1, lr=1e-9).fit(X, y + 500)
    np.testing.assert_allclose(model.predict(X), before, atol=1)
    model.set_params(max_iter=30, lr=0.01).fit(X, y + 500)
    assert model.score(X, y + 500) > 0.5


def test_a_warm_start_asks_the_modes_again():
    X, y = linear_data()
    heard = MLP(16, dropout=0.0)
    model = quick(warm_start=True, max_iter=5, predictor=heard).fit(X, y)
    evidence = model.network_.evidence
    model.set_params(max_iter=1, lr=1e-9).fit(X, y + 500)
    again = model.network_.evidence
    shift = torch.full_like(again.bias, 500 / y.std())
    torch.testing.assert_close(again.bias - evidence.bias, shift, rtol=1e-3, atol=0)
    torch.testing.assert_close(again.weight, evidence.weight, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(again.lowest, evidence.lowest + 500 / y.std())
    for name in ("reliability", "powers"):  # of samples that were held out
        assert torch.equal(getattr(again, name), getattr(evidence, name))
    model.set_params(max_iter=30, lr=0.01).fit(X, y + 500)
    assert model.score(X, y + 500) > 0.5


def test_parameters_are_checked_in_every_chunk():
    X, y = linear_data()
    model = quick().partial_fit(X, y).set_params(rho=-1.0)
    with pytest.raises(ValueError, match="'rho' parameter of EMMARegressor"):
        model.partial_fit(X, y)


@pytest.mark.parametrize(
    "change, y_of, message",
    [
        ({}, lambda y: np.column_stack([y, y]), "shape of the first fit"),
        ({"loss": "gaussian"}, lambda y: y, "as many outputs for each target"),
        ({"modes": {"all": list(range(6))}}, lambda y: y, "modes of the previous fit"),
    ],
)
def test_training_goes_on_with_the_same_targets_outputs_and_modes(
    change, y_of, message
):
    X, y = linear_data()
    model = quick(max_iter=1, warm_start=True).fit(X, y)
    before = model.predict(X)
    model.set_params(**change)
    for train in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=message):
            train(X, y_of(y))
    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    "params, message",
    [
        ({"predictor": Ridge()}, "torch predictors only"),
        ({"early_stopping": True}, "hold"),
    ],
)
def test_there_are_no_chunks_for_what_needs_all_data(params, message):
    model = quick(**params)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit") as caught:
        getattr(model, "partial_fit")  # noqa: B009
    assert message in str(caught.value.__cause__)
