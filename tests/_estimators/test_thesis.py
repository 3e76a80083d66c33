"""The configuration of the thesis: what it sets, and that it works."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_emma import EMMAClassifier, make_thesis_classifier
from sklearn_emma.attention import SoftAttention
from sklearn_emma.corruption import Failures, GaussianNoise
from sklearn_emma.datasets import make_multimodal_classification


@pytest.fixture(scope="module")
def fitted():
    X, y, modes = make_multimodal_classification(400, 2, redundancy=1.0, random_state=0)
    clf = make_thesis_classifier(modes, rho=0.1, max_iter=10, random_state=0)
    return clf.fit(X, y), X, y, modes


def test_parameters_stand_in_place_of_those_of_the_thesis():
    modes = {"a": [0], "b": [1]}
    clf = make_thesis_classifier(modes, rho=10.0, lambda_e=0.0)
    assert isinstance(clf, EMMAClassifier)
    assert (clf.modes, clf.rho, clf.lambda_e) == (modes, 10.0, 0.0)
    assert clf.lambda_c == 1e-2
    with pytest.raises(TypeError, match="no_such"):
        make_thesis_classifier(no_such=1)


def test_calls_share_nothing():
    a, b = make_thesis_classifier(), make_thesis_classifier()
    assert a.energy_estimator is not b.energy_estimator
    assert a.corruption is not b.corruption
    assert a.corruption.corruption is not b.corruption.corruption
    assert a.attention_function is not b.attention_function


def test_training_is_that_of_the_thesis(fitted):
    clf = fitted[0]
    energy = clf.energies_["mode_0"]
    assert energy.components_.shape == (12, 4)
    np.testing.assert_array_equal(energy.whitening_, np.eye(4))
    linear = [m for m in clf.network_.predictor.modules() if hasattr(m, "weight")]
    assert [m.out_features for m in linear] == [64, 32, 2]
    failures = clf.corruption
    assert isinstance(failures, Failures)
    assert isinstance(failures.corruption, GaussianNoise)
    assert failures.corruption.sigma == 0.5
    # One draw of every second sample; the predictor is pretrained on clean ones, and
    # nothing bounds Ω.
    assert (failures.clean_fraction, failures.n_failing, failures.n_draws) == (
        0.5,
        "half",
        1,
    )
    assert failures.pretraining_missing_fraction == failures.importance_floor == 0.0
    assert isinstance(clf.attention_function, SoftAttention)
    assert clf.attention_function.gain == 1.0
    gate = clf.network_.gate
    assert gate.capacity_penalty() == gate.attention_function.gain
    exponents = clf.coupling_exponents_
    np.testing.assert_array_equal(exponents, exponents.T)
    assert clf.rho_ == pytest.approx(0.1)  # fixed, never learnt
    assert not clf.network_.gate.log_rho.requires_grad
    assert clf._model.joint is None
    # Stopped by 16.5 of 83.5 samples, then trained on all of them.
    assert clf.validation_fraction == pytest.approx(0.1976, abs=1e-4)
    assert len(clf.stopping_loss_curve_) == len(clf.validation_loss_curve_) > 0
    assert clf.scaler_.n_samples_seen_ == len(clf.attention_)


def test_it_predicts_and_turns_down_a_broken_mode(fitted):
    clf, X, y, modes = fitted
    assert clf.score(X, y) > 0.8
    broken = X.copy()
    broken[:, modes["mode_0"]] += 8
    before, after = clf.importance(X)[:, 0].mean(), clf.importance(broken)[:, 0].mean()
    assert after < before / 2


def test_it_is_an_estimator_like_any_other(fitted):
    clf, X, y, _ = fitted
    again = clone(clf).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
