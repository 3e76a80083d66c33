"""Foreign tables, masks and labels of several levels, read into what is known."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_emma._inputs.tables import (
    as_known_frame,
    column_labels,
    flatten_columns,
    has_levels,
    read_table,
    shorten,
)

ARRAY = np.zeros((3, 4))
FRAME = pd.DataFrame(ARRAY, columns=list("abcd"))
POLARS = pl.DataFrame({name: [0.0, 1.0] for name in "abcd"})
ARROW = pa.table({"a__0": [1, None, 3], "b__0": [0.5, 1.5, 2.5]})


class Foreign:
    """A data frame that hands out its columns by the interchange protocol only."""

    def __init__(self, frame):
        self._frame = frame

    def __dataframe__(self, nan_as_null=False, allow_copy=True):
        return self._frame.__dataframe__(allow_copy=allow_copy)


@pytest.mark.parametrize(
    "table", [ARROW, ARROW.to_batches()[0]], ids=["table", "batch"]
)
def test_tables_of_pyarrow_are_read_with_names_and_missing_values(table):
    frame = read_table(table)
    assert column_labels(frame) == ["a__0", "b__0"]
    np.testing.assert_array_equal(frame.to_numpy(), [[1, 0.5], [np.nan, 1.5], [3, 2.5]])


@pytest.mark.filterwarnings("ignore:The Dataframe Interchange Protocol")
def test_any_frame_that_can_be_interchanged_is_read():
    pd.testing.assert_frame_equal(as_known_frame(Foreign(FRAME)), FRAME)


@pytest.mark.parametrize("X", [ARRAY, FRAME, POLARS, [[1.0]], "text", None])
def test_what_is_known_is_returned_as_it_is(X):
    assert as_known_frame(X) is X
    assert read_table(X) is X


def test_masked_values_are_missing():
    X = np.ma.array([[1, -9999], [3, 4]], mask=[[0, 1], [0, 0]])
    np.testing.assert_array_equal(read_table(X), [[1, np.nan], [3, 4]])


def levels(*labels):
    columns = pd.MultiIndex.from_tuples(labels)
    return pd.DataFrame(np.zeros((2, len(labels))), columns=columns)


def test_labels_of_several_levels_are_joined():
    frame = levels(("a", "x", 0), ("a", "y", 1))
    assert has_levels(frame) and not has_levels(FRAME) and not has_levels(ARRAY)
    assert list(flatten_columns(frame).columns) == ["a__x__0", "a__y__1"]


def test_labels_that_read_the_same_once_joined_are_named():
    frame = levels(("a__b", "c"), ("a", "b__c"))
    with pytest.raises(ValueError, match=r"\('a__b', 'c'\) and \('a', 'b__c'\)"):
        flatten_columns(frame)


@pytest.mark.parametrize("X", [ARRAY, FRAME, POLARS, [[1.0]]])
def test_one_level_of_columns_is_returned_as_it_is(X):
    assert flatten_columns(X) is X


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (["a"], "'a'"),
        (["a", 3], "'a', 3"),
        (list("abcde"), "'a', 'b', 'c', 'd', 'e'"),
        (list("abcdef"), "'a', 'b', 'c', 'd', 'e' and 1 more"),
    ],
)
def test_many_labels_are_shown_as_the_first_of_them(labels, shown):
    assert shorten(labels) == shown


def test_how_many_labels_are_shown_can_be_said():
    assert shorten(list("abc"), 1) == "'a' and 2 more"
