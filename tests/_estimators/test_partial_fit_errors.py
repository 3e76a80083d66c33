"""Training by chunks: bad chunks are named, and leave everything as it was."""

import pickle
import re

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from helpers import assert_same, quick, three_classes
from sklearn_emma.predictors import GatedCopies

X, y = three_classes()
CLASSES = [0, 1, 2]


def state(model):
    return {n: v for n, v in vars(model).items() if n.endswith("_") or n[0] == "_"}


@pytest.fixture(name="fitted")
def after_one_pass():
    return quick().partial_fit(X, y, CLASSES)


@pytest.mark.parametrize(
    ("params", "arguments", "error"),
    [
        ({}, {}, "partial_fit needs `classes`"),
        ({}, {"classes": [0]}, r"`classes` must be two or more, got \[0\]"),
        ({}, {"classes": [0, 1]}, r"label 2, which is none of the classes.*\[0, 1\]"),
        ({}, {"classes": ["0", "1", "2"]}, "Mix of label input types"),
        ({}, {"classes": [0, "1", 2]}, "[Mm]ix of"),
        ({"lr": -1.0}, {"classes": CLASSES}, "'lr' parameter"),
        ({}, {"classes": CLASSES, "sample_weight": np.zeros(120)}, "zero"),
        ({}, {"classes": CLASSES, "corrupted": np.zeros((120, 3))}, "`corrupted` must"),
    ],
)
def test_a_bad_first_call(no_training, params, arguments, error):
    model = quick(**params)
    with pytest.raises(ValueError, match=error):
        model.partial_fit(X, y, **arguments)
    assert not any(name.endswith("_") for name in vars(model))


@pytest.mark.parametrize(
    ("params", "arguments", "error"),
    [
        ({}, (X, y, [0, 1]), r"those of the first call, \[0, 1, 2\]; got \[0, 1\]"),
        ({}, (X, y + 1), "label 3, which is none of the classes"),
        ({}, (X, y.astype(str)), "Mix of label input types"),
        ({}, (X[:, :3], y), "3 features.*expecting 4"),
        ({}, (np.where(X > 4, np.inf, X), y), "infinity"),
        ({}, (X, y[:50]), "inconsistent numbers of samples"),
        ({"modes": {"a": [0], "b": [1, 2, 3]}}, (X, y), "partial_fit needs the modes"),
        ({"lr": -1.0}, (X, y), "'lr' parameter"),
    ],
)
def test_a_bad_later_call_changes_nothing(
    fitted, no_training, params, arguments, error
):
    before, proba = state(fitted), fitted.predict_proba(X)
    with pytest.raises(ValueError, match=error):
        fitted.set_params(**params).partial_fit(*arguments)
    assert state(fitted).keys() == before.keys()
    assert all(value is before[name] for name, value in state(fitted).items())
    np.testing.assert_array_equal(fitted.predict_proba(X), proba)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"early_stopping": True}, "early_stopping must be False"),
        ({"class_weight": "balanced"}, "must be None or a dict, not 'balanced'"),
    ],
)
def test_what_needs_all_data_has_no_partial_fit(fitted, no_training, params, reason):
    for model in (quick(), fitted):
        assert hasattr(model, "partial_fit")
        model.set_params(**params)
        assert not hasattr(model, "partial_fit")
        with pytest.raises(AttributeError, match="no attribute 'partial_fit'") as error:
            model.partial_fit(X, y, CLASSES)
        assert reason in str(error.value.__cause__)
    model.set_params(early_stopping=False, class_weight={0: 2.0})
    assert hasattr(model, "partial_fit")


def test_a_classifier_as_predictor_has_no_partial_fit(fitted, no_training):
    proba = fitted.predict_proba(X)
    assert not hasattr(
        quick(predictor=GatedCopies(LogisticRegression())), "partial_fit"
    )
    for model in (quick(), fitted):
        assert hasattr(model, "partial_fit")
        model.set_params(predictor=LogisticRegression())
        assert not hasattr(model, "partial_fit")
        with pytest.raises(AttributeError, match="no attribute 'partial_fit'") as error:
            model.partial_fit(X, y, CLASSES)
        why = r"torch predictors only.*`predictor`, LogisticRegression\(\)"
        assert re.search(why, str(error.value.__cause__))
    np.testing.assert_array_equal(fitted.predict_proba(X), proba)
    # What is no classifier after all is an error of its own.
    with pytest.raises(ValueError, match="must be an instance, got the class"):
        quick(predictor=LogisticRegression).partial_fit(X, y, CLASSES)


def test_a_pass_that_diverges_changes_nothing(fitted):
    twin = pickle.loads(pickle.dumps(fitted))
    with pytest.raises(FloatingPointError, match=r"diverged.*attention"):
        fitted.set_params(lr=1e300).partial_fit(X, y)
    assert fitted.n_iter_ == 1
    fitted.set_params(lr=twin.lr).partial_fit(X, y)
    assert_same(fitted, twin.partial_fit(X, y), X, rtol=1e-12)


def test_a_chunk_whose_samples_weigh_nothing_teaches_nothing():
    """No error either: its mean loss is one over nothing."""
    model = quick(class_weight={0: 0.0}).partial_fit(X, y, CLASSES)
    model.partial_fit(X[y == 0], y[y == 0])
    after = model.network_.state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in after.values())
    assert model.loss_curve_[-1] == 0
