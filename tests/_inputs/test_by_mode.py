"""What a user says of each mode: matrices, frames, and what they must not hold."""

import numpy as np
import pandas as pd
import pytest

from sklearn_emma._inputs.by_mode import check_corrupted, check_energies
from sklearn_emma._inputs.layout import ModeLayout

NAMES = ["a", "b"]
LAYOUT = ModeLayout.from_columns({"a": [0], "b": [1]})
ENERGIES = [[1.0, np.nan], [2.0, 3.0], [np.nan, np.nan]]


def test_energies_come_in_double_precision_with_their_gaps():
    for given in (ENERGIES, np.array(ENERGIES, dtype=np.float32)):
        found = check_energies(given, LAYOUT, 3)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, ENERGIES)
    assert check_energies(None, LAYOUT, 3) is None


def test_a_frame_may_have_the_modes_in_any_order():
    frame = pd.DataFrame(ENERGIES, columns=NAMES)[["b", "a"]]
    np.testing.assert_array_equal(check_energies(frame, LAYOUT, 3), ENERGIES)
    np.testing.assert_array_equal(
        check_corrupted(frame.fillna(0) > 2, LAYOUT, 3), np.nan_to_num(ENERGIES) > 2
    )


def test_missing_markers_and_masks_are_gaps():
    objects = np.array([[1, pd.NA], [2, 3], [None, None]], dtype=object)
    masked = np.ma.masked_invalid(ENERGIES)
    for given in (objects, masked):
        np.testing.assert_array_equal(check_energies(given, LAYOUT, 3), ENERGIES)


def test_nothing_said_means_that_nothing_is_corrupted():
    found = check_corrupted(None, LAYOUT, 3)
    assert found.shape == (3, 2) and found.dtype == bool and not found.any()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((3, 3)), r"`potential_energy` must have shape .* \(3, 2\).*'a', 'b'"),
        (np.zeros(3), r"must have shape"),
        ([[0, np.inf]] * 3, "must be finite, or NaN"),
        (pd.DataFrame(ENERGIES, columns=["a", "c"]), "column for each mode, named"),
        ([["x", "y"]] * 3, "could not convert"),
    ],
)
def test_energies_that_are_none_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message) as error:
        check_energies(wrong, LAYOUT, 3)
    notes = getattr(error.value, "__notes__", [])
    assert "potential_energy" in f"{error.value} {notes}"


@pytest.mark.parametrize("wrong", [np.full((3, 2), 2), np.zeros((2, 2)), [["a"]] * 3])
def test_corrupted_that_is_no_matrix_of_truths_is_refused(wrong):
    with pytest.raises(ValueError, match="`corrupted` must"):
        check_corrupted(wrong, LAYOUT, 3)


# ----------------------------------------------------------------------- parts of modes


PARTS = ModeLayout.from_columns({"a": {"x": [0], "y": [1]}, "b": {"z": [2]}})
OF_MODE = [0, 0, 1]


def test_what_is_said_of_a_mode_holds_for_all_its_parts():
    expected = np.array(ENERGIES)[:, OF_MODE]
    by_name = pd.DataFrame(ENERGIES, columns=NAMES)[["b", "a"]]
    for given in (ENERGIES, by_name, expected):
        np.testing.assert_array_equal(check_energies(given, PARTS, 3), expected)
    corrupted = np.nan_to_num(ENERGIES) > 1.5
    np.testing.assert_array_equal(
        check_corrupted(corrupted, PARTS, 3), corrupted[:, OF_MODE]
    )


def test_names_tell_the_level_where_there_are_as_many_parts_as_modes():
    one_each = ModeLayout.from_columns({"a": {"x": [0]}, "b": {"z": [1]}})
    for names in (["a", "b"], ["a__x", "b__z"]):
        frame = pd.DataFrame(ENERGIES, columns=names).iloc[:, ::-1]
        np.testing.assert_array_equal(check_energies(frame, one_each, 3), ENERGIES)


@pytest.mark.parametrize("wrong", [np.zeros((3, 1)), np.zeros((3, 4)), np.zeros(3)])
def test_neither_as_many_columns_as_modes_nor_as_parts_names_both(wrong):
    with pytest.raises(ValueError, match=r"\(3, 3\).*'a__x', .*, or .*'a', 'b'"):
        check_energies(wrong, PARTS, 3)
