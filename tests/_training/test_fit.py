"""The classifier's contract: its two phases, how they end, go on and come again."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from skorch.callbacks import Callback
from torch import nn

from helpers import assert_same, differ, quick, random_state_kept, three_classes
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.corruption import GaussianNoise


@pytest.fixture(scope="module")
def data():
    return three_classes()


# ------------------------------------------------------------- stopping and going on


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
        torch.testing.assert_close(value, best[name])
    assert model.attention_.shape == (120, 2)


def test_early_stopping_with_patience_to_spare(data):
    model = quick(early_stopping=True, n_iter_no_change=100).fit(*data)
    assert model.n_iter_ == 3 and len(model.validation_loss_curve_) == 3


def test_warm_start_goes_on(data, monkeypatch):
    X, y = data
    calls = []

    def counted(*args, **kwargs):
        calls.append(1)
        return fit_autoencoders(*args, **kwargs)

    from sklearn_emma._energies.per_mode import fit_autoencoders

    monkeypatch.setattr("sklearn_emma._energies.per_mode.fit_autoencoders", counted)
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


# --------------------------------------------------------------- phase 1 and its cache


@pytest.fixture
def counted_fits(monkeypatch):
    """How often a Gaussian mixture is fitted."""
    counts, fit = [], GaussianMixture.fit

    def counted(self, X, y=None):
        counts.append(len(X))
        return fit(self, X, y)

    monkeypatch.setattr(GaussianMixture, "fit", counted)
    return counts


def test_memory_runs_the_first_phase_once(data, tmp_path, counted_fits):
    X, y = data
    model = quick(energy_estimator=GaussianMixture(), memory=str(tmp_path))
    cached = [
        clone(model).set_params(**params).fit(X, y)
        for params in (
            {},
            {"rho": 3.0},
            {"lambda_e": 0.5},
            {"lambda_c": 1.0},
            {"predictor": LogisticRegression()},
            {},
        )
    ]
    assert len(counted_fits) == 2  # one for each mode
    assert differ(cached[0], cached[1], X)
    # What the second phase does to its copy never reaches the cache.
    assert_same(cached[0], cached[-1], X, rtol=1e-12)
    uncached = clone(model).set_params(memory=None).fit(X, y)
    assert_same(cached[0], uncached, X, rtol=1e-12)
    assert len(counted_fits) == 4
    for name in ("random_state", "pretraining_max_iter", "hidden_layer_sizes"):
        before = len(counted_fits)
        clone(model).set_params(**{name: 1}).fit(X, y)
        assert len(counted_fits) == before + 2
    clone(model).fit(X[:100], y[:100])
    assert counted_fits[-1] == 100


def count_linear(model):
    layers = model.network_.predictor.modules()
    return [m.out_features for m in layers if isinstance(m, nn.Linear)]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [(5, [5]), ((5,), [5]), ([7, 5], [7, 5]), (np.array([4, 9]), [4, 9]), ((), [])],
    ids=str,
)
def test_hidden_layer_sizes(data, sizes, expected):
    widths = count_linear(quick(hidden_layer_sizes=sizes).fit(*data))
    assert [w for w in widths if w != 3] == expected
    assert widths[-1] == 3


def small_module(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 4), nn.Tanh(), nn.Linear(4, n_out))


class Linear(nn.Linear):
    """A class that is called with the two sizes."""


@pytest.mark.parametrize("predictor", [Linear, small_module])
def test_predictor_from_a_recipe(data, predictor):
    X, y = data
    model = quick(predictor=predictor, lr=0.05, pretraining_max_iter=30).fit(X, y)
    assert isinstance(model.network_.predictor, Linear | nn.Sequential)
    assert len(model.pretraining_loss_curve_) == 30
    assert model.score(X, y) > 0.6
    assert differ(model, quick(predictor=predictor, random_state=1).fit(X, y), X)


def normalised(n_in, n_out):
    return nn.Sequential(nn.BatchNorm1d(n_in), nn.Linear(n_in, n_out))


def test_batch_normalisation_with_one_row_left_over(data):
    X, y = data
    model = quick(predictor=normalised, batch_size=len(y) - 1).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_trained_predictor_is_copied_and_fine_tuned(data):
    X, y = data
    trained = small_module(4, 3)
    before = copy.deepcopy(trained.state_dict())
    still = quick(predictor=trained, lr=1e-12, attention_function="none").fit(X, y)
    assert still.pretraining_loss_curve_ == []
    Z = torch.from_numpy(still.scaler_.transform(X)).float()
    expected = torch.softmax(trained(Z), dim=1).detach().numpy()
    np.testing.assert_allclose(still.predict_proba(X), expected, atol=1e-5)
    moved = quick(predictor=trained, lr=0.05).fit(X, y)
    assert differ(still, moved, X)
    for name, value in trained.state_dict().items():
        assert torch.equal(value, before[name])


# ----------------------------------------------------------------- other ways to train


@pytest.mark.parametrize(
    "params",
    [
        {"lr": 0.05},
        {"lr_schedule": "constant"},
        {"dropout": 0.0},
        {"optimizer": torch.optim.SGD},
        {"batch_size": 11},
        {"pretraining_max_iter": 5},
        {"energy_scaling": "shift"},
        {"random_state": 1},
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


def test_verbose(data, capsys):
    quick().fit(*data)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    quick(verbose=True).fit(*data)
    captured = capsys.readouterr()
    assert captured.out == ""
    for phase in ("potential energies", "base model", "attention"):
        assert phase in captured.err


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
    assert {p.dtype for p in model.network_.parameters()} == {torch.float32}
    assert model.predict_proba(data[0]).dtype == np.float32
