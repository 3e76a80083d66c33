"""Energies, importance and attention against slow code, integrals and limits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad

from helpers import gate_energies
from sklearn_emma._attention import importance as _energies

DTYPES = [torch.float32, torch.float64]
seeds = st.integers(0, 2**32 - 1)
potentials = st.floats(-1e6, 1e6)


def scalar(value, dtype=torch.float64):
    return torch.tensor(value, dtype=dtype)


# ------------------------------------------------------------ potential to self-energy


@pytest.mark.parametrize("dtype", DTYPES)
@given(low=potentials, step=st.floats(0, 1e6), reference=potentials)
def test_shift_energy_is_at_least_e_and_never_falls(dtype, low, step, reference):
    pair = torch.tensor([[low], [low + step]], dtype=dtype)
    minimum = torch.tensor([reference], dtype=dtype)
    first, second = _energies.shift_energy(pair, minimum)[:, 0]
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
    scaled = _energies.robust_energy(
        pair, scalar([median], dtype), scalar([iqr], dtype)
    )
    first, second = scaled[:, 0]
    assert scalar(math.e, dtype) <= first <= second


@given(z=st.floats(-25, 1e4), step=st.floats(0.01, 1e3))
def test_robust_energy_tells_any_two_energies_apart(z, step):
    pair = torch.tensor([[z], [z + step]], dtype=torch.float64)
    first, second = _energies.robust_energy(pair, scalar([0.0]), scalar([1.0]))[:, 0]
    assert first < second


def test_energy_scalings_equal_their_formulas():
    psi = np.array([[-3.0, 0.5], [1.0, 7.0]])
    low, scale = np.array([-1.0, 2.0]), np.array([0.5, 3.0])
    shifted = _energies.shift_energy(torch.from_numpy(psi), torch.from_numpy(low))
    np.testing.assert_allclose(shifted, np.maximum(math.e, psi - low + math.e))
    robust = _energies.robust_energy(*map(torch.from_numpy, (psi, low, scale)))
    softplus = np.log(1 + np.exp((psi - low) / scale))
    np.testing.assert_allclose(robust, math.e + np.log(1 + softplus))


# --------------------------------------------------------------------------- importance


@given(seed=seeds, rho=st.floats(1e-3, 10))
def test_importance_equals_the_gibbs_distribution(seed, rho):
    modal = gate_energies(seed)[0]
    weights = np.exp(-rho * modal.numpy())
    expected = weights / weights.sum(axis=1, keepdims=True)
    importance = _energies.log_importance(modal, rho).exp()
    np.testing.assert_allclose(importance, expected, rtol=1e-9)


def test_importance_is_uniform_as_rho_goes_to_0():
    modal = gate_energies(0, n_modes=5)[0]
    importance = _energies.log_importance(modal, 1e-12).exp()
    torch.testing.assert_close(importance, torch.full_like(modal, 1 / 5))


def test_importance_is_one_hot_on_the_least_energy_as_rho_goes_to_infinity():
    modal = gate_energies(0, n_modes=5)[0]
    importance = _energies.log_importance(modal, 1e12).exp()
    one_hot = torch.nn.functional.one_hot(modal.argmin(dim=1), 5).to(modal.dtype)
    torch.testing.assert_close(importance, one_hot)


@given(seed=seeds)
def test_importance_of_present_modes_is_that_without_the_others(seed):
    modal, _, _, present = gate_energies(seed, n=1)
    assume(present.any())
    log_importance = _energies.log_importance(modal, 0.3, present)
    alone = _energies.log_importance(modal[present].unsqueeze(0), 0.3)
    torch.testing.assert_close(log_importance[present], alone[0])
    assert (log_importance.exp() * present).sum() == pytest.approx(1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_importance_is_finite_without_any_mode(dtype):
    modal = torch.tensor([[3.0, 4.0]], dtype=dtype, requires_grad=True)
    absent = torch.zeros(1, 2, dtype=torch.bool)
    log_importance = _energies.log_importance(modal, 1.0, absent)
    log_importance.sum().backward()
    assert log_importance.isfinite().all() and modal.grad.isfinite().all()


# ---------------------------------------------------------------------------- attention

gains = st.floats(1e-2, 50)
biases = st.floats(0, 1)


@given(seed=seeds, gain=gains, bias=biases)
def test_attention_functions_equal_their_formulas(seed, gain, bias):
    importance = torch.from_numpy(np.random.default_rng(seed).dirichlet([1, 1, 1], 5))
    arguments = importance, scalar(gain), scalar(bias)
    soft = np.maximum(0, np.tanh(gain * importance.numpy() - bias))
    np.testing.assert_allclose(_energies.soft_attention(*arguments), soft, atol=1e-15)
    hard = _energies.hard_attention(*arguments)
    np.testing.assert_array_equal(hard, (soft > 0).astype(float))
    np.testing.assert_array_equal(_energies.plain_importance(*arguments), importance)
    np.testing.assert_array_equal(_energies.full_attention(*arguments), 1)


def test_hard_attention_has_the_gradient_of_the_soft_one():
    gradients = []
    for function in (_energies.hard_attention, _energies.soft_attention):
        importance = torch.tensor([[0.1, 0.3, 0.6]], requires_grad=True)
        gain, bias = torch.tensor(2.0, requires_grad=True), torch.tensor(0.4)
        function(importance, gain, bias).sum().backward()
        gradients.append((importance.grad, gain.grad))
    torch.testing.assert_close(gradients[0], gradients[1])
    assert gradients[0][1] > 0


@given(seed=seeds, rho=st.floats(0.05, 5), gain=st.floats(0.5, 20), bias=biases)
def test_a_mode_passes_if_its_energy_is_below_the_threshold(seed, rho, gain, bias):
    assume(bias > 1e-3)
    modal = gate_energies(seed)[0]
    log_partition = torch.logsumexp(-rho * modal, dim=1)
    threshold = (math.log(gain / bias) - log_partition) / rho
    distance = threshold.unsqueeze(1) - modal
    assume(distance.abs().min() > 1e-9)
    importance = _energies.log_importance(modal, rho).exp()
    attention = _energies.soft_attention(importance, scalar(gain), scalar(bias))
    np.testing.assert_array_equal(attention > 0, distance > 0)


@given(gain=gains, bias=biases)
def test_capacity_equals_the_numeric_integral(gain, bias):
    def curve(importance):
        return math.tanh(gain * importance - bias)

    area, _ = quad(curve, 0, 1, points=[min(bias / gain, 1)], epsabs=1e-11)
    capacity = _energies.capacity(scalar(gain), scalar(bias))
    assert float(capacity) == pytest.approx(area, abs=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_capacity_of_a_huge_gain_is_1(dtype):
    capacity = _energies.capacity(scalar(1e6, dtype), scalar(0.5, dtype))
    assert float(capacity) == pytest.approx(1, abs=1e-5)
