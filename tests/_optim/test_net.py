"""Callbacks of skorch work in the training loop, and stay as the user gave them."""

import copy
import io
from typing import NamedTuple

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
    PrintLog,
    ProgressBar,
)
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import nn
from torch.nn.functional import cross_entropy

from helpers import random_state_kept
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._optim.loop import train
from sklearn_emma._optim.net import Options, logits_of, make_net
from sklearn_emma._optim.samples import Samples

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] + RNG.normal(size=40) > 0).astype(np.int64)


class CrossEntropy(nn.Module):
    """Loss of each sample."""

    def forward(self, output, y):
        return cross_entropy(output, y, reduction="none")


def linear():
    module = nn.Linear(3, 2).double()
    for parameter in module.parameters():
        parameter.data.fill_(0.1)
    return module


def samples_of(X=X, y=Y):
    tensors = torch.from_numpy(X), torch.from_numpy(y)
    ones = torch.ones(len(X), dtype=torch.float64)
    return Samples({"input": tensors[0]}, {"y": tensors[1]}, ones)


def options(callbacks=(), **more):
    defaults = {
        "max_iter": 5,
        "batch_size": 10,
        "lr": 0.1,
        "lr_schedule": "constant",
        "optimizer": torch.optim.SGD,
        "device": torch.device("cpu"),
    }
    return Options(**defaults | more, callbacks=tuple(callbacks))


def run(callbacks=(), *, batch_size=10, validation=None, **more):
    """Train a linear model on 40 samples; returns the net."""
    given = options(callbacks, **more)
    with torch.random.fork_rng(devices=[]):
        net = make_net(
            linear(), CrossEntropy(), given, batch_size=batch_size, classes=[0, 1]
        )
    train(
        net,
        samples_of,
        given,
        torch.Generator().manual_seed(0),
        "thing",
        validation=validation,
    )
    return net


def weights(net):
    return torch.cat([p.detach().ravel() for p in net.module_.parameters()]).numpy()


EVENTS = [
    f"on_{what}_{when}"
    for what in ("train", "epoch", "batch")
    for when in ("begin", "end")
] + ["on_grad_computed"]


def log_into(lines):
    """Callback class that notes every event and what comes with it."""

    def noting(event):
        return lambda self, net, **details: lines.append((event, details))

    return type("Log", (Callback,), {event: noting(event) for event in EVENTS})


@pytest.fixture(scope="module")
def events():
    """What our loop and skorch's tell a callback in two epochs of two steps each."""
    ours, theirs = [], []
    run([log_into(ours)], validation=samples_of(), max_iter=2, batch_size=25)
    NeuralNetClassifier(
        linear(),
        criterion=nn.CrossEntropyLoss,
        batch_size=25,
        iterator_valid__batch_size=40,
        max_epochs=2,
        train_split=predefined_split(Dataset(X, Y)),
        callbacks=[log_into(theirs)],
        verbose=0,
    ).fit(X, Y)
    return ours, theirs


def test_callbacks_are_told_what_skorch_tells_them(events):
    ours, theirs = [[event for event, _ in lines] for lines in events]
    assert ours == theirs
    assert len(ours) == 2 + 2 * (2 + 3 * 2 + 2)
    for lines in events:
        batches = [d["training"] for e, d in lines if e == "on_batch_end"]
        assert batches == [True, True, False] * 2


def test_what_comes_with_an_event_is_what_skorch_gives(events):
    for (event, our), (_, their) in zip(*events, strict=True):
        if event != "on_grad_computed":
            assert set(our) == set(their), event
        for name in ("loss", "y_pred"):
            if name in their:
                assert our[name].shape == their[name].shape
        if event.startswith("on_batch"):
            inputs, y = our["batch"]
            assert len(inputs["input"]) == len(y) <= 40


def test_gradients_come_with_their_batch(events):
    for _, details in (line for line in events[0] if line[0] == "on_grad_computed"):
        _, y = details["batch"]
        assert len(y) <= 25 and details["training"] is True


