"""A part of the gate that returns what it should not is named, before any training."""

import re

import pytest
import torch

from helpers import quick, three_classes
from sklearn_emma import EMMAGate
from sklearn_emma._attention.checking import check_gate
from sklearn_emma._attention.functions import ATTENTION_FUNCTIONS
from sklearn_emma._attention.scaling import ENERGY_SCALINGS
from sklearn_emma.attention import AttentionModule, Coupling, EnergyScaling


class Builds:
    def __init__(self, build):
        self.build = build


def attention(function):
    class Module(AttentionModule):
        def forward(self, importance):
            return function(importance)

    return Builds(lambda n_modes: Module())


def scaling(function):
    class Module(EnergyScaling):
        def calibrate(self, potential, weight):
            pass

        def forward(self, potential):
            return function(potential)

    return Builds(Module)


def coupling(function):
    class Module(Coupling):
        def forward(self, self_energies, present=None):
            return function(self_energies)

    return Builds(lambda n_modes: Module(n_modes))


@pytest.mark.parametrize("n_modes", [1, 3])
@pytest.mark.parametrize("name", ATTENTION_FUNCTIONS)
@pytest.mark.parametrize("energy_scaling", ENERGY_SCALINGS)
@pytest.mark.parametrize("shared", ["asymmetric", "symmetric", None])
def test_every_part_of_the_package_passes(n_modes, name, energy_scaling, shared):
    gate = EMMAGate(
        n_modes,
        attention_function=name,
        energy_scaling=energy_scaling,
        coupling=shared,
    )
    check_gate(gate, torch.float32)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"attention_function": attention(lambda a: a[:, :1])}, r"shape .*\(3, 1\)"),
        ({"attention_function": attention(lambda a: 0.5)}, r"shape .*0\.5"),
        ({"attention_function": attention(lambda a: 30 * a)}, r"from 0 to 1, got 15"),
        ({"attention_function": attention(lambda a: a / 0)}, "finite"),
        ({"energy_scaling": scaling(lambda p: p[:, :1])}, r"shape .*\(3, 1\)"),
        ({"energy_scaling": scaling(lambda p: p - 200)}, "above 0, got -200"),
        ({"energy_scaling": scaling(lambda p: p * torch.nan)}, "finite"),
        ({"coupling": coupling(lambda e: e.sum(1))}, r"shape .*\(3,\)"),
        ({"coupling": coupling(lambda e: e * torch.inf)}, "finite"),
    ],
)
def test_what_a_part_should_not_return_is_named_with_the_part(parts, message):
    (name,) = parts
    with pytest.raises(ValueError, match=rf"{name}: .*{message}"):
        check_gate(EMMAGate(2, **parts), torch.float32)


def test_the_capacity_of_an_attention_function_is_its_integral_by_default():
    gate = EMMAGate(2, attention_function=attention(torch.square))
    assert gate.capacity().item() == pytest.approx(1 / 3, abs=1e-5)


@pytest.mark.parametrize(
    ("rho", "dtype", "right"),
    [
        (1e12, torch.float32, True),
        (1e20, torch.float32, False),
        (1e39, torch.float32, False),
        (1e39, torch.float64, True),
        (1e200, torch.float64, False),
        (1e308, torch.float64, False),
    ],
)
def test_a_coldness_that_would_overflow_is_named(rho, dtype, right):
    gate = EMMAGate(2, rho=rho)
    if right:
        check_gate(gate, dtype)
        energies = torch.tensor([[0.0, 1.0]], dtype=dtype)
        importance = gate.to(dtype).scores(energies).importance
        assert importance.tolist() == [[1.0, 0.0]]
        return
    message = f"rho={rho:.3g} is too large to compute with in {str(dtype)[6:]}: at most"
    with pytest.raises(ValueError, match=re.escape(message)):
        check_gate(gate, dtype)


def test_a_coldness_that_would_overflow_is_named_before_training(monkeypatch):
    monkeypatch.setattr("sklearn_emma._estimators.base.train_model", pytest.fail)
    X, y = three_classes()
    with pytest.raises(ValueError, match=r"rho=1e\+308 is too large"):
        quick(rho=1e308).fit(X, y)
