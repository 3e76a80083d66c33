"""Modes that nobody said: level 0 is the mode, or the prefix, or each column is one."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sklearn_emma._inputs.modes import resolve_modes


def found(X):
    return {name: c.tolist() for name, c in resolve_modes(X, None, "error").items()}


def levels(*labels):
    columns = pd.MultiIndex.from_tuples(labels)
    return pd.DataFrame(np.zeros((2, len(labels))), columns=columns)


@pytest.mark.parametrize(
    ("first", "names"),
    [
        (["cam__left", "cam__right"], ["cam__left", "cam__right"]),
        (["lidar", "lidar_"], ["lidar", "lidar_"]),
        (["_a", "__a"], ["_a", "__a"]),
        (["a__", "a"], ["a__", "a"]),
        ([0, 1], ["0", "1"]),
        (["", "a"], ["", "a"]),
    ],
)
def test_the_first_level_is_the_mode_whatever_it_reads(first, names):
    frame = levels(*((mode, feature) for mode in first for feature in "xy"))
    assert found(frame) == {names[0]: [0, 1], names[1]: [2, 3]}


def test_the_first_of_three_levels_is_the_mode():
    frame = levels(("a", "x", 0), ("b", "x", 0), ("a", "x", 1))
    assert found(frame) == {"a": [0, 2], "b": [1]}


def test_first_labels_that_read_the_same_are_named():
    with pytest.raises(ValueError, match="different labels that read '1'"):
        found(levels((1, "x"), ("1", "y")))


def test_tables_of_pyarrow_have_the_modes_of_their_names():
    table = pa.table({"a__0": [1.0], "b__0": [2.0], "a__1": [3.0]})
    assert found(table) == {"a": [0, 2], "b": [1]}
    plain = pa.table({"u": [1.0], "v": [2.0]})
    assert found(plain) == {"u": [0], "v": [1]}


def test_columns_of_tables_of_pyarrow_can_be_named():
    table = pa.table({"u": [1.0], "v": [2.0], "w": [3.0]})
    modes = resolve_modes(table, {"m": ["w", "u"]}, "mode")
    assert {n: c.tolist() for n, c in modes.items()} == {"m": [2, 0], "remainder": [1]}
