"""A whole fit: what its data teach, what is computed once, and what decides it."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from torch import nn

from helpers import (
    assert_same,
    differ,
    held_out_energies,
    quick,
    random_state_kept,
    three_classes,
)
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._energies.cross_fitting import cross_fit
from sklearn_emma.corruption import GaussianNoise


@pytest.fixture(scope="module")
def data():
    return three_classes()


# ------------------------------------------------------------------------------ weights


def test_sample_weight_is_repetition(data):
    X, y = data
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    weighted = quick(batch_size=16).fit(X, y, sample_weight=weight)
    repeated = quick(batch_size=16).fit(np.repeat(X, weight, 0), np.repeat(y, weight))
    assert_same(weighted, repeated, X, rtol=1e-6)
    assert weighted.attention_.shape == (120, 2)  # rows of weight 0 too
    assert differ(weighted, quick(batch_size=16).fit(X, y), X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
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


def test_a_class_of_no_fold_may_have_a_weight(data):
    """As in scikit-learn, where a rare class may be in none of the training rows."""
    X, y = data
    expected = quick(class_weight={0: 2.0, 1: 3.0, 2: 4.0}).fit(X, y)
    got = quick(class_weight={0: 2.0, 1: 3.0, 2: 4.0, 7: 5.0}).fit(X, y)
    np.testing.assert_array_equal(got.predict_proba(X), expected.predict_proba(X))


# --------------------------------------------------------------------- known corruption


def test_corrupted_values_teach_energies_and_statistics_nothing(data):
    X, y = data
    corrupted = np.zeros((120, 2), dtype=bool)
    corrupted[:30, 0] = True
    garbage, other = X.copy(), X.copy()
    garbage[:30, :2], other[:30, :2] = 1e3, -77.0
    # Which rows are held out together depends on all that they are, hence the share.
    given = PotentialEnergyTransformer(shrinkage=0.1, max_iter=3)
    model = quick(max_iter=1, corruption=None, energy_estimator=given)
    one = clone(model).fit(garbage, y, corrupted=corrupted)
    assert one.attention_.shape == (120, 2)
    np.testing.assert_allclose(one.scaler_.mean_[:2], X[30:, :2].mean(axis=0))
    np.testing.assert_allclose(one.scaler_.mean_[2:], X[:, 2:].mean(axis=0))
    # Rows are told apart by their contents alone, so only sums agree to rounding.
    two = clone(model).fit(other, y, corrupted=corrupted)
    a, b = (m.energies_["a"] for m in (one, two))
    np.testing.assert_allclose(a.mean_, b.mean_, atol=1e-9)
    np.testing.assert_allclose(a.whitening_, b.whitening_, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("energy_scaling", "kept"),
    [
        ("two_sided", {"location", "scale", "lowest", "rise"}),
        ("robust", {"location", "scale"}),
        ("shift", {"location"}),
    ],
)
def test_the_gate_is_calibrated_on_clean_values(data, energy_scaling, kept):
    """Those of rows by energies that have not seen them; others move nothing."""
    X, y = data
    corrupted = np.zeros((120, 2), dtype=bool)
    corrupted[:30, 0] = True
    models = []
    hidden = corrupted[:, [0, 0, 1, 1]]
    usual = X[30:, :2].mean(axis=0)  # of less energy than any clean value
    for value in (1e3, -77.0, usual):
        garbage = X.copy()
        garbage[:30, :2] = value
        model = quick(
            energy_estimator=GaussianMixture(),
            energy_scaling=energy_scaling,
            warm_start=True,
        )
        models.append(model.fit(garbage, y, corrupted=corrupted))
    for model in models:
        scaling = model.network_.gate.scaling.state_dict()
        assert scaling.keys() == kept
        potential = held_out_energies(model, np.where(hidden, np.nan, X))
        for mode, rows in enumerate([slice(30, None), slice(None)]):
            clean = potential[rows, mode]
            lowest, low, middle, high = np.quantile(
                clean, [0.01, 0.25, 0.5, 0.75], method="inverted_cdf"
            )
            location = clean.min() if energy_scaling == "shift" else middle
            expected = {"location": location, "scale": high - low}
            rise = 1 + 5 * (high - low) / (low - lowest)
            expected |= {"lowest": lowest, "rise": rise}
            for name, values in scaling.items():
                assert values[mode].item() == pytest.approx(expected[name], rel=1e-6)


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


# ----------------------------------------------------------------------------- going on


def test_warm_start_goes_on(data, monkeypatch):
    X, y = data
    calls = []

    def counted(*args, **kwargs):
        calls.append(1)
        return cross_fit(*args, **kwargs)

    monkeypatch.setattr("sklearn_emma._training.pretraining.cross_fit", counted)
    model = quick(warm_start=True).fit(X, y)
    first, before = model.loss_curve_, model.predict_proba(X)
    network = model.network_
    model.set_params(max_iter=5).fit(X, y)
    assert len(calls) == 1
    assert model.n_iter_ == 8 and model.loss_curve_[:3] == first
    assert len(model.pretraining_loss_curve_) == 3
    assert not np.allclose(model.predict_proba(X), before)
    assert model.network_ is not network  # the model of before is left as it was
    cold = quick().fit(X, y).fit(X, y)
    assert cold.n_iter_ == 3 and len(calls) == 3


# --------------------------------------------------------- what decides, and what stays


def test_verbose(data, capsys):
    quick().fit(*data)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    quick(verbose=True).fit(*data)
    captured = capsys.readouterr()
    assert captured.out == ""
    for part in ("potential energies", "pretrained predictor", "attention"):
        assert part in captured.err
    quick(verbose=True, energy_estimator=KernelDensity()).fit(*data)
    assert "energies: 100%" in capsys.readouterr().err


def test_random_state(data):
    X, y = data
    model = quick().fit(X, y)
    assert_same(model, quick().fit(X, y), X, rtol=1e-7)
    assert_same(model, clone(model).fit(X, y), X, rtol=1e-7)
    instance = np.random.RandomState(0)
    assert_same(model, quick(random_state=instance).fit(X, y), X, rtol=1e-7)
    # An instance moves on; None is not seed 0.
    assert differ(model, quick(random_state=instance).fit(X, y), X)
    assert differ(model, quick(random_state=None).fit(X, y), X)
    with torch.random.fork_rng():
        torch.manual_seed(1234)
        assert_same(model, quick().fit(X, y), X, rtol=1e-7)


def test_order_of_training_rows_does_not_matter(data):
    X, y = data
    order = np.random.default_rng(0).permutation(len(y))
    one, other = quick().fit(X, y), quick().fit(X[order], y[order])
    assert_same(one, other, X, rtol=1e-6)
    np.testing.assert_allclose(other.attention_, one.attention_[order], rtol=1e-6)


def small_module(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 4), nn.Tanh(), nn.Linear(4, n_out))


@random_state_kept()
def test_nothing_global_is_touched(data):
    X, y = data
    threads = torch.get_num_threads()
    quick(early_stopping=True, predictor=small_module).fit(X, y).predict(X)
    assert torch.get_num_threads() == threads and torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


def test_parameters_are_left_as_they_were(data):
    estimator, corruption = PotentialEnergyTransformer(max_iter=2), GaussianNoise(0.5)
    model = quick(energy_estimator=estimator, corruption=corruption)
    before = model.get_params()
    X, y = data[0].copy(), data[1].copy()
    model.fit(X, y)
    for name, value in model.get_params().items():
        assert value is before[name] or value == before[name]
    assert estimator.random_state is None and not hasattr(estimator, "components_")
    np.testing.assert_array_equal(X, data[0])
    np.testing.assert_array_equal(y, data[1])


def test_float32_throughout(data):
    X, y = data[0].astype("f4"), data[1]
    model = quick().fit(X, y)
    for array in (model.attention_, model.predict_proba(X), model.energy_weights_):
        assert array.dtype == np.float32
    types = {name: p.dtype for name, p in model.network_.named_parameters()}
    # ρ alone is kept in double precision: it comes back as it was given.
    assert types.pop("gate.log_rho") == torch.float64
    assert set(types.values()) == {torch.float32}
    assert model.predict_proba(data[0]).dtype == np.float32
