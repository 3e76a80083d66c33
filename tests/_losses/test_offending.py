"""The right class and the most offending wrong one, and margins of pairs of classes."""

import numpy as np
import pytest
import torch

from sklearn_emma._losses.offending import energy_of, margin_of, most_offending

ENERGIES = torch.tensor([[1.0, 3.0, 2.0], [5.0, 4.0, 4.5], [0.0, 0.0, 9.0]])
Y = torch.tensor([0, 1, 2])


def test_the_most_offending_class_is_the_wrong_one_of_least_energy():
    np.testing.assert_array_equal(energy_of(ENERGIES, Y), [1, 4, 9])
    least, which = most_offending(ENERGIES, Y)
    np.testing.assert_array_equal(least, [2, 4.5, 0])
    assert which[:2].tolist() == [2, 2]


def test_of_classes_that_offend_alike_one_is_taken():
    _, which = most_offending(ENERGIES, Y)
    assert which[2] in (0, 1)


def test_a_margin_is_a_number_or_looked_up_by_right_and_wrong_class():
    wrong = torch.tensor([2, 2, 0])
    assert margin_of(0.5, Y, wrong, ENERGIES) == 0.5
    assert margin_of(np.float32(0.5), Y, wrong, ENERGIES) == 0.5
    table = [[0, 1, 2], [3, 0, 4], [5, 6, 0]]
    found = margin_of(table, Y, wrong, ENERGIES.double())
    assert found.dtype == torch.float64
    np.testing.assert_array_equal(found, [2, 4, 5])


@pytest.mark.parametrize(
    "margin, message",
    [
        ([1.0, 2.0, 3.0], r"\(n_classes, n_classes\) = \(3, 3\); got \(3,\)"),
        (np.ones((2, 2)), r"= \(3, 3\); got \(2, 2\)"),
        (-np.ones((3, 3)), ">= 0"),
        (np.full((3, 3), np.nan), ">= 0"),
    ],
)
def test_margins_of_another_shape_or_sign_are_refused(margin, message):
    with pytest.raises(ValueError, match=message):
        margin_of(margin, Y, Y, ENERGIES)
