"""Classes as answers: how predictions agree, and labels of every kind."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

import helpers
from sklearn_emma.datasets import make_multimodal_classification
from sklearn_emma.predictors import MLP

quick = partial(
    helpers.quick, epochs=5, pretraining_max_iter=3, modes=helpers.UNEQUAL_MODES
)


@pytest.fixture(scope="module")
def data():
    return helpers.three_unequal_modes()


@pytest.fixture(scope="module")
def fitted(data):
    heard = MLP(8)  # with evidence
    return quick(max_iter=20, pretraining_max_iter=10, predictor=heard).fit(*data)


def test_predictions_agree_with_each_other(data, fitted):
    X, _ = data
    proba, decision = fitted.predict_proba(X), fitted.decision_function(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(fitted.predict_log_proba(X), np.log(proba), 1e-9, 1e-14)
    np.testing.assert_array_equal(fitted.predict(X), proba.argmax(axis=1))
    np.testing.assert_array_equal(fitted.predict(X), (decision > 0).astype(int))
    log_odds = log_softmax(np.c_[np.zeros(150), decision], axis=1)
    np.testing.assert_allclose(fitted.predict_log_proba(X), log_odds, atol=1e-9)


def test_log_probabilities_stay_finite(fitted):
    far = np.full((1, 6), 1e12)
    assert np.isfinite(fitted.predict_log_proba(far)).all()
    assert np.isfinite(fitted.total_energy(far)).all()


def test_a_row_without_any_mode(fitted):
    nothing = np.full((2, 6), np.nan)
    proba = fitted.predict_proba(nothing)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert set(fitted.predict(nothing)) <= {0, 1}
    assert np.all(fitted.attention(nothing) == 0)
    assert np.isnan(fitted.total_energy(nothing)).all()
    # The predictor sees the mean; single modes say nothing but the prior.
    at_the_mean = torch.zeros(1, 6, dtype=torch.float64)
    evidence = fitted.network_.evidence
    a, b = evidence.powers.numpy()
    with torch.no_grad():
        joint = fitted.network_.predictor(at_the_mean).log_softmax(1).numpy()
    expected = softmax(a * joint + b * evidence.log_prior.numpy(), axis=1)
    np.testing.assert_allclose(proba, expected.repeat(2, axis=0), rtol=1e-9)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1]),
        np.array([-1, 1]),
        np.array([False, True]),
        np.array(["background", "pulsar"]),
        np.array(["x", "y", "z"], dtype=object),
        np.array([2.0, 5.0, 9.0]),
        np.arange(7),
    ],
    ids=str,
)
def test_labels(labels):
    n_classes = len(labels)
    X, y, modes = make_multimodal_classification(
        n_samples=140,
        n_features_per_mode=6,
        n_classes=n_classes,
        class_sep=8.0,
        redundancy=1.0,
        random_state=0,
    )
    model = quick(modes=modes, max_iter=10, pretraining_max_iter=20, lr=0.02)
    model.fit(X, labels[y])
    np.testing.assert_array_equal(model.classes_, labels)
    predicted = model.predict(X)
    assert predicted.dtype == labels.dtype
    assert np.mean(predicted == labels[y]) > 0.9
    assert model.predict_proba(X).shape == (140, n_classes)
    expected = (140,) if n_classes == 2 else (140, n_classes)
    assert model.decision_function(X).shape == expected
