"""Energies without a latent variable: limits, sums over all its values, gradients."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from sklearn_emma._losses.latent import (
    free_energy,
    gibbs_distribution,
    marginalise_over,
    minimise_over,
)


def drawn(*shape):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("tau", [0.1, 1.0, 5.0])
def test_marginal_energies_are_the_logarithm_of_sums_of_gibbs_weights(tau):
    energies = drawn(3, 5, 4)
    found = marginalise_over(energies, tau, dim=1)
    for i in range(3):
        for j in range(4):
            weights = [math.exp(-tau * e) for e in energies[i, :, j].tolist()]
            assert found[i, j].item() == pytest.approx(-math.log(sum(weights)) / tau)


def test_marginalising_two_variables_in_turn_is_marginalising_both():
    energies = drawn(2, 3, 4)
    both = marginalise_over(energies.flatten(1), 2.0)
    in_turn = marginalise_over(marginalise_over(energies, 2.0), 2.0)
    torch.testing.assert_close(in_turn, both)


def test_towards_infinite_tau_the_least_energy_is_left():
    energies = drawn(6, 5)
    least = minimise_over(energies)
    torch.testing.assert_close(least, energies.min(1).values)
    torch.testing.assert_close(free_energy(energies, 1e6), least)
    assert torch.equal(free_energy(energies, math.inf), least)
    gaps = [(least - free_energy(energies, tau)).max() for tau in (1, 10, 100)]
    assert gaps[0] > gaps[1] > gaps[2] > 0


def test_towards_tau_0_the_mean_energy_lies_log_k_by_tau_above():
    energies, tau = drawn(6, 5), 1e-6
    found = free_energy(energies, tau) + math.log(5) / tau
    torch.testing.assert_close(found, energies.mean(1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_large_energies_and_large_tau_stay_finite(dtype):
    energies = torch.tensor([[1e6, 1e6 + 1], [-1e6, 1e6]], dtype=dtype)
    for tau in (1e-3, 1.0, 1e30):
        found = free_energy(energies, tau)
        assert found.dtype == dtype
        assert found.isfinite().all()


def test_gibbs_probabilities_are_what_the_free_energy_leaves():
    energies = drawn(6, 5)
    proba = gibbs_distribution(energies, 3.0)
    rest = 3.0 * (energies - free_energy(energies, 3.0)[:, None])
    torch.testing.assert_close(proba, torch.exp(-rest))
    torch.testing.assert_close(proba.sum(1), torch.ones(6, dtype=proba.dtype))


def test_the_free_energy_falls_by_gibbs_probabilities():
    energies = drawn(6, 5).requires_grad_()
    (gradient,) = torch.autograd.grad(free_energy(energies, 2.0).sum(), energies)
    torch.testing.assert_close(gradient, gibbs_distribution(energies, 2.0))
    tau = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    assert gradcheck(free_energy, (energies, tau))


@pytest.mark.parametrize("tau", [0, -1.0, math.nan, "1", True, None])
@pytest.mark.parametrize(
    "function", [marginalise_over, free_energy, gibbs_distribution]
)
def test_tau_is_positive(function, tau):
    with pytest.raises(ValueError, match="`tau` must be a number > 0"):
        function(drawn(2, 2), tau)


def test_infinite_tau_has_no_distribution():
    with pytest.raises(ValueError, match="`tau` must be finite"):
        gibbs_distribution(drawn(2, 2), math.inf)
