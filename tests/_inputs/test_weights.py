"""Weights are repetitions, and only contents decide the order of merged samples."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_emma._inputs.weights import (
    check_weights,
    countable,
    merge_duplicates,
    sample_counts,
)
from sklearn_emma._validation import unchanged_on_error

cells = st.sampled_from([0.0, -0.0, 1.0, -1.5, np.nan])
rows = st.lists(
    st.tuples(cells, cells, st.integers(0, 2), st.booleans()), min_size=1, max_size=12
)


def arrays_of(table):
    """A matrix, labels and flags, as in training."""
    x = np.array([row[:2] for row in table])
    y = np.array([row[2] for row in table])
    flags = np.array([row[3:] for row in table], dtype=bool)
    return [x, y, flags]


def assert_same(first, second):
    for a, b in zip((*first[0], first[1]), (*second[0], second[1]), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def content(table):
    """Rows as text that tells NaN, and not the sign of 0, apart."""
    return [str(tuple(value + 0 for value in row)) for row in table]


@given(table=rows, data=st.data())
def test_a_weight_is_a_number_of_repetitions_in_any_order(table, data):
    n = len(table)
    some = st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any)
    counts = data.draw(some)
    order = data.draw(st.permutations(range(n)))
    arrays = arrays_of(table)
    merged = merge_duplicates(arrays, np.array(counts, dtype=float))
    repeated = [np.repeat(array, counts, axis=0) for array in arrays]
    assert_same(merged, merge_duplicates(repeated, np.ones(sum(counts))))
    shuffled = [array[order] for array in arrays]
    weight = np.array(counts, dtype=float)[order]
    assert_same(merged, merge_duplicates(shuffled, weight))


@given(table=rows)
def test_every_distinct_row_is_there_once_with_all_its_weight(table):
    weight = np.arange(1.0, len(table) + 1)
    (x, y, flags), merged, _ = merge_duplicates(arrays_of(table), weight)
    expected = {}
    for key, mass in zip(content(table), weight, strict=True):
        expected[key] = expected.get(key, 0) + mass
    columns = (*x.T.tolist(), y.tolist(), flags[:, 0].tolist())
    found = content(list(zip(*columns, strict=True)))
    assert dict(zip(found, merged, strict=True)) == expected
    assert len(found) == len(expected)


@given(table=rows, data=st.data())
def test_every_row_is_told_where_it_went(table, data):
    n = len(table)
    masses = st.lists(st.integers(0, 2), min_size=n, max_size=n)
    weight = np.array(data.draw(masses), dtype=float)
    arrays = arrays_of(table)
    merged, _, merged_into = merge_duplicates(arrays, weight)
    assert ((merged_into < 0) == (weight == 0)).all() and merged_into.min() >= -1
    kept = weight > 0
    for before, after in zip(arrays, merged, strict=True):
        np.testing.assert_array_equal(after[merged_into[kept]], before[kept])
    assert set(merged_into[kept]) == set(range(len(merged[0])))


def test_rows_with_swapped_columns_are_different():
    x = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [2.0, 2.0]])
    (kept,), weight, _ = merge_duplicates([x], np.ones(4))
    assert len(kept) == 4
    assert weight.tolist() == [1, 1, 1, 1]


@given(table=rows, scale=st.sampled_from([2.0**-1000, 0.1, 3.0, 2.0**1000]))
def test_the_units_of_the_values_do_not_matter(table, scale):
    x, y, flags = arrays_of(table)
    weight = np.arange(1.0, len(table) + 1)
    _, expected, into = merge_duplicates([x, y, flags], weight)
    _, found, other_into = merge_duplicates([x * scale, y, flags], weight)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(other_into, into)


def test_rows_do_not_lie_in_the_order_of_their_values():
    """Some estimators split samples by position, as cross-validation does."""
    x = np.arange(1000.0)
    (found,), *_ = merge_duplicates([x], np.ones(1000))
    assert abs(np.corrcoef(x, found)[0, 1]) < 0.1


def test_contents_are_compared_whatever_their_hashes_are(monkeypatch):
    monkeypatch.setattr(
        pd.util, "hash_array", lambda values: np.zeros(len(values), dtype=np.uint64)
    )
    (kept,), *_ = merge_duplicates([np.array([[1.0], [2.0]])], np.ones(2))
    assert len(kept) == 2


def test_arrays_that_swap_their_contents_are_different():
    a, b = np.array([1.0, 2.0]), np.array([2.0, 1.0])
    (first, second), *_ = merge_duplicates([a, b], np.ones(2))
    assert sorted(zip(first, second, strict=True)) == [(1, 2), (2, 1)]


def test_nan_of_any_sign_and_zeros_of_any_sign_are_equal():
    x = np.array([[np.nan, 0.0], [np.copysign(np.nan, -1), -0.0], [0.0, np.nan]])
    _, weight, _ = merge_duplicates([x], np.ones(3))
    assert sorted(weight) == [1, 2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_are_kept_and_large_data_have_no_collisions(dtype):
    x = np.random.default_rng(0).integers(0, 10, (20_000, 6)).astype(dtype)
    (kept,), weight, _ = merge_duplicates([x], np.ones(len(x), dtype))
    unique, counts = np.unique(x, axis=0, return_counts=True)
    assert (kept.dtype, weight.dtype) == (dtype, dtype)
    order = np.lexsort(kept.T[::-1])
    np.testing.assert_array_equal(kept[order], unique)
    np.testing.assert_array_equal(weight[order], counts)


def test_inputs_are_not_written_to():
    arrays = arrays_of([(0.0, -0.0, 1, True), (0.0, 0.0, 1, True)])
    weight = np.ones(2)
    for array in (*arrays, weight):
        array.flags.writeable = False
    merge_duplicates(arrays, weight)


# --------------------------------------------------------------- nothing half-fitted


class Box:
    pass


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_attributes_are_as_before_if_the_block_fails(error):
    box = Box()
    box.kept, box.changed, box.deleted = 1, 2, 3
    with pytest.raises(error), unchanged_on_error(box):
        box.changed, box.new = 20, 4
        del box.deleted
        raise error
    assert vars(box) == {"kept": 1, "changed": 2, "deleted": 3}


def test_attributes_stay_if_the_block_succeeds():
    box = Box()
    with unchanged_on_error(box):
        box.new = 4
    assert vars(box) == {"new": 4}


# ----------------------------------------------------------------------------- weights

whole = st.lists(st.integers(0, 5), min_size=1, max_size=9).map(np.array)
shares = st.lists(
    st.one_of(st.just(0.0), st.floats(1e-6, 1.0)), min_size=2, max_size=9
).map(np.array)


@given(counts=whole)
def test_whole_weights_are_repetitions(counts):
    weight = counts.astype(float)
    np.testing.assert_array_equal(sample_counts(weight), counts)


@given(weight=shares.filter(np.any), scale=st.sampled_from([1e-300, 1e-9, 0.3]))
def test_shares_are_scaled_to_a_mean_of_1_whatever_their_sum(weight, scale):
    counts = sample_counts(weight)
    np.testing.assert_allclose(counts[weight > 0].mean(), 1)
    np.testing.assert_array_equal(counts > 0, weight > 0)
    np.testing.assert_allclose(counts / counts.max(), weight / weight.max())
    np.testing.assert_allclose(sample_counts(scale * weight), counts)
    np.testing.assert_array_equal(sample_counts(weight[weight > 0]), counts[weight > 0])


@pytest.mark.parametrize("value", [1e-300, 1e-7, 1 / 3, 0.1, 0.5, 1.5])
def test_equal_weights_are_none(value):
    np.testing.assert_array_equal(sample_counts(np.full(7, value)), np.ones(7))


def test_weights_of_a_mean_above_1_count_as_they_are():
    weight = np.array([0.5, 1.5, 3.0, 0.0])
    np.testing.assert_array_equal(sample_counts(weight), weight)


def test_weights_too_small_for_single_precision():
    X = np.zeros((3, 1), dtype=np.float32)
    weight = check_weights([1e-60, 2e-60, 0.0], X)
    assert weight.dtype == X.dtype
    np.testing.assert_allclose(weight, [2 / 3, 4 / 3, 0])
    np.testing.assert_array_equal(check_weights(None, X), np.ones(3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [1e20, 1e300, 1.7e308])
def test_weights_beyond_counting_keep_their_ratios(dtype, value):
    X = np.zeros((4, 1), dtype=dtype)
    weight = check_weights(np.array([0.25, 0.5, 1.0, 0.0]) * value, X)
    assert weight.dtype == dtype and 2**39 <= weight.sum() <= 2**40
    np.testing.assert_allclose(weight / weight[2], [0.25, 0.5, 1, 0])


def test_weights_that_can_be_counted_are_left_alone():
    for weight in (np.zeros(3), np.array([1.0, 2.0**40 - 1]), np.array([1e-300, 1.0])):
        assert countable(weight) is weight


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, -1.0, 1.0], "[Nn]egative"),
        ([1.0, np.nan, 1.0], "NaN"),
        ([1.0], "shape"),
        (np.ma.array([1.0, -9.0, 1.0], mask=[0, 1, 0]), "`sample_weight`.*masked.* 1"),
    ],
)
def test_bad_weights(weight, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weight, np.zeros((3, 1)))
