"""What the classifier takes: missing values, any number of modes, any labels."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from sklearn.compose import make_column_selector

import helpers
from sklearn_emma.datasets import make_multimodal_classification

MODES = helpers.UNEQUAL_MODES
quick = partial(helpers.quick, epochs=5, pretraining_max_iter=3, modes=MODES)


@pytest.fixture(scope="module")
def data():
    return helpers.three_unequal_modes()


@pytest.fixture(scope="module")
def fitted(data):
    return quick(max_iter=20, pretraining_max_iter=10).fit(*data)


def test_a_missing_mode_takes_part_in_nothing(data, fitted):
    X = data[0].copy()
    X[:, MODES["b"]] = np.nan
    assert np.all(fitted.attention(X)[:, 1] == 0)
    importance = fitted.importance(X)
    assert np.all(importance[:, 1] == 0)
    np.testing.assert_allclose(importance.sum(axis=1), 1, rtol=1e-12)
    for energy in (fitted.potential_energy(X), fitted.modal_energy(X)):
        np.testing.assert_array_equal(np.isnan(energy), [[False, True, False]] * 150)
    assert np.isfinite(fitted.predict_proba(X)).all()
    np.testing.assert_allclose(
        fitted.total_energy(X), np.nansum(fitted.modal_energy(X), axis=1), rtol=1e-12
    )
    own = fitted.potential_energy(data[0])
    np.testing.assert_allclose(fitted.potential_energy(X)[:, 0], own[:, 0], rtol=1e-12)


def test_a_row_without_any_mode(fitted):
    nothing = np.full((2, 6), np.nan)
    proba = fitted.predict_proba(nothing)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert set(fitted.predict(nothing)) <= {0, 1}
    assert np.all(fitted.attention(nothing) == 0)
    assert np.isnan(fitted.total_energy(nothing)).all()
    at_the_mean = torch.zeros(1, 6, dtype=torch.float64)
    with torch.no_grad():
        expected = softmax(fitted.network_.predictor(at_the_mean).numpy(), axis=1)
    np.testing.assert_allclose(proba, expected.repeat(2, axis=0), rtol=1e-9)


def test_a_mode_with_some_values_missing_is_filled_with_the_mean(data, fitted):
    X = data[0].copy()
    X[:, 1] = fitted.scaler_.mean_[1]
    holes = X.copy()
    holes[:, 1] = np.nan
    for method in helpers.METHODS:
        expected = getattr(fitted, method)(X)
        np.testing.assert_allclose(getattr(fitted, method)(holes), expected, rtol=1e-9)


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


# --------------------------------------------------------------------- modes and labels


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


@pytest.mark.parametrize("n_modes", [1, 2, 8, 64])
def test_gain_starts_so_that_nothing_shrinks(n_modes):
    """β(1/M) is tanh 2, whatever M is."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, n_modes)), rng.integers(0, 2, 60)
    model = quick(modes=None, rho=1e-9, lr=1e-9, joint_energy=False).fit(X, y)
    np.testing.assert_allclose(model.attention_, np.tanh(2.0), rtol=1e-4)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1]),
        np.array([-1, 1]),
        np.array([False, True]),
        np.array(["background", "pulsar"]),
        np.array(["x", "y", "z"], dtype=object),
        np.array([2.0, 5.0, 9.0]),
        np.arange(7),
    ],
    ids=str,
)
def test_labels(labels):
    n_classes = len(labels)
    X, y, modes = make_multimodal_classification(
        n_samples=140,
        n_features_per_mode=6,
        n_classes=n_classes,
        class_sep=8.0,
        redundancy=1.0,
        random_state=0,
    )
    model = quick(modes=modes, max_iter=10, pretraining_max_iter=20, lr=0.02)
    model.fit(X, labels[y])
    np.testing.assert_array_equal(model.classes_, labels)
    predicted = model.predict(X)
    assert predicted.dtype == labels.dtype
    assert np.mean(predicted == labels[y]) > 0.9
    assert model.predict_proba(X).shape == (140, n_classes)
    expected = (140,) if n_classes == 2 else (140, n_classes)
    assert model.decision_function(X).shape == expected


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
