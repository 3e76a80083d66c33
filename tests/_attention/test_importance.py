"""Self-energy, importance and the energy regulariser Ω against slow code and limits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from helpers import gate_energies
from sklearn_emma import EMMAGate
from sklearn_emma._attention.importance import (
    Signs,
    alignment_by_level,
    any_of_parts,
    energy_alignment,
    log_importance,
    self_energy,
    signs_by_level,
)
from sklearn_emma._attention.prepared import shutting_out
from sklearn_emma._attention.scores import GateScores, NestedScores

DTYPES = [torch.float32, torch.float64]
seeds = st.integers(0, 2**32 - 1)


def test_self_energy_is_weighted_and_shifted_mode_by_mode():
    scaled = torch.tensor([[3.0, 4.0], [5.0, 7.0]])
    found = self_energy(scaled, torch.tensor([2.0, 0.0]), torch.tensor([0.5, 1.0]))
    assert found.tolist() == [[6.5, 1.0], [10.5, 1.0]]


# --------------------------------------------------------------------------- importance


@given(seed=seeds, rho=st.floats(1e-3, 10))
def test_importance_equals_the_gibbs_distribution(seed, rho):
    modal = gate_energies(seed)[0]
    weights = np.exp(-rho * modal.numpy())
    expected = weights / weights.sum(axis=1, keepdims=True)
    importance = log_importance(modal, rho).exp()
    np.testing.assert_allclose(importance, expected, rtol=1e-9)


def test_importance_is_uniform_as_rho_goes_to_0():
    modal = gate_energies(0, n_modes=5)[0]
    importance = log_importance(modal, 1e-12).exp()
    torch.testing.assert_close(importance, torch.full_like(modal, 1 / 5))


def test_importance_is_one_hot_on_the_least_energy_as_rho_goes_to_infinity():
    modal = gate_energies(0, n_modes=5)[0]
    importance = log_importance(modal, 1e12).exp()
    one_hot = torch.nn.functional.one_hot(modal.argmin(dim=1), 5).to(modal.dtype)
    torch.testing.assert_close(importance, one_hot)


@given(seed=seeds)
def test_importance_of_present_modes_is_that_without_the_others(seed):
    modal, _, _, present = gate_energies(seed, n=1)
    assume(present.any())
    log = log_importance(modal, 0.3, shutting_out(present, modal))
    alone = log_importance(modal[present].unsqueeze(0), 0.3)
    torch.testing.assert_close(log[present], alone[0])
    assert (log.exp() * present).sum() == pytest.approx(1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_importance_is_finite_without_any_mode(dtype):
    modal = torch.tensor([[3.0, 4.0]], dtype=dtype, requires_grad=True)
    absent = torch.zeros(1, 2, dtype=torch.bool)
    log = log_importance(modal, 1.0, shutting_out(absent, modal))
    log.sum().backward()
    assert log.isfinite().all() and modal.grad.isfinite().all()


# ------------------------------------------------------------- the energy regulariser Ω


def draw(seed, n=5, n_modes=4):
    """Modal energies, and which modes are corrupted and present, (n, M) each."""
    rng = np.random.default_rng(seed)
    energies = torch.from_numpy(rng.uniform(0, 6, (n, n_modes)))
    corrupted = torch.from_numpy(rng.random((n, n_modes)) < 0.5)
    present = torch.from_numpy(rng.random((n, n_modes)) < 0.8)
    return energies, corrupted, present


def gradient(energies, corrupted, present, rho, floor=0.0):
    """∂Ω/∂E by autograd, (n, M)."""
    energies = energies.clone().requires_grad_()
    logs = log_importance(energies, rho, shutting_out(present, energies))
    energy_alignment(logs, corrupted, present, floor).sum().backward()
    return energies.grad


@given(seed=seeds, floor=st.sampled_from([0.0, 0.01, 0.2]))
def test_energy_alignment_equals_a_loop(seed, floor):
    energies, corrupted, present = draw(seed)
    logs = log_importance(energies, 0.5, shutting_out(present, energies))
    for row, omega in enumerate(energy_alignment(logs, corrupted, present, floor)):
        expected = 0.0
        for k in range(energies.shape[1]):
            alpha = math.exp(logs[row, k])
            if present[row, k] and corrupted[row, k]:
                expected -= math.log(max(alpha, floor))
            elif present[row, k]:
                expected += math.log(alpha)
        assert omega.item() == pytest.approx(expected)


@given(seed=seeds, rho=st.floats(0.05, 3))
def test_gradient_of_energy_alignment_is_as_derived(seed, rho):
    """∂Ω/∂E_i = −[(M − 2M') α_i + ξ_i] ρ.

    M counts the modes that are present, M' those of them that are not corrupted.
    """
    energies, corrupted, present = draw(seed)
    shut_out = shutting_out(present, energies)
    alpha = log_importance(energies, rho, shut_out).exp() * present
    xi = torch.where(corrupted, -1.0, 1.0)
    n_modes = present.sum(1, keepdim=True)
    n_clean = (present & ~corrupted).sum(1, keepdim=True)
    expected = -((n_modes - 2 * n_clean) * alpha + xi) * rho * present
    torch.testing.assert_close(gradient(energies, corrupted, present, rho), expected)


def test_gradient_of_energy_alignment_reaches_the_weights_of_a_mode():
    """Without coupling ∂E_i/∂w_i is Ψ'_i, and ∂E_i/∂b_i is 1."""
    energies, corrupted, _ = draw(0, n_modes=3)
    gate = EMMAGate(3, rho=0.4, energy_scaling="shift").double()
    present = torch.ones_like(corrupted)
    logs = gate.scores(energies).log_importance
    energy_alignment(logs, corrupted, present).sum().backward()
    xi = torch.where(corrupted, -1.0, 1.0)
    n_clean = (~corrupted).sum(1, keepdim=True)
    slope = -((3 - 2 * n_clean) * logs.detach().exp() + xi) * 0.4
    torch.testing.assert_close(gate.bias.grad, slope.sum(0))
    torch.testing.assert_close(gate.weight.grad, (slope * (energies + math.e)).sum(0))


@given(seed=seeds, n_modes=st.integers(1, 7))
def test_clean_modes_are_pushed_down_and_corrupted_ones_up(seed, n_modes):
    """With half of the modes corrupted, rounded down, as the thesis asks."""
    energies, _, _ = draw(seed, n_modes=n_modes)
    assume(log_importance(energies, 1.0).max() < -1e-9)
    corrupted = (torch.arange(n_modes) >= (n_modes + 1) // 2).expand_as(energies)
    slope = gradient(energies, corrupted, torch.ones_like(corrupted), 1.0)
    assert (slope[~corrupted] < 0).all()
    assert (slope[corrupted] > 0).all()


def test_a_corrupted_mode_below_the_floor_is_pushed_no_further():
    energies = torch.tensor([[1.0, 9.0], [1.0, 2.0]], dtype=torch.float64)
    corrupted = torch.tensor([[False, True]]).expand(2, 2)
    present = torch.ones_like(corrupted)
    free = gradient(energies, corrupted, present, 1.0)
    floored = gradient(energies, corrupted, present, 1.0, floor=0.01)
    alpha = log_importance(energies, 1.0).exp()
    assert alpha[0, 1] < 0.01 < alpha[1, 1]
    torch.testing.assert_close(floored[1], free[1])
    # what is left is the clean mode, whose α pushes the other's energy up
    torch.testing.assert_close(floored[0, 1], alpha[0, 1])
    assert floored[0, 1] < 0.01 * free[0, 1]


def test_energy_alignment_of_a_row_without_any_mode_is_0():
    energies, corrupted, _ = draw(0)
    absent = torch.zeros_like(corrupted)
    logs = log_importance(energies, 1.0, shutting_out(absent, energies))
    assert (energy_alignment(logs, corrupted, absent) == 0).all()


# ----------------------------------------------------------------------- two levels


def test_alignment_of_two_levels_by_hand():
    # Two modes of two parts and of one; the first part is corrupted in row 0, both
    # parts of the first mode in row 1; in row 2 the second part is missing.
    within = torch.tensor([[0.2, 0.8, 1.0], [0.5, 0.5, 1.0], [1.0, 0.0, 1.0]])
    modes = torch.tensor([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1]])
    none = torch.zeros(())
    above = GateScores(none, none, modes.log(), none)
    scores = NestedScores(none, none, within.log().clamp_min(-99), none, above)
    corrupted = torch.tensor([[1, 0, 0], [1, 1, 0], [1, 0, 0]]).bool()
    present = torch.tensor([[1, 1, 1], [1, 1, 1], [1, 0, 1]]).bool()
    expected = [
        -np.log(0.2) + np.log(0.8) + np.log(0.6) + np.log(0.4),
        -2 * np.log(0.5) - np.log(0.3) + np.log(0.7),
        -np.log(0.9) + np.log(0.1),
    ]
    signs = signs_by_level(corrupted, present, [2, 1], 0.0, torch.float32)
    found = alignment_by_level(scores, signs)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    signs = signs_by_level(corrupted, present, [2, 1], 0.4, torch.float32)
    floored = alignment_by_level(scores, signs)
    expected[0] += np.log(0.2) - np.log(0.4)
    expected[1] += np.log(0.3) - np.log(0.4)
    np.testing.assert_allclose(floored, expected, rtol=1e-5)


def test_alignment_of_one_level_is_the_energy_alignment():
    scores = GateScores(*torch.rand(4, 5, 3).log())
    corrupted, present = torch.rand(2, 5, 3) < 0.5
    expected = energy_alignment(scores.log_importance, corrupted, present, 0.1)
    signs = signs_by_level(corrupted, present, (), 0.1, torch.float32)
    assert torch.equal(alignment_by_level(scores, signs), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_signs_by_hand(dtype):
    corrupted = torch.tensor([[True, False, True]])
    present = torch.tensor([[True, True, False]])
    xi, least = Signs.of(corrupted, present, 0.25, dtype)
    assert xi.tolist() == [[-1, 1, 0]] and xi.dtype == least.dtype == dtype
    at_floor = torch.tensor(0.25, dtype=dtype).log().item()  # to the last digit
    assert least[0].tolist() == [at_floor, -math.inf, 0]
    everywhere = Signs.of(corrupted, None, 0.0, dtype)
    assert everywhere.xi.tolist() == [[-1, 1, -1]]
    assert (everywhere.least == -math.inf).all()


@pytest.mark.parametrize("of_the_missing", [-math.inf, math.nan, 3.0])
def test_whatever_is_said_of_what_is_missing_counts_nothing(of_the_missing):
    logs = torch.tensor([[0.5, of_the_missing, 0.5]]).log()
    logs[0, 1] = of_the_missing
    logs.requires_grad_()
    corrupted = torch.tensor([[True, False, False]])
    present = torch.tensor([[True, False, True]])
    omega = energy_alignment(logs, corrupted, present, 0.1)
    assert omega.item() == pytest.approx(0.0)
    omega.sum().backward()
    assert logs.grad.tolist() == [[-1, 0, 1]]
    as_numbers = energy_alignment(logs, corrupted.to(torch.uint8), present, 0.1)
    assert torch.equal(as_numbers, omega)


def test_signs_do_without_what_is_missing():
    missing = torch.tensor([[False, True]])
    for corrupted in (missing, ~missing):
        signs = Signs.of(corrupted, ~missing, 0.1, torch.float64)
        logs = torch.tensor([[0.0, -math.inf]]).double()
        assert signs.alignment(logs).item() == 0


def test_without_presence_all_parts_are_there():
    corrupted = torch.tensor([[True, False, True], [True, True, False]])
    given = signs_by_level(
        corrupted, torch.ones_like(corrupted), [2, 1], 0.1, torch.float32
    )
    found = signs_by_level(corrupted, None, [2, 1], 0.1, torch.float32)
    assert torch.equal(found.xi, given.xi) and torch.equal(found.least, given.least)
    assert given.xi.tolist() == [[-1, 1, -1, 1, -1], [-1, -1, 1, -1, 1]]


def test_a_mode_has_what_any_of_its_parts_has():
    parts = torch.tensor([[0, 1, 0], [0, 0, 1], [0, 0, 0]]).bool()
    found = any_of_parts(parts, [2, 1])
    assert found.tolist() == [[True, False], [False, True], [False, False]]
