"""Bounds hold after a projection and after real optimiser steps."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from sklearn_emma import EMMAGate
from sklearn_emma._attention.bounds import project
from sklearn_emma._attention.importance import Signs
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma._optim.loop import train
from sklearn_emma._optim.net import Options, make_net
from sklearn_emma._optim.samples import Samples
from sklearn_emma._training.loss import JointLoss

bound = st.none() | st.floats(-3, 3)


@given(low=bound, high=bound, values=st.lists(st.floats(-10, 10), min_size=1))
def test_projection_is_the_nearest_point_of_the_box(low, high, values):
    if None not in (low, high):
        low, high = sorted((low, high))
    tensor = torch.tensor(values, dtype=torch.float64)
    if low is None and high is None:
        low = -100.0  # clamp asks for one bound
    project([(tensor, low, high)])
    for before, after in zip(values, tensor.tolist(), strict=True):
        expected = before if low is None else max(before, low)
        assert after == (expected if high is None else min(expected, high))


def assert_within_bounds(gate):
    limit = 1 / max(gate.n_modes - 1, 1)
    coupling, function = gate.coupling, gate.attention_function
    assert (gate.weight >= 0).all() and (gate.bias >= 0).all()
    assert (coupling.weight.abs() <= limit + 1e-7).all()
    assert ((coupling.exponent >= 0) & (coupling.exponent <= 1)).all()
    assert function.gain > 0
    assert 0 <= function.bias <= 1


@pytest.mark.parametrize("n_modes", [1, 2, 5])
@pytest.mark.parametrize("extreme", [-1e3, 1e3])
def test_gate_is_within_bounds_after_a_projection(n_modes, extreme):
    gate = EMMAGate(n_modes, coupling="asymmetric")
    for parameter in gate.parameters():
        parameter.data.fill_(extreme)
    gate.project()
    assert_within_bounds(gate)


@pytest.mark.parametrize(
    ("extreme", "reached"),
    [
        (-1e3, {"weight": 0, "bias": 0, "coupling": -1 / 3, "exponent": 0}),
        (1e3, {"weight": 1e3, "bias": 1e3, "coupling": 1 / 3, "exponent": 1}),
    ],
)
def test_a_gate_that_is_far_out_comes_to_rest_on_its_bounds(extreme, reached):
    """The box is neither larger nor smaller than promised."""
    gate = EMMAGate(4, coupling="asymmetric").double()
    for parameter in gate.parameters():
        parameter.data.fill_(extreme)
    gate.project()
    found = {
        "weight": gate.weight,
        "bias": gate.bias,
        "coupling": gate.coupling.weight,
        "exponent": gate.coupling.exponent,
    }
    for name, value in reached.items():
        torch.testing.assert_close(
            found[name], torch.full_like(found[name], value), rtol=0, atol=0
        )
    function = gate.attention_function
    assert function.gain.item() == max(extreme, 1e-3)
    assert function.bias.item() == (1 if extreme > 0 else 0)


@pytest.mark.parametrize("function", ["soft", "hard", "importance", "none"])
@pytest.mark.parametrize("coupling", ["asymmetric", "symmetric", None])
def test_every_parameter_but_rho_has_a_bound_that_is_its_own(function, coupling):
    gate = EMMAGate(3, attention_function=function, coupling=coupling)
    bounded = [tensor.data_ptr() for tensor, _, _ in gate.bounds()]
    learnt = dict(gate.named_parameters())
    del learnt["log_rho"]
    assert sorted(bounded) == sorted(p.data_ptr() for p in learnt.values())


def test_projection_leaves_what_is_within_bounds_alone():
    gate = EMMAGate(3, coupling="asymmetric")
    before = {name: p.detach().clone() for name, p in gate.named_parameters()}
    parameters = list(gate.parameters())
    gate.project()
    for (name, after), same in zip(gate.named_parameters(), parameters, strict=True):
        assert after is same and torch.equal(after, before[name])


@pytest.mark.parametrize("coupling", ["asymmetric", "symmetric"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bounds_hold_after_every_optimiser_step(dtype, coupling):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 6, generator=generator, dtype=dtype)
    psi = torch.randn(40, 3, generator=generator, dtype=dtype)
    corrupted = torch.rand(40, 3, generator=generator) < 0.5
    present = torch.rand(40, 3, generator=generator) < 0.9
    y = (x[:, 0] > 0).long()
    gate = EMMAGate(3, coupling=coupling)
    predictor = torch.nn.Linear(6, 2)
    predictor.weight.data.fill_(0.1)
    predictor.bias.data.fill_(0.0)
    layout = ModeLayout.from_columns({"a": [0, 1], "b": [2, 3], "c": [4, 5]})
    network = EMMANetwork(gate, predictor, layout).to(dtype)
    options = Options(
        max_iter=4,
        batch_size=10,
        lr=0.5,  # long steps, which leave the bounds
        lr_schedule="constant",
        optimizer=torch.optim.SGD,
        device=torch.device("cpu"),
    )
    criterion = JointLoss(
        partial(cross_entropy, reduction="none"), lambda_c=1.0, lambda_e=1.0
    )
    net = make_net(network, criterion, options, batch_size=10)
    left = set()

    def check():
        before = [bounded.clone() for bounded, _, _ in gate.bounds()]
        gate.project()
        after = [bounded for bounded, _, _ in gate.bounds()]
        left.update(
            i
            for i, (a, b) in enumerate(zip(before, after, strict=True))
            if (a != b).any()
        )
        assert_within_bounds(gate)

    signs = Signs.of(corrupted, present, 0.0, dtype)
    samples = Samples(
        {"x": x, "potential": psi, "present": present},
        {"y": y, **signs._asdict()},
        torch.ones(40, dtype=dtype),
    )
    train(net, lambda: samples, options, generator, "attention", after_step=check)
    assert len(left) >= 4, "the steps must be long enough to meet the bounds"
