"""The classifier's contract: what the gate learns from, and how it is steered."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from skorch.callbacks import BatchScoring, Callback, EpochScoring

from helpers import assert_same, differ, quick, three_classes
from sklearn_emma.corruption import GaussianNoise, MissingMode, Mixture


@pytest.fixture(scope="module")
def data():
    return three_classes()


# -------------------------------------------------------------------------- weights


def test_sample_weight_is_repetition(data):
    X, y = data
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    weighted = quick(batch_size=16).fit(X, y, sample_weight=weight)
    repeated = quick(batch_size=16).fit(np.repeat(X, weight, 0), np.repeat(y, weight))
    assert_same(weighted, repeated, X, rtol=1e-6)
    assert weighted.attention_.shape == (120, 2)  # rows of weight 0 too
    assert differ(weighted, quick(batch_size=16).fit(X, y), X)


def test_class_weight_moves_predictions(data):
    X, y = data
    plain = quick(lr=0.02).fit(X, y)
    partial = quick(lr=0.02, class_weight={1: 50.0}).fit(X, y)
    gained = partial.predict_proba(X)[:, 1] - plain.predict_proba(X)[:, 1]
    assert gained.mean() > 0.1
    balanced = quick(class_weight="balanced").fit(X, y)
    counts = np.bincount(y)
    by_hand = quick(class_weight=dict(enumerate(120 / (3 * counts)))).fit(X, y)
    assert_same(balanced, by_hand, X, rtol=1e-7)


def test_a_class_may_weigh_nothing(data):
    """Even where all samples of a batch are of that class."""
    X, y = data
    model = quick(class_weight={0: 0.0}, batch_size=1, max_iter=1, lr=0.01).fit(X, y)
    assert np.isfinite(model.loss_curve_ + model.pretraining_loss_curve_).all()
    assert model.predict_proba(X)[:, 0].mean() < 0.25


def test_class_weight_of_string_labels(data):
    X, y = data
    names = np.array(["x", "y", "z"])
    expected = quick(class_weight={1: 5.0}).fit(X, y)
    got = quick(class_weight={"y": 5.0}).fit(X, names[y])
    assert_same(got, expected, X, rtol=1e-7)


# ----------------------------------------------------------------------- corruption


def test_corrupted_values_teach_energies_and_statistics_nothing(data):
    X, y = data
    corrupted = np.zeros((120, 2), dtype=bool)
    corrupted[:30, 0] = True
    garbage, other = X.copy(), X.copy()
    garbage[:30, :2], other[:30, :2] = 1e3, -77.0
    one = quick(max_iter=1, corruption=None).fit(garbage, y, corrupted=corrupted)
    assert one.attention_.shape == (120, 2)
    np.testing.assert_allclose(one.scaler_.mean_[:2], X[30:, :2].mean(axis=0))
    np.testing.assert_allclose(one.scaler_.mean_[2:], X[:, 2:].mean(axis=0))
    # Rows are told apart by their contents alone, so only sums agree to rounding.
    two = quick(max_iter=1, corruption=None).fit(other, y, corrupted=corrupted)
    a, b = (m.energies_["a"] for m in (one, two))
    np.testing.assert_allclose(a.mean_, b.mean_, atol=1e-9)
    np.testing.assert_allclose(a.whitening_, b.whitening_, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_columns_of_corrupted_are_found_by_the_names_of_the_modes(data, make):
    X, y = data
    corrupted = np.zeros((120, 2), dtype=bool)
    corrupted[:30, 0] = True
    expected = quick(max_iter=1).fit(X, y, corrupted=corrupted)
    frame = make({"b": corrupted[:, 1], "a": corrupted[:, 0]})
    assert_same(quick(max_iter=1).fit(X, y, corrupted=frame), expected, X)


def test_columns_of_corrupted_without_names_are_in_the_order_of_the_modes(data):
    X, y = data
    corrupted = np.zeros((120, 2), dtype=bool)
    corrupted[:30, 0] = True
    expected = quick(max_iter=1).fit(X, y, corrupted=corrupted)
    frame = pd.DataFrame(corrupted)
    assert_same(quick(max_iter=1).fit(X, y, corrupted=frame), expected, X)


@pytest.mark.parametrize("kind", [bool, int, float])
def test_attention_leaves_modes_said_to_be_corrupted(data, kind):
    """With no simulated failures, the true ones teach the gate."""
    X, y = data
    rng = np.random.default_rng(1)
    corrupted = np.c_[rng.random(120) < 0.4, np.zeros(120, bool)]
    failed = X.copy()
    failed[corrupted[:, 0], :2] += 4 * rng.normal(size=(corrupted.sum(), 2))
    model = quick(corruption=None, lambda_e=0.2, lr=0.03, max_iter=15)
    model.fit(failed, y, corrupted=corrupted.astype(kind))
    beta = model.attention(failed)[:, 0]
    assert beta[corrupted[:, 0]].mean() < beta[~corrupted[:, 0]].mean() - 0.2


def test_corruption_none_trains_on_the_data_as_given(data):
    noise = {"corruption": GaussianNoise(100.0), "attention_function": "none"}
    as_given, spared, failing = (
        quick(lr=1e-9, lambda_e=0.0, **noise | params).fit(*data)
        for params in ({"corruption": None}, {"clean_fraction": 1.0}, {})
    )
    first = [model.loss_curve_[0] for model in (as_given, spared, failing)]
    assert first[0] == pytest.approx(first[1], rel=0.1) and first[2] > 1.5 * first[0]


def test_auto_is_a_mixture_of_noise_and_missing_modes(data):
    X, y = data
    named = quick(corruption=Mixture([GaussianNoise((0.1, 2.0)), MissingMode()]))
    assert_same(quick().fit(X, y), named.fit(X, y), X, rtol=1e-9)


class Shift:
    """A user's own corruption: nothing but the method."""

    calls = []

    def corrupt(self, x, mode_index, generator):
        self.calls.append((x.clone(), mode_index.tolist(), generator))
        return x + torch.rand(x.shape, generator=generator, dtype=x.dtype)


