"""Checked training data: distinct samples, in order, of one type, all accounted for."""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import helpers
from sklearn_emma._inputs.checking import (
    Given,
    check_continues,
    check_modes_seen,
    check_training_data,
)
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.targets import Classes
from sklearn_emma._inputs.training_set import TrainingSet

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
y = (X[:, 0] + X[:, 2] > 0).astype(int)
changed = partial(helpers.changed, X)
MODES = {"left": [0, 1], "right": [2, 3]}


def check(given, read_target=Classes.from_labels):
    """Checked data, and the estimator that they were checked for."""
    estimator = helpers.quick(modes={"b": [3, 1], "a": [0, 2]})
    return check_training_data(estimator, given, read_target), estimator


def test_checked_data_are_the_distinct_samples_in_the_order_of_the_modes():
    repeated = np.concatenate([X, X[:20]])
    labels = np.array(["no", "yes"])[np.concatenate([y, y[:20]])]
    weight = np.arange(80.0) % 3
    failed = np.arange(160).reshape(80, 2) % 5 == 0
    failed[60:] = failed[:20]
    checked, estimator = check(Given(repeated, labels, weight, failed))
    assert estimator.n_features_in_ == 4
    assert checked.layout.names == ("b", "a")
    assert checked.layout.order.tolist() == [3, 1, 0, 2]
    assert checked.target.labels.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(checked.X, repeated)
    data, place = checked.data, checked.sample_of_row
    assert ((place < 0) == (weight == 0)).all()
    assert len(data.X) == len(np.unique(repeated[weight > 0], axis=0))
    for row in np.flatnonzero(weight):
        np.testing.assert_array_equal(data.X[place[row]], repeated[row, [3, 1, 0, 2]])
        assert labels[row] == ["no", "yes"][data.y[place[row]]]
        np.testing.assert_array_equal(data.corrupted[place[row]], failed[row])
    expected = np.bincount(place[weight > 0], weight[weight > 0])
    np.testing.assert_array_equal(data.weight, expected)
    np.testing.assert_array_equal(data.loss_weight, expected)


def test_the_loss_weighs_samples_by_their_class_as_well():
    def read(y):
        return Classes.from_labels(y, {1: 4.0})

    checked, _ = check(Given(X, y, np.arange(60.0) % 2 + 1), read)
    data = checked.data
    np.testing.assert_array_equal(data.loss_weight, data.weight * (1 + 3 * data.y))


def test_labels_of_rows_that_do_not_count_are_not_looked_at():
    labels, seen = y.copy(), []
    labels[7] = 99

    def read(y):
        seen.append(y)
        return Classes.from_labels(y)

    weight = np.ones(60)
    weight[7] = 0
    checked, _ = check(Given(X, labels, weight), read)
    assert len(seen[0]) == 59 and checked.target.labels.tolist() == [0, 1]
    assert checked.sample_of_row[7] == -1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_data_are_bounded_and_keep_their_type(dtype):
    largest = np.finfo(dtype).max
    checked, _ = check(Given(changed(0, 1, 1.0).astype(dtype), y))
    assert checked.X.dtype == checked.data.X.dtype == checked.data.weight.dtype == dtype
    assert checked.data.loss_weight.dtype == dtype
    wild = changed(0, 1, 1.0).astype(dtype)
    wild[0, 1] = -largest
    found, _ = check(Given(wild, y))
    assert found.X[0, 1] == -largest and np.isfinite(found.X).all()
    np.testing.assert_array_equal(found.X[1:], wild[1:])


def test_a_further_chunk_is_in_the_type_of_the_model_and_has_its_features():
    estimator = helpers.quick(modes=MODES)
    estimator.n_features_in_ = 4
    float32 = np.dtype(np.float32)
    one_row = check_training_data(
        estimator, Given(X[:1], y[:1]), lambda _: Classes(np.array([0, 1])), float32
    )
    assert one_row.X.dtype == one_row.data.X.dtype == float32
    assert len(one_row.data.y) == 1
    with pytest.raises(ValueError, match=r"X has 3 features.*expecting 4"):
        check_training_data(estimator, Given(X[:, :3], y), Classes.from_labels, float32)


