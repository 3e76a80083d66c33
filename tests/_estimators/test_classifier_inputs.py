"""What the classifier takes: missing values, any number of modes, any names."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector

import helpers
from sklearn_emma.datasets import make_multimodal_classification

MODES = helpers.UNEQUAL_MODES
quick = partial(helpers.quick, epochs=5, pretraining_max_iter=3, modes=MODES)


@pytest.fixture(scope="module")
def data():
    return helpers.three_unequal_modes()


def test_missing_values_in_training(data):
    X, y = data[0].copy(), data[1]
    X[:50, MODES["a"]] = np.nan
    X[50:60, 3] = np.nan
    X[60] = np.nan
    model = quick().fit(X, y)
    np.testing.assert_allclose(model.scaler_.mean_, np.nanmean(X, axis=0), rtol=1e-9)
    assert np.all(model.attention_[:50, 0] == 0) and np.all(model.attention_[60] == 0)
    # The energy of a mode is learnt from the rows that have it.
    full = quick().fit(data[0], y)
    values = [m.energies_["a"].components_ for m in (model, full)]
    assert np.isfinite(values[0]).all() and not np.allclose(*values)


@pytest.mark.filterwarnings("error")
def test_a_column_or_a_row_may_be_missing_throughout(data):
    X, y = data[0].copy(), data[1]
    X[:, 1] = np.nan
    model = quick().fit(X, y)
    assert np.isfinite(model.predict_proba(data[0])).all()


def test_constant_features(data):
    X, y = data[0].copy(), data[1]
    X[:, 0], X[:, 5] = 7.0, -3.0  # one of three features; a whole mode
    model = quick(max_iter=20, pretraining_max_iter=20).fit(X, y)
    assert np.isfinite(model.attention_).all()
    assert model.score(X, y) > 0.7
    X[:, 5] += 1.0
    assert np.isfinite(model.predict_proba(X)).all()


# -------------------------------------------------------------------------------- modes


@pytest.mark.parametrize(("n_modes", "width"), [(1, 1), (1, 4), (2, 2), (64, 1)])
def test_numbers_and_widths_of_modes(n_modes, width):
    X, y, modes = make_multimodal_classification(
        n_samples=90,
        n_modes=n_modes,
        n_features_per_mode=width,
        redundancy=0.8,
        random_state=0,
    )
    model = quick(modes=modes).fit(X, y)
    assert model.attention_.shape == (90, n_modes)
    np.testing.assert_allclose(model.importance(X).sum(axis=1), 1, rtol=1e-9)
    assert np.isfinite(model.predict_proba(X)).all()
    if n_modes == 1:
        np.testing.assert_array_equal(model.importance(X), 1.0)


def frame(X):
    return pd.DataFrame(X, columns=[f"{m}__{i}" for m in MODES for i in MODES[m]])


@pytest.mark.parametrize(
    "modes",
    [
        MODES,
        list(MODES.values()),
        tuple(MODES.values()),
        {"a": slice(0, 3), "b": slice(3, 5), "c": 5},
        {"a": range(3), "b": np.array([3, 4]), "c": [-1]},
        {"a": [True] * 3 + [False] * 3, "b": [3, 4], "c": [5]},
        {m: make_column_selector(pattern=f"^{m}__") for m in MODES},
        {"a": ["a__0", "a__1", "a__2"], "b": slice("b__3", "b__4"), "c": "c__5"},
        None,
    ],
    ids=["dict", "list", "tuple", "slices", "kinds", "mask", "call", "names", "None"],
)
def test_ways_to_name_modes(data, modes):
    model = quick(modes=modes, max_iter=1, pretraining_max_iter=1).fit(
        frame(data[0]), data[1]
    )
    for got, expected in zip(model.modes_.values(), MODES.values(), strict=True):
        np.testing.assert_array_equal(got, expected)
    named = not isinstance(modes, list | tuple)
    assert list(model.modes_) == (list("abc") if named else ["mode0", "mode1", "mode2"])


def test_modes_of_two_level_columns(data):
    X, y = data
    two_level = pd.DataFrame(
        X, columns=pd.MultiIndex.from_tuples((m, i) for m in MODES for i in MODES[m])
    )
    model = quick(modes=None).fit(two_level, y)
    assert list(model.modes_) == list("abc")
    assert list(model.feature_names_in_) == list(frame(X).columns)
    plain = quick().fit(X, y)
    expected = plain.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(two_level), expected, rtol=1e-9)
    assert isinstance(two_level.columns, pd.MultiIndex)


def test_without_names_each_column_is_a_mode(data):
    X, y = data
    assert list(quick(modes=None, max_iter=1).fit(X, y).modes_) == [
        f"x{i}" for i in range(6)
    ]


def test_remainder_and_order(data):
    X, y = data
    backwards = {"c": [5], "b": [4, 3]}
    dropped = quick(modes=backwards, remainder="drop").fit(X, y)
    assert list(dropped.modes_) == ["c", "b"]
    np.testing.assert_allclose(dropped.scaler_.mean_, X[:, [5, 4, 3]].mean(axis=0))
    other = X.copy()
    other[:, :3] = 1e6
    expected = dropped.predict_proba(X)
    np.testing.assert_array_equal(dropped.predict_proba(other), expected)
    rest = quick(modes=backwards, remainder="mode").fit(X, y)
    np.testing.assert_array_equal(rest.modes_["remainder"], [0, 1, 2])
    assert rest.attention_.shape == (150, 3)
