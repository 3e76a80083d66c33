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
    TwoSidedScaling,
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
    psi = torch.tensor([[1.0, 7], [2, 9], [5, 30], [6, 31], [7, 32], [8, 35]])
    scaling.calibrate(psi, torch.ones(6))
    before = {k: v.clone() for k, v in scaling.state_dict().items()}
    missing = torch.full((3, 2), math.nan)
    scaling.calibrate(missing, torch.ones(3))
    for key, value in scaling.state_dict().items():
        assert not torch.equal(value, before[key])
        assert torch.equal(value, fresh.state_dict()[key])


# ---------------------------------------------- energies below those of nearly all rows


def calibrated(psi, weight=None, kind=TwoSidedScaling):
    psi = torch.as_tensor(psi).double().reshape(len(psi), -1)
    scaling = kind(psi.shape[1]).double()
    weight = torch.ones(len(psi)) if weight is None else torch.as_tensor(weight)
    scaling.calibrate(psi, weight.double())
    return scaling


def z_score(scaled):
    """z of Ψ′ = e + log(1 + softplus(z))."""
    return np.log(np.expm1(np.expm1(np.asarray(scaled) - math.e)))


def test_two_sided_scaling_by_hand():
    """Of 1, 2, ..., 200: q = 2, quartiles 50, 100 and 150."""
    scaling = calibrated(np.arange(1.0, 201.0))
    assert (scaling.location.item(), scaling.scale.item()) == (100, 100)
    assert scaling.lowest.item() == 2
    assert scaling.rise.item() == pytest.approx(1 + 5 * 100 / 48)
    psi = torch.tensor([[200.0], [100], [2], [-46], [-94]]).double()
    # 48 below q is as far as q is below the lower quartile: z rises by 5.
    expected = [1.0, 0.0, -0.98, -0.98 + 5, -0.98 + 10]
    np.testing.assert_allclose(z_score(scaling(psi)[:, 0]), expected)


@given(
    values=st.lists(st.integers(-40, 40), min_size=1, max_size=30),
    data=st.data(),
)
def test_it_takes_quantiles_of_repeated_rows(values, data):
    counts = st.lists(st.integers(0, 40), min_size=len(values), max_size=len(values))
    weight = data.draw(counts.filter(any))
    scaling = calibrated(np.array(values, dtype=float), weight)
    repeated = np.repeat(np.array(values, dtype=float), weight)
    low, quartile = np.quantile(repeated, [0.01, 0.25], method="inverted_cdf")
    if quartile > low:
        assert scaling.lowest.item() == low
        steepness = 5 * scaling.scale.item() / (quartile - low)
        assert scaling.rise.item() == pytest.approx(1 + steepness)
    else:
        assert scaling.lowest.item() == -math.inf
    one_sided = calibrated(np.array(values, dtype=float), weight, RobustScaling)
    assert scaling.location.item() == one_sided.location.item()
    assert scaling.scale.item() == one_sided.scale.item()


@pytest.mark.parametrize("dtype", DTYPES)
@given(above=st.floats(0, 1e6), below=st.floats(0, 1e6), step=st.floats(0, 1e6))
def test_it_is_the_robust_scaling_above_q_and_rises_on_both_sides(
    dtype, above, below, step
):
    psi = np.random.default_rng(0).gamma(20.0, size=300)
    two_sided, robust = (
        calibrated(psi, kind=kind).to(dtype)
        for kind in (TwoSidedScaling, RobustScaling)
    )
    q = two_sided.lowest.item()
    upper = torch.tensor([[q + above], [q + above + step]], dtype=dtype)
    upper = upper.clamp_min(two_sided.lowest)
    torch.testing.assert_close(two_sided(upper), robust(upper), rtol=0, atol=0)
    lower = torch.tensor([[q - below], [q - below - step]], dtype=dtype)
    first, second = two_sided(lower)[:, 0]
    assert math.e <= two_sided(two_sided.lowest[None]).item() <= first <= second


def test_it_is_continuous_where_it_turns():
    scaling = calibrated(np.random.default_rng(0).gamma(20.0, size=300))
    q = scaling.lowest.item()
    around = q + torch.tensor([[-1e-7], [0.0], [1e-7]]).double()
    below, at, above = scaling(around)[:, 0]
    assert at < below and at < above
    torch.testing.assert_close(below, at, rtol=0, atol=1e-6)
    torch.testing.assert_close(above, at, rtol=0, atol=1e-6)


