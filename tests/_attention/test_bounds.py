"""Bounds hold after a projection and after real optimiser steps."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_emma import EMMAGate
from sklearn_emma._attention.bounds import project
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma._optim.loop import Samples, train
from sklearn_emma._optim.net import make_net
from sklearn_emma._training.loss import EMMALoss

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
    assert (gate.weight >= 0).all() and (gate.bias >= 0).all()
    assert (gate.coupling.abs() <= limit + 1e-7).all()
    assert ((gate.exponent >= 0) & (gate.exponent <= 1)).all()
    assert gate.attention_gain > 0
    assert 0 <= gate.attention_bias <= 1


@pytest.mark.parametrize("n_modes", [1, 2, 5])
@pytest.mark.parametrize("extreme", [-1e3, 1e3])
def test_gate_is_within_bounds_after_a_projection(n_modes, extreme):
    gate = EMMAGate(n_modes)
    for parameter in gate.parameters():
        parameter.data.fill_(extreme)
    gate.project()
    assert_within_bounds(gate)


def test_projection_leaves_what_is_within_bounds_alone():
    gate = EMMAGate(3)
    before = {name: p.detach().clone() for name, p in gate.named_parameters()}
    parameters = list(gate.parameters())
    gate.project()
    for (name, after), same in zip(gate.named_parameters(), parameters, strict=True):
        assert after is same and torch.equal(after, before[name])


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bounds_hold_after_every_optimiser_step(dtype, symmetric):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 6, generator=generator, dtype=dtype)
    psi = torch.randn(40, 3, generator=generator, dtype=dtype)
    corrupted = torch.rand(40, 3, generator=generator) < 0.5
    present = torch.rand(40, 3, generator=generator) < 0.9
    y = (x[:, 0] > 0).long()
    gate = EMMAGate(3, symmetric=symmetric)
    predictor = torch.nn.Linear(6, 2)
    predictor.weight.data.fill_(0.1)
    predictor.bias.data.fill_(0.0)
    network = EMMANetwork(gate, predictor, torch.arange(6) // 2).to(dtype)
    net = make_net(
        network,
        EMMALoss(lambda_c=1.0, lambda_e=1.0),
        optimizer=torch.optim.SGD,
        lr=0.5,  # long steps, which leave the bounds
        max_iter=4,
        device=torch.device("cpu"),
    )
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

    samples = Samples(
        {"x": x, "potential": psi, "present": present},
        {"y": y, "corrupted": corrupted, "present": present},
        torch.ones(40, dtype=dtype),
    )
    train(
        net,
        lambda: samples,
        max_iter=4,
        batch_size=10,
        generator=generator,
        phase="attention",
        after_step=check,
    )
    assert len(left) >= 4, "the steps must be long enough to meet the bounds"
