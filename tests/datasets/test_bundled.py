"""Bundled data: scikit-learn's values, with modes where the docstrings say."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from sklearn_emma.datasets import load_breast_cancer_modes, load_digits_quadrants

PAIRS = [
    (load_breast_cancer_modes, load_breast_cancer),
    (load_digits_quadrants, load_digits),
]
LOADERS = [load for load, _ in PAIRS]


@pytest.mark.parametrize(("load", "source"), PAIRS)
def test_values_are_those_of_scikit_learn(load, source):
    bunch, expected = load(), source()
    np.testing.assert_array_equal(bunch.data, expected.data)
    np.testing.assert_array_equal(bunch.target, expected.target)
    np.testing.assert_array_equal(bunch.target_names, expected.target_names)
    assert bunch.frame is None
    assert bunch.DESCR.startswith(expected.DESCR.rstrip())
    assert "Modes\n-----" in bunch.DESCR


@pytest.mark.parametrize("load", LOADERS)
def test_every_column_is_in_one_mode(load):
    bunch = load()
    columns = sorted(itertools.chain(*bunch.modes.values()))
    assert columns == list(range(bunch.data.shape[1]))
    assert len(set(bunch.feature_names)) == len(columns)
    for mode, indices in bunch.modes.items():
        for index in indices:
            assert bunch.feature_names[index].startswith(f"{mode}__")


@pytest.mark.parametrize("load", LOADERS)
def test_data_and_target_alone(load):
    bunch = load()
    X, y = load(return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)


@pytest.mark.parametrize("load", LOADERS)
def test_as_frame(load):
    arrays, frames = load(), load(as_frame=True)
    assert list(frames.data.columns) == arrays.feature_names
    np.testing.assert_array_equal(frames.data.to_numpy(), arrays.data)
    assert isinstance(frames.target, pd.Series) and frames.target.name == "target"
    pd.testing.assert_frame_equal(frames.frame.drop(columns="target"), frames.data)
    pd.testing.assert_series_equal(frames.frame["target"], frames.target)
    assert list(frames.modes) == list(arrays.modes)
    for mode, names in frames.modes.items():
        np.testing.assert_array_equal(
            frames.data[names].to_numpy(), arrays.data[:, arrays.modes[mode]]
        )
    X, y = load(as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, frames.data)
    pd.testing.assert_series_equal(y, frames.target)


def test_breast_cancer_modes_match_the_names_in_scikit_learn():
    bunch, source = load_breast_cancer_modes(), load_breast_cancer()
    assert list(bunch.modes) == ["mean", "error", "worst"]
    assert bunch.modes["mean"] == list(range(10))
    assert bunch.modes["error"] == list(range(10, 20))
    assert bunch.modes["worst"] == list(range(20, 30))
    for mode, columns in bunch.modes.items():
        assert all(mode in source.feature_names[column] for column in columns)
    assert bunch.feature_names[0] == "mean__radius"
    assert bunch.feature_names[17] == "error__concave_points"
    assert bunch.feature_names[29] == "worst__fractal_dimension"


def test_breast_cancer_modes_hold_the_same_ten_measurements():
    bunch = load_breast_cancer_modes()
    mean, error, worst = (
        [bunch.feature_names[column].split("__")[1] for column in columns]
        for columns in bunch.modes.values()
    )
    assert mean == error == worst
    # the worst value is a mean over the largest, so never below the mean
    assert np.all(
        bunch.data[:, bunch.modes["worst"]] >= bunch.data[:, bunch.modes["mean"]]
    )


@pytest.mark.parametrize(
    ("mode", "rows", "columns"),
    [
        ("top_left", slice(0, 4), slice(0, 4)),
        ("top_right", slice(0, 4), slice(4, 8)),
        ("bottom_left", slice(4, 8), slice(0, 4)),
        ("bottom_right", slice(4, 8), slice(4, 8)),
    ],
)
def test_digits_modes_are_the_quadrants_of_the_image(mode, rows, columns):
    bunch = load_digits_quadrants()
    quadrant = bunch.data[:, bunch.modes[mode]].reshape(-1, 4, 4)
    np.testing.assert_array_equal(quadrant, bunch.images[:, rows, columns])


def test_digits_names():
    bunch = load_digits_quadrants()
    assert list(bunch.modes) == ["top_left", "top_right", "bottom_left", "bottom_right"]
    assert bunch.feature_names[8 * 2 + 5] == "top_right__pixel_2_5"
    assert bunch.feature_names[8 * 4 + 3] == "bottom_left__pixel_4_3"


def test_digits_n_class():
    bunch = load_digits_quadrants(n_class=3)
    assert set(bunch.target) == {0, 1, 2}
    assert list(bunch.target_names) == [0, 1, 2]
    assert len(bunch.images) == len(bunch.data) == len(bunch.target) == 537
    with pytest.raises(ValueError, match="n_class"):
        load_digits_quadrants(n_class=11)
