"""Losses by name and as objects with options."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_emma import losses
from sklearn_emma._losses.recipes import LOSSES, class_loss
from sklearn_emma.losses import Hinge, Simple, SquareExp, SquareSquare


@pytest.mark.parametrize("name", LOSSES)
def test_a_name_means_the_function_of_that_name_at_its_defaults(energies, name):
    function = getattr(losses, f"{name}_loss")
    assert torch.equal(class_loss(name, 4)(*energies), function(*energies))


@pytest.mark.parametrize(
    "recipe, function, options",
    [
        (Hinge, losses.hinge_loss, {"margin": 0.3}),
        (Hinge, losses.hinge_loss, {"margin": np.arange(16.0).reshape(4, 4)}),
        (Simple, losses.simple_loss, {"margin": 2.0}),
        (SquareSquare, losses.square_square_loss, {"margin": 2}),
        (SquareExp, losses.square_exp_loss, {"tau": 0.5, "kappa": 2.0}),
    ],
)
def test_an_object_is_its_function_with_options(energies, recipe, function, options):
    loss = pickle.loads(pickle.dumps(clone(recipe(**options))))
    expected = function(*energies, **options)
    assert torch.equal(class_loss(loss, 4)(*energies), expected)
    assert not torch.equal(recipe()(*energies), expected)


@pytest.mark.parametrize(
    "loss",
    [
        Hinge(margin=0),
        Hinge(margin="wide"),
        Simple(margin=-1.0),
        SquareSquare(margin=None),
        SquareExp(tau=0),
        SquareExp(kappa=-1),
    ],
)
def test_options_out_of_range_are_refused(loss):
    (name,) = [k for k, v in loss.get_params().items() if v != 1.0]
    with pytest.raises(
        ValueError, match=f"'{name}' parameter of {type(loss).__name__}"
    ):
        class_loss(loss, 4)
