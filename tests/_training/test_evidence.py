"""What linear models of single modes are asked, and by which samples they learn."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.numbers import Numbers
from sklearn_emma._inputs.targets import Classes
from sklearn_emma._inputs.training_set import TrainingSet
from sklearn_emma._predictors.class_evidence import ClassEvidence
from sklearn_emma._predictors.number_evidence import NumberEvidence
from sklearn_emma._training.evidence import labelled, question
from sklearn_emma.losses import Gaussian, Huber

LAYOUT = ModeLayout.from_columns({"a": [0], "b": [1, 2]})


def classes(loss="nll"):
    return Classes.from_labels(np.repeat(["x", "y", "z"], 2), loss=loss)


def numbers(y, loss="squared_error"):
    return Numbers.from_values(y, loss).learn(y, np.ones(len(y)))


def data(y, weight, loss_weight):
    x = np.random.default_rng(0).normal(size=(len(y), 3))
    return TrainingSet(x, y, weight, loss_weight, np.zeros((len(y), 2), dtype=bool))


def test_probabilities_are_asked_for_classes_and_means_for_numbers():
    one, two = np.arange(6.0), np.arange(12.0).reshape(6, 2)
    assert question(classes()) == (ClassEvidence, 3)
    assert question(numbers(one)) == (NumberEvidence, 1)
    assert question(numbers(two)) == (NumberEvidence, 2)
    # Two outputs for each target, but one answer.
    assert question(numbers(two, Gaussian())) == (NumberEvidence, 2)


@pytest.mark.parametrize("loss", ["hinge", "perceptron"])
def test_nothing_is_asked_where_outputs_are_no_probabilities(loss):
    assert question(classes(loss)) is None


@pytest.mark.parametrize("loss", ["absolute_error", "quantile", Huber(), cross_entropy])
def test_nothing_is_asked_where_the_answer_is_no_mean(loss):
    target = Numbers(None, loss if callable(loss) else numbers(np.arange(3.0), loss))
    assert question(target) is None


def test_numbers_are_standardised_and_counted():
    y, weight = np.array([1.0, 5.0, 9.0]), np.array([1.0, 2.0, 3.0])
    given = data(y, weight, weight)
    found = labelled(given.X, given.present(LAYOUT), given, numbers(y))
    np.testing.assert_allclose(found.y[:, 0], (y - 5) / y.std())
    np.testing.assert_allclose(found.weight, weight)
    assert found.x is given.X and found.present.all()


def test_classes_weigh_but_count_as_many_samples_in_all():
    y, weight = np.array([0, 1, 2, 2]), np.array([1.0, 2.0, 3.0, 4.0])
    given = data(y, weight, weight * [50, 1, 1, 1])
    found = labelled(given.X, given.present(LAYOUT), given, classes())
    assert found.weight.sum() == pytest.approx(10)
    np.testing.assert_allclose(found.weight / found.weight[1], [25, 1, 1.5, 2])
    assert torch.equal(torch.from_numpy(found.y), torch.from_numpy(y))
