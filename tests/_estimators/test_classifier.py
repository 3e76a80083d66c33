"""The classifier's contract: what a fitted model says of samples."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.integrate import quad
from scipy.special import log_softmax, softmax
from sklearn.exceptions import NotFittedError

import helpers
from sklearn_emma import PotentialEnergyTransformer

MODES = helpers.UNEQUAL_MODES
quick = partial(helpers.quick, epochs=5, pretraining_max_iter=3, modes=MODES)


@pytest.fixture(scope="module")
def data():
    return helpers.three_unequal_modes()


@pytest.fixture(scope="module")
def fitted(data):
    return quick(max_iter=20, pretraining_max_iter=10).fit(*data)


# ------------------------------------------------------------------------- attributes


def test_fitted_attributes(data, fitted):
    X, _ = data
    assert list(fitted.modes_) == ["a", "b", "c"]
    for name, columns in MODES.items():
        np.testing.assert_array_equal(fitted.modes_[name], columns)
        assert isinstance(fitted.energies_[name], PotentialEnergyTransformer)
    assert fitted.attention_.shape == (150, 3)
    np.testing.assert_allclose(fitted.attention_, fitted.attention(X), rtol=1e-12)
    np.testing.assert_array_equal(fitted.classes_, [0, 1])
    np.testing.assert_allclose(fitted.scaler_.mean_, X.mean(axis=0))
    np.testing.assert_allclose(fitted.scaler_.scale_, X.std(axis=0))
    assert fitted.energy_weights_.shape == fitted.energy_biases_.shape == (3,)
    assert fitted.coupling_weights_.shape == (3, 3)
    assert fitted.coupling_exponents_.shape == (3, 3)
    numbers = fitted.rho_, fitted.attention_gain_, fitted.attention_bias_
    assert all(isinstance(number, float) for number in numbers)
    assert 0 < fitted.capacity_ < 1
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 20
    assert len(fitted.pretraining_loss_curve_) == 10
    assert fitted.validation_loss_curve_ == []
    assert fitted.n_features_in_ == 6 and not hasattr(fitted, "feature_names_in_")
    assert isinstance(fitted.network_, torch.nn.Module)


def test_it_learns(data, fitted):
    X, y = data
    assert fitted.score(X, y) > 0.9
    assert fitted.pretraining_loss_curve_[-1] < fitted.pretraining_loss_curve_[0]
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]


@pytest.mark.parametrize("scale", [2.0, 20.0])
def test_constraints_hold_even_after_huge_steps(data, scale):
    model = quick(lr=scale, lr_schedule="constant", lambda_e=0.1).fit(*data)
    assert np.all(model.energy_weights_ >= 0) and np.all(model.energy_biases_ >= 0)
    off_diagonal = model.coupling_weights_[~np.eye(3, dtype=bool)]
    assert np.all(np.abs(off_diagonal) <= 0.5 + 1e-12)
    assert np.all((model.coupling_exponents_ >= 0) & (model.coupling_exponents_ <= 1))
    assert model.attention_gain_ > 0 and 0 <= model.attention_bias_ <= 1
    # The steps were large enough to press some parameter against its bound.
    assert np.isclose(np.abs(off_diagonal).max(), 0.5)


def test_symmetric_coupling(data):
    model = quick(symmetric_coupling=True, lr=0.05).fit(*data)
    exponents = model.coupling_exponents_
    np.testing.assert_array_equal(exponents, exponents.T)
    assert not np.allclose(exponents, 0.5)
    assert not np.allclose(model.coupling_weights_, model.coupling_weights_.T)


# ------------------------------------------------- scores against the printed formulas


def slow_scores(model, potential, training_potential, scaling):
    """Modal energy, importance and attention, sample by sample and mode by mode."""
    if scaling == "shift":
        scaled = np.maximum(np.e, potential - training_potential.min(axis=0) + np.e)
    else:
        low, middle, high = np.quantile(
            training_potential, [0.25, 0.5, 0.75], axis=0, method="inverted_cdf"
        )
        z = (potential - middle) / (high - low)
        scaled = np.e + np.log1p(np.logaddexp(0, z))
    own = model.energy_weights_ * scaled + model.energy_biases_
    w, gamma = model.coupling_weights_, model.coupling_exponents_
    modal = own.copy()
    for i in range(3):
        for j in set(range(3)) - {i}:
            modal[:, i] += (
                w[i, j] * own[:, i] ** gamma[i, j] * own[:, j] ** (1 - gamma[i, j])
            )
    importance = softmax(-model.rho_ * modal, axis=1)
    gain, bias = model.attention_gain_, model.attention_bias_
    return modal, importance, np.maximum(0, np.tanh(gain * importance - bias))


@pytest.mark.parametrize("scaling", ["robust", "shift"])
def test_scores_equal_their_formulas(data, scaling):
    X, y = data
    model = quick(energy_scaling=scaling, lr=0.02, joint_energy=False).fit(X, y)
    assert not np.allclose(model.coupling_weights_, 0)
    Z = model.scaler_.transform(X)
    scores = [model.energies_[m].score_samples(Z[:, MODES[m]]) for m in MODES]
    training_potential = -np.stack(scores, axis=1)
    potential = model.potential_energy(X)
    np.testing.assert_allclose(potential, training_potential, rtol=1e-9)

    noisy = X + X.std(axis=0) * np.random.default_rng(1).normal(size=X.shape)
    modal, importance, attention = slow_scores(
        model, model.potential_energy(noisy), training_potential, scaling
    )
    np.testing.assert_allclose(model.modal_energy(noisy), modal, rtol=1e-9)
    np.testing.assert_allclose(model.importance(noisy), importance, rtol=1e-8)
    np.testing.assert_allclose(model.attention(noisy), attention, atol=1e-9)
    np.testing.assert_allclose(model.total_energy(noisy), modal.sum(axis=1), rtol=1e-9)

    inputs = model.scaler_.transform(noisy), attention[:, [0, 0, 0, 1, 1, 2]]
    with torch.no_grad():
        logits = model.network_.predictor(*map(torch.from_numpy, inputs)).numpy()
    proba = model.predict_proba(noisy)
    np.testing.assert_allclose(proba, softmax(logits, axis=1), atol=1e-9)


def test_capacity_is_the_area_under_the_attention_curve(data):
    model = quick(attention_gain=3.0, lambda_c=0.5, lr=0.02).fit(*data)
    gain, bias = model.attention_gain_, model.attention_bias_
    assert bias > 0
    area, _ = quad(lambda alpha: np.tanh(gain * alpha - bias), 0, 1)
    assert model.capacity_ == pytest.approx(area, rel=1e-6)


def test_predictions_agree_with_each_other(data, fitted):
    X, _ = data
    proba, decision = fitted.predict_proba(X), fitted.decision_function(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(fitted.predict_log_proba(X), np.log(proba), rtol=1e-9)
    np.testing.assert_array_equal(fitted.predict(X), proba.argmax(axis=1))
    np.testing.assert_array_equal(fitted.predict(X), (decision > 0).astype(int))
    log_odds = log_softmax(np.c_[np.zeros(150), decision], axis=1)
    np.testing.assert_allclose(fitted.predict_log_proba(X), log_odds, atol=1e-9)


def test_log_probabilities_stay_finite(fitted):
    far = np.full((1, 6), 1e12)
    assert np.isfinite(fitted.predict_log_proba(far)).all()
    assert np.isfinite(fitted.total_energy(far)).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [("f8", 1e-9), ("f4", 2e-4)])
def test_scores_of_a_row_depend_on_no_other(data, dtype, tolerance):
    X, y = data[0].astype(dtype), data[1]
    model = quick().fit(X, y)
    X = X[:40].copy()
    X[::4, :3] = np.nan
    X[1::4, 4] = np.nan
    X[2] = np.nan
    order = np.random.default_rng(0).permutation(len(X))
    for method in helpers.METHODS:
        score = getattr(model, method)
        batch = score(X)
        assert batch.dtype == dtype
        alone = np.concatenate([score(x[np.newaxis]) for x in X])
        close = {"rtol": tolerance, "atol": tolerance}
        np.testing.assert_allclose(alone, batch, err_msg=method, **close)
        np.testing.assert_allclose(score(X[order]), batch[order], **close)


def test_chunks_of_a_large_matrix(data, fitted, monkeypatch):
    X, _ = data
    whole = fitted.attention(X)
    monkeypatch.setattr("sklearn_emma._model.model._CHUNK_VALUES", 64 * 7)
    np.testing.assert_allclose(fitted.attention(X), whole, rtol=1e-12)


def test_other_dtype_than_in_training(data, fitted):
    X, _ = data
    single = fitted.predict_proba(X.astype("f4"))
    np.testing.assert_allclose(single, fitted.predict_proba(X), atol=1e-4)


# -------------------------------------------------------------------------- explaining


def test_explain(data, fitted):
    X = data[0].copy()
    X[0, MODES["b"]] = np.nan
    index = [f"star {i}" for i in range(len(X))]
    assert list(fitted.explain(pd.DataFrame(X, index=index)).index) == index

    table = fitted.explain(X)
    assert table.columns.names == ["mode", "quantity"]
    assert list(table.columns.get_level_values("mode").unique()) == ["a", "b", "c"]
    quantities = ["attention", "importance", "modal_energy", "potential_energy"]
    assert list(table["a"].columns) == [*quantities, "missing"]
    for quantity in quantities:
        block = table.xs(quantity, axis=1, level="quantity").to_numpy()
        np.testing.assert_array_equal(block, getattr(fitted, quantity)(X))
    missing = table.xs("missing", axis=1, level="quantity")
    assert missing.iloc[0].tolist() == [False, True, False]
    assert not missing.iloc[1:].to_numpy().any()


def test_total_energy_rises_with_noise(data, fitted):
    X, _ = data
    noise = X.std(axis=0) * np.random.default_rng(1).normal(size=X.shape)
    means = [fitted.total_energy(X + s * noise).mean() for s in (0, 0.5, 1, 2, 4, 8)]
    assert np.all(np.diff(means) > 0)


@pytest.mark.parametrize("mode", MODES)
def test_attention_leaves_a_broken_mode(data, fitted, mode):
    X, y = data
    columns = MODES[mode]
    broken = X.copy()
    broken[:, columns] += 20 * X.std(axis=0)[columns]
    which = list(MODES).index(mode)
    attention = fitted.attention(broken)
    assert attention[:, which].mean() < 0.5 * fitted.attention_[:, which].mean()
    assert np.all(attention.argmin(axis=1) == which)
    assert np.all(fitted.modal_energy(broken).argmax(axis=1) == which)
    ungated = quick(attention_function="none", max_iter=20, pretraining_max_iter=10)
    ungated.set_params(corruption=None).fit(X, y)
    assert fitted.score(broken, y) > ungated.score(broken, y) + 0.1


@pytest.mark.parametrize("method", [*helpers.METHODS, "predict", "explain"])
def test_unfitted(data, method):
    with pytest.raises(NotFittedError):
        getattr(quick(), method)(data[0])
    assert not hasattr(quick(), "network_")