@pytest.mark.parametrize("d", [1, 2])
def test_of_one_or_two_features_what_is_likeliest_stays_usual(d):
    """Energies of Gaussian rows, half of χ²: many are about as low as can be."""
    rng = np.random.default_rng(0)
    psi, new = (np.square(rng.normal(size=(4000, d))).sum(axis=1) / 2 for _ in "ab")
    two_sided, robust = (
        calibrated(psi, kind=k) for k in (TwoSidedScaling, RobustScaling)
    )
    new = torch.from_numpy(new)[:, None]
    differs = two_sided(new) != robust(new)
    assert differs.double().mean() < 0.015  # one in a hundred, and chance
    # The mean itself is hardly less usual than a row at q, and more than the median.
    at_mean = two_sided(torch.zeros(1, 1).double()).item()
    assert at_mean == pytest.approx(two_sided(two_sided.lowest[None]).item(), abs=0.1)
    assert at_mean < two_sided(two_sided.location[None]).item()


@pytest.mark.parametrize("d", [20, 50, 200])
def test_of_many_features_what_is_likeliest_is_more_unusual_than_nearly_all(d):
    rng = np.random.default_rng(0)
    psi, new = (np.square(rng.normal(size=(4000, d))).sum(axis=1) / 2 for _ in "ab")
    scaling = calibrated(psi)
    at_mean = scaling(torch.zeros(1, 1).double()).item()
    scaled = scaling(torch.from_numpy(new)[:, None])[:, 0].numpy()
    assert (at_mean > scaled).mean() > 0.99
    assert (
        calibrated(psi, kind=RobustScaling)(torch.zeros(1, 1)).item() < scaled
    ).all()


def test_an_energy_that_is_often_at_its_least_has_no_lower_side():
    """A quarter of the rows at one value, or all: no less was ever usual."""
    for psi in (np.full(50, 3.0), np.r_[np.full(20, 3.0), np.arange(4.0, 44.0)]):
        two_sided, robust = (
            calibrated(psi, kind=k) for k in (TwoSidedScaling, RobustScaling)
        )
        assert two_sided.lowest.item() == -math.inf
        below = torch.linspace(-1e3, 50, 30).double()[:, None]
        torch.testing.assert_close(two_sided(below), robust(below), rtol=0, atol=0)
        assert two_sided(below).isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_before_it_is_calibrated_and_at_huge_energies_it_is_finite(dtype):
    largest = torch.finfo(dtype).max ** 0.5
    psi = torch.tensor([[-largest, 0.0], [largest, 1.0], [-1e6, 2.0]], dtype=dtype)
    fresh = TwoSidedScaling(2).to(dtype)
    torch.testing.assert_close(fresh(psi), RobustScaling(2).to(dtype)(psi))
    scaling = calibrated(np.random.default_rng(0).gamma(20.0, size=(300, 2))).to(dtype)
    scaled = scaling(psi)
    assert scaled.isfinite().all() and (scaled >= math.e).all()
    grown = scaling(psi.requires_grad_()).sum()
    grown.backward()
    assert psi.grad.isfinite().all()


def test_energies_in_other_units_are_scaled_alike():
    psi = np.random.default_rng(0).gamma(20.0, size=300)
    probe = torch.linspace(0, 60, 50).double()[:, None]
    expected = calibrated(psi)(probe)
    torch.testing.assert_close(calibrated(7 * psi - 3)(7 * probe - 3), expected)


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


def test_the_default_is_two_sided():
    assert type(EMMAGate(1).scaling) is TwoSidedScaling
    assert helpers.quick().energy_scaling == "two_sided"


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
    for name, value in first.scaling.state_dict().items():
        torch.testing.assert_close(second.scaling.state_dict()[name], value)


def test_calibrate_by_shift_leaves_out_rows_of_weight_0():
    gate = EMMAGate(1, energy_scaling="shift")
    gate.calibrate(torch.tensor([[-9.0], [1.0]]), torch.tensor([0.0, 1.0]))
    assert gate.scaling.location.item() == 1


@pytest.mark.parametrize("scaling", ENERGY_SCALINGS)
def test_a_classifier_scales_its_gate_by_clean_energies_alone(scaling):
    """Of rows by models that have not seen them, where a mode is there and well."""
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = rng.normal(size=(80, 4)) + 2 * y[:, np.newaxis]
    corrupted = np.zeros((80, 2), dtype=bool)
    corrupted[:35, 0] = True
    X[:35, :2] = 30  # corrupted
    X[60:, 2:] = np.nan  # missing
    weight = rng.integers(1, 4, size=80).astype(float)
    model = helpers.quick(energy_scaling=scaling, epochs=1, warm_start=True)
    model.fit(X, y, sample_weight=weight, corrupted=corrupted)
    X[:35, :2] = np.nan
    potential = helpers.held_out_energies(model, X)
    assert np.isnan(potential).sum(axis=0).tolist() == [35, 20]
    expected = ENERGY_SCALINGS[scaling](2).double()
    expected.calibrate(torch.from_numpy(potential), torch.from_numpy(weight))
    found = model.network_.gate.scaling.state_dict()
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-5)
