"""What pretraining is asked to do, and the predictors that it builds."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from helpers import quick, three_classes
from sklearn_emma._inputs.checking import Given, check_training_data
from sklearn_emma._training.plan import plan_training
from sklearn_emma._training.task import epochs_alone
from sklearn_emma.predictors import MLP


def planned(dtype=np.float64, **params):
    X, y = three_classes()
    model = quick(**params)
    checked = check_training_data(model, Given(X.astype(dtype), y), model._read_target)
    return plan_training(model, checked).pretraining


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_builds_a_predictor_of_its_sizes_in_the_type_of_training(dtype):
    module = planned(dtype).build()
    x = torch.zeros(7, 4)
    assert module(x).shape == (7, 3)
    assert module(x).dtype == x.dtype


def test_a_new_one_each_time_drawn_from_the_global_state():
    task = planned()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, second = task.build(), task.build()
        torch.manual_seed(0)
        again = task.build()
    weights = [m.linear.weight for m in (first, second, again)]
    assert not torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])


def test_a_module_of_the_user_is_never_trained_itself():
    given = nn.Linear(4, 3)
    built = planned(predictor=given).build()
    assert built is not given
    assert torch.equal(built.weight.float(), given.weight)


@pytest.mark.parametrize(
    ("given", "n_samples", "expected"),
    [
        ("auto", 60, 15),
        ("auto", 2000, 15),
        ("auto", 2001, 30),
        (7, 60, 7),
        (7, 3000, 7),
    ],
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_many_samples_are_learnt_from_for_longer(
    given, n_samples, expected, early_stopping
):
    assert epochs_alone(given, n_samples) == expected
    X = np.random.default_rng(0).normal(size=(n_samples, 4))
    y = np.arange(n_samples) % 3
    # Samples that are held out count: a refit learns from them.
    model = quick(pretraining_max_iter=given, early_stopping=early_stopping)
    checked = check_training_data(model, Given(X, y), model._read_target)
    plan = plan_training(model, checked)
    assert plan.pretraining.options.max_iter == expected
    assert plan.joint_training.max_iter == model.max_iter


def test_another_task_is_a_copy_with_a_difference():
    task = planned()
    other = dataclasses.replace(task, missing_fraction=0.25, predictor=MLP((2,)))
    assert other.data is task.data and other.seeds == task.seeds
    assert (task.missing_fraction, other.missing_fraction) == (0.5, 0.25)
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.missing_fraction = 0.5
