"""An optimiser that is taken up again goes on as one that was never put down."""

import copy
import pickle

import pytest
import torch

from sklearn_emma._optim.optimizer_state import OptimizerState

KINDS = {
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1, fused=True),
    "AMSGrad": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True),
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "LBFGS": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=3),
}


def start():
    values = torch.tensor([3.0, -2.0]), torch.ones(())
    return [value.requires_grad_() for value in values]


def step(optimizer, parameters):
    def closure():
        optimizer.zero_grad()
        x, scale = parameters
        loss = (scale - x).square().sum() + 0.1 * x.pow(4).sum() + scale**2
        loss.backward()
        return loss

    optimizer.step(closure)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_steps_go_on_where_they_ended(kind):
    expected, parameters = start(), start()
    optimizer, state = kind(expected), OptimizerState()
    for _ in range(6):
        step(optimizer, expected)
        again = kind(parameters)
        state.restore(again)
        step(again, parameters)
        state.keep(again)
        state = pickle.loads(pickle.dumps(state))
    torch.testing.assert_close(parameters, expected)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_is_kept_does_not_change_with_further_steps(kind):
    parameters, state = start(), OptimizerState()
    optimizer = kind(parameters)
    step(optimizer, parameters)
    state.keep(optimizer)
    before = copy.deepcopy(state.state)
    step(optimizer, parameters)
    other = kind(parameters)
    state.restore(other)
    step(other, parameters)
    assert repr(state.state) == repr(before)


def test_settings_are_those_of_the_new_optimiser():
    parameters, state = start(), OptimizerState()
    optimizer = KINDS["SGD"](parameters)
    step(optimizer, parameters)
    state.keep(optimizer)
    slower = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9)
    state.restore(slower)
    assert slower.param_groups[0]["lr"] == 1e-3
    assert slower.state[parameters[0]]["momentum_buffer"].abs().sum() > 0


def test_another_kind_of_optimiser_starts_anew():
    parameters, state = start(), OptimizerState()
    optimizer = KINDS["Adam"](parameters)
    step(optimizer, parameters)
    state.keep(optimizer)
    other = KINDS["SGD"](parameters)
    state.restore(other)
    assert not other.state


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_state_of_a_gpu_is_kept_on_the_cpu():
    parameters = [p.detach().cuda().requires_grad_() for p in start()]
    state, optimizer = OptimizerState(), KINDS["Adam"](parameters)
    step(optimizer, parameters)
    state.keep(optimizer)
    tensors = [t for part in state.state.values() for t in part.values()]
    assert {t.device.type for t in tensors} == {"cpu"}
    other = KINDS["Adam"](parameters)
    state.restore(other)
    step(other, parameters)
