"""Every way of naming the columns of a mode, and an error for every wrong one."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_selector

from sklearn_emma._inputs.modes import resolve_modes
from sklearn_emma._inputs.tables import flatten_columns

ARRAY = np.zeros((3, 4))
FRAME = pd.DataFrame(ARRAY, columns=list("abcd"))
POLARS = pl.DataFrame({name: [0.0, 1.0] for name in "abcd"})
PREFIXED = ["ip__mean", "dm__mean", "ip__std", "dm__std"]


def resolve(X, modes=None, remainder="error"):
    """Modes as lists."""
    resolved = resolve_modes(X, modes, remainder)
    assert all(columns.dtype == np.intp for columns in resolved.values())
    return {name: columns.tolist() for name, columns in resolved.items()}


# ----------------------------------------------------------------- columns by position


@pytest.mark.parametrize("X", [ARRAY, FRAME, POLARS], ids=["numpy", "pandas", "polars"])
@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([2, 0], [2, 0]),
        ((2, 0), [2, 0]),
        (np.array([2, 0]), [2, 0]),
        ([np.int64(2)], [2]),
        (2, [2]),
        (np.int64(2), [2]),
        (-1, [3]),
        ([-1, 0, -3], [3, 0, 1]),
        (range(1, 3), [1, 2]),
        (slice(1, 3), [1, 2]),
        (slice(-2, None), [2, 3]),
        ([True, False, False, True], [0, 3]),
        (np.array([False, True, True, False]), [1, 2]),
        (lambda X: [1, 3], [1, 3]),
        (lambda X: np.array([1, 3]), [1, 3]),
    ],
)
def test_columns_by_position(X, columns, expected):
    assert resolve(X, {"m": columns}, "drop") == {"m": expected}


# ------------------------------------------------------------------- columns by name


@pytest.mark.parametrize("X", [FRAME, POLARS], ids=["pandas", "polars"])
@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("c", [2]),
        (["c", "a"], [2, 0]),
        (("c", "a"), [2, 0]),
        (slice("b", "c"), [1, 2]),
        (slice("c", None), [2, 3]),
        (pd.Index(["c", "a"]), [2, 0]),
        (lambda X: [name for name in X.columns if name > "b"], [2, 3]),
        pytest.param(
            np.array(["c", "a"]),
            [2, 0],
        ),
    ],
)
def test_columns_by_name(X, columns, expected):
    assert resolve(X, {"m": columns}, "drop") == {"m": expected}


def test_columns_by_selector():
    frame = FRAME.assign(c=FRAME["c"].astype("int64"))
    modes = {
        "name": make_column_selector("a|d"),
        "integer": make_column_selector(dtype_include="int64"),
    }
    assert resolve(frame, modes, "drop") == {"name": [0, 3], "integer": [2]}


# --------------------------------------------------------------------- sets of modes


def test_modes_keep_the_order_of_the_dict():
    assert list(resolve(ARRAY, {"z": [3, 1], "a": [0, 2]})) == ["z", "a"]


@pytest.mark.parametrize("modes", [[[2, 0], [1, 3]], ([2, 0], [1, 3])])
def test_a_list_of_columns_gets_names(modes):
    assert resolve(ARRAY, modes) == {"mode0": [2, 0], "mode1": [1, 3]}


def test_a_list_of_names_is_a_list_of_modes():
    expected = {"mode0": [1], "mode1": [0], "mode2": [2, 3]}
    assert resolve(FRAME, ["b", "a", slice("c", "d")]) == expected


def test_a_mode_for_each_column_by_default():
    assert resolve(ARRAY) == {"x0": [0], "x1": [1], "x2": [2], "x3": [3]}
    assert resolve(FRAME) == {"a": [0], "b": [1], "c": [2], "d": [3]}
    assert resolve(POLARS) == {"a": [0], "b": [1], "c": [2], "d": [3]}
    numbered = pd.DataFrame(ARRAY, columns=[5, 6, 7, 8])
    assert resolve(numbered) == {"x0": [0], "x1": [1], "x2": [2], "x3": [3]}


def test_columns_of_equal_names_are_named():
    twice = pd.DataFrame(ARRAY, columns=list("abbc"))
    with pytest.raises(ValueError, match="share a name: 'b'"):
        resolve(twice)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_prefixes_of_names_are_modes(make):
    frame = make({name: [0.0] for name in PREFIXED})
    assert resolve(frame) == {"ip": [0, 2], "dm": [1, 3]}


def test_a_prefix_ends_at_the_first_separator():
    frame = pd.DataFrame(np.zeros((1, 2)), columns=["a__b__c", "a__d"])
    assert resolve(frame) == {"a": [0, 1]}


@pytest.mark.parametrize("odd", ["std", "__std"])
def test_prefixes_count_only_if_every_column_has_one(odd):
    frame = pd.DataFrame(np.zeros((1, 2)), columns=["ip__mean", odd])
    assert resolve(frame) == {"ip__mean": [0], odd: [1]}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_a_few_columns_without_prefix_are_warned_of(make):
    frame = make({name: [0.0] for name in [*PREFIXED, "id", "__odd"]})
    with pytest.warns(UserWarning, match="but not 'id', '__odd'.*mode of its own"):
        assert len(resolve(frame)) == 6
    assert len(resolve(frame, {"m": slice(0, 6)})) == 1  # no warning


@pytest.mark.parametrize(
    "names", [[*PREFIXED[:2], "id"], ["a__1", "a__2", "u", "v"], ["u", "v", "w"]]
)
def test_no_warning_where_columns_hardly_share_prefixes(names):
    assert len(resolve(pd.DataFrame([[0.0] * len(names)], columns=names))) == len(names)


def test_two_level_columns_are_modes():
    columns = pd.MultiIndex.from_tuples([("b", 0), ("a", "x"), ("b", 1)])
    frame = pd.DataFrame(np.arange(3.0).reshape(1, 3), columns=columns)
    flat = flatten_columns(frame)
    assert list(flat.columns) == ["b__0", "a__x", "b__1"]
    assert resolve(flat) == {"b": [0, 2], "a": [1]}
    assert frame.columns.equals(columns)
    np.testing.assert_array_equal(flat, frame)


PAIRS = pd.MultiIndex.from_tuples([("b", 0), ("a", "x"), ("b", 1), ("a", "y")])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([("a", "y"), ("b", 0)], [3, 0]),
        ([("b", 1)], [2]),
        (PAIRS[:2], [0, 1]),
        ([*PAIRS[1:3]], [1, 2]),
        (["a__y"], [3]),
    ],
)
def test_columns_by_labels_of_two_levels(columns, expected):
    flat = flatten_columns(pd.DataFrame(ARRAY, columns=PAIRS))
    assert resolve(flat, {"m": columns}, "drop") == {"m": expected}


@pytest.mark.parametrize(
    ("columns", "write"),
    [
        ("a", r"Write \['a__x', 'a__y'\]"),
        ([("a", "z")], "columns are 'b__0', 'a__x', .*two levels.*'__'"),
        (("a", "x"), r"write \[\('a', 'x'\)\]"),
    ],
)
def test_labels_of_two_levels_that_are_not_there(columns, write):
    frame = pd.DataFrame(ARRAY, columns=PAIRS)
    with pytest.raises(ValueError, match=f"Mode 'm': .*{write}"):
        resolve(frame, {"m": columns}, "drop")


def test_remainder():
    modes = {"m": [1]}
    assert resolve(ARRAY, modes, "drop") == {"m": [1]}
    assert resolve(ARRAY, modes, "mode") == {"m": [1], "remainder": [0, 2, 3]}
    for remainder in ("error", "drop", "mode"):
        assert resolve(ARRAY, {"m": slice(0, 4)}, remainder) == {"m": [0, 1, 2, 3]}


# ----------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("X", "modes", "remainder", "culprit"),
    [
        (ARRAY, {"p": [0, 1], "q": [2, 1]}, "drop", "column 1 is in mode 'p'.*'q'"),
        (FRAME, {"p": ["a"], "q": [0]}, "drop", "column 'a' is in mode 'p'.*'q'"),
        (FRAME, {"p": [3], "q": [-1]}, "drop", "column 'd' is in mode 'p'.*'q'"),
        (ARRAY, {"p": [4]}, "drop", r"Mode 'p': cannot find \[4\]"),
        (ARRAY, {"p": [-5]}, "drop", r"Mode 'p': cannot find \[-5\]"),
        (ARRAY, {"p": ["a"]}, "drop", r"Mode 'p': cannot find \['a'\]"),
        (FRAME, {"p": ["a", "nix"]}, "drop", "Mode 'p': cannot find .*nix"),
        (POLARS, {"p": "nix"}, "drop", "Mode 'p': cannot find 'nix'"),
        (FRAME, {"p": ["a", 1]}, "drop", "Mode 'p': cannot find"),
        (ARRAY, {"p": [0.5]}, "drop", r"Mode 'p': cannot find \[0.5\]"),
        (ARRAY, {"p": None}, "drop", "Mode 'p': cannot find None"),
        (ARRAY, {"p": [True, False]}, "drop", "Mode 'p': cannot find"),
        (ARRAY, {"p": {0}}, "drop", "Mode 'p': cannot find"),
        (ARRAY, {"p": [0], "q": []}, "drop", "Mode 'q' is empty"),
        (ARRAY, {"p": slice(2, 2)}, "drop", "Mode 'p' is empty"),
        (ARRAY, {"p": [False] * 4}, "drop", "Mode 'p' is empty"),
        (FRAME, {"p": make_column_selector("z")}, "drop", "Mode 'p' is empty"),
        (ARRAY, {"p": [1, 1]}, "drop", r"Mode 'p' names a column twice: \[1, 1\]"),
        (ARRAY, {"p": [3, -1]}, "drop", r"Mode 'p' names a column twice"),
        (ARRAY, {"p": [1]}, "error", "Columns in no mode: 0, 2, 3. .*remainder='drop'"),
        (FRAME, {"p": ["a", "c"]}, "error", "Columns in no mode: 'b', 'd'"),
        (np.zeros((2, 9)), [[0]], "error", "no mode: 1, 2, 3, 4, 5 and 3 more"),
        (ARRAY, {"remainder": [0]}, "mode", "already has one of that name"),
        (ARRAY, {}, "drop", "`modes` is empty"),
        (ARRAY, [], "drop", "`modes` is empty"),
        (ARRAY, {1: [0]}, "drop", "must be strings, got 1"),
        (ARRAY, "ab", "drop", "`modes` must be a dict .*'ab'"),
        (ARRAY, 3, "drop", "`modes` must be a dict .*3"),
    ],
)
def test_errors_name_the_culprit(X, modes, remainder, culprit):
    with pytest.raises(ValueError, match=culprit):
        resolve_modes(X, modes, remainder)
