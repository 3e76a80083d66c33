"""Losses of numbers: values by hand, scikit-learn's metrics, best constants."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from sklearn import metrics
from torch.autograd import gradcheck

from sklearn_emma._losses.regression import (
    absolute_error_loss,
    gaussian_loss,
    huber_loss,
    quantile_loss,
    spread_of,
    squared_error_loss,
)

RNG = np.random.default_rng(0)
PREDICTED, Y = (torch.from_numpy(RNG.normal(size=(9, 2))) for _ in range(2))
LOSSES = [squared_error_loss, absolute_error_loss, huber_loss, quantile_loss]


def test_losses_are_scikit_learns_metrics():
    pairs = [
        (squared_error_loss, metrics.mean_squared_error(Y, PREDICTED)),  # ½ × 2 targets
        (absolute_error_loss, 2 * metrics.mean_absolute_error(Y, PREDICTED)),
        (quantile_loss, 2 * metrics.mean_pinball_loss(Y, PREDICTED, alpha=0.5)),
    ]
    for loss, expected in pairs:
        assert loss(PREDICTED, Y).mean().item() == pytest.approx(expected)
    found = quantile_loss(PREDICTED, Y, level=0.9).mean().item()
    assert found == pytest.approx(
        2 * metrics.mean_pinball_loss(Y, PREDICTED, alpha=0.9)
    )


def test_hubers_loss_is_a_parabola_that_goes_on_straight():
    zero, errors = torch.zeros(3, 1), torch.tensor([[0.3], [-2.0], [7.0]])
    found = huber_loss(errors, zero, delta=2.0)
    np.testing.assert_allclose(found, [0.045, 2.0, 2 * (7 - 1)], rtol=1e-6)
    wide = huber_loss(PREDICTED, Y, delta=1e3)
    torch.testing.assert_close(wide, squared_error_loss(PREDICTED, Y))


def test_a_gaussian_is_its_density_but_for_a_constant():
    spread = Y.abs() + 0.1
    density = norm.logpdf(Y, PREDICTED, spread).sum(axis=1)
    expected = -density - math.log(2 * math.pi)  # half of it for each of two targets
    np.testing.assert_allclose(gaussian_loss(PREDICTED, spread, Y), expected)


@pytest.mark.parametrize(
    "loss, options, best",
    [
        (squared_error_loss, {}, np.mean),
        (absolute_error_loss, {}, np.median),
        (quantile_loss, {"level": 0.8}, lambda y: np.quantile(y, 0.8)),
    ],
)
def test_the_best_constant_is_the_mean_the_median_or_the_quantile(loss, options, best):
    y = torch.from_numpy(np.random.default_rng(1).exponential(size=(2001, 1)))

    def mean_loss(value):
        return loss(torch.full_like(y, value), y, **options).mean().item()

    found = minimize_scalar(mean_loss, bounds=(0, 5), method="bounded").x
    assert found == pytest.approx(best(y.numpy()), abs=5e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_finite_differences(loss):
    predicted = PREDICTED.clone().requires_grad_()
    assert gradcheck(lambda p: loss(p, Y), (predicted,))


def test_mean_and_spread_have_the_gradients_of_finite_differences():
    raw = PREDICTED.clone().requires_grad_()
    mean = Y.flip(0).requires_grad_()
    assert gradcheck(lambda m, r: gaussian_loss(m, spread_of(r, 0.01), Y), (mean, raw))


def test_a_spread_starts_at_one_and_stays_above_its_floor():
    raw = torch.tensor([0.0, -1e4, 1e4])
    np.testing.assert_allclose(spread_of(raw, 0.001), [1.001, 0.001, 1e4], rtol=1e-3)
