"""What a fitted model says of modes, against the printed formulas."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.integrate import quad
from scipy.special import softmax
from sklearn.exceptions import NotFittedError

import helpers
from sklearn_emma.attention import SoftAttention
from sklearn_emma.predictors import MLP

MODES = helpers.UNEQUAL_MODES
quick = partial(helpers.quick, epochs=5, pretraining_max_iter=3, modes=MODES)


@pytest.fixture(scope="module")
def data():
    return helpers.three_unequal_modes()


@pytest.fixture(scope="module")
def fitted(data):
    heard = MLP(8)  # with evidence
    return quick(max_iter=20, pretraining_max_iter=10, predictor=heard).fit(*data)


# ------------------------------------------------------------- scores by their formulas


def slow_scores(model, potential, training_potential, scaling):
    """Modal energy, importance and attention, sample by sample and mode by mode."""
    if scaling == "shift":
        scaled = np.maximum(np.e, potential - training_potential.min(axis=0) + np.e)
    else:
        lowest, low, middle, high = np.quantile(
            training_potential, [0.01, 0.25, 0.5, 0.75], axis=0, method="inverted_cdf"
        )
        z = (potential - middle) / (high - low)
        if scaling == "two_sided":  # rises again below what is rare
            rise = (lowest - middle) / (high - low)
            rise = rise + 5 * (lowest - potential) / (low - lowest)
            z = np.where(potential < lowest, rise, z)
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


@pytest.mark.parametrize("scaling", ["two_sided", "robust", "shift"])
def test_scores_equal_their_formulas(data, scaling):
    X, y = data
    given = {"energy_scaling": scaling, "lr": 0.02, "joint_energy": False}
    given |= {"coupling": "asymmetric"}
    alone = MLP(8, evidence=False)
    model = quick(warm_start=True, predictor=alone, **given).fit(X, y)
    assert not np.allclose(model.coupling_weights_, 0)
    Z = model.scaler_.transform(X)
    scores = [model.energies_[m].score_samples(Z[:, MODES[m]]) for m in MODES]
    potential = model.potential_energy(X)
    np.testing.assert_allclose(potential, -np.stack(scores, axis=1), rtol=1e-9)

    training_potential = helpers.held_out_energies(model, X)
    noisy = X + X.std(axis=0) * np.random.default_rng(1).normal(size=X.shape)
    modal, importance, attention = slow_scores(
        model, model.potential_energy(noisy), training_potential, scaling
    )
    np.testing.assert_allclose(model.modal_energy(noisy), modal, rtol=1e-5)
    np.testing.assert_allclose(model.importance(noisy), importance, rtol=1e-4)
    np.testing.assert_allclose(model.attention(noisy), attention, atol=1e-5)
    np.testing.assert_allclose(model.total_energy(noisy), modal.sum(axis=1), rtol=1e-5)

    inputs = model.scaler_.transform(noisy), attention[:, [0, 0, 0, 1, 1, 2]]
    with torch.no_grad():
        logits = model.network_.predictor(*map(torch.from_numpy, inputs)).numpy()
    proba = model.predict_proba(noisy)
    np.testing.assert_allclose(proba, softmax(logits, axis=1), atol=1e-5)


def test_capacity_is_the_area_under_the_attention_curve(data):
    model = quick(
        attention_function=SoftAttention(gain=3.0), lambda_c=0.5, lr=0.02
    ).fit(*data)
    gain, bias = model.attention_gain_, model.attention_bias_
    assert bias > 0
    area, _ = quad(lambda alpha: np.tanh(gain * alpha - bias), 0, 1)
    assert model.capacity_ == pytest.approx(area, rel=1e-6)


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


# ----------------------------------------------------------------------- missing values


def test_a_missing_mode_takes_part_in_nothing(data, fitted):
    X = data[0].copy()
    X[:, MODES["b"]] = np.nan
    assert np.all(fitted.attention(X)[:, 1] == 0)
    importance = fitted.importance(X)
    assert np.all(importance[:, 1] == 0)
    np.testing.assert_allclose(importance.sum(axis=1), 1, rtol=1e-12)
    for energy in (fitted.potential_energy(X), fitted.modal_energy(X)):
        np.testing.assert_array_equal(np.isnan(energy), [[False, True, False]] * 150)
    assert np.isfinite(fitted.predict_proba(X)).all()
    np.testing.assert_allclose(
        fitted.total_energy(X), np.nansum(fitted.modal_energy(X), axis=1), rtol=1e-12
    )
    own = fitted.potential_energy(data[0])
    np.testing.assert_allclose(fitted.potential_energy(X)[:, 0], own[:, 0], rtol=1e-12)


def test_a_mode_with_some_values_missing_is_filled_with_the_mean(data, fitted):
    X = data[0].copy()
    X[:, 1] = fitted.scaler_.mean_[1]
    holes = X.copy()
    holes[:, 1] = np.nan
    for method in helpers.METHODS:
        expected = getattr(fitted, method)(X)
        np.testing.assert_allclose(getattr(fitted, method)(holes), expected, rtol=1e-9)


# --------------------------------------------------------------------------- explaining


def test_explain(data, fitted):
    X = data[0].copy()
    X[0, MODES["b"]] = np.nan
    index = [f"star {i}" for i in range(len(X))]
    assert list(fitted.explain(pd.DataFrame(X, index=index)).index) == index

    table = fitted.explain(X)
    assert table.columns.names == ["mode", "quantity"]
    assert list(table.columns.get_level_values("mode").unique()) == ["a", "b", "c"]
    quantities = ["attention", "importance", "modal_energy", "potential_energy"]
    assert list(table["a"].columns) == [
        "attention",
        "trust",
        *quantities[1:],
        "missing",
    ]
    for quantity in quantities:
        block = table.xs(quantity, axis=1, level="quantity").to_numpy()
        np.testing.assert_array_equal(block, getattr(fitted, quantity)(X))
    missing = table.xs("missing", axis=1, level="quantity")
    assert missing.iloc[0].tolist() == [False, True, False]
    assert not missing.iloc[1:].to_numpy().any()


def test_trust_is_what_the_joint_energy_leaves_of_attention(data):
    X, y = data
    swapped = X.copy()
    swapped[:, MODES["a"]] = X[::-1, MODES["a"]]
    model = quick(joint_energy=True).fit(X, y)
    without = quick(joint_energy=False).fit(X, y)
    table, alone = model.explain(swapped), without.explain(swapped)
    trust, attention, expected = (
        t.xs(quantity, axis=1, level="quantity").to_numpy()
        for t, quantity in (
            (table, "trust"),
            (table, "attention"),
            (alone, "attention"),
        )
    )
    assert trust.min() < 0.9 and trust.max() == 1
    np.testing.assert_allclose(attention, expected * trust, rtol=1e-10)
    assert (alone.xs("trust", axis=1, level="quantity") == 1).all(axis=None)


def test_temperature_is_that_of_the_mixture_and_needs_a_fit(fitted, data):
    powers = fitted.network_.evidence.powers
    assert fitted.temperature_ == pytest.approx(1 / powers.sum().item())
    assert fitted.temperature_ not in (0, 1)
    with pytest.raises(NotFittedError):
        quick().temperature_  # noqa: B018
    assert quick(predictor=MLP(8, evidence=False)).fit(*data).temperature_ == 1


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


def test_network_and_predictor_are_those_that_were_trained(data, fitted):
    assert fitted.network_ is fitted._model.network
    assert fitted.predictor_ is fitted.network_.predictor
    for name in ("network_", "predictor_"):
        assert not hasattr(quick(), name)
        with pytest.raises(NotFittedError):
            getattr(quick(), name)


def test_ranks_are_shares_of_clean_rows_with_lower_values(data, fitted):
    X = data[0].copy()
    X[0, MODES["b"]] = np.nan
    X[1, MODES["a"]] += 50 * data[0].std(axis=0)[MODES["a"]]
    table = fitted.explain(X, ranks=True)
    assert table.columns.names == ["mode", "quantity"]
    plain = table.drop(columns=["attention_rank", "modal_energy_rank"], level=1)
    pd.testing.assert_frame_equal(plain, fitted.explain(X))
    for mode in MODES:
        for quantity in ("attention", "modal_energy"):
            quantiles = fitted.reference_[mode][quantity].to_numpy()
            values, rank = table[mode][quantity], table[mode][f"{quantity}_rank"]
            for value, found in zip(values[2:], rank[2:], strict=True):
                below = np.mean(quantiles < value) + np.mean(quantiles == value) / 2
                assert found == pytest.approx(below)
    assert table["b"].loc[0, ["attention_rank", "modal_energy_rank"]].isna().all()
    assert table["a"].loc[1, "modal_energy_rank"] == 1
    assert table["a"].loc[1, "attention_rank"] < 0.05