def test_columns_of_corrupted_are_found_by_the_names_of_the_modes():
    failed = np.arange(120).reshape(60, 2) % 5 == 0
    plain, _ = check(Given(X, y, None, failed))
    for frame in (
        pd.DataFrame(failed[:, ::-1], columns=["a", "b"]),
        pd.DataFrame(failed),
        pd.DataFrame(failed.astype(int), columns=["b", "a"]),
        pa.table({"a": failed[:, 1], "b": failed[:, 0]}),
    ):
        by_name, _ = check(Given(X, y, None, frame))
        np.testing.assert_array_equal(by_name.data.corrupted, plain.data.corrupted)
    nothing, _ = check(Given(X, y))
    assert not nothing.data.corrupted.any()


def test_a_further_fit_must_have_the_modes_of_the_one_before():
    before = ModeLayout.from_columns({"a": [0, 2], "b": [1]})
    check_continues(before.as_dict(), before, "partial_fit")
    for other in (
        {"b": [1], "a": [0, 2]},  # order counts
        {"a": [2, 0], "b": [1]},
        {"a": [0, 2], "c": [1]},
        {"a": [0, 2]},
    ):
        layout = ModeLayout.from_columns(other)
        with pytest.raises(ValueError, match="partial_fit needs the modes of the prev"):
            check_continues(before.as_dict(), layout, "partial_fit")


def test_a_mode_without_any_clean_value_is_named_with_its_reason():
    layout = ModeLayout.from_columns({"a": [0, 1], "b": [2]})
    values = np.array([[np.nan, 1.0, 2.0], [3.0, np.nan, 4.0]])
    failed = np.array([[True, False], [False, True]])
    data = TrainingSet(values, np.arange(2), np.ones(2), np.ones(2), failed)
    check_modes_seen(data, layout)
    both = data._replace(corrupted=np.ones((2, 2), dtype=bool))
    with pytest.raises(ValueError, match="Mode 'a' is corrupted in every"):
        check_modes_seen(both, layout)
    only_corrupted = data._replace(corrupted=np.array([[False, True]] * 2))
    with pytest.raises(ValueError, match="Mode 'b' is corrupted in every"):
        check_modes_seen(only_corrupted, layout)
    without = data._replace(X=np.where(layout.index == 1, np.nan, values))
    with pytest.raises(ValueError, match="Mode 'b' is missing in every"):
        check_modes_seen(without, layout)


def test_numbers_are_standardised_by_what_distinct_samples_weigh():
    values, weight = np.round(X[:, :2] * 3), np.arange(60.0) % 3
    estimator = helpers.quick_regressor(modes=MODES)
    checked = check_training_data(
        estimator, Given(X, values, weight), estimator._read_target
    )
    repeated = np.repeat(values, weight.astype(int), axis=0)
    np.testing.assert_allclose(checked.target.location, repeated.mean(axis=0))
    np.testing.assert_allclose(checked.target.scale, repeated.std(axis=0))
    kept = checked.sample_of_row >= 0
    place = checked.sample_of_row[kept]
    np.testing.assert_array_equal(checked.data.y[place], values[kept])


@pytest.mark.parametrize(
    "values, message",
    [
        (np.array(["1.5"] * 60), "must hold numbers"),
        (np.where(X[:, 0] > 0, np.nan, 1.0), "y"),
        (X[:, 0] + 1j, "[Cc]omplex"),
        (X[:, :, np.newaxis], "dim"),
    ],
)
def test_of_a_regressor_y_holds_numbers(values, message):
    estimator = helpers.quick_regressor(modes=MODES)
    with pytest.raises(ValueError, match=message):
        check_training_data(estimator, Given(X, values), estimator._read_target)


def test_of_a_classifier_y_has_one_axis():
    with pytest.raises(ValueError, match="1d array"):
        check(Given(X, X[:, :2] > 0))
