"""Where signals of different lengths end, once NaN has been replaced."""

import numpy as np
import pytest
import torch

from sklearn_emma._inputs.missing import fill_missing
from sklearn_emma._inputs.ragged import (
    NEXT_TO_NOTHING,
    end_with_zeros,
    filled_rows,
    n_valid,
    padding_of,
    valid_positions,
)
from sklearn_emma.corruption import ModeLayout

NAN = np.nan
LAYOUT = ModeLayout.from_columns(
    {"mic": range(8), "speed": [8]}, {"mic": (2, 4)}, ragged=["mic"]
)
# Channels of one sample a line: one that ends after three, is lost, silent, and whole.
X = torch.tensor(
    [
        [1.0, NAN, 0.0, NAN, 2.0, 3.0, NAN, NAN, 1.0],
        [NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0.0],
        [0.0, 0.0, NAN, NAN, 0.0, 0.0, NAN, NAN, NAN],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, NAN],
    ]
)
LENGTHS = [3, 0, 2, 4]


def test_values_alone_tell_how_long_each_signal_is():
    filled, present = fill_missing(X, LAYOUT)
    assert n_valid(filled[:, :8].reshape(4, 2, 4)).tolist() == LENGTHS
    assert present.tolist() == [[1, 1], [0, 1], [1, 0], [1, 0]]


def test_what_is_filled_is_zero_or_next_to_nothing():
    filled, _ = fill_missing(X, LAYOUT)
    expected = X.nan_to_num()
    expected[0, [2, 6]] = expected[2, [1, 5]] = NEXT_TO_NOTHING
    torch.testing.assert_close(filled, expected, rtol=0, atol=0)


def test_a_silent_end_survives_single_precision():
    filled, _ = fill_missing(X.double(), LAYOUT)
    assert n_valid(filled[:, :8].float().reshape(4, 2, 4)).tolist() == LENGTHS
    too_small = torch.full((1, 1, 3), 1e-300, dtype=torch.float64)
    marked = end_with_zeros(too_small, torch.ones(1, 1, 3, dtype=torch.bool))
    assert n_valid(marked.float()).tolist() == [3]


def test_other_modes_keep_every_bit():
    plain = ModeLayout.from_columns({"mic": range(8), "speed": [8]}, {"mic": (2, 4)})
    torch.testing.assert_close(
        fill_missing(X, plain)[0], X.nan_to_num(), rtol=0, atol=0
    )
    assert fill_missing(X.nan_to_num(), plain)[0].data_ptr() != 0


def test_padding_is_what_lies_behind_the_end_and_no_missing_value():
    padded = padding_of(X, LAYOUT)
    mic = padded[:, :8].reshape(4, 2, 4)
    expected = torch.arange(4) >= torch.tensor([3, 4, 2, 4]).unsqueeze(1)
    assert (mic == expected.unsqueeze(1)).all()
    assert not padded[:, 8].any()


def test_valid_positions_are_those_up_to_the_end():
    x = torch.tensor([[[0.0, 5.0, 0.0]], [[0.0, 0.0, 0.0]]])
    assert valid_positions(x).int().tolist() == [[1, 1, 0], [0, 0, 0]]


def test_rows_of_an_energy_by_itself_are_filled():
    found = filled_rows(np.array([[1.0, 0.0, NAN], [2.0, 1.0, 3.0]]), (1, 3))
    np.testing.assert_array_equal(found, [[1, NEXT_TO_NOTHING, 0], [2, 1, 3]])


@pytest.mark.parametrize(
    ("row", "message"),
    [([NAN, NAN, NAN], "in row 1: it has no length"), ([1, NAN, 2], "row 1, before")],
)
def test_rows_of_an_energy_that_have_no_length_or_a_gap_are_refused(row, message):
    with pytest.raises(ValueError, match=message):
        filled_rows(np.array([[1.0, 2.0, 3.0], row], dtype=float), (1, 3))
