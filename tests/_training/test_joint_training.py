"""Joint training: how it ends, what steers the gate, and what else matters."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from skorch.callbacks import BatchScoring, Callback, EpochScoring

from helpers import differ, held_out_energies, quick, three_classes
from sklearn_emma.attention import HardAttention, SoftAttention
from sklearn_emma.corruption import Failures, GaussianNoise
from sklearn_emma.predictors import MLP


@pytest.fixture(scope="module")
def data():
    return three_classes()


# --------------------------------------------------------------- stopping and callbacks


class Snapshots(Callback):
    """Keeps the learnt parameters of each epoch."""

    states = []

    def on_epoch_end(self, net, **kwargs):
        self.states.append(copy.deepcopy(net.module_.state_dict()))


def test_early_stopping_keeps_the_best_epoch(data, monkeypatch):
    monkeypatch.setattr(Snapshots, "states", [])
    model = quick(
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=2,
        max_iter=40,
        lr=0.1,
        lr_schedule="constant",
        callbacks=[Snapshots()],
    ).fit(*data)
    curve = model.validation_loss_curve_
    assert model.n_iter_ == len(curve) == len(model.loss_curve_) < 40
    best = Snapshots.states[int(np.argmin(curve))]
    for name, value in model.network_.state_dict().items():
        torch.testing.assert_close(value, best[name].to(value.dtype))
    assert model.attention_.shape == (120, 2)


def test_early_stopping_with_patience_to_spare(data):
    model = quick(early_stopping=True, n_iter_no_change=100).fit(*data)
    assert model.n_iter_ == 3 and len(model.validation_loss_curve_) == 3


class StopAfterTwo(Callback):
    def on_epoch_end(self, net, **kwargs):
        self.epochs = getattr(self, "epochs", 0) + 1
        if self.epochs == 2:
            raise KeyboardInterrupt


def test_callbacks_are_copied_and_may_stop(data):
    callback = StopAfterTwo()
    model = quick(callbacks=[callback]).fit(*data)
    assert model.n_iter_ == 2 and len(model.pretraining_loss_curve_) == 3
    assert not hasattr(callback, "epochs")


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
        predictor=MLP(8, dropout=0.0, evidence=False),  # heard of once it is trained
        lr=1e-12,  # the last epoch's network is that of every batch
        warm_start=True,
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
    # Energies of training rows are those of models that have not seen them.
    inputs = model._model.inputs(model._model.standardise(X))
    potential = torch.from_numpy(held_out_energies(model, X))
    assert not torch.equal(potential, inputs.potential)
    logits = model._model.scores_of(inputs._replace(potential=potential)).logits
    np.testing.assert_allclose(
        np.average(found, weights=sizes), (logits.argmax(axis=1) == y).mean(), rtol=1e-9
    )


# ----------------------------------------------------------------- what steers the gate


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
            corruption=Failures(
                GaussianNoise(3.0), clean_fraction=0.2, importance_floor=0.0
            ),
            energy_estimator=GaussianMixture(),
            max_iter=15,
            lr=0.03,
        ).fit(X, y)
        log_alpha = np.log(model.importance(noisy))
        return (log_alpha[:, 1] - log_alpha[:, 0]).mean()

    assert omega(1.0) > omega(0.0) + 0.5


def test_importance_floor_bounds_the_push(data):
    shared = quick(lambda_e=1.0, lr=0.05, max_iter=10, corruption=Failures())
    rhos = [
        clone(shared).set_params(corruption__importance_floor=floor).fit(*data).rho_
        for floor in (0.0, 0.4)
    ]
    assert rhos[0] > rhos[1]


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


def test_attention_functions(data):
    X, y = data
    noisy = X + 2 * np.random.default_rng(1).normal(size=X.shape)
    noisy[0, :2] = np.nan
    hard = quick(attention_function=HardAttention(gain=1.0), lambda_c=1.0, lr=0.05)
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
@pytest.mark.parametrize("function", [SoftAttention, HardAttention])
def test_attention_gain(data, function, gain):
    model = quick(attention_function=function(gain=gain), lr=1e-9).fit(*data)
    assert model.attention_gain_ == pytest.approx(gain, rel=1e-6)


# ------------------------------------------------------------------ other ways to train


@pytest.mark.parametrize(
    "params",
    [
        {"lr": 0.05},
        {"lr_schedule": "constant"},
        {"predictor": MLP(8, dropout=0.0)},
        {"predictor": MLP(8, n_bins=2)},
        {"optimizer": torch.optim.SGD},
        {"batch_size": 11},
        {"pretraining_max_iter": 5},
        {"energy_scaling": "shift"},
        {"random_state": 1},
        {"coupling": "symmetric"},
        {"corruption": Failures(clean_fraction=0.8)},
    ],
    ids=str,
)
def test_parameters_matter(data, params):
    X, y = data
    assert differ(quick().fit(X, y), quick(**params).fit(X, y), X)


@pytest.mark.parametrize("batch_size", [1, 7, 120, 10_000, "auto"])
def test_batch_sizes(data, batch_size):
    model = quick(batch_size=batch_size, max_iter=1, pretraining_max_iter=1).fit(*data)
    assert np.isfinite(model.attention_).all()