def test_early_stopping_of_the_user():
    callback = EarlyStopping(monitor="train_loss", patience=2, threshold=10, sink=str)
    net = run([callback], max_iter=20)
    assert len(net.history) == 3
    assert callback.dynamic_threshold_ is None


def test_cosine_schedule():
    rates = []

    class Rate(Callback):
        def on_epoch_begin(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    run([Rate], lr=0.2, lr_schedule="cosine", max_iter=10)
    expected = 0.1 * (1 + np.cos(np.pi * np.arange(10) / 10))
    np.testing.assert_allclose(rates, expected)


def test_learning_rate_schedule_of_the_user():
    schedule = LRScheduler(policy=torch.optim.lr_scheduler.StepLR, step_size=2)
    net = run([schedule], lr=0.1, max_iter=5)
    rates = net.history[:, "event_lr"]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.01, 0.001])
    assert not hasattr(schedule, "lr_scheduler_")


def test_checkpoint(tmp_path):
    validation = samples_of(y=1 - Y)
    checkpoint = Checkpoint(dirname=str(tmp_path))
    run([checkpoint], validation=validation, lr=1.0)
    saved = torch.load(tmp_path / "params.pt", weights_only=True)
    expected = run(max_iter=1, validation=validation, lr=1.0).module_.state_dict()
    assert set(saved) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(saved[name], value)
    assert (tmp_path / "history.json").is_file()


def test_gradients_are_clipped():
    net = run([GradientNormClipping(1e-3)], max_iter=1, lr=1.0, batch_size=40)
    free = run(max_iter=1, lr=1.0, batch_size=40)
    start = torch.cat([p.detach().ravel() for p in linear().parameters()]).numpy()
    step, full = weights(net) - start, weights(free) - start
    assert np.linalg.norm(step) == pytest.approx(1e-3, rel=1e-3)
    np.testing.assert_allclose(step / 1e-3, full / np.linalg.norm(full), rtol=1e-3)


@pytest.mark.parametrize("use_caching", [True, False])
def test_scores_of_an_epoch(use_caching):
    validation = samples_of(X[:11], Y[:11])
    scoring = [
        EpochScoring("accuracy", name="valid", use_caching=use_caching),
        EpochScoring("accuracy", name="train", on_train=True, use_caching=use_caching),
    ]
    net = run(scoring, validation=validation)
    predicted = net.module_(validation.inputs["input"]).argmax(dim=1).numpy()
    assert net.history[-1, "valid"] == pytest.approx((predicted == Y[:11]).mean())
    assert 0.5 < net.history[-1, "train"] <= 1


def test_a_score_of_validation_is_left_out_without_validation():
    net = run([EpochScoring("accuracy", name="valid")])
    assert "valid" not in net.history[-1]


def test_print_log_and_progress_bar(capsys):
    lines = []
    run([PrintLog(sink=lines.append), ProgressBar()], max_iter=3)
    assert "train_loss" in lines[0] and len(lines) == 2 + 3
    assert "it/s" in capsys.readouterr().err


def test_print_log_prints(capsys):
    run([PrintLog()], max_iter=1)
    assert "train_loss" in capsys.readouterr().out


def test_callbacks_of_the_user_stay_untouched(tmp_path):
    callbacks = [
        EarlyStopping(monitor="train_loss", load_best=True, sink=io.StringIO().write),
        ("schedule", LRScheduler(policy="StepLR", step_size=1)),
        Checkpoint(monitor="train_loss_best", dirname=str(tmp_path)),
        PrintLog(sink=io.StringIO().write),
        ProgressBar(),
    ]

    def state(callback):
        callback = callback[1] if isinstance(callback, tuple) else callback
        return {name: repr(value) for name, value in vars(callback).items()}

    before, same = [state(c) for c in callbacks], copy.copy(callbacks)
    net = run(callbacks)
    assert [state(c) for c in callbacks] == before
    assert all(a is b for a, b in zip(callbacks, same, strict=True))
    assert "event_lr" in net.history[-1]


