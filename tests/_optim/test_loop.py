"""The training loop against skorch's own, plain loops and optimisers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import logsumexp
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import cross_entropy

from helpers import random_state_kept
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._optim import loop
from sklearn_emma._optim.loop import (
    Samples,
    divergence,
    train,
)
from sklearn_emma._optim.net import Options, make_net

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] + RNG.normal(size=40) > 0).astype(np.int64)


def samples_of(X=X, y=Y, weight=None):
    weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
    return Samples(
        {"input": torch.from_numpy(X)},
        {"y": torch.from_numpy(y)},
        torch.from_numpy(weight),
    )


class CrossEntropy(nn.Module):
    """Loss of each sample."""

    def forward(self, output, y):
        return cross_entropy(output, y, reduction="none")


def linear(start=0.1):
    module = nn.Linear(3, 2).double()
    for parameter in module.parameters():
        values = torch.arange(parameter.numel(), dtype=torch.float64)
        parameter.data = start * values.reshape(parameter.shape)
    return module


def run(
    module=None,
    samples=None,
    *,
    max_iter=5,
    batch_size=10,
    seed=0,
    optimizer=torch.optim.SGD,
    lr=0.1,
    validation=None,
    after_step=None,
    draw=None,
    verbose=False,
    **options,
):
    """Train a linear model on 40 samples; returns the net."""
    data = samples_of() if samples is None else samples
    given_options = Options(
        max_iter=max_iter,
        batch_size=batch_size,
        lr=lr,
        lr_schedule="constant",
        optimizer=optimizer,
        device=torch.device("cpu"),
        verbose=verbose,
        **options,
    )
    with torch.random.fork_rng(devices=[]):
        net = make_net(
            linear() if module is None else module,
            CrossEntropy(),
            given_options,
            batch_size=batch_size,
        )
        train(
            net,
            draw or (lambda: data),
            given_options,
            torch.Generator().manual_seed(seed),
            "thing",
            validation=validation,
            after_step=after_step,
        )
    return net


def weights(net):
    return torch.cat([p.detach().ravel() for p in net.module_.parameters()]).numpy()


def mean_loss(module, samples):
    with torch.no_grad():
        losses = CrossEntropy()(module(**samples.inputs), **samples.targets)
    return float((losses * samples.weight).sum() / samples.weight.sum())


# ----------------------------------------------------------------------------- batches


def test_a_module_that_normalises_batches_can_be_trained_on_any_number_of_rows():
    for n in (37, 38, 39):
        module = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)).double()
        net = run(module, samples=samples_of(X[:n], Y[:n]), batch_size=12)
        assert np.isfinite(weights(net)).all()


def test_a_loss_that_is_not_finite_is_told_with_its_epoch():
    error = divergence("valid_loss", math.inf, "thing", 3)
    assert isinstance(error, FloatingPointError)
    assert "the valid_loss of the thing is inf in epoch 3. Lower `lr`" in str(error)


# ---------------------------------------------------------------------- what is learnt


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_full_batches_give_the_model_that_skorch_gives(optimizer):
    net = run(batch_size=40, optimizer=optimizer, lr=0.05)
    own = NeuralNetClassifier(
        linear(),
        criterion=nn.CrossEntropyLoss,
        optimizer=optimizer,
        lr=0.05,
        batch_size=40,
        max_epochs=5,
        train_split=None,
        verbose=0,
    ).fit(X, Y)
    np.testing.assert_allclose(weights(net), weights(own), rtol=1e-9)
    np.testing.assert_allclose(
        net.history[:, "train_loss"], own.history[:, "train_loss"], rtol=1e-9
    )


@given(counts=st.lists(st.integers(0, 3), min_size=40, max_size=40).filter(any))
def test_a_weight_is_a_number_of_repetitions(counts):
    weighted = run(samples=samples_of(weight=counts), batch_size=200)
    repeated = samples_of(np.repeat(X, counts, axis=0), np.repeat(Y, counts))
    expected = run(samples=repeated, batch_size=200)
    np.testing.assert_allclose(weights(weighted), weights(expected), rtol=1e-9)
    for own, other in zip(weighted.history, expected.history, strict=True):
        assert own["train_loss"] == pytest.approx(other["train_loss"])


def test_loss_of_an_epoch_is_the_weighted_mean_over_its_batches():
    data = samples_of(weight=RNG.uniform(0.1, 3, size=40))
    net = run(samples=data, lr=1e-12, max_iter=1, batch_size=7)
    assert net.history[-1, "train_loss"] == pytest.approx(mean_loss(linear(), data))


def test_a_batch_without_any_weight_teaches_nothing():
    weight = np.zeros(40)
    weight[:5] = 1.0
    net = run(samples=samples_of(weight=weight), batch_size=2)
    assert np.isfinite(weights(net)).all()


def test_lbfgs_finds_the_optimum():
    def loss(parameters):
        logits = X @ parameters[:6].reshape(2, 3).T + parameters[6:]
        return np.mean(logsumexp(logits, axis=1) - logits[np.arange(40), Y])

    best = minimize(loss, np.zeros(8), method="BFGS").fun
    net = run(optimizer=torch.optim.LBFGS, lr=1.0, batch_size=40, max_iter=10)
    assert mean_loss(net.module_, samples_of()) == pytest.approx(best, abs=1e-6)


def test_the_generator_decides_the_batches():
    first, again, other = (weights(run(seed=seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_epoch_draws_and_every_step_ends_with_after_step():
    calls = []

    def draw():
        calls.append("draw")
        return samples_of()

    run(draw=draw, after_step=lambda: calls.append("step"), max_iter=2, batch_size=15)
    assert calls == ["draw", "step", "step", "step"] * 2


def test_losses_and_their_records_in_the_history():
    validation = samples_of(X[::-1].copy(), Y, RNG.uniform(0.1, 3, size=40))
    net = run(validation=validation, lr=3.0, max_iter=8)
    expected = mean_loss(net.module_, validation)
    assert net.history[-1, "valid_loss"] == pytest.approx(expected)
    for kind in ("train_loss", "valid_loss"):
        losses = net.history[:, kind]
        best = [
            loss < min(losses[:i], default=math.inf) for i, loss in enumerate(losses)
        ]
        assert net.history[:, f"{kind}_best"] == best
        assert 0 < sum(best) < 8


def test_a_loss_as_low_as_the_lowest_before_is_no_record():
    net = run(lr=1e-300, batch_size=40, max_iter=3, validation=samples_of())
    assert net.history[:, "valid_loss_best"] == [True, False, False]


def test_dropout_is_on_in_training_and_off_in_validation_and_after():
    module = nn.Sequential(linear(), nn.Dropout(0.5))
    modes = []
    module.register_forward_hook(lambda *_: modes.append(module.training))
    net = run(module, validation=samples_of(), max_iter=2, batch_size=20)
    # At the end, once more: whether what has been learnt is finite.
    assert modes == [True, True, False] * 2 + [False]
    assert not net.module_.training
    assert not run(max_iter=1).module_.training


def test_what_a_callback_lets_predict_is_trained_on_in_the_next_epoch():
    class Look(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.module_[1].eval()  # a part, of which the whole does not know

    module = nn.Sequential(linear(), nn.Dropout(0.5))
    modes = []
    module[1].register_forward_hook(lambda part, *_: modes.append(part.training))
    run(module, max_iter=3, batch_size=20, callbacks=[Look()])
    assert modes == [True] * 6 + [False]


def test_patience_stops_and_goes_back_to_the_best_epoch():
    # Labels of the validation set are swapped: each step makes it worse.
    validation = samples_of(y=1 - Y)
    first = run(max_iter=1, validation=validation, lr=1.0)
    net = run(max_iter=30, validation=validation, lr=1.0, patience=4, tol=0.0)
    assert len(net.history) == 5
    np.testing.assert_allclose(weights(net), weights(first))


@pytest.mark.parametrize(
    ("options", "may_stop"),
    [({}, False), ({"patience": 2}, True), ({"callbacks": (Callback(),)}, True)],
)
def test_ctrl_c_is_watched_where_a_callback_may_stop(monkeypatch, options, may_stop):
    watched = []

    def noted(notify, original=loop.asks_to_stop):
        watched.append(notify)
        return original(notify)

    monkeypatch.setattr(loop, "asks_to_stop", noted)
    net = run(max_iter=3, validation=samples_of(), **options)
    assert len(net.history) == 3
    assert len(watched) == (3 if may_stop else 0)


@pytest.mark.parametrize(("tol", "epochs"), [(0.0, 20), (0.9, 4)])
def test_an_improvement_below_the_tolerance_is_none(tol, epochs):
    validation = samples_of()
    net = run(max_iter=20, validation=validation, batch_size=40, patience=3, tol=tol)
    assert (np.diff(net.history[:, "valid_loss"]) < 0).all()
    assert len(net.history) == epochs


def test_own_progress_bar_on_request(capsys):
    run(verbose=False)
    assert capsys.readouterr() == ("", "")
    run(verbose=True)
    assert "thing: 100%" in capsys.readouterr().err


# -------------------------------------------------------------------------- divergence


def test_divergence_names_the_part_and_what_to_do():
    with pytest.raises(
        FloatingPointError, match=r"train_loss of the thing is .*Lower `lr`"
    ):
        run(lr=1e308, max_iter=10)


def test_divergence_in_validation():
    extreme = samples_of(np.full((1, 3), 1e308), np.array([0]))
    with pytest.raises(FloatingPointError, match="valid_loss of the thing is"):
        run(validation=extreme, lr=10.0)


def test_divergence_in_the_last_step():
    """Its loss was taken before it."""
    with pytest.raises(FloatingPointError, match="train_loss of the thing is nan in"):
        run(optimizer=torch.optim.Adam, lr=1e308, max_iter=1, batch_size=40)


class Exponential(nn.Module):
    """Parameters that stay finite, though what is computed with them does not."""

    def __init__(self):
        super().__init__()
        self.linear = linear()
        self.log_scale = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, input):
        return self.linear(input) * self.log_scale.exp()


def test_divergence_with_finite_parameters():
    module = Exponential()
    with pytest.raises(FloatingPointError, match="Lower `lr`"):
        run(module, lr=1e5, max_iter=1, batch_size=40)
    assert all(p.isfinite().all() for p in module.parameters())


class Idle(nn.Module):
    """One parameter is broken by its step, but plays no part in the loss."""

    def __init__(self):
        super().__init__()
        self.linear = linear()
        self.idle = nn.Parameter(torch.ones(()))

    def forward(self, input):
        return self.linear(input)


def test_divergence_of_a_parameter_that_the_loss_does_not_show():
    module = Idle()

    def spoil():
        module.idle.data.fill_(math.inf)

    with pytest.raises(FloatingPointError, match="of the thing is nan in epoch 5"):
        run(module, after_step=spoil)


@pytest.mark.parametrize("lr", [1e-3, 1e200])
@random_state_kept()
def test_surroundings_are_as_before_even_after_divergence(two_threads, lr):
    energy = PotentialEnergyTransformer(max_iter=3, lr=lr, random_state=0)
    if lr > 1:
        with pytest.raises(FloatingPointError, match="of the potential energies"):
            energy.fit(X)
        assert not hasattr(energy, "components_")
    else:
        energy.fit(X)
    assert torch.get_num_threads() == 2
