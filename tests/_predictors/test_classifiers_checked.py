"""A classifier behind the gate is checked whenever it predicts, first in ``fit``."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier
from torch import nn

import helpers
from sklearn_emma.predictors import MLP, GatedCopies

MODES = {"left": [2, 0], "right": [1, 3]}
rng = np.random.default_rng(0)
y = np.array(["ill", "odd", "well"])[np.arange(80) % 3]
X = rng.normal(size=(80, 4)) + np.arange(80)[:, np.newaxis] % 3


def quick(predictor, **params):
    return helpers.quick(predictor=predictor, **{"modes": MODES} | params)


class Told(ClassifierMixin, BaseEstimator):
    """Answers as it is told."""

    def __init__(self, answer=None, classes=None):
        self.answer = answer
        self.classes = classes

    def fit(self, X, y):
        self.classes_ = np.unique(y) if self.classes is None else self.classes
        return self

    def predict_proba(self, X):
        return self.answer(len(X))


def thirds(n):
    return np.full((n, 3), 1 / 3)


ANSWERS = [
    (lambda n: thirds(1), r"\(n_samples, n_classes\) = \(5, 3\), got \(1, 3\)"),
    (lambda n: np.full((n, 2), 0.5), r"= \(5, 3\), got \(5, 2\)"),
    (lambda n: np.full((n, 1), 0.5), r"= \(5, 3\), got \(5, 1\)"),
    (lambda n: np.full(n, 0.5), r"= \(5, 3\), got \(5,\)"),
    (lambda n: [thirds(n)] * 3, r"= \(5, 3\), got \(3, 5, 3\)"),
    (lambda n: 0.5, r"= \(5, 3\), got \(\)"),
    (lambda n: thirds(n) * [1, 1, np.nan], "from 0 to 1; got nan to nan"),
    (lambda n: thirds(n) * [1, 1, np.inf], "from 0 to 1; got .* to inf"),
    (lambda n: np.log(thirds(n)), "from 0 to 1; got -1.09"),
    (lambda n: thirds(n) * 100, "from 0 to 1; got 33.3"),
    (lambda n: thirds(n).astype(str), "from 0 to 1; got <U"),
]


@pytest.mark.parametrize(("answer", "message"), ANSWERS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_are_no_probabilities_of_each_row_fails_in_fit(answer, message, wrapped):
    told = Told(answer)
    with pytest.raises(ValueError, match=f"`predict_proba` .*{message}") as caught:
        quick(GatedCopies(told) if wrapped else told).fit(X, y)
    assert caught.value.__notes__ == ["`predictor`, Told: it cannot predict."]


def test_what_changes_its_answers_fails_in_its_predictions():
    model = quick(Told(thirds)).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), thirds(80))
    model.predictor_.answer = lambda n: thirds(1)
    with pytest.raises(ValueError, match=r"= \(80, 3\), got \(1, 3\)"):
        model.predict_proba(X)


@pytest.mark.parametrize(
    "classes",
    [
        np.array([0, 1, 2]),
        np.array(["ill", "odd", "else"]),
        np.array(["ill", "odd", "odd"]),
        np.array([["ill", "odd", "well"]]),
        None,
    ],
    ids=str,
)
def test_classes_that_are_not_those_of_the_data_fail_in_fit(classes, monkeypatch):
    if classes is None:
        monkeypatch.setattr(Told, "fit", lambda self, X, y: self)
    with pytest.raises(ValueError, match="`classes_`"):
        quick(Told(thirds, classes)).fit(X, y)


def test_classes_may_be_few_and_in_any_order():
    def shares(n):
        return np.tile([0.9, 0.1], (n, 1))

    told = Told(shares, np.array(["well", "ill"]))
    proba = quick(told).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(proba, np.tile([0.1, 0, 0.9], (80, 1)), atol=1e-12)


@pytest.mark.parametrize("answer", [lambda n: thirds(n).tolist(), np.float16])
def test_probabilities_as_a_list_or_in_another_type(answer):
    def told(n):
        return thirds(n).astype(answer) if answer is np.float16 else answer(n)

    proba = quick(Told(told)).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(proba, 1 / 3, rtol=1e-3)


@pytest.mark.parametrize("inside", [MLP(), GatedCopies(LogisticRegression()), nn.ReLU])
def test_gated_copies_of_no_classifier(inside):
    message = r"GatedCopies takes a scikit-learn classifier|must be an instance"
    with pytest.raises(ValueError, match=message):
        quick(GatedCopies(inside)).fit(X, y)


class Fails(Told):
    def fit(self, X, y):
        raise RuntimeError("gave up")


def test_a_classifier_that_cannot_be_fitted_is_named():
    with pytest.raises(RuntimeError, match="gave up") as caught:
        quick(Fails()).fit(X, y)
    assert caught.value.__notes__ == ["`predictor`, Fails: it cannot be fitted."]


# ------------------------------------------------------------------------ skorch's nets


class Double(nn.Linear):
    def __init__(self):
        super().__init__(4, 3, dtype=torch.float64)


def net(module=nn.Linear, **params):
    if module is nn.Linear:
        params |= {"module__in_features": 4, "module__out_features": 3}
    return NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0, **params
    )


@pytest.mark.parametrize(
    ("module", "given", "wanted"),
    [(nn.Linear, "float64", "float32"), (Double, "float32", "float64")],
)
@helpers.random_state_kept()
def test_a_net_of_another_type_is_told_before_anything_is_trained(
    module, given, wanted, monkeypatch
):
    monkeypatch.setattr("sklearn_emma._estimators.base.train_model", pytest.fail)
    message = (
        rf"computes in {wanted} .* X, which is {given}: pass X.astype\(np.{wanted}"
    )
    with pytest.raises(ValueError, match=message):
        quick(net(module)).fit(X.astype(given), np.arange(80) % 3)


@pytest.mark.parametrize(
    ("module", "dtype"), [(nn.Linear, "float32"), (Double, "float64")]
)
def test_a_net_of_the_same_type_works(module, dtype):
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        model = quick(net(module)).fit(X.astype(dtype), np.arange(80) % 3)
    assert model.predict_proba(X.astype(dtype)).dtype == dtype
