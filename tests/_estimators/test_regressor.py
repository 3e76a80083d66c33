"""The regressor as a whole: linear oracles, failing modes, and what surrounds it."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import (
    LinearRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
)
from sklearn.metrics import mean_absolute_error, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from skorch.callbacks import EpochScoring
from torch import nn

from helpers import THREE_MODES as MODES
from helpers import linear_values as linear_data
from helpers import quick_regressor as quick
from sklearn_emma import EMMARegressor
from sklearn_emma.losses import Huber, Quantile
from sklearn_emma.model_selection import EMMAGridSearchCV
from sklearn_emma.plotting import DistributionCurveDisplay, RobustnessCurveDisplay
from sklearn_emma.predictors import MLP, GatedCopies
from sklearn_emma.robustness import robustness_curve


def linear(loss, *, decay=0.0, epochs=300, lr=0.03):
    """A linear regressor of all data at once, with an L2 penalty of its weights."""
    return EMMARegressor(
        {"all": list(range(6))},
        loss=loss,
        predictor=MLP((), evidence=False),
        attention_function="none",
        corruption=None,
        optimizer=partial(torch.optim.Adam, weight_decay=decay),
        pretraining_max_iter=100,
        max_iter=epochs,
        batch_size=1000,
        lr=lr,
        random_state=0,
    )


def test_with_a_linear_predictor_squared_errors_are_ridge_regression():
    """The mean of ½ r² plus λ/2 ‖w‖² is the sum of r² plus n λ ‖w‖², over 2 n."""
    X, y = linear_data()
    X, z = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    emma = linear("squared_error", decay=0.1).fit(X, y)
    ridge = Ridge(alpha=0.1 * len(y)).fit(X, z)
    expected = y.mean() + y.std() * ridge.predict(X)
    np.testing.assert_allclose(emma.predict(X), expected, atol=1e-3 * y.std())


@pytest.mark.parametrize(
    "loss, level", [("absolute_error", 0.5), (Quantile(0.8), 0.8)], ids=str
)
def test_with_a_linear_predictor_quantiles_are_those_of_linear_programming(loss, level):
    X, y = linear_data()
    y = y + np.random.default_rng(1).exponential(40, len(y))
    emma = linear(loss, epochs=400).fit(X, y)
    best = QuantileRegressor(quantile=level, alpha=0).fit(X, y)
    found, expected = (
        mean_pinball_loss(y, model.predict(X), alpha=level) for model in (emma, best)
    )
    assert expected <= found < 1.01 * expected
    assert (y < emma.predict(X)).mean() == pytest.approx(level, abs=0.04)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", Huber(0.2)], ids=str)
def test_outliers_pull_a_robust_loss_less(loss):
    X, y = linear_data()
    wild = y.copy()
    wild[::10] += 2000
    errors = [
        mean_absolute_error(y, linear(one, epochs=100).fit(X, wild).predict(X))
        for one in ("squared_error", loss)
    ]
    assert errors[1] < 0.5 * errors[0]


def test_values_are_learnt_and_answered_in_their_own_units():
    X, y = linear_data()
    model = quick(max_iter=30).fit(X[:180], y[:180])
    expected = LinearRegression().fit(X[:180], y[:180]).score(X[180:], y[180:])
    assert model.score(X[180:], y[180:]) > expected - 0.02 > 0.9


@pytest.mark.parametrize("loss", ["squared_error", "gaussian"])
def test_a_failing_mode_costs_less_with_attention(loss):
    X, y = linear_data()
    broken = X[180:].copy()
    broken[:, :2] = 30
    errors = [
        mean_absolute_error(
            y[180:],
            quick(loss=loss, attention_function=name)
            .fit(X[:180], y[:180])
            .predict(broken),
        )
        for name in ("soft", "none")
    ]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_around_a_prediction_works_for_numbers_too(dtype):
    X, y = linear_data()
    X = X.astype(dtype)
    X[::5, :2] = np.nan
    weight = np.arange(len(y)) % 3
    model = quick(early_stopping=True, joint_energy=True, max_iter=3)
    model.fit(X, y, sample_weight=weight)
    assert model.validation_loss_curve_
    np.testing.assert_allclose(model.attention_, model.attention(X), rtol=1e-5)
    assert model.explain(X).shape == (len(X), 18)
    assert (model.explain(X).xs("trust", axis=1, level=1) <= 1).all(axis=None)
    assert model.temperature_ == 1
    same = clone(model).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(same.predict(X), model.predict(X))


def test_the_joint_energy_finds_a_mode_of_another_sample():
    X, y = linear_data()
    swapped = X.copy()
    swapped[:, :2] = -swapped[:, :2]
    model = quick(max_iter=2).fit(X, y)
    trust = model.explain(swapped).xs("trust", axis=1, level="quantity")["a"]
    far = np.abs(X[:, :2]).max(axis=1) > 1.5
    assert far.sum() > 20
    assert trust[far].median() < 0.2
    assert model.explain(X).xs("trust", axis=1, level="quantity").mean(axis=None) > 0.95


@pytest.mark.parametrize(
    "predictor",
    [
        Ridge(),
        GatedCopies(make_pipeline(PolynomialFeatures(2), Ridge()), n_copies=2),
        RandomForestRegressor(20),
    ],
    ids=["ridge", "pipeline", "forest"],
)
def test_any_regressor_predicts_behind_the_gate(predictor):
    X, y = linear_data()
    both = np.column_stack([y, -y])
    model = quick(predictor=predictor, max_iter=10).fit(X[:180], both[:180])
    assert model.score(X[180:], both[180:]) > 0.75
    assert model.predictor_ is not predictor
    broken = X[180:].copy()
    broken[:, :2] = 30
    assert model.score(broken, both[180:]) > 0.6


def test_a_regressor_sees_the_values_as_they_are():
    X, _ = linear_data()
    y = np.random.default_rng(0).poisson(np.exp(0.7 * X[:, 0]))
    assert y.min() == 0  # less, by rounding, would be an error
    model = quick(predictor=PoissonRegressor(), max_iter=2).fit(X, y)
    assert (model.predict(X) > 0).all()


@pytest.mark.parametrize(
    "predictor", [nn.Linear, lambda n_in, n_out: nn.Linear(n_in, n_out)]
)
def test_any_torch_module_predicts(predictor):
    X, y = linear_data()
    assert quick(predictor=predictor, lr=0.02).fit(X, y).score(X, y) > 0.9


def test_a_last_layer_may_squash_what_is_predicted():
    """Outputs in [0, 1] are no probabilities here."""
    X, y = linear_data()

    def squashed(n_features_in, n_outputs):
        return nn.Sequential(nn.Linear(n_features_in, n_outputs), nn.Sigmoid())

    assert quick(predictor=squashed, max_iter=1).fit(X, y).predict(X).min() > y.mean()


def test_a_module_of_another_size_is_told_how_many_outputs_are_wanted():
    X, y = linear_data()
    with pytest.raises(ValueError, match=r"outputs of shape \(n_samples, 2\).*target"):
        quick(predictor=nn.Linear(6, 1).double(), loss="gaussian").fit(X, y)


def test_callbacks_let_the_net_predict_in_the_units_of_y():
    X, y = linear_data()
    scoring = EpochScoring("r2", name="r2", on_train=True, lower_is_better=False)
    model = quick(callbacks=[scoring], max_iter=8, corruption=None).fit(X, y)
    found = model.history_[-1, "r2"]
    assert found == pytest.approx(model.score(X, y), abs=0.05) and found > 0.8


@pytest.mark.parametrize(
    "given, message",
    [
        ({"loss": "cross_entropy"}, "'loss' parameter of EMMARegressor"),
        ({"loss": Quantile(2.0)}, "'level' parameter of Quantile"),
        ({"loss": Quantile}, r"write Quantile\(\)"),
        ({"predictor": Ridge(alpha=-1.0)}, "'alpha' parameter of Ridge"),
    ],
)
def test_what_cannot_be_used_is_refused_before_training(given, message, no_training):
    X, y = linear_data()
    with pytest.raises(ValueError, match=message):
        quick(**given).fit(X, y)


# ------------------------------------------------------------------- what surrounds it


def test_scikit_learn_validates_predicts_and_transforms_around_it():
    X, y = linear_data()
    model = quick()
    scores = cross_validate(
        model, X, y, cv=2, scoring=("r2", "neg_mean_absolute_error")
    )
    assert scores["test_r2"].min() > 0.8
    assert np.corrcoef(cross_val_predict(model, X, y, cv=2), y)[0, 1] > 0.9
    both = cross_val_predict(quick(max_iter=1), X, np.column_stack([y, y]), cv=2)
    assert both.shape == (240, 2)
    positive = np.exp(y / 100)
    logged = TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp)
    assert (logged.fit(X, positive).predict(X) > 0).all()
    assert np.corrcoef(np.log(logged.predict(X)), y)[0, 1] > 0.95


def test_curves_and_displays_have_r2_and_absolute_errors_in_wrappers_too():
    X, y = linear_data()
    model = TransformedTargetRegressor(
        quick(), func=np.negative, inverse_func=np.negative
    )
    model.fit(X[:180], y[:180])
    levels = {"mode": "a", "levels": [0, 2], "n_repeats": 2, "random_state": 0}
    for scoring, name in [
        (None, "R²"),
        ("r2", "R²"),
        ("neg_mean_absolute_error", "−MAE"),
    ]:
        curve = robustness_curve(
            model,
            X[180:],
            y[180:],
            scoring=scoring,
            **levels,
        )
        assert curve.score_name == name
        assert curve.mean[0] > curve.mean[1]
    alone = model.regressor_
    displays = [
        RobustnessCurveDisplay.from_estimators({"EMMA": alone}, X, y, **levels),
        DistributionCurveDisplay.from_estimator(
            alone, X, quantity="attention", **levels
        ),
    ]
    for display in displays:
        assert display.figure_ is not None
        plt.close(display.figure_)
    assert model.regressor_.modes_.keys() == MODES.keys()


def test_a_grid_is_trained_together_with_the_scores_of_one_after_another():
    X, y = linear_data(120)
    grid = [  # in which any two values of different parameters meet
        {"rho": [0.3], "lr": [0.003], "lambda_e": [0.0]},
        {"rho": [0.3], "lr": [0.01], "lambda_e": [0.01]},
        {"rho": [2.0], "lr": [0.003], "lambda_e": [0.01]},
        {"rho": [2.0], "lr": [0.01], "lambda_e": [0.0]},
    ]
    for loss in ("squared_error", "gaussian"):
        model = quick(loss=loss, max_iter=3, pretraining_max_iter=3)
        together = EMMAGridSearchCV(model, grid, cv=2).fit(X, y)
        alone = GridSearchCV(model, grid, cv=2).fit(X, y)
        np.testing.assert_allclose(
            together.cv_results_["mean_test_score"],
            alone.cv_results_["mean_test_score"],
            rtol=1e-6,
        )
        np.testing.assert_allclose(together.predict(X), alone.predict(X))
