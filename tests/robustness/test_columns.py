"""Columns of arrays and data frames, read and replaced alike."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array

from sklearn_emma.robustness._columns import as_table, is_frame, put, select, take

VALUES = np.arange(12.0).reshape(3, 4)
COLUMNS = np.array([2, 0])
NEW = np.array([[-1.0, -2.0], [-3.0, -4.0], [-5.0, -6.0]])
EXPECTED = np.array([[-2.0, 1, -1, 3], [-4, 5, -3, 7], [-6, 9, -5, 11]])


def pandas(values):
    return pd.DataFrame(values, columns=list("abcd"))


def polars(values):
    return pl.DataFrame(values, schema=list("abcd"))


FRAMES = [pandas, polars]
KINDS = [np.array, np.asfortranarray, *FRAMES]


@pytest.mark.parametrize("make", [*KINDS, np.ndarray.tolist])
def test_columns_are_taken_in_the_order_asked_for(make):
    found = take(make(VALUES), COLUMNS)
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, VALUES[:, COLUMNS])


@pytest.mark.parametrize("make", KINDS)
def test_what_is_taken_is_a_copy(make):
    table = make(VALUES.copy())
    take(table, COLUMNS)[:] = -1.0
    np.testing.assert_array_equal(np.asarray(table), VALUES)


@pytest.mark.parametrize("make", KINDS)
def test_selected_columns_keep_the_kind_of_their_table(make):
    table = make(VALUES)
    found = select(table, COLUMNS)
    assert type(found) is type(table)
    np.testing.assert_array_equal(np.asarray(found), VALUES[:, COLUMNS])


@pytest.mark.parametrize("make", KINDS)
def test_a_copy_with_other_values_leaves_the_table_as_it_was(make):
    table = make(VALUES.copy())
    found = put(table, COLUMNS, NEW)
    assert type(found) is type(table)
    np.testing.assert_array_equal(np.asarray(found), EXPECTED)
    np.testing.assert_array_equal(np.asarray(table), VALUES)


@pytest.mark.parametrize("make", KINDS)
def test_putting_back_what_was_taken_changes_nothing(make):
    table = make(VALUES)
    found = put(table, COLUMNS, take(table, COLUMNS))
    np.testing.assert_array_equal(np.asarray(found), VALUES)


def test_whole_numbers_make_room_for_fractions():
    found = put(np.arange(4).reshape(2, 2), np.array([1]), np.array([[0.5], [1.5]]))
    np.testing.assert_array_equal(found, [[0, 0.5], [2, 1.5]])


def test_a_pandas_frame_keeps_index_names_and_other_types():
    frame = pandas(VALUES).assign(e=["x", "y", "z"]).set_index(pd.Index([5, 3, 1]))
    found = put(frame, COLUMNS, NEW)
    assert found.index.equals(frame.index)
    assert list(found.columns) == list("abcde")
    pd.testing.assert_series_equal(found["e"], frame["e"])


def test_columns_of_one_name_are_told_apart_by_their_place():
    frame = pd.DataFrame(VALUES, columns=["a", "a", "a", "b"])
    np.testing.assert_array_equal(take(frame, COLUMNS), VALUES[:, COLUMNS])
    np.testing.assert_array_equal(put(frame, COLUMNS, NEW), EXPECTED)


@pytest.mark.parametrize("make", [np.array, pandas])
def test_missing_objects_become_nan(make):
    values = VALUES.astype(object)
    values[1, 2] = pd.NA
    for found in (take(make(values), COLUMNS), select(make(values), COLUMNS)):
        known = np.asarray(found, dtype=np.float64)
        np.testing.assert_array_equal(known[[0, 2]], VALUES[[0, 2]][:, COLUMNS])
        assert np.isnan(known[1, 0])
        assert known[1, 1] == VALUES[1, 0]


@pytest.mark.parametrize("make", FRAMES)
def test_a_frame_is_its_own_table(make):
    frame = make(VALUES)
    assert is_frame(frame)
    assert as_table(frame, "X") is frame


@pytest.mark.parametrize("make", [np.array, np.ndarray.tolist])
def test_anything_else_is_made_an_array(make):
    table = as_table(make(VALUES), "X")
    assert not is_frame(table)
    np.testing.assert_array_equal(table, VALUES)


@pytest.mark.parametrize(
    "bad", [[1.0, 2.0], 3.0, np.zeros((2, 2, 2)), np.zeros((0, 2))]
)
def test_what_is_no_table_is_refused_by_the_name_of_its_argument(bad):
    with pytest.raises(ValueError, match=r"^`reference`: "):
        as_table(bad, "reference")


def test_a_sparse_table_is_refused_by_the_name_of_its_argument():
    with pytest.raises(TypeError, match="Sparse data was passed for reference"):
        as_table(csr_array(VALUES), "reference")
