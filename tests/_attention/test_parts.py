"""Parts of the gate as its parameters name them, and the coldness."""

import copy
import math

import numpy as np
import pytest
import torch

from sklearn_emma import EMMAGate
from sklearn_emma._attention.coupling import PairwiseCoupling
from sklearn_emma._attention.scaling import ShiftScaling
from sklearn_emma.attention import SoftAttention

DTYPES = [torch.float32, torch.float64]


def draw_potential(n, n_modes, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return 5 * torch.randn(n, n_modes, generator=generator, dtype=torch.float64)


# --------------------------------------------------------------------- bad parameters


@pytest.mark.parametrize(
    ("parameters", "culprit"),
    [
        ({"attention_function": "loud"}, "attention_function must be .*'loud'"),
        ({"energy_scaling": "log"}, "energy_scaling must be .*'log'"),
        ({"coupling": "strong"}, "coupling must be .*'strong'"),
        ({"coupling": 3}, "coupling must be .*`build.n_modes.`, got 3"),
        ({"rho": 0.0}, "rho must be a finite number > 0, 'learn' or .*, got 0.0"),
        ({"rho": -1}, "rho must be a finite number > 0, 'learn' or .*, got -1"),
        ({"rho": "hot"}, "rho must be a finite number > 0, 'learn' or .*, got 'hot'"),
        ({"rho": math.nan}, "rho must be a finite number > 0, 'learn' or .*, got nan"),
    ],
)
def test_bad_parameters_are_named(parameters, culprit):
    with pytest.raises(ValueError, match=culprit):
        EMMAGate(2, **parameters)


@pytest.mark.parametrize(
    ("wrong", "culprit"),
    [
        ({"rho": math.inf}, "rho"),
        ({"rho": 0}, "rho"),
        ({"attention_function": SoftAttention(gain=0.0)}, "gain"),
        ({"n_modes": 0}, "n_modes"),
        ({"n_modes": 2.5}, "n_modes"),
    ],
)
def test_parameters_out_of_range_are_named(wrong, culprit):
    with pytest.raises(ValueError, match=culprit):
        EMMAGate(**{"n_modes": 2, **wrong})


# --------------------------------------------------------------------------- coldness


def test_fixed_and_learnt_rho():
    learnt, fixed = EMMAGate(2), EMMAGate(2, rho=0.3)
    assert learnt.rho.item() == 1
    assert fixed.rho.item() == pytest.approx(0.3)
    psi = draw_potential(4, 2)
    for gate in (learnt, fixed):
        gate.scores(psi).importance[:, 0].sum().backward()
    assert learnt.log_rho.grad != 0
    assert fixed.log_rho.grad is None and not fixed.log_rho.requires_grad


@pytest.mark.parametrize("rho", [0.1, 0.3, 3, 1e-50, 1e39])
@pytest.mark.parametrize(
    "treat",
    [
        lambda gate: gate,
        lambda gate: gate.float(),
        lambda gate: gate.double(),
        lambda gate: gate.float().double().to(torch.float32).cpu(),
        copy.deepcopy,
        lambda gate: copy.deepcopy(gate.float()).float(),
        lambda gate: torch.nn.Sequential(gate).half()[0],
    ],
    ids=["", "float", "double", "to_and_fro", "copy", "copy_of_float", "nested"],
)
def test_a_given_rho_comes_back_as_it_was_given(rho, treat):
    gate = treat(EMMAGate(2, rho=rho))
    # log and exp round once each; 1e39 has no counterpart in float32 at all
    np.testing.assert_allclose(gate.summary().rho, rho, rtol=1e-14, atol=0)
    assert gate.rho.dtype == gate.log_rho.dtype == torch.float64


@pytest.mark.parametrize("rho", ["learn", 0.5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_scores_are_in_the_type_of_the_gate_although_rho_is_not(rho, dtype):
    gate = EMMAGate(2, rho=rho).to(dtype)
    scores = gate.scores(draw_potential(3, 2))
    assert {field.dtype for field in scores} == {dtype}
    assert not any(
        p.dtype != dtype for n, p in gate.named_parameters() if "rho" not in n
    )


# ------------------------------------------------------------------------------ parts


class Building:
    """A recipe of somebody else: `build` makes what it is told to make."""

    def __init__(self, make):
        self.make = make

    def build(self, n_modes):
        return self.make(n_modes)


def test_parts_may_be_objects_that_build_them():
    psi = draw_potential(6, 3)
    by_name = EMMAGate(3, energy_scaling="shift", coupling="symmetric").double()
    by_object = EMMAGate(
        3,
        energy_scaling=Building(ShiftScaling),
        coupling=Building(lambda n_modes: PairwiseCoupling(n_modes, symmetric=True)),
        attention_function=SoftAttention(),
    ).double()
    for gate in (by_name, by_object):
        gate.calibrate(psi)
        gate.coupling.weight.data.fill_(0.3)
    for one, other in zip(by_name.scores(psi), by_object.scores(psi), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert by_object.coupling.symmetric


@pytest.mark.parametrize("name", ["energy_scaling", "coupling", "attention_function"])
def test_a_part_that_builds_no_module_is_named(name):
    wrong = Building(lambda n_modes: n_modes)
    with pytest.raises(ValueError, match=rf"{name}: `build` must return a torch mod"):
        EMMAGate(2, **{name: wrong})
