"""Energy scalings: formulas, limits, and what they learn from clean energies."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import helpers
from sklearn_emma import EMMAGate
from sklearn_emma._attention.scaling import (
    ENERGY_SCALINGS,
    RobustScaling,
    ShiftScaling,
    robust_energy,
    shift_energy,
)

DTYPES = [torch.float32, torch.float64]
potentials = st.floats(-1e6, 1e6)


def scalar(value, dtype=torch.float64):
    return torch.tensor(value, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@given(low=potentials, step=st.floats(0, 1e6), reference=potentials)
def test_shift_energy_is_at_least_e_and_never_falls(dtype, low, step, reference):
    pair = torch.tensor([[low], [low + step]], dtype=dtype)
    minimum = torch.tensor([reference], dtype=dtype)
    first, second = shift_energy(pair, minimum)[:, 0]
    assert scalar(math.e, dtype) <= first <= second


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    low=potentials,
    step=st.floats(0, 1e6),
    median=potentials,
    iqr=st.floats(1e-3, 1e6),
)
def test_robust_energy_is_at_least_e_and_never_falls(dtype, low, step, median, iqr):
    pair = torch.tensor([[low], [low + step]], dtype=dtype)
    scaled = robust_energy(pair, scalar([median], dtype), scalar([iqr], dtype))
    first, second = scaled[:, 0]
    assert scalar(math.e, dtype) <= first <= second


@given(z=st.floats(-25, 1e4), step=st.floats(0.01, 1e3))
def test_robust_energy_tells_any_two_energies_apart(z, step):
    pair = torch.tensor([[z], [z + step]], dtype=torch.float64)
    first, second = robust_energy(pair, scalar([0.0]), scalar([1.0]))[:, 0]
    assert first < second


def test_energy_scalings_equal_their_formulas():
    psi = np.array([[-3.0, 0.5], [1.0, 7.0]])
    low, scale = np.array([-1.0, 2.0]), np.array([0.5, 3.0])
    shifted = shift_energy(torch.from_numpy(psi), torch.from_numpy(low))
    np.testing.assert_allclose(shifted, np.maximum(math.e, psi - low + math.e))
    robust = robust_energy(*map(torch.from_numpy, (psi, low, scale)))
    softplus = np.log(1 + np.exp((psi - low) / scale))
    np.testing.assert_allclose(robust, math.e + np.log(1 + softplus))


# ------------------------------------------------------------------------ the modules


def test_a_calibrated_scaling_applies_its_formula_with_what_it_has_learnt():
    psi = torch.tensor([[1.0, 40.0], [2.0, 10.0], [4.0, 20.0], [9.0, 30.0]]).double()
    weight = torch.ones(4).double()
    robust, shift = RobustScaling(2).double(), ShiftScaling(2).double()
    robust.calibrate(psi, weight)
    shift.calibrate(psi, weight)
    # quartiles as the smallest values with a quarter, half, ... of the rows below
    assert robust.location.tolist() == [2, 20] and robust.scale.tolist() == [3, 20]
    assert shift.location.tolist() == [1, 10]
    torch.testing.assert_close(
        robust(psi), robust_energy(psi, scalar([2.0, 20.0]), scalar([3.0, 20.0]))
    )
    torch.testing.assert_close(shift(psi), shift_energy(psi, scalar([1.0, 10.0])))


@pytest.mark.parametrize("name", ENERGY_SCALINGS)
def test_a_calibration_forgets_the_one_before(name):
    scaling, fresh = ENERGY_SCALINGS[name](2), ENERGY_SCALINGS[name](2)
    psi = torch.tensor([[1.0, 7.0], [2.0, 9.0], [5.0, 30.0]])
    scaling.calibrate(psi, torch.ones(3))
    before = {k: v.clone() for k, v in scaling.state_dict().items()}
    missing = torch.full((3, 2), math.nan)
    scaling.calibrate(missing, torch.ones(3))
    for key, value in scaling.state_dict().items():
        assert not torch.equal(value, before[key])
        assert torch.equal(value, fresh.state_dict()[key])


# ---------------------------------------------------------- calibration of a whole gate


@given(
    values=st.lists(st.integers(-20, 20), min_size=1, max_size=30),
    data=st.data(),
)
def test_calibrate_takes_quartiles_of_repeated_rows(values, data):
    weight = data.draw(
        st.lists(st.integers(0, 4), min_size=len(values), max_size=len(values)).filter(
            any
        )
    )
    repeated = np.repeat(np.array(values, dtype=float), weight)
    low, middle, high = np.quantile(repeated, [0.25, 0.5, 0.75], method="inverted_cdf")
    psi, weight = torch.tensor(values).double()[:, None], torch.tensor(weight)
    gate = EMMAGate(1).double().calibrate(psi, weight.double())
    assert gate.scaling.location.item() == middle
    assert gate.scaling.scale.item() == (high - low if high > low else 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_calibrate_does_not_depend_on_the_scale_of_the_weights(dtype):
    psi = torch.arange(1.0, 201.0, dtype=dtype)[:, None]
    gate = EMMAGate(1).calibrate(psi, torch.full((200,), 1 / 3, dtype=dtype))
    assert (gate.scaling.location.item(), gate.scaling.scale.item()) == (100, 100)


def test_calibrate_leaves_out_what_is_missing():
    psi = torch.tensor([[1.0, math.nan], [2.0, math.nan], [5.0, math.nan]])
    psi = torch.cat([psi, torch.tensor([[math.nan, math.nan], [9.0, math.nan]])])
    gate = EMMAGate(2).calibrate(psi)
    assert gate.scaling.location.tolist() == [2, 0]
    assert gate.scaling.scale.tolist() == [4, 1]  # quartiles 1 and 5; no energy at all
    gate.calibrate(psi.flip(1))  # anew: nothing of before is left
    assert (gate.scaling.location.tolist(), gate.scaling.scale.tolist()) == (
        [0, 2],
        [1, 4],
    )
    shift = EMMAGate(2, energy_scaling="shift").calibrate(psi)
    assert shift.scaling.location.tolist() == [1, 0]


def test_calibrate_gives_unit_scale_to_an_energy_that_never_varies():
    gate = EMMAGate(1).calibrate(torch.full((5, 1), 3.0))
    assert (gate.scaling.location.item(), gate.scaling.scale.item()) == (3, 1)


@pytest.mark.parametrize("scaling", ENERGY_SCALINGS)
def test_calibrate_counts_rows_by_their_weight(scaling):
    psi = torch.randn(6, 2, generator=torch.Generator().manual_seed(1)).double() * 5
    weight = torch.tensor([1.0, 3.0, 2.0, 1.0, 1.0, 4.0])
    repeated = psi.repeat_interleave(weight.long(), dim=0)
    first, second = (EMMAGate(2, energy_scaling=scaling).double() for _ in range(2))
    first.calibrate(psi, weight.double())
    second.calibrate(repeated)
    torch.testing.assert_close(first.scaling.location, second.scaling.location)
    if scaling == "robust":
        torch.testing.assert_close(first.scaling.scale, second.scaling.scale)


def test_calibrate_by_shift_leaves_out_rows_of_weight_0():
    gate = EMMAGate(1, energy_scaling="shift")
    gate.calibrate(torch.tensor([[-9.0], [1.0]]), torch.tensor([0.0, 1.0]))
    assert gate.scaling.location.item() == 1


@pytest.mark.parametrize("scaling", ENERGY_SCALINGS)
def test_a_classifier_scales_its_gate_by_clean_energies_alone(scaling):
    """Neither corrupted modes nor missing ones belong to them."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 4)), np.arange(80) % 2
    corrupted = np.zeros((80, 2), dtype=bool)
    corrupted[:35, 0] = True
    X[:35, :2] = 30  # corrupted
    X[60:, 2:] = np.nan  # missing
    weight = rng.integers(1, 4, size=80).astype(float)
    model = helpers.quick(energy_scaling=scaling, epochs=1)
    model.fit(X, y, sample_weight=weight, corrupted=corrupted)
    potential = model.potential_energy(X)
    potential[corrupted] = np.nan
    potential[60:, 1] = np.nan
    expected = ENERGY_SCALINGS[scaling](2).double()
    expected.calibrate(torch.from_numpy(potential), torch.from_numpy(weight))
    found = model.network_.gate.scaling.state_dict()
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(found[name], value)
