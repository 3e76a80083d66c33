"""The loss and its regularisers against loops, autograd and the derived gradient."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from sklearn_emma import EMMAGate, GateScores
from sklearn_emma._attention.importance import log_importance
from sklearn_emma._model.network import EMMAOutput
from sklearn_emma._training.loss import BaseLoss, EMMALoss, energy_alignment

seeds = st.integers(0, 2**32 - 1)


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
    logs = log_importance(energies, rho, present)
    energy_alignment(logs, corrupted, present, floor).sum().backward()
    return energies.grad


@given(seed=seeds, floor=st.sampled_from([0.0, 0.01, 0.2]))
def test_energy_alignment_equals_a_loop(seed, floor):
    energies, corrupted, present = draw(seed)
    logs = log_importance(energies, 0.5, present)
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
    alpha = log_importance(energies, rho, present).exp() * present
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
    """With half of the modes corrupted, rounded down, as the source asks."""
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
    logs = log_importance(energies, 1.0, absent)
    assert (energy_alignment(logs, corrupted, absent) == 0).all()


# ---------------------------------------------------------------- the whole loss


def output_of(seed=0):
    energies, corrupted, present = draw(seed)
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=(5, 3)))
    logs = log_importance(energies, 1.0, present)
    scores = GateScores(logs, logs.exp(), logs, energies)
    y = torch.tensor([0, 2, 1, 1, 0])
    return EMMAOutput(logits, scores, torch.tensor(2.5).double()), y, corrupted, present


def test_base_loss_is_the_log_loss_of_each_sample():
    output, y, *_ = output_of()
    losses = BaseLoss()(output.logits, y)
    assert losses.shape == (5,)
    proba = torch.softmax(output.logits, dim=1).numpy()
    assert losses.mean().item() == pytest.approx(log_loss(y.numpy(), proba))


@pytest.mark.parametrize("lambda_c", [0.0, 0.3])
@pytest.mark.parametrize("lambda_e", [0.0, 0.7])
@pytest.mark.parametrize("floor", [0.0, 0.05])
def test_emma_loss_adds_capacity_and_subtracts_alignment(lambda_c, lambda_e, floor):
    output, y, corrupted, present = output_of()
    losses = EMMALoss(lambda_c, lambda_e, floor)(output, y, corrupted, present)
    logs = output.scores.log_importance
    omega = energy_alignment(logs, corrupted, present, floor)
    expected = BaseLoss()(output.logits, y) + lambda_c * 2.5 - lambda_e * omega
    torch.testing.assert_close(losses, expected)
    assert losses.shape == (5,)
