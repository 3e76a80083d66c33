"""Steps of a training, and steps that a GPU replays, which end where the others do."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import cross_entropy

from helpers import quick, rare_class
from sklearn_emma._optim import loop
from sklearn_emma._optim import steps as steps_module
from sklearn_emma._optim.loop import train
from sklearn_emma._optim.net import Options, make_net
from sklearn_emma._optim.samples import Samples
from sklearn_emma._optim.steps import (
    RecordedSteps,
    Steps,
    batch_loss,
    repeats,
    steps_of,
    weighted_mean,
)
from sklearn_emma.predictors import MLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] + RNG.normal(size=40) > 0).astype(np.int64)

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch finds no CUDA device"
)


class CrossEntropy(nn.Module):
    """Loss of each sample."""

    recordable = True

    def forward(self, output, y):
        return cross_entropy(output, y, reduction="none")


class Waiting(CrossEntropy):
    """Looks at a value, for which it has to wait."""

    recordable = False

    def forward(self, output, y):
        losses = super().forward(output, y)
        return losses if losses.sum() > 0 else 2 * losses


def samples_of(weight=None):
    weight = np.ones(len(X)) if weight is None else weight
    return Samples(
        {"input": torch.from_numpy(X)},
        {"y": torch.from_numpy(Y)},
        torch.from_numpy(weight),
    )


def linear():
    module = nn.Linear(3, 2).double()
    with torch.no_grad():
        module.weight.copy_(torch.arange(6).view(2, 3) / 10)
        module.bias.zero_()
    return module


def network():
    torch.manual_seed(0)
    layers = [nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.0), nn.Linear(8, 2)]
    return nn.Sequential(*layers).double()


def trained(module=None, *, criterion=None, device="cuda", callbacks=(), **changes):
    """Train for many steps, of which the last of each epoch is of another size."""
    given = {
        "max_iter": 10,
        "batch_size": 12,
        "lr": 0.05,
        "lr_schedule": "cosine",
        "optimizer": torch.optim.Adam,
    } | changes
    options = Options(**given, device=torch.device(device), callbacks=callbacks)
    criterion = criterion or CrossEntropy()
    size = options.batch_size
    net = make_net(module or network(), criterion, options, batch_size=size)
    data = samples_of().map(lambda tensor: tensor.to(device))
    generator = torch.Generator(device).manual_seed(0)

    @torch.no_grad()
    def keep_small():
        net.module_[0].weight.clamp_(-0.5, 0.5)

    after = keep_small if isinstance(net.module_, nn.Sequential) else None
    train(net, lambda: data, options, generator, "model", after_step=after)
    return net


# ------------------------------------------------------------------------------ losses


def test_loss_of_a_batch_is_its_weighted_mean_and_comes_with_the_output():
    data = samples_of(np.random.default_rng(1).uniform(0.1, 3, size=40))
    loss, output = batch_loss(linear(), CrossEntropy(), data)
    logits = linear()(torch.from_numpy(X))
    torch.testing.assert_close(output, logits)
    each = -torch.log_softmax(logits, 1)[range(40), Y].detach().numpy()
    assert loss.item() == pytest.approx(np.average(each, weights=data.weight))


@given(
    losses=st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6),
    weight=st.lists(st.floats(0.01, 5), min_size=3, max_size=3),
)
def test_the_weighted_mean_goes_along_the_first_axis(losses, weight):
    matrix, mass = np.reshape(losses, (3, 2)), np.array(weight)
    expected = np.average(matrix, axis=0, weights=mass)
    by_row = weighted_mean(torch.from_numpy(matrix[:, 0]), torch.from_numpy(mass))
    assert by_row.item() == pytest.approx(expected[0], abs=1e-9)
    both = np.stack([mass, mass], axis=1)
    columns = weighted_mean(torch.from_numpy(matrix), torch.from_numpy(both))
    np.testing.assert_allclose(columns, expected, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_mean_of_what_weighs_nothing_is_0(dtype):
    losses = torch.tensor([3.0, 4.0], dtype=dtype)
    assert weighted_mean(losses, torch.zeros(2, dtype=dtype)) == 0


# ------------------------------------------------------------------------------- steps


def net_of(module=None, criterion=None, optimizer=torch.optim.Adam, device="cpu"):
    """A net whose optimiser is as it would be on a GPU."""
    options = Options(
        max_iter=1,
        batch_size=8,
        lr=0.1,
        lr_schedule="constant",
        optimizer=optimizer,
        device=torch.device(device),
    )
    net = make_net(module or network(), criterion or CrossEntropy(), options)
    for group in net.optimizer_.param_groups:
        if "capturable" in group:
            group["capturable"] = True
    return net


class Own(nn.Module):
    """Of the user."""


class OwnAdam(torch.optim.Adam):
    """Of the user."""


def test_samples_that_are_alike_have_the_same_mean_and_gradients():
    module, criterion = network(), CrossEntropy()
    found = []
    for alike in (False, True):
        data = samples_of()
        data = Samples(data.inputs, data.targets, data.weight, alike)
        loss, _ = batch_loss(module, criterion, data)
        module.zero_grad()
        loss.backward()
        found.append([loss.detach(), *(p.grad for p in module.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def users_own(params, lr):
    """Adam of a function, which may have given it hooks."""
    return torch.optim.Adam(params, lr=lr, fused=True)


@pytest.mark.parametrize(
    ("watched", "optimizer", "n_fast"),
    [(True, torch.optim.Adam, 0), (False, torch.optim.Adam, 2), (False, users_own, 0)],
)
def test_steps_are_those_of_the_optimiser_unless_it_is_ours_alone(
    watched, optimizer, n_fast, monkeypatch
):
    fast = []
    make = steps_module.fast_adam

    def counting(optimizer):
        step = make(optimizer)
        return lambda: (fast.append(1), step())

    monkeypatch.setattr(steps_module, "fast_adam", counting)
    net = net_of(linear(), optimizer=optimizer)
    take = steps_of(net, None, watched=watched)
    for _ in range(3):
        take(samples_of())
    assert len(fast) == n_fast
    assert net.optimizer_.state[net.module_.weight]["step"] == 3


def test_steps_on_a_cpu_are_not_recorded():
    assert type(steps_of(net_of(), None, watched=False)) is Steps


@needs_gpu
def test_steps_on_a_gpu_are_recorded_unless_somebody_watches():
    net = net_of(device="cuda")
    assert type(steps_of(net, None, watched=False)) is RecordedSteps
    assert type(steps_of(net, None, watched=True)) is Steps


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, True),
        ({"module": nn.Sequential(network(), Own())}, False),
        ({"module": nn.Sequential(network(), nn.BatchNorm1d(2))}, False),
        ({"criterion": Waiting()}, False),
        ({"criterion": nn.Sequential(CrossEntropy(), Own())}, False),
        ({"optimizer": torch.optim.AdamW}, True),
        ({"optimizer": torch.optim.SGD}, False),
        ({"optimizer": torch.optim.LBFGS}, False),
        ({"optimizer": OwnAdam}, False),
    ],
)
def test_only_what_is_known_to_repeat_itself_may_be_recorded(parts, expected):
    assert repeats(net_of(**parts)) == expected


class OwnModule(nn.Sequential):
    """Of the user."""


def layers(kind=nn.Sequential):
    return kind(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


@pytest.mark.parametrize(
    ("params", "predictor", "both"),
    [
        ({}, True, True),
        ({"rho": 1.0, "attention_function": "hard"}, True, True),
        ({"coupling": "asymmetric"}, True, False),
        ({"loss": "hinge"}, False, False),
        ({"loss": lambda energies, y: energies.sum(1) ** 2}, False, False),
        ({"predictor": MLP(8)}, None, True),
        ({"predictor": layers()}, None, True),
        ({"predictor": layers(OwnModule)}, None, False),
    ],
)
def test_trainings_of_the_classifier_that_may_be_recorded(
    monkeypatch, params, predictor, both
):
    found = {}

    def steps(net, after_step, *, watched):
        group = net.optimizer_.param_groups[0]
        group["capturable"] = True
        found[type(net.module_).__name__] = repeats(net)
        group["capturable"] = False
        return steps_of(net, after_step, watched=watched)

    monkeypatch.setattr(loop, "steps_of", steps)
    quick(**params).fit(*rare_class())
    assert found.pop("AutoencoderStack")
    assert found.pop("ModuleAlone", None) == predictor  # None: it is not pretrained
    heard = isinstance(params.get("predictor"), MLP)
    assert found.pop("SideBySide", None) == (True if heard else None)
    assert found == {"EMMANetwork": both}


@pytest.fixture(name="replays")
def count_replays(monkeypatch):
    replays = []
    monkeypatch.setattr(steps_module, "_LONG", 5)
    replay = steps_module._Recording.replay

    def counted(self, batch, groups):
        replays.append(len(batch))
        return replay(self, batch, groups)

    monkeypatch.setattr(steps_module._Recording, "replay", counted)
    return replays


@needs_gpu
@pytest.mark.parametrize(
    "optimizer", [torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop]
)
@pytest.mark.parametrize("lr_schedule", ["cosine", "constant"])
def test_replayed_steps_end_where_others_do(replays, optimizer, lr_schedule):
    found = trained(optimizer=optimizer, lr_schedule=lr_schedule)
    # Ten epochs of 12, 12, 12 and 4 samples; the first five steps are not replayed.
    assert replays == [12] * 26
    watching = Callback()
    expected = trained(
        optimizer=optimizer, lr_schedule=lr_schedule, callbacks=[watching]
    )
    assert len(replays) == 26
    rows = zip(found.module_.parameters(), expected.module_.parameters(), strict=True)
    for mine, theirs in rows:
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        found.history[:, "train_loss"], expected.history[:, "train_loss"], rtol=1e-6
    )
    assert found.module_[0].weight.abs().max() <= 0.5


@needs_gpu
def test_what_cannot_be_recorded_is_trained_all_the_same(replays):
    found = trained(criterion=Waiting())
    expected = trained(criterion=Waiting(), callbacks=[Callback()])
    assert not replays
    assert found.history[:, "train_loss"] == expected.history[:, "train_loss"]


@needs_gpu
def test_replayed_steps_leave_out_other_units_each_time(replays):
    module = nn.Sequential(nn.Linear(3, 50), nn.Dropout(0.5), nn.Linear(50, 2)).double()
    once, again, other = (
        _seeded(lambda: trained(copy.deepcopy(module), lr=1e-12), seed)
        for seed in (0, 0, 1)
    )
    losses = [net.history[:, "train_loss"] for net in (once, again, other)]
    assert losses[0] == losses[1] != losses[2]
    assert len(set(losses[0])) == 10
    assert replays


def _seeded(function, seed):
    with torch.random.fork_rng():
        torch.cuda.manual_seed(seed)
        return function()