def test_a_corruption_of_ones_own(data, monkeypatch):
    X, y = data
    monkeypatch.setattr(Shift, "calls", [])
    corruption = Shift()
    modes = {"b": [2, 3], "a": [1]}
    model = quick(corruption=corruption, modes=modes, remainder="drop").fit(X, y)
    assert model.corruption is corruption
    trial, *calls = Shift.calls  # the first is a trial, before training
    assert len(trial[0]) < len(calls[0][0])
    assert len(calls) == 3  # afresh in each epoch
    x, mode_index, generator = calls[0]
    assert mode_index == [0, 0, 1] and isinstance(generator, torch.Generator)
    assert x.shape == (120, 3)
    np.testing.assert_allclose(x.mean(dim=0), 0, atol=1e-9)
    np.testing.assert_allclose(x.std(dim=0, correction=0), 1, rtol=1e-9)


class InPlace:
    """A corruption that spoils what it is given."""

    def corrupt(self, x, mode_index, generator):
        return x.add_(1e3)


def test_a_careless_corruption_spoils_nothing_but_what_fails(data):
    careless = quick(corruption=InPlace(), clean_fraction=1.0).fit(*data)
    careful = quick(corruption=Shift(), clean_fraction=1.0).fit(*data)
    assert max(careless.loss_curve_) < 3 * max(careful.loss_curve_)


@pytest.mark.parametrize("n_draws", [1, 2])
def test_n_draws(data, monkeypatch, n_draws):
    monkeypatch.setattr(Shift, "calls", [])
    quick(corruption=Shift(), n_draws=n_draws).fit(*data)
    assert len(Shift.calls) == 1 + n_draws  # the first is a trial


class Destroy:
    """Writes a value that no training sample has."""

    def corrupt(self, x, mode_index, generator):
        return torch.full_like(x, 1e3)


class Seen(Callback):
    """Notes which modes were destroyed in each row of an epoch."""

    failed = []

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        x = dataset_train.X["x"]
        self.failed.append(torch.stack([x[:, 0] == 1e3, x[:, 2] == 1e3], dim=1))


@pytest.mark.parametrize(
    ("clean_fraction", "n_failing", "low", "high"),
    [(1, 1, 0, 0), (0, 1, 1, 1), (0.5, 1, 0.3, 0.7), (0, 2, 2, 2)],
)
def test_clean_fraction_and_n_failing(
    data, monkeypatch, clean_fraction, n_failing, low, high
):
    monkeypatch.setattr(Seen, "failed", [])
    quick(
        corruption=Destroy(),
        clean_fraction=clean_fraction,
        n_failing=n_failing,
        callbacks=[Seen()],
    ).fit(*data)
    first, second, _ = Seen.failed
    assert low <= first.sum() / 120 <= high
    assert torch.equal(first, second) == (clean_fraction == 1 or n_failing > 1)


# ------------------------------------------------------------------ gate parameters


