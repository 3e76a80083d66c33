"""Networks of parts of the samples, which learn as each would by itself."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from helpers import quick, three_classes
from sklearn_emma import EMMARegressor
from sklearn_emma._inputs.checking import Given, check_training_data
from sklearn_emma._training import networks as module
from sklearn_emma._training.networks import train_network, train_networks
from sklearn_emma._training.plan import plan_training
from sklearn_emma.predictors import MLP

X, Y = three_classes()
N = len(X)
# Of several sizes, so that some of the largest has no place in others.
KEPT = [np.arange(N // 2), np.arange(5, N), np.arange(0, N, 3)]


def task_of(model=None, y=Y, weight=None, missing_fraction=0.0, **params):
    params = {"predictor": MLP(8, dropout=0.0), "batch_size": N, "lr": 0.02} | params
    params = {"pretraining_max_iter": 8} | params
    model = quick(**params) if model is None else model.set_params(**params)
    given = Given(X, y, sample_weight=weight)
    checked = check_training_data(model, given, model._read_target)
    task = plan_training(model, checked).pretraining
    return dataclasses.replace(task, missing_fraction=missing_fraction)


def filled(task):
    return (task.data.X - X.mean(0)) / X.std(0)


@pytest.fixture
def nets(monkeypatch):
    """The modules that have been trained."""
    found = []

    def noted(net, *args, original=module.train, **params):
        found.append(type(net.module_).__name__)
        return original(net, *args, **params)

    monkeypatch.setattr(module, "train", noted)
    return found


def both(task):
    """What is learnt side by side, and one after the other."""
    x = filled(task)
    together = train_networks(task, x, KEPT)
    return together, [train_network(task, x, seen) for seen in KEPT]


def assert_same(together, alone, *, exactly=False):
    for (found, _), (expected, _) in zip(together, alone, strict=True):
        state = expected.state_dict()
        assert list(found.state_dict()) == list(state)
        for name, value in found.state_dict().items():
            if exactly:
                torch.testing.assert_close(value, state[name], atol=1e-6, rtol=0)
                continue
            # Adam makes much of a gradient that is next to nothing.
            apart = (value - state[name]).abs()
            assert apart.max() < 0.05 and (apart > 1e-2).double().mean() < 0.01


# A step of all samples: nothing is shuffled, and Adam does not mind how long a gradient
# is.
WEIGHT = np.random.default_rng(0).uniform(0.5, 2, size=N)
TASKS = {
    "classes": dict,
    "weights": lambda: {"weight": WEIGHT},
    "class_weight": lambda: {"class_weight": {0: 1.0, 1: 5.0, 2: 0.0}},
    "numbers": lambda: {"model": regressor(), "y": X[:, 0] ** 2},
    "several numbers": lambda: {"model": regressor(), "y": X[:, :2] ** 2},
    "hinge": lambda: {"loss": "hinge"},
}


def regressor():
    return EMMARegressor([[0, 1], [2, 3]])


@pytest.mark.parametrize("given", TASKS)
def test_each_learns_as_it_would_alone(nets, given):
    task = task_of(**TASKS[given]())
    together, alone = both(task)
    assert nets == ["SideBySide"] + ["ModuleAlone"] * 3
    assert_same(together, alone)
    x = torch.from_numpy(filled(task)).float()
    first, second, _ = (network.eval()(x) for network, _ in together)
    assert (first - second).abs().max() > 0.1


@pytest.mark.parametrize("given", [{}, {"weight": WEIGHT}])
def test_others_do_not_matter(given):
    """In batches of some samples, of which those of others weigh more or less."""
    task = task_of(batch_size=16, missing_fraction=0.5, **given)
    x, other = filled(task), [KEPT[0], KEPT[1], np.arange(len(KEPT[1]))]
    first, second = (train_networks(task, x, kept) for kept in (KEPT, other))
    assert_same(first[:2], second[:2], exactly=True)
    moved = first[2][0].linear.weight - second[2][0].linear.weight
    assert moved.abs().max() > 1e-2


def test_as_many_steps_are_taken_as_alone(monkeypatch):
    sizes = []

    def noted(net, *args, original=module.train, **params):
        sizes.append(net.batch_size)
        return original(net, *args, **params)

    monkeypatch.setattr(module, "train", noted)
    task = task_of(batch_size="auto", pretraining_max_iter=1)
    train_networks(task, filled(task), KEPT)
    train_network(task, filled(task), max(KEPT, key=len))
    assert sizes[0] == sizes[1] < N


def test_losses_are_the_mean_of_all():
    together, alone = both(task_of())
    expected = np.mean([curve for _, curve in alone], axis=0)
    for _, curve in together:
        np.testing.assert_allclose(curve, expected, rtol=1e-4)


def test_modes_are_missing_in_each_by_itself(monkeypatch):
    seen = []

    def watched(net, draw, *args, original=module.train):
        def watched_draw():
            samples = draw()
            seen.append(samples.inputs["x"].clone())
            return samples

        return original(net, watched_draw, *args)

    monkeypatch.setattr(module, "train", watched)
    task = task_of(missing_fraction=1.0, pretraining_max_iter=1)
    train_networks(task, filled(task), KEPT)
    (x,) = seen
    # Each has its own samples, from the start again where there are too few.
    rows = np.stack([np.resize(kept, len(x)) for kept in KEPT], axis=1)
    original = torch.from_numpy(filled(task)).float()[rows]
    assert torch.equal(torch.where(x == 0, original, x), original)
    gone = (x.unflatten(2, (2, 2)) == 0).all(3)
    assert x.shape == (max(map(len, KEPT)), 3, 4)
    assert (gone.sum(2) == 1).all()
    assert 0.3 < (gone[:, 0] == gone[:, 1]).float().mean() < 0.7


WIDE = {"predictor": MLP(8, n_bins=100, dropout=0.0)}
LARGE = {"predictor": MLP((350, 350), dropout=0.0)}
OTHERS = {
    "wide": WIDE,
    "large": LARGE,
    "optimizer": {"optimizer": torch.optim.SGD},
    "function": {"predictor": lambda n_in, n_out: nn.Linear(n_in, n_out)},
}


@pytest.mark.parametrize("given", OTHERS)
def test_what_may_not_be_put_together_is_trained_in_turn(nets, given):
    task = task_of(**OTHERS[given])
    together, alone = both(task)
    assert nets == ["ModuleAlone"] * 6
    assert_same(together, alone)


def test_a_single_part_is_the_same_as_well(nets):
    task = task_of()
    x = filled(task)
    (found,) = train_networks(task, x, KEPT[:1])
    assert nets == ["SideBySide"]
    assert_same([found], [train_network(task, x, KEPT[0])])


def test_bins_are_of_all_samples_unless_those_seen_are_asked_for():
    task = task_of()
    x = filled(task)
    of_all, of_seen = (
        train_network(task, x, KEPT[0], bins_of_seen=seen)[0].encoding.slope
        for seen in (False, True)
    )
    assert not torch.equal(of_all, of_seen)
    assert torch.equal(train_network(task, x)[0].encoding.slope, of_all)
    for network, _ in train_networks(task, x, KEPT):
        assert torch.equal(network.encoding.slope, of_all)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_learns_the_same():
    # Long enough for steps to be recorded.
    found = []
    for device in ("cpu", "cuda"):
        task = task_of(device=device, pretraining_max_iter=60, lr=2e-3)
        found.append(train_networks(task, filled(task), KEPT))
    assert {p.device.type for p in found[1][0][0].parameters()} == {"cpu"}
    assert_same(*found)


def test_a_seed_decides_everything():
    task = task_of(missing_fraction=0.5, batch_size=16, predictor=MLP(8, dropout=0.3))
    x = filled(task)
    torch.manual_seed(3)
    first = train_networks(task, x, KEPT)
    drawn = torch.rand(1)
    again = train_networks(task, x, KEPT)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(1), drawn)  # the global state is untouched
    assert first[0][1] == again[0][1]
    for (one, _), (two, _) in zip(first, again, strict=True):
        assert torch.equal(one.linear.weight, two.linear.weight)


def test_a_loss_that_is_not_finite_is_an_error():
    task = task_of()
    x = filled(task)
    x[KEPT[2][0]] = np.inf
    with pytest.raises(FloatingPointError, match="pretrained predictor"):
        train_networks(task, x, KEPT)