# ----------------------------------------------------------------------------- options


def test_options_are_read_from_the_parameters_of_an_estimator():
    callback = PrintLog()
    energy = PotentialEnergyTransformer(
        batch_size=7,
        lr=0.5,
        lr_schedule="constant",
        optimizer=torch.optim.SGD,
        callbacks=[callback],
        verbose=2,
    )
    assert Options.from_params(energy, 3) == Options(
        max_iter=3,
        batch_size=7,
        lr=0.5,
        lr_schedule="constant",
        optimizer=torch.optim.SGD,
        device=torch.device("cpu"),
        callbacks=(callback,),
        patience=None,
        tol=1e-4,
        verbose=2,
    )
    default = Options.from_params(PotentialEnergyTransformer(), 3)
    assert default.optimizer is torch.optim.Adam and default.callbacks == ()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"callbacks": ["x"]}, "must be skorch callbacks.*got 'x'"),
        ({"device": "nowhere"}, "`device` 'nowhere' cannot be used"),
    ],
)
def test_options_that_cannot_be_used_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        Options.from_params(PotentialEnergyTransformer(**params), 3)


class Unwilling(Callback):
    def initialize(self):
        raise LookupError("not today")


def made_by_nobody(params, lr):
    raise LookupError("no such optimizer")


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"callbacks": [("a", PrintLog()), ("a", PrintLog())]}, ValueError, "name 'a'"),
        ({"callbacks": [Unwilling()]}, LookupError, "not today"),
        ({"optimizer": made_by_nobody}, LookupError, "no such optimizer"),
    ],
)
def test_what_a_net_cannot_be_made_with_is_told_at_once(params, error, message):
    with random_state_kept(), pytest.raises(error, match=message) as caught:
        Options.from_params(PotentialEnergyTransformer(**params), 3)
    assert any("`callbacks` and `optimizer`" in note for note in caught.value.__notes__)


def test_names_that_the_user_gives_are_his_alone():
    run(
        [("lr_schedule", PrintLog(sink=str)), ("early_stopping", ProgressBar())],
        lr_schedule="cosine",
        patience=3,
        validation=samples_of(),
    )


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_a_net_is_initialised_with_its_module_and_settings(optimizer):
    module = linear()
    net = make_net(
        module, CrossEntropy(), options(optimizer=optimizer, lr=0.7), batch_size=9
    )
    assert net.module_ is module and net.batch_size == 9
    assert type(net.optimizer_) is optimizer
    assert net.optimizer_.param_groups[0]["lr"] == 0.7
    assert net.optimizer_.param_groups[0]["fused"] is True


def test_an_optimiser_that_knows_of_no_fusing_is_not_asked_to():
    def make(params, lr):
        return torch.optim.LBFGS(params, lr=lr)

    net = make_net(linear(), CrossEntropy(), options(optimizer=make))
    assert type(net.optimizer_) is torch.optim.LBFGS


def test_the_prediction_is_found_in_whatever_a_module_returns():
    class Output(NamedTuple):
        other: str
        logits: torch.Tensor

    logits = torch.ones(2, 3)
    assert logits_of(logits) is logits
    assert logits_of(Output("anything", logits)) is logits


def test_a_net_predicts_probabilities_from_the_logits():
    net = run(max_iter=1)
    logits = net.module_(torch.from_numpy(X)).detach()
    expected = torch.softmax(logits, dim=1)
    np.testing.assert_allclose(net.predict_proba({"input": X}), expected)
    np.testing.assert_array_equal(net.predict({"input": X}), logits.argmax(1))


def test_a_net_of_numbers_predicts_what_answers_make_of_its_outputs():
    with torch.random.fork_rng(devices=[]):
        net = make_net(
            linear(), CrossEntropy(), options(), answer=lambda z: 10 * z[:, :1]
        )
    (x,) = samples_of().inputs.values()
    expected = 10 * net.module_(x)[:, :1].detach()
    np.testing.assert_allclose(net.predict(x), expected)
    assert not hasattr(net, "classes_")