def test_rho(data):
    X, y = data
    assert quick(rho=2.5).fit(X, y).rho_ == pytest.approx(2.5)
    learnt = quick(lr=0.05).fit(X, y)
    assert learnt.rho_ > 0 and abs(learnt.rho_ - 1.0) > 1e-3
    equal = quick(rho=1e-12).fit(X, y).importance(X)
    np.testing.assert_allclose(equal, 0.5, atol=1e-9)
    cold = quick(rho=1e12).fit(X, y)
    np.testing.assert_allclose(cold.importance(X).max(axis=1), 1.0)
    lowest = cold.modal_energy(X).argmin(axis=1)
    np.testing.assert_array_equal(cold.importance(X).argmax(axis=1), lowest)


def test_lambda_c_lowers_capacity(data):
    capacities = [
        quick(lambda_c=value, lr=0.05, max_iter=10).fit(*data).capacity_
        for value in (0.0, 0.3, 10.0)
    ]
    assert capacities[0] > capacities[1] > capacities[2]


def test_lambda_e_parts_failing_from_clean_modes(data):
    """It raises Ω = Σ ξ log α, which sums clean modes and subtracts corrupted ones."""
    X, y = data
    noisy = X.copy()
    noisy[:, :2] += 3 * np.random.default_rng(1).normal(size=(120, 2))

    def omega(lambda_e):
        model = quick(
            lambda_e=lambda_e,
            importance_floor=0.0,
            corruption=GaussianNoise(3.0),
            clean_fraction=0.2,
            energy_estimator=GaussianMixture(),
            max_iter=15,
            lr=0.03,
        ).fit(X, y)
        log_alpha = np.log(model.importance(noisy))
        return (log_alpha[:, 1] - log_alpha[:, 0]).mean()

    assert omega(1.0) > omega(0.0) + 0.5


def test_importance_floor_bounds_the_push(data):
    shared = quick(lambda_e=1.0, lr=0.05, max_iter=10)
    rhos = [
        clone(shared).set_params(importance_floor=floor).fit(*data).rho_
        for floor in (0.0, 0.4)
    ]
    assert rhos[0] > rhos[1]


def test_attention_functions(data):
    X, y = data
    noisy = X + 2 * np.random.default_rng(1).normal(size=X.shape)
    noisy[0, :2] = np.nan
    hard = quick(attention_function="hard", attention_gain=1.0, lambda_c=1.0, lr=0.05)
    beta = hard.fit(X, y).attention(noisy)
    passes = hard.attention_gain_ * hard.importance(noisy) > hard.attention_bias_
    np.testing.assert_array_equal(beta, passes)
    assert 0 < beta.mean() < 1
    plain = quick(attention_function="importance").fit(X, y)
    np.testing.assert_array_equal(plain.attention(noisy), plain.importance(noisy))
    none = quick(attention_function="none").fit(X, y)
    np.testing.assert_array_equal(none.attention(noisy)[0], [0, 1])
    assert np.all(none.attention(noisy)[1:] == 1)


@pytest.mark.parametrize("gain", [0.5, 3.0])
def test_attention_gain(data, gain):
    model = quick(attention_gain=gain, lr=1e-9).fit(*data)
    assert model.attention_gain_ == pytest.approx(gain, rel=1e-6)


def test_a_class_of_no_fold_may_have_a_weight(data):
    """As in scikit-learn, where a rare class may be in none of the training rows."""
    X, y = data
    expected = quick(class_weight={0: 2.0, 1: 3.0, 2: 4.0}).fit(X, y)
    got = quick(class_weight={0: 2.0, 1: 3.0, 2: 4.0, 7: 5.0}).fit(X, y)
    np.testing.assert_array_equal(got.predict_proba(X), expected.predict_proba(X))


class Kept(Callback):
    """Keeps the history of the net."""

    history = None

    def on_train_end(self, net, **kwargs):
        Kept.history = net.history


@pytest.mark.parametrize("use_caching", [True, False])
@pytest.mark.parametrize("scoring", [EpochScoring, BatchScoring])
def test_callbacks_that_score_see_what_the_classifier_predicts(
    data, scoring, use_caching
):
    X, y = data
    options = {"lower_is_better": False, "use_caching": use_caching}
    model = quick(
        corruption=None,
        dropout=0.0,
        lr=1e-12,  # the last epoch's network is that of every batch
        batch_size=32,
        early_stopping=True,
        callbacks=[
            scoring("accuracy", name="train", on_train=True, **options),
            scoring("accuracy", name="valid", **options),
            Kept(),
        ],
    ).fit(X, y)
    found = [Kept.history[-1, name] for name in ("train", "valid")]
    sizes = [0.9 * len(y), 0.1 * len(y)]
    np.testing.assert_allclose(
        np.average(found, weights=sizes), (model.predict(X) == y).mean(), rtol=1e-9
    )
