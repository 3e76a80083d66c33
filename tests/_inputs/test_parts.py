"""Modes with parts: two levels in, one level inside, and two again."""

import numpy as np
import pandas as pd
import pytest

from sklearn_emma._inputs.modes import resolve_modes
from sklearn_emma._inputs.parts import one_level, part_name, two_levels, whole_modes
from sklearn_emma.exceptions import ModesWarning

X = np.zeros((3, 6))
NESTED = {"lidar": {"left": [0, 3], "right": [1]}, "camera": [2, 5, 4]}
FLAT = {"lidar__left": [0, 3], "lidar__right": [1], "camera": [2, 5, 4]}


def as_lists(columns):
    """Arrays of one level or two as lists."""
    if isinstance(columns, dict):
        return {name: as_lists(of_name) for name, of_name in columns.items()}
    return columns.tolist()


def test_parts_are_put_side_by_side_and_back_again():
    resolved = resolve_modes(X, NESTED, "error")
    assert as_lists(resolved) == FLAT
    assert as_lists(two_levels(resolved, NESTED)) == NESTED
    whole = {"lidar": [0, 3, 1], "camera": [2, 5, 4]}
    assert as_lists(whole_modes(resolved, NESTED)) == whole


def test_columns_of_parts_are_named_as_those_of_modes():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    modes = {"lidar": {"left": ["a", "d"], "right": "b"}, "camera": slice("c", "f")}
    with pytest.raises(ValueError, match="'d' is in mode 'lidar__left'"):
        resolve_modes(frame, modes, "error")
    modes["lidar"]["left"] = ["a"]
    assert as_lists(resolve_modes(frame, modes, "error")) == {
        "lidar__left": [0],
        "lidar__right": [1],
        "camera": [2, 3, 4, 5],
    }


def test_modes_in_a_list_may_have_parts():
    modes = [{"left": [0], "right": [1]}, [2, 3, 4, 5]]
    resolved = resolve_modes(X, modes, "error")
    assert list(resolved) == ["mode0__left", "mode0__right", "mode1"]
    assert list(two_levels(resolved, modes)) == ["mode0", "mode1"]


def test_the_remainder_is_a_mode_without_parts():
    resolved = resolve_modes(X, {"lidar": NESTED["lidar"]}, "mode")
    nested = two_levels(resolved, {"lidar": NESTED["lidar"]})
    assert as_lists(nested) == {"lidar": NESTED["lidar"], "remainder": [2, 4, 5]}
    with pytest.raises(ValueError, match="already has one of that name"):
        resolve_modes(X, {"remainder": {"left": [0]}}, "mode")


def test_what_has_no_parts_stays_as_it_is():
    columns = {"a": np.array([0, 1]), "b": np.array([2])}
    assert two_levels(columns, {"a": [0, 1], "b": [2]}) == columns
    assert two_levels(columns, None) == columns
    assert whole_modes(columns, None) == columns
    assert one_level({"a": [0], "b": 1}) == {"a": [0], "b": 1}


@pytest.mark.parametrize(
    ("modes", "message"),
    [
        ({"lidar": {}, "camera": [0]}, "Mode 'lidar' has no parts"),
        ({"lidar": {0: [0]}}, "Mode 'lidar': names of parts must be strings, got 0"),
        (
            {"lidar": {"left": {"top": [0]}}},
            "Mode 'lidar': its part 'left' has parts, \\['top'\\], but there are two",
        ),
        (
            {"lidar": {"left": [0]}, "lidar__left": [1]},
            "Mode 'lidar': 'lidar__left' is the name of a part and of something else",
        ),
        (
            {"lidar__left": [1], "lidar": {"left": [0]}},
            "Mode 'lidar': 'lidar__left' is the name of a part and of something else",
        ),
        ({"lidar": {"left": []}}, "Mode 'lidar__left' is empty"),
        ({"lidar": {"left": [0, 9]}}, "Mode 'lidar__left': cannot find .* 9 is out of"),
        (
            {"lidar": {"left": [0], "right": [0]}},
            "column 0 is in mode 'lidar__left' and in mode 'lidar__right'",
        ),
    ],
)
def test_an_error_names_the_mode_and_its_part(modes, message):
    with pytest.raises(ValueError, match=message):
        resolve_modes(X, modes, "drop")


def test_parts_of_one_column_each_are_no_reason_to_warn():
    frame = pd.DataFrame(X[:, :4], columns=list("abcd"))
    parts = {"m": {"a": "a", "b": "b"}, "n": {"c": "c", "d": "d"}}
    assert len(resolve_modes(frame, parts, "error")) == 4  # warnings are errors
    assert len(resolve_modes(frame, {"m": {"a": ["a", "b"], "b": ["c", "d"]}}, "error"))
    with pytest.warns(ModesWarning, match="one mode only"):
        resolve_modes(frame, {"m": {"all": ["a", "b", "c", "d"]}}, "error")
    with pytest.warns(ModesWarning, match="as many modes as columns"):
        resolve_modes(frame, {"m": {"a": "a"}, "n": "b"}, "drop")


def test_the_name_of_a_part_reads_as_columns_of_two_levels_do():
    assert part_name("lidar", "left") == "lidar__left"
