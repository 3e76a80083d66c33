"""Corrupted copies of data in their own units."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array

from helpers import random_state_kept
from sklearn_emma.corruption import (
    Bias,
    GaussianNoise,
    MissingMode,
    Mixture,
    SaltAndPepper,
    ZeroedMode,
)
from sklearn_emma.exceptions import ModesWarning
from sklearn_emma.robustness import corrupt

MODES = {"a": [3, 0], "b": [1]}  # column 2 is in no mode


@pytest.fixture(name="X")
def samples():
    units, centres = np.array([1.0, 10.0, 100.0, 0.1]), np.array([0.0, 5.0, -50.0, 2.0])
    return centres + units * np.random.default_rng(0).normal(size=(200, 4))


def cells(corrupted):
    """Which cells of X are in a mode that failed."""
    a, b = corrupted.T
    return np.column_stack([a, b, np.zeros_like(a), a])


def test_a_failing_mode_fails_in_units_of_the_standard_deviation(X):
    before = X.copy()
    failed, corrupted = corrupt(
        X, Bias(2.0), modes=MODES, return_corrupted=True, random_state=0
    )
    assert (corrupted.sum(axis=1) == 1).all() and corrupted.any(axis=0).all()
    expected = np.where(cells(corrupted), X + 2.0 * X.std(axis=0), X)
    np.testing.assert_allclose(failed, expected)
    np.testing.assert_array_equal(failed[~cells(corrupted)], X[~cells(corrupted)])
    np.testing.assert_array_equal(X, before)


def test_reference_gives_mean_and_units(X):
    reference = 3.0 * X[:50] + 1.0
    failed, corrupted = corrupt(
        X, ZeroedMode(), modes=MODES, reference=reference, return_corrupted=True
    )
    expected = np.where(cells(corrupted), reference.mean(axis=0), X)
    np.testing.assert_allclose(failed, expected)


def test_noise_of_one_unit_doubles_the_variance(X):
    big = np.tile(X, (20, 1))
    failed = corrupt(big, GaussianNoise(1.0), modes=[[0, 1, 2, 3]], random_state=0)
    np.testing.assert_allclose(failed.var(0) / big.var(0), 2, rtol=0.1)


def test_missing_values_stay_missing_and_others_are_not_touched(X):
    X[::3, 0] = np.nan
    failed, corrupted = corrupt(
        X, Bias(1.0), modes=MODES, return_corrupted=True, random_state=0
    )
    np.testing.assert_array_equal(np.isnan(failed), np.isnan(X))
    expected = np.where(cells(corrupted), X + np.nanstd(X, axis=0), X)
    np.testing.assert_allclose(failed, expected)


def test_a_feature_without_any_value_is_no_problem(X):
    X[:, 0] = np.nan
    failed = corrupt(X, Bias(1.0), modes=MODES, random_state=0)
    np.testing.assert_array_equal(np.isnan(failed), np.isnan(X))


@random_state_kept()
def test_random_state_decides_everything(X):
    def draw(random_state):
        return corrupt(X, GaussianNoise(), modes=MODES, random_state=random_state)

    np.testing.assert_array_equal(draw(0), draw(0))
    np.testing.assert_array_equal(draw(0), draw(np.random.RandomState(0)))
    assert (draw(0) != draw(1)).any()
    rng = np.random.RandomState(0)
    assert (draw(rng) != draw(rng)).any(), "an instance moves on"


def test_clean_fraction_and_n_failing(X):
    options = {"modes": [[0], [1], [2, 3]], "return_corrupted": True, "random_state": 0}
    _, clean = corrupt(X, Bias(), clean_fraction=1.0, **options)
    assert not clean.any()
    _, two = corrupt(X, Bias(), n_failing=2, **options)
    assert (two.sum(axis=1) == 2).all()
    _, half = corrupt(X, Bias(), clean_fraction=0.5, **options)
    assert 0.35 < half.any(axis=1).mean() < 0.65


def test_the_unit_of_a_constant_feature_is_its_own_size_or_1_if_it_is_0(X):
    X[:, 0], X[:, 1] = 0.0, -7.0
    failed, corrupted = corrupt(
        X, Bias(2.0), modes=MODES, return_corrupted=True, random_state=0
    )
    column = {c: m for m, columns in enumerate(MODES.values()) for c in columns}
    np.testing.assert_allclose(failed[:, 0], 2.0 * corrupted[:, column[0]])
    np.testing.assert_allclose(failed[:, 1], -7.0 + 14.0 * corrupted[:, column[1]])


# ------------------------------------------------------------------ kinds of input


def test_a_data_frame_comes_back_as_one(X):
    frame = pd.DataFrame(X, columns=list("pqrs"), index=np.arange(200)[::-1])
    named = {"a": ["s", "p"], "b": "q"}
    failed = corrupt(frame, Bias(), modes=named, random_state=0)
    assert failed.columns.equals(frame.columns) and failed.index.equals(frame.index)
    expected = corrupt(X, Bias(), modes=MODES, random_state=0)
    np.testing.assert_array_equal(failed, expected)


def test_two_level_columns_come_back(X):
    columns = pd.MultiIndex.from_tuples([("a", 0), ("b", 0), ("b", 1), ("a", 1)])
    frame = pd.DataFrame(X, columns=columns)
    failed, corrupted = corrupt(
        frame, MissingMode(), return_corrupted=True, random_state=0
    )
    assert failed.columns.equals(columns)
    np.testing.assert_array_equal(np.isnan(failed["a"]).all(axis=1), corrupted[:, 0])
    np.testing.assert_array_equal(np.isnan(failed["b"]).all(axis=1), corrupted[:, 1])


def test_a_polars_frame_comes_back_as_one(X):
    frame = pl.DataFrame(X, schema=list("pqrs"))
    before = frame.clone()
    failed = corrupt(frame, Bias(), modes={"a": ["s", "p"], "b": "q"}, random_state=0)
    assert isinstance(failed, pl.DataFrame) and failed.schema == frame.schema
    expected = corrupt(X, Bias(), modes=MODES, random_state=0)
    np.testing.assert_array_equal(failed, expected)
    assert frame.equals(before)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_columns_in_no_mode_keep_their_type(make):
    frame = make({"a": [1, 2, 3], "b": [1, 2, 3]})
    failed = corrupt(frame, Bias(0.5), modes={"m": ["b"]})
    assert failed["a"].dtype == frame["a"].dtype
    assert failed["b"].dtype == make({"b": [0.5]})["b"].dtype


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_columns_of_a_frame_in_no_mode_may_hold_anything(make):
    values = {"a": [1.0, 2.0, 6.0], "b": [3.0, 4.0, 5.0]}
    others = {"site": ["x", None, "z"], "limit": [np.inf, 0.0, 1.0]}
    modes = {"m": ["a", "b"]}
    failed = corrupt(make(values | others), Bias(), modes=modes)
    assert list(failed.columns) == ["a", "b", "site", "limit"]
    expected = corrupt(make(values), Bias(), modes=modes)
    np.testing.assert_array_equal(failed[["a", "b"]], expected)
    untouched, given = failed[["site", "limit"]], make(others)
    assert untouched.equals(given)
    for bad, culprit in (("site", "float: 'x'"), ("limit", "X contains infinity")):
        with pytest.raises(ValueError, match=culprit):
            corrupt(make(values | others), Bias(), modes={"m": ["a", bad]})


def test_all_columns_of_an_array_must_be_numbers(X):
    X[0, 2] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        corrupt(X, Bias(), modes=MODES)
    rows = [[1.0, "x"], [2.0, "y"]]
    with pytest.raises(ValueError, match="'x'"):
        corrupt(rows, Bias(), modes={"m": [0]})


def test_missing_values_in_a_list_stay_missing():
    failed = corrupt([[1.0, pd.NA], [3.0, 4.0]], Bias(1.0), modes={"m": [0, 1]})
    np.testing.assert_allclose(failed, [[2.0, np.nan], [4.0, 8.0]])


@pytest.mark.parametrize("make", [list, np.array, pd.Series])
def test_one_dimension_is_refused(X, make):
    with pytest.raises(ValueError, match=r"`X`: Expected .*(2D|2-dimensional)"):
        corrupt(make([1.0, 2.0]), Bias())
    with pytest.raises(ValueError, match=r"`reference`: Expected .*(2D|2-dimensional)"):
        corrupt(X, Bias(), reference=make([1.0, 2.0, 3.0, 4.0]))


def test_sparse_input_is_refused(X):
    with pytest.raises(TypeError, match="Sparse data was passed for X"):
        corrupt(csr_array(X), Bias())
    with pytest.raises(TypeError, match="Sparse data was passed for reference"):
        corrupt(X, Bias(), reference=csr_array(X))


@pytest.mark.parametrize("make", [list, np.asfortranarray])
def test_other_inputs_give_an_array(X, make):
    given = X.tolist() if make is list else make(X)
    failed = corrupt(given, Bias(), modes=MODES, random_state=0)
    assert isinstance(failed, np.ndarray)
    expected = corrupt(X, Bias(), modes=MODES, random_state=0)
    np.testing.assert_array_equal(failed, expected)


def test_whole_numbers_become_real():
    X = np.arange(12).reshape(3, 4)
    failed = corrupt(X, Bias(0.5), random_state=0)
    assert failed.dtype == np.float64 and (failed != X).sum() == 3


@pytest.mark.parametrize(
    ("change", "options", "culprit"),
    [
        (np.inf, {}, "infinity"),
        (0.0, {"modes": {"a": [9]}}, "Mode 'a': cannot find"),
        (0.0, {"modes": [[0], [0, 1]]}, "Modes overlap"),
        (0.0, {"clean_fraction": 30}, "'clean_fraction' parameter of corrupt .*30"),
        (0.0, {"n_failing": -1}, "'n_failing' parameter of corrupt .*-1"),
        (0.0, {"n_failing": 5}, "n_failing=5 modes .* only 4"),
    ],
)
def test_errors_name_what_is_wrong(X, change, options, culprit):
    X[0, 0] = change
    with pytest.raises(ValueError, match=culprit):
        corrupt(X, Bias(), **options)


@pytest.mark.parametrize(
    ("corruption", "culprit"),
    [
        (GaussianNoise, r"class GaussianNoise; write GaussianNoise\(\)"),
        (Mixture([MissingMode]), r"corruptions\[0\] .*class MissingMode"),
        ("noise", "method `corrupt`, got 'noise'"),
        (None, "method `corrupt`, got None"),
        (SaltAndPepper(fraction=30), "'fraction' parameter of SaltAndPepper"),
    ],
)
def test_a_bad_corruption_is_named(X, corruption, culprit):
    with pytest.raises(ValueError, match=culprit):
        corrupt(X, corruption)


def test_reference_of_another_width_is_named(X):
    with pytest.raises(ValueError, match="reference"):
        corrupt(X, Bias(), reference=X[:, :2])


@pytest.mark.parametrize("modes", [{"all": ["u", "v"]}, ["u"]])
def test_a_single_mode_that_is_named_is_nothing_to_warn_of(modes):
    """It is what fails here; nothing is learnt that would have to rely on others."""
    table = pd.DataFrame({"u": [1.0, 2.0], "v": [3.0, 5.0], "w": [0.0, 1.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("error", ModesWarning)
        failed = corrupt(table, MissingMode(), modes=modes)
    assert failed["u"].isna().all() and failed["w"].notna().all()


def test_modes_that_were_not_found_are_warned_of_here_too(X):
    with pytest.warns(ModesWarning, match="each of the 4 columns"):
        corrupt(X, MissingMode())
