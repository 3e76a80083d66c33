"""Losses of the height of energies: values by hand, gradients by their formulas."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from sklearn_emma._losses.levels import (
    simple_loss,
    square_exp_loss,
    square_square_loss,
)

LOSSES = [simple_loss, square_square_loss, square_exp_loss]
ENERGIES = torch.tensor([[0.5, 2.0, -1.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    "loss, right, wrong",
    [
        (simple_loss, 0.5 + 2, 2 + 2),
        (square_square_loss, 0.25 + 4, 4 + 4),
        (square_exp_loss, 0.25 + math.e, 4 + math.e),
    ],
)
def test_values_are_those_worked_out_by_hand(loss, right, wrong):
    assert loss(ENERGIES, torch.tensor([0])).item() == pytest.approx(right)
    assert loss(ENERGIES, torch.tensor([1])).item() == pytest.approx(wrong)


def test_energies_below_zero_and_beyond_the_margin_cost_nothing():
    good = torch.tensor([[-3.0, 2.0, 8.0]])
    assert simple_loss(good, torch.tensor([0]), margin=2.0).item() == 0
    assert square_square_loss(good, torch.tensor([0]), margin=2.0).item() == 0


def test_gradients_are_those_of_the_table(energies, gradient):
    """∂ℓ/∂E(y) on the right class, ∂ℓ/∂E(ȳ) on the most offending one, else 0."""
    values, y = energies[0] + 1, energies[1]
    right = values.gather(1, y[:, None])[:, 0].detach()
    wrong, which = values.detach().scatter(1, y[:, None], math.inf).min(1)
    below, short = (right > 0).double(), (wrong < 1).double()
    assert 0 < below.sum() < 12 and 0 < short.sum() < 12
    kappa, tau = 0.3, 2.0
    cases = [
        (simple_loss, {}, below, -short),
        (square_square_loss, {}, 2 * right.relu(), -2 * (1 - wrong).relu()),
        (
            square_exp_loss,
            {"kappa": kappa, "tau": tau},
            2 * right,
            -kappa * tau * torch.exp(-tau * wrong),
        ),
    ]
    for loss, options, of_right, of_wrong in cases:
        expected = torch.zeros_like(values).scatter(1, y[:, None], of_right[:, None])
        expected = expected.scatter(1, which[:, None], of_wrong[:, None])
        found = gradient(loss, values, y, **options)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_finite_differences(energies, loss):
    values, y = energies
    assert gradcheck(lambda e: loss(e, y), (values,))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_height_of_energies_counts(energies, loss):
    values, y = energies
    assert not torch.allclose(loss(values, y), loss(values + 0.5, y))


def test_margins_of_pairs_are_those_of_right_and_most_offending_class():
    values, y = ENERGIES.repeat(3, 1), torch.tensor([0, 1, 2])
    margins = np.array([[9.0, 9.0, 0.7], [9.0, 9.0, 0.2], [3.0, 9.0, 9.0]])
    found = simple_loss(values, y, margin=margins)
    np.testing.assert_allclose(found, [0.5 + 1.7, 2 + 1.2, 0 + 2.5])
    squares = square_square_loss(values, y, margin=margins)
    np.testing.assert_allclose(squares, [0.25 + 1.7**2, 4 + 1.2**2, 0 + 2.5**2])
