"""Nets of skorch are told the type of their input before anything is trained."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

import helpers
from sklearn_emma._predictors.nets import check_nets
from sklearn_emma.predictors import GatedCopies

X, y = helpers.three_classes()
AS_SINGLE = FunctionTransformer(lambda X: X.astype(np.float32))


class Double(nn.Linear):
    def __init__(self):
        super().__init__(4, 3, dtype=torch.float64)


def net(module=nn.Linear, width=4, **params):
    if module is nn.Linear:
        params |= {"module__in_features": width, "module__out_features": 3}
    return NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0, **params
    )


@pytest.mark.parametrize(
    ("estimator", "dtype", "message"),
    [
        (
            net(),
            "f8",
            r"a NeuralNetClassifier of skorch, computes in float32 and cannot take X, "
            r"which is float64: pass X.astype\(np.float32\)",
        ),
        (net(Double), "f4", r"computes in float64 .* X.astype\(np.float64\)"),
        (
            make_pipeline(StandardScaler(), net()),
            "f8",
            r"a Pipeline around a NeuralNetClassifier .* what comes to it, .* float64: "
            "pass .*, or convert in a step in front",
        ),
        (make_pipeline(net()), "f8", "Pipeline around a NeuralNetClassifier"),
        (make_pipeline(AS_SINGLE, net(Double)), "f8", "float64 .* which is float32"),
        (GridSearchCV(net(), {"lr": [0.1]}), "f8", "GridSearchCV around a Neural"),
        (
            CalibratedClassifierCV(make_pipeline(StandardScaler(), net())),
            "f8",
            "CalibratedClassifierCV around a Neural",
        ),
        (make_pipeline(SelectKBest(k=2), net(width=2)), "f8", "around a Neural"),
    ],
)
@helpers.random_state_kept()
def test_a_net_that_computes_in_another_type_is_named(estimator, dtype, message):
    with pytest.raises(ValueError, match=message):
        check_nets(estimator, np.dtype(dtype), 4)


class FailsToConvert(FunctionTransformer):
    def fit(self, X, y=None):
        raise RuntimeError("only real data will do")


@pytest.mark.parametrize(
    ("estimator", "dtype"),
    [
        (net(), "f4"),
        (net(Double), "f8"),
        (make_pipeline(AS_SINGLE, net()), "f8"),
        (make_pipeline(StandardScaler(), AS_SINGLE, net()), "f8"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "f8"),
        (make_pipeline(FailsToConvert(), net()), "f8"),
        (GridSearchCV(LogisticRegression(), {"C": [1.0]}), "f8"),
    ],
)
@helpers.random_state_kept()
def test_others_pass(estimator, dtype):
    check_nets(estimator, np.dtype(dtype), 4)


def test_steps_in_front_are_left_as_they_were():
    pipeline = make_pipeline(StandardScaler(), net())
    with pytest.raises(ValueError, match="convert in a step"):
        check_nets(pipeline, np.dtype("f8"), 4)
    assert not hasattr(pipeline[0], "mean_")


def test_a_net_that_cannot_be_made_is_named():
    with pytest.raises(TypeError) as caught:
        check_nets(net(nn.Linear, module__nothing=1), np.dtype("f4"), 4)
    assert "NeuralNetClassifier: it cannot be initialised" in caught.value.__notes__[0]


@pytest.mark.parametrize("wrapped", [lambda p: p, GatedCopies])
def test_a_pipeline_is_told_by_fit_before_anything_is_trained(wrapped, no_training):
    predictor = wrapped(make_pipeline(StandardScaler(), net()))
    with pytest.raises(ValueError, match="Pipeline around a NeuralNetClassifier"):
        helpers.quick(predictor=predictor).fit(X, y)


def test_a_pipeline_that_converts_works():
    predictor = make_pipeline(AS_SINGLE, net())
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        model = helpers.quick(epochs=1, predictor=predictor).fit(X, y)
    assert model.predict_proba(X).dtype == np.float64
