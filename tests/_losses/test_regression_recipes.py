"""Losses of numbers by name and as objects with options."""

import pickle

import pytest
import torch
from sklearn.base import clone

from sklearn_emma import losses
from sklearn_emma._losses.regression_recipes import (
    VALUE_LOSSES,
    n_parameters,
    value_loss,
)
from sklearn_emma.losses import Gaussian, Huber, Quantile

OUTPUTS = torch.tensor([[0.5, -1.0], [2.0, 0.0]])
Y = torch.tensor([[3.0, 1.0], [2.0, -1.0]])


@pytest.mark.parametrize("name", sorted(set(VALUE_LOSSES) - {"gaussian"}))
def test_a_name_means_the_function_of_that_name_at_its_defaults(name):
    loss = value_loss(name, 2)
    assert torch.equal(loss(OUTPUTS, Y), getattr(losses, f"{name}_loss")(OUTPUTS, Y))
    assert n_parameters(loss) == 1


@pytest.mark.parametrize(
    "loss, function, options",
    [
        (Huber(0.5), losses.huber_loss, {"delta": 0.5}),
        (Quantile(0.9), losses.quantile_loss, {"level": 0.9}),
    ],
)
def test_an_object_is_its_function_with_options(loss, function, options):
    kept = pickle.loads(pickle.dumps(clone(loss)))
    found = value_loss(kept, 2)(OUTPUTS, Y)
    assert torch.equal(found, function(OUTPUTS, Y, **options))
    assert not torch.equal(type(loss)()(OUTPUTS, Y), found)


def test_of_a_gaussian_means_come_first_and_then_spreads():
    loss = value_loss("gaussian", 2)
    assert n_parameters(loss) == 2
    both = torch.cat([OUTPUTS, torch.tensor([[0.3, -0.2], [1.0, -50.0]])], dim=1)
    spread = loss.spread(both)
    assert spread[1, 1] == pytest.approx(1e-3)
    expected = losses.gaussian_loss(OUTPUTS, spread, Y)
    torch.testing.assert_close(loss(both, Y), expected)


def test_a_function_is_asked_for_one_output_for_each_target():
    asked = []

    def own(predicted, y):
        asked.append((predicted.shape, y.shape))
        return (predicted - y).square().sum(1)

    assert value_loss(own, 3) is own
    assert asked == [((8, 3), (8, 3))]


@pytest.mark.parametrize(
    "loss, message",
    [
        (Huber(delta=0), "'delta' parameter of Huber"),
        (Quantile(level=1), "'level' parameter of Quantile"),
        (Gaussian(floor=-1.0), "'floor' parameter of Gaussian"),
        (Huber, r"write Huber\(\)"),
        (lambda predicted, y: (predicted - y).square(), r"returned \(8, 2\)"),
    ],
)
def test_what_cannot_be_used_is_refused(loss, message):
    with pytest.raises(ValueError, match=message):
        value_loss(loss, 2)
