"""Steps that look nothing up are those of torch's Adam, bit for bit."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.optimizer import register_optimizer_step_post_hook

from sklearn_emma._optim.fast_adam import FastAdam, fast_adam
from sklearn_emma._optim.optimizer_state import OptimizerState


def network():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 2))
    # Of another type, as log ρ is.
    module.register_parameter("scale", nn.Parameter(torch.zeros((), dtype=float)))
    return module


def groups(module):
    other = [{"params": [module.scale], "lr": 0.1, "weight_decay": 0.01}]
    return [
        {"params": list(module[0].parameters())},
        {"params": module[2].weight},
    ] + other


def gradients(module, seed):
    """Of a loss in which every parameter counts, but for the last bias."""
    torch.manual_seed(seed)
    module.zero_grad()
    loss = (module(torch.randn(6, 5)) * module.scale.exp()).square().sum()
    loss.backward()


def adam(module, **options):
    return torch.optim.Adam(groups(module), lr=0.01, fused=True, **options)


@pytest.mark.parametrize(
    "options", [{}, {"betas": (0.5, 0.9), "eps": 1e-3}, {"maximize": True}], ids=repr
)
def test_steps_and_memory_are_those_of_adam(options):
    expected = network()
    found = copy.deepcopy(expected)
    theirs, ours = adam(expected, **options), adam(found, **options)
    schedules = [CosineAnnealingLR(optimizer, 10) for optimizer in (theirs, ours)]
    gradients(found, 0)
    ours.step()
    step = fast_adam(ours)
    assert isinstance(step, FastAdam)
    for seed in range(8):
        gradients(expected, seed)
        theirs.step()
        if seed > 0:
            gradients(found, seed)
            step()
        for schedule in schedules:
            schedule.step()
    for one, other in zip(expected.parameters(), found.parameters(), strict=True):
        assert torch.equal(one, other)
    states = theirs.state_dict()["state"], ours.state_dict()["state"]
    assert states[0].keys() == states[1].keys() and len(states[0]) == 4
    for key, state in states[0].items():
        assert all(torch.equal(states[1][key][name], state[name]) for name in state)
        assert state["step"] == 8


def after_steps(module, prepare):
    """Train a copy by torch's Adam and ``module`` by ours; both must end alike."""
    expected = copy.deepcopy(module)
    theirs, ours = adam(expected), adam(module)
    step = ours.step
    for seed in range(5):
        for one in (expected, module):
            prepare(one, seed)
        theirs.step()
        step()
        if seed == 0:
            step = fast_adam(ours)
    for one, other in zip(expected.parameters(), module.parameters(), strict=True):
        assert torch.equal(one, other)
    return ours


def test_what_has_no_gradient_is_passed_over():
    def prepare(module, seed):
        gradients(module, seed)
        if seed == 2:
            module[0].bias.grad = None

    module = network()
    ours = after_steps(module, prepare)
    counted = {parameter: int(state["step"]) for parameter, state in ours.state.items()}
    assert counted.pop(module[0].bias) == 4
    assert list(counted.values()) == [5, 5, 5]


def test_memory_is_kept_for_another_optimiser():
    module = network()
    ours = after_steps(module, gradients)
    remembered = OptimizerState()
    remembered.keep(ours)
    successor = adam(module)
    remembered.restore(successor)
    expected = copy.deepcopy(successor.state_dict()["state"])
    gradients(module, 5)
    fast_adam(ours)()
    for key, state in successor.state_dict()["state"].items():
        assert all(torch.equal(expected[key][name], state[name]) for name in state)
        assert state["step"] == 5
        # Steps are counted in one tensor, of which each keeps its own.
        assert remembered.state[key]["step"].untyped_storage().nbytes() == 4


def test_adam_is_asked_where_torch_has_no_such_operation(monkeypatch):
    monkeypatch.setattr("sklearn_emma._optim.fast_adam._fused_adam", None)
    module = network()
    optimizer = adam(module)
    gradients(module, 0)
    optimizer.step()
    assert fast_adam(optimizer) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.1),
        lambda p: torch.optim.AdamW(p, fused=True),
        lambda p: torch.optim.Adam(p, fused=False),
        lambda p: torch.optim.Adam(p, fused=True, amsgrad=True),
        lambda p: torch.optim.Adam(p, fused=True, decoupled_weight_decay=True),
        type("Mine", (torch.optim.Adam,), {}),
    ],
    ids=["SGD", "AdamW", "not fused", "amsgrad", "decoupled", "subclass"],
)
def test_any_other_optimiser_takes_its_own_steps(make):
    module = nn.Linear(2, 1)
    optimizer = make(module.parameters())
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert fast_adam(optimizer) is None


def test_what_has_not_been_stepped_yet_has_nothing_to_look_up():
    module = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(module.parameters(), fused=True)
    assert fast_adam(optimizer) is None
    module.weight.sum().backward()
    optimizer.step()  # leaves the bias out
    assert fast_adam(optimizer) is None
    module.bias.requires_grad_(False)
    assert fast_adam(optimizer) is not None


def test_what_thaws_is_stepped_too():
    def prepare(module, seed):
        module[0].bias.requires_grad_(seed > 2)
        gradients(module, seed)

    module = network()
    ours = after_steps(module, prepare)
    assert ours.state[module[0].bias]["step"] == 2


def test_whoever_wants_to_hear_of_steps_does():
    module = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(module.parameters(), fused=True)
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    hook = register_optimizer_step_post_hook(lambda *_: None)
    try:
        assert fast_adam(optimizer) is None
    finally:
        hook.remove()
    assert fast_adam(optimizer) is not None
