"""What an attention function is if nothing of it is overridden."""

import math

import numpy as np
import pytest
import torch

from sklearn_emma import EMMAGate
from sklearn_emma._attention.interface import log_cosh
from sklearn_emma.attention import AttentionModule, Coupling, SoftAttention


class Halves(AttentionModule):
    def forward(self, importance):
        return importance / 2


def test_what_is_not_overridden_lets_everything_through_and_costs_nothing():
    module, alpha = AttentionModule(), torch.tensor([[0.2, 0.8]])
    assert (module(alpha) == 1).all() and module.capacity() == 1
    assert module.capacity_penalty() == 0 and module.bounds() == []
    assert module.gain is None and module.bias is None and module.graded


def test_curve_and_capacity_follow_the_function():
    module, alpha = Halves(), torch.tensor([0.0, 0.5, 1.0])
    torch.testing.assert_close(module.curve(alpha), alpha / 2)
    torch.testing.assert_close(module.by_own_importance(alpha), alpha[:, None] / 2)
    assert module.capacity().item() == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("x", [-3.0, 0.0, 0.5, 20.0])
def test_log_cosh_is_the_logarithm_of_cosh(x):
    found = log_cosh(torch.tensor(x, dtype=torch.float64)).item()
    assert found == pytest.approx(math.log(math.cosh(x)), abs=1e-15)


def test_log_cosh_does_not_overflow():
    assert log_cosh(torch.tensor(1e30)).item() == pytest.approx(1e30)


def test_a_threshold_is_bias_over_gain_where_there_are_both():
    assert AttentionModule().threshold() is None
    soft = SoftAttention(gain=4.0).build(2)
    soft.bias.data.fill_(0.5)
    assert soft.threshold().item() == 0.125


class Constant(Coupling):
    def forward(self, self_energies, present=None):
        return torch.ones_like(self_energies)


def test_a_coupling_without_weights_says_so():
    gate = EMMAGate(2, coupling=type("Recipe", (), {"build": Constant})())
    known = gate.summary()
    assert np.isnan(known.coupling_weights).all() and known.coupling_weights.size == 4
    assert np.isnan(known.coupling_exponents).all()
    assert gate.coupling.bounds() == []
    alone = EMMAGate(2).scores(torch.zeros(1, 2)).modal_energy
    assert torch.equal(gate.scores(torch.zeros(1, 2)).modal_energy, alone + 1)


def test_a_coupling_needs_a_formula():
    with pytest.raises(TypeError, match="abstract"):
        Coupling(2)
