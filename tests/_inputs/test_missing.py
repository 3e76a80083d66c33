"""Missing values: every marker of pandas, and what stands in for them."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.missing import (
    fill_missing,
    missing_as_nan,
    refuse_masked,
    refuse_missing,
)

LAYOUT = ModeLayout.from_columns({"a": [0, 1], "b": [2], "c": [3, 4]})

# ------------------------------------------------------------------------------ markers

MARKERS = [None, np.nan, pd.NA, pd.NaT]


@pytest.mark.parametrize("marker", MARKERS, ids=str)
def test_every_marker_in_an_array_of_objects_is_nan(marker):
    X = np.array([[1.0, marker], [marker, 2]], dtype=object)
    found = missing_as_nan(X).astype(float)
    np.testing.assert_array_equal(found, [[1, np.nan], [np.nan, 2]])
    assert X[0, 1] is marker  # the input is not written to


@pytest.mark.parametrize("marker", MARKERS, ids=str)
def test_every_marker_in_a_column_of_objects_is_nan(marker):
    column = pd.Series([1.5, marker, 3], dtype=object)
    frame = pd.DataFrame({"x": [1.0, 2.0, np.nan], "y": column, "z": [1, 2, 3]})
    before = frame.copy()
    found = missing_as_nan(frame)
    np.testing.assert_array_equal(
        found.to_numpy(dtype=float), [[1, 1.5, 1], [2, np.nan, 2], [np.nan, 3, 3]]
    )
    pd.testing.assert_frame_equal(frame, before)
    assert list(found.columns) == list("xyz")
    assert (found.dtypes[["x", "z"]] == frame.dtypes[["x", "z"]]).all()


def test_columns_of_one_name_are_each_replaced():
    objects = np.array([[1.0, pd.NA], [pd.NA, 4.0]], dtype=object)
    found = missing_as_nan(pd.DataFrame(objects, columns=["x", "x"]))
    np.testing.assert_array_equal(
        found.to_numpy(dtype=float), [[1, np.nan], [np.nan, 4]]
    )


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1.0, np.nan]]),
        [[1.0, 2.0]],
        pd.DataFrame({"x": [1.0], "y": [2]}),
        "anything",
    ],
    ids=["array", "list", "frame", "text"],
)
def test_what_holds_no_objects_is_returned_as_it_is(X):
    assert missing_as_nan(X) is X


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, bool, object])
def test_masked_values_are_nan(dtype):
    X = np.ma.array(np.ones((2, 2), dtype), mask=[[True, False], [False, False]])
    found = missing_as_nan(X)
    assert type(found) is np.ndarray
    assert found.dtype == (dtype if dtype in (np.float32, object) else np.float64)
    np.testing.assert_array_equal(found.astype(float), [[np.nan, 1], [1, 1]])
    assert X.data.all()  # the input is not written to


def test_a_masked_array_without_a_mask_is_not_copied():
    X = np.ma.array(np.ones((2, 2)))
    assert np.shares_memory(missing_as_nan(X), X.data)


@pytest.mark.parametrize(
    "y",
    [
        ["a", np.nan, "b", "a"],
        np.array(["a", None, "b", "a"], dtype=object),
        pd.Series(["a", pd.NA, "b", "a"]),
        pd.Series([0, None, 1, 0], dtype="Int64"),
        np.array([0.0, np.nan, 1.0, 0.0]),
    ],
    ids=repr,
)
def test_missing_labels_are_refused_and_y_and_the_row_are_named(y):
    with pytest.raises(ValueError, match=r"Input y contains NaN.* in row 1"):
        refuse_missing(y, "y")


def test_masked_labels_are_refused():
    y = np.ma.array([0, 1, -9], mask=[0, 0, 1])
    with pytest.raises(ValueError, match="`y` has masked values, the first in row 2"):
        refuse_missing(y, "y")
    refuse_masked(y[:2], "y")


@pytest.mark.parametrize("y", [None, "abc", [0, 1], [[0], [1]], ["a", "nan"], 3.0])
def test_other_labels_are_left_to_other_checks(y):
    refuse_missing(y, "y")


# ------------------------------------------------------------------------------ filling


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.3, 0.8, 1.0]))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_fill_missing_equals_a_loop(dtype, seed, share):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4, 5))
    x[rng.random(x.shape) < share] = np.nan
    given_ = torch.from_numpy(x).to(dtype)
    before = given_.clone()
    filled, present = fill_missing(given_, LAYOUT)
    assert filled.dtype == dtype and present.dtype == torch.bool
    assert filled.shape == (4, 5) and present.shape == (4, 3)
    for row in range(4):
        for column in range(5):
            expected = 0.0 if np.isnan(x[row, column]) else before[row, column]
            assert filled[row, column] == expected
        for mode, columns in enumerate(LAYOUT.slices):
            assert bool(present[row, mode]) == any(~np.isnan(x[row, columns]))
    # The input is not written to.
    torch.testing.assert_close(given_, before, rtol=0, atol=0, equal_nan=True)


def test_where_nothing_is_missing_nothing_is_copied():
    x = torch.zeros(3, 5)  # 0 is a value as any other
    filled, present = fill_missing(x, LAYOUT)
    assert filled is x and present.all() and present.shape == (3, 3)
