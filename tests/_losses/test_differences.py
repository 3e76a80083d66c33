"""Losses of differences of energies: values by hand, gradients by their formulas."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch.autograd import gradcheck

from sklearn_emma._losses.differences import (
    hinge_loss,
    log_loss,
    mce_loss,
    nll_loss,
    perceptron_loss,
)
from sklearn_emma._losses.latent import free_energy

LOSSES = [nll_loss, perceptron_loss, hinge_loss, log_loss, mce_loss]
ONE_HALF = torch.tensor([[0.5, 2.0, 1.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    "loss, right, wrong",
    [
        (perceptron_loss, 0.0, 1.5),
        (hinge_loss, 0.5, 2.5),
        (log_loss, math.log1p(math.exp(-0.5)), math.log1p(math.exp(1.5))),
        (mce_loss, 1 / (1 + math.exp(0.5)), 1 / (1 + math.exp(-1.5))),
    ],
)
def test_values_are_those_worked_out_by_hand(loss, right, wrong):
    assert loss(ONE_HALF, torch.tensor([0])).item() == pytest.approx(right)
    assert loss(ONE_HALF, torch.tensor([1])).item() == pytest.approx(wrong)


@pytest.mark.parametrize("tau", [0.3, 1.0, 4.0])
def test_the_negative_log_likelihood_is_energy_above_the_free_energy(energies, tau):
    values, y = energies
    expected = tau * (values.gather(1, y[:, None])[:, 0] - free_energy(values, tau))
    torch.testing.assert_close(nll_loss(values, y, tau), expected)
    proba = torch.softmax(-tau * values, 1).detach().numpy()
    mean = metrics.log_loss(y, proba, labels=range(4))
    assert nll_loss(values, y, tau).mean().item() == pytest.approx(mean)


def test_of_two_classes_the_soft_hinge_is_the_negative_log_likelihood(energies):
    values, y = energies[0][:, :2], energies[1] % 2
    torch.testing.assert_close(log_loss(values, y), nll_loss(values, y))
    assert not torch.allclose(log_loss(*energies), nll_loss(*energies)), (
        "with four classes they differ"
    )


def test_of_two_classes_the_hinge_is_scikit_learns(energies):
    values, y = energies[0][:, :2].detach(), energies[1] % 2
    expected = metrics.hinge_loss(y, values[:, 0] - values[:, 1])
    assert hinge_loss(values, y).mean().item() == pytest.approx(expected)


def test_gradients_are_those_of_the_table(energies, gradient):
    """∂ℓ/∂E(y) on the right class, ∂ℓ/∂E(ȳ) on the most offending one, else 0."""
    values, y = energies
    right = values.gather(1, y[:, None])[:, 0].detach()
    others = values.detach().scatter(1, y[:, None], math.inf)
    wrong, which = others.min(1)
    s = torch.sigmoid(right - wrong)
    active = (1 + right - wrong > 0).double()
    amiss = (wrong < right).double()
    assert 0 < amiss.sum() < 12 and amiss.sum() < active.sum() < 12
    for loss, factor in [
        (perceptron_loss, amiss),
        (hinge_loss, active),
        (log_loss, s),
        (mce_loss, s * (1 - s)),
    ]:
        expected = torch.zeros_like(others).scatter(1, y[:, None], factor[:, None])
        expected = expected.scatter(1, which[:, None], -factor[:, None])
        torch.testing.assert_close(gradient(loss, values, y), expected)


@pytest.mark.parametrize("tau", [0.5, 2.0])
def test_the_likelihood_pulls_every_wrong_class_by_its_probability(
    energies, gradient, tau
):
    values, y = energies
    proba = torch.softmax(-tau * values, 1).detach()
    expected = tau * (torch.eye(4, dtype=proba.dtype)[y] - proba)
    torch.testing.assert_close(gradient(nll_loss, values, y, tau=tau), expected)


def test_the_inverse_temperature_has_its_gradient_too(energies):
    values, y = energies[0].detach(), energies[1]
    tau = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    nll_loss(values, y, tau).sum().backward()
    proba = torch.softmax(-tau.detach() * values, 1)
    expected = values.gather(1, y[:, None])[:, 0] - (proba * values).sum(1)
    torch.testing.assert_close(tau.grad, expected.sum())


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_finite_differences(energies, loss):
    values, y = energies
    assert gradcheck(lambda e: loss(e, y), (values,))


@pytest.mark.parametrize("loss", LOSSES)
def test_only_differences_count(energies, loss):
    values, y = energies
    higher = loss(values + torch.arange(12.0)[:, None], y)
    torch.testing.assert_close(loss(values, y), higher)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_energies_of_any_size_have_finite_losses_of_their_type(loss, dtype):
    values = torch.tensor([[1e4, -1e4], [-1e4, 1e4]], dtype=dtype)
    found = loss(values, torch.tensor([0, 0]))
    assert found.dtype == dtype
    assert found.isfinite().all()
    assert found[0] > found[1]


def test_margins_of_pairs_are_those_of_right_and_most_offending_class():
    values, y = ONE_HALF.repeat(3, 1), torch.tensor([0, 1, 2])
    margins = np.array([[9.0, 9.0, 0.7], [0.25, 9.0, 9.0], [3.0, 9.0, 9.0]])
    found = hinge_loss(values, y, margin=margins)
    np.testing.assert_allclose(found, [0.7 + 0.5 - 1, 0.25 + 2 - 0.5, 3 + 1 - 0.5])
