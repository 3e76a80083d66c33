"""Attention functions against their formulas, integrals and limits."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from sklearn.base import clone

from helpers import gate_energies
from sklearn_emma._attention.functions import ATTENTION_FUNCTIONS
from sklearn_emma._attention.importance import log_importance
from sklearn_emma.attention import (
    HardAttention,
    ImportanceAttention,
    NoAttention,
    SoftAttention,
)

DTYPES = [torch.float32, torch.float64]
seeds = st.integers(0, 2**32 - 1)
gains = st.floats(1e-2, 50)
biases = st.floats(0, 1)


def with_threshold(recipe, gain, bias, dtype=torch.float64):
    """Module of a soft or hard attention with this gain and bias."""
    module = recipe().build(n_modes=3).to(dtype)
    module.gain.data.fill_(gain)
    module.bias.data.fill_(bias)
    return module


@given(seed=seeds, gain=gains, bias=biases)
def test_attention_functions_equal_their_formulas(seed, gain, bias):
    importance = torch.from_numpy(np.random.default_rng(seed).dirichlet([1, 1, 1], 5))
    soft = np.maximum(0, np.tanh(gain * importance.numpy() - bias))
    found = with_threshold(SoftAttention, gain, bias)(importance).detach()
    np.testing.assert_allclose(found, soft, atol=1e-15)
    hard = with_threshold(HardAttention, gain, bias)(importance).detach()
    np.testing.assert_array_equal(hard, (soft > 0).astype(float))
    identity, none = ImportanceAttention().build(3), NoAttention().build(3)
    np.testing.assert_array_equal(identity(importance), importance)
    np.testing.assert_array_equal(none(importance), 1)


@given(seed=seeds, gain=gains, bias=biases)
def test_a_curve_is_its_formula_before_the_cut_at_0(seed, gain, bias):
    alpha = np.random.default_rng(seed).random((2, 3, 4))
    for recipe in (SoftAttention, HardAttention):
        curve = with_threshold(recipe, gain, bias).curve(torch.from_numpy(alpha))
        np.testing.assert_allclose(curve.detach(), np.tanh(gain * alpha - bias))
    given_ = torch.from_numpy(alpha)
    np.testing.assert_array_equal(ImportanceAttention().build(3).curve(given_), alpha)
    np.testing.assert_array_equal(NoAttention().build(3).curve(given_), 1)


@pytest.mark.parametrize("recipe", [SoftAttention, HardAttention])
def test_importance_of_0_is_shut_even_while_the_bias_rests_on_0(recipe):
    """Where the argument is exactly at the threshold, nothing passes."""
    module = with_threshold(recipe, 2.0, 0.0)
    attention = module(torch.tensor([[0.0, 1e-300, 1.0]], dtype=torch.float64))
    assert attention[0, 0] == 0
    assert (attention[0, 1:] > 0).all()


def test_hard_attention_has_the_gradient_of_the_soft_one():
    gradients = []
    for recipe in (HardAttention, SoftAttention):
        importance = torch.tensor([[0.1, 0.3, 0.6]], requires_grad=True)
        module = with_threshold(recipe, 2.0, 0.4, torch.float32)
        module(importance).sum().backward()
        gradients.append((importance.grad, module.gain.grad, module.bias.grad))
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
    importance = log_importance(modal, rho).exp()
    for recipe in (SoftAttention, HardAttention):
        attention = with_threshold(recipe, gain, bias)(importance)
        np.testing.assert_array_equal(attention.detach() > 0, distance > 0)


@given(gain=gains, bias=biases)
def test_capacity_equals_the_numeric_integral(gain, bias):
    def curve(importance):
        return math.tanh(gain * importance - bias)

    area, _ = quad(curve, 0, 1, points=[min(bias / gain, 1)], epsabs=1e-11)
    for recipe in (SoftAttention, HardAttention):
        capacity = with_threshold(recipe, gain, bias).capacity()
        assert capacity.item() == pytest.approx(area, abs=1e-9)


@pytest.mark.parametrize("name", ["importance", "none"])
def test_capacity_without_a_threshold_is_the_area_under_the_curve_too(name):
    module = ATTENTION_FUNCTIONS[name]().build(3)
    area, _ = quad(lambda a: float(module.curve(torch.tensor([[a]]))), 0, 1)
    assert module.capacity().item() == pytest.approx(area, abs=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_capacity_of_a_huge_gain_is_1(dtype):
    capacity = with_threshold(SoftAttention, 1e6, 0.5, dtype).capacity()
    assert capacity.item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("recipe", [SoftAttention, HardAttention])
def test_the_capacity_penalty_is_gain_minus_bias_and_has_its_gradient(recipe):
    module = with_threshold(recipe, 3.0, 0.25)
    penalty = module.capacity_penalty()
    penalty.backward()
    assert penalty.item() == 2.75
    assert (module.gain.grad.item(), module.bias.grad.item()) == (1, -1)


@pytest.mark.parametrize("recipe", [SoftAttention, HardAttention])
def test_the_capacity_penalty_may_be_the_gain_alone(recipe):
    module = recipe(gain=3.0, penalty="gain").build(2)
    module.bias.data.fill_(0.25)
    penalty = module.capacity_penalty()
    penalty.backward()
    assert (penalty.item(), module.gain.grad.item()) == (3.0, 1.0)
    assert module.bias.grad is None
    with pytest.raises(ValueError, match="'penalty' parameter of"):
        recipe(penalty="bias").build(2)


@pytest.mark.parametrize("recipe", [ImportanceAttention, NoAttention])
def test_without_a_threshold_there_is_nothing_to_learn_or_to_bound(recipe):
    module = recipe().build(3)
    assert module.gain is None and module.bias is None
    assert module.capacity_penalty() == 0
    assert list(module.parameters()) == [] and module.bounds() == []


# ------------------------------------------------------------------------- the recipes


@pytest.mark.parametrize("recipe", [SoftAttention, HardAttention])
@pytest.mark.parametrize("n_modes", [1, 2, 16])
def test_gain_starts_at_twice_the_number_of_modes_or_where_it_is_told(recipe, n_modes):
    module = recipe().build(n_modes)
    assert (module.gain.item(), module.bias.item()) == (2 * n_modes, 0)
    assert recipe(gain=0.5).build(n_modes).gain.item() == 0.5


@pytest.mark.parametrize("recipe", [SoftAttention, HardAttention])
@pytest.mark.parametrize("gain", [0, -1.0, "loud", math.nan])
def test_a_gain_that_is_not_positive_is_named(recipe, gain):
    with pytest.raises(ValueError, match="'gain' parameter of"):
        recipe(gain=gain).build(2)


@pytest.mark.parametrize("name", ATTENTION_FUNCTIONS)
def test_two_modules_of_a_recipe_share_nothing_and_leave_it_as_it_was(name):
    recipe = ATTENTION_FUNCTIONS[name]()
    before = recipe.get_params()
    first, second = recipe.build(2), recipe.build(2)
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(one.data_ptr() != other.data_ptr() for one, other in pairs)
    assert recipe.get_params() == before == clone(recipe).get_params()
