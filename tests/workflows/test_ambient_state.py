"""What a process has set changes no model and no answer, of any public estimator."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import sklearn_emma
import sklearn_emma.model_selection
from helpers import ambient_states, quick, small
from sklearn_emma import (
    ConvolutionalEnergy,
    EMMAClassifier,
    EMMARegressor,
    EncodedEnergy,
    OctaveEnergy,
    PotentialEnergyTransformer,
)
from sklearn_emma.corruption import Bias
from sklearn_emma.model_selection import EMMAGridSearchCV
from sklearn_emma.predictors import MLP
from sklearn_emma.robustness import corrupt

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4)).astype("f4")
y = np.array(["low", "mid", "high"])[np.digitize(X[:, 0] + X[:, 2], [-0.5, 0.5])]
GAPS = X.copy()
GAPS[:9, :2] = np.nan
GAPS[4, 3] = np.nan


def network(n_features_in, n_outputs):
    """One that draws at random, and makes tensors as it computes."""
    return nn.Sequential(nn.Linear(n_features_in, 6), Shift(), nn.Linear(6, n_outputs))


class Shift(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.1, self.training) + torch.full((6,), 0.1)


# What is fitted: an estimator and how to fit it.
CASES = {
    "classifier": (quick, lambda model: model.fit(GAPS, y)),
    "own network": (
        lambda: quick(predictor=network, early_stopping=True),
        lambda model: model.fit(GAPS, y),
    ),
    "estimators within": (
        lambda: quick(
            energy_estimator=make_pipeline(StandardScaler(), GaussianMixture()),
            predictor=make_pipeline(StandardScaler(), LogisticRegression()),
        ),
        lambda model: model.fit(GAPS, y),
    ),
    "chunks": (
        quick,
        lambda model: model.partial_fit(GAPS[:60], y[:60], np.unique(y)).partial_fit(
            GAPS[60:], y[60:]
        ),
    ),
    "search": (
        lambda: EMMAGridSearchCV(
            quick(epochs=1, predictor=MLP(4, evidence=False)),
            {"rho": [0.5, "learn"]},
            cv=2,
        ),
        lambda model: model.fit(GAPS, y),
    ),
    "energy": (small, lambda model: model.fit(X)),
    "convolutions": (
        lambda: ConvolutionalEnergy((1, 4), max_iter=3, random_state=0),
        lambda model: model.fit(X),
    ),
    "octaves": (
        lambda: OctaveEnergy(PotentialEnergyTransformer(max_iter=2), random_state=0),
        lambda model: model.fit(X),
    ),
    "encoder": (
        lambda: EncodedEnergy(random_state=0),
        lambda model: model.fit(X),
    ),
    "regressor": (
        lambda: EMMARegressor(
            [[0, 1], [2, 3]],
            energy_estimator=PotentialEnergyTransformer(max_iter=2),
            predictor=MLP(4, evidence=False),
            max_iter=2,
            pretraining_max_iter=2,
            random_state=0,
        ),
        lambda model: model.fit(GAPS, X[:, 0] + X[:, 2]),
    ),
}
# Of these the scores, and `fit`, are asked for elsewhere.
NOT_ASKED = {"fit", "partial_fit", "fit_transform", "score", "inverse_transform"}
NOT_ASKED |= {"calibrate_alarms"}  # changes the model
NOT_ASKED |= {"failing_modes"}  # warns of so few rows; p-values are asked for


def answers(model):
    """What every public method says that needs nothing but X."""
    given = GAPS if hasattr(model, "predict") else X
    found = {}
    for name, method in inspect.getmembers(model, inspect.ismethod):
        if name.startswith("_") or name in NOT_ASKED:
            continue
        first, *rest = inspect.signature(method).parameters.values() or [None]
        optional = all(p.default is not p.empty for p in rest)
        if first is not None and first.name == "X" and optional:
            found[name] = np.asarray(method(given))
    return found


def assert_same_answers(found, expected):
    assert found.keys() == expected.keys() and expected
    for name, values in expected.items():
        assert found[name].dtype == values.dtype, name
        equal = pd.DataFrame(found[name]).equals(pd.DataFrame(values))
        assert equal, f"{name} differs"


@pytest.fixture(scope="module", params=CASES)
def case(request):
    """Name, fitted model and its answers, with nothing set."""
    make, fit = CASES[request.param]
    model = fit(make())
    return request.param, model, answers(model)


@pytest.mark.parametrize("state", ambient_states())
def test_a_model_is_fitted_as_without(case, state):
    name, _, expected = case
    make, fit = CASES[name]
    with ambient_states()[state]():
        model = fit(make())
    assert_same_answers(answers(model), expected)


@pytest.mark.parametrize("state", ambient_states())
def test_a_model_answers_as_without(case, state):
    _, model, expected = case
    with ambient_states()[state]():
        found = answers(model)
    assert_same_answers(found, expected)


def test_every_public_estimator_is_among_the_cases():
    public = {
        thing
        for module in (sklearn_emma, sklearn_emma.model_selection)
        for thing in map(vars(module).get, module.__all__)
        if inspect.isclass(thing) and issubclass(thing, BaseEstimator)
    }
    assert public == {type(make()) for make, _ in CASES.values()}


@pytest.mark.parametrize("library", ["default", "pandas"])
def test_a_transformer_still_gives_what_is_asked_of_transformers(library):
    """The answer is the user's to shape; what happens within is not."""
    energy = small().fit(X)
    with sklearn.config_context(transform_output=library):
        found = energy.transform(X)
    assert isinstance(found, pd.DataFrame if library == "pandas" else np.ndarray)


def test_tensors_are_read_as_arrays_whatever_array_api_dispatch_says():
    model = quick().fit(X, y)
    with ambient_states()["array API"]():
        found = model.predict_proba(torch.from_numpy(X))
    np.testing.assert_array_equal(found, model.predict_proba(X))


def test_divergence_is_the_same_error_while_torch_detects_anomalies():
    anomalies = ambient_states()["anomaly detection"]()
    with anomalies, pytest.raises(FloatingPointError, match="Training diverged"):
        quick(lr=1e30).fit(X, y)


def test_warnings_that_are_errors_stop_no_fit_of_ordinary_data():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = EMMAClassifier({"a": [0, 1], "b": [2, 3]}, random_state=0).fit(X, y)
        answers(model)


@pytest.mark.parametrize("state", ambient_states())
def test_values_are_corrupted_as_without(state):
    modes = {"a": [0, 1], "b": [2, 3]}
    expected = corrupt(X, Bias(), modes=modes, random_state=0)
    with ambient_states()[state]():
        found = corrupt(X, Bias(), modes=modes, random_state=0)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype
