"""Modes with a shape: what fits, what does not, and that nothing else changes."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_emma import EMMAClassifier, Mode
from sklearn_emma._inputs.modes import resolve_modes
from sklearn_emma._inputs.shapes import shapes_of
from sklearn_emma.corruption import MissingMode, ModeLayout
from sklearn_emma.robustness import corrupt

X = np.random.default_rng(0).normal(size=(60, 10))
y = (X[:, 0] + X[:, 8] > 0).astype(int)
MODES = {"camera": Mode(slice(0, 8), shape=(2, 2, 2)), "weather": [8, 9]}
QUICK = {"max_iter": 2, "pretraining_max_iter": 2, "random_state": 0}


def test_columns_of_a_mode_are_found_as_those_of_a_plain_one():
    frame = pd.DataFrame(X[:, :4], columns=list("abcd"))
    modes = {"image": Mode(["d", "b", "a", "c"], shape=(1, 2, 2))}
    found = resolve_modes(frame, modes, "error", one_will_do=True)
    assert found["image"].tolist() == [3, 1, 0, 2]


def test_shapes_are_those_that_were_said():
    assert shapes_of(MODES) == {"camera": (2, 2, 2)}
    assert shapes_of([[0], Mode([1, 2], shape=np.array([1, 2]))]) == {"mode1": (1, 2)}
    assert shapes_of({"plain": Mode([0, 1])}) == {}
    assert shapes_of(None) == {}


@pytest.mark.parametrize("shape", [(2, 2), (1, 8, 8), (7,)])
def test_a_shape_that_does_not_fit_names_the_mode_and_both_sizes(shape):
    modes = {"camera": Mode(range(8), shape=shape), "weather": [8, 9]}
    size = int(np.prod(shape))
    message = f"Mode 'camera': a shape of .* holds {size} values, but .* 8 columns"
    with pytest.raises(ValueError, match=message):
        EMMAClassifier(modes).fit(X, y)


@pytest.mark.parametrize("shape", [(), 8, "18", (2.0, 4), (-2, -4), (True, 8), [None]])
def test_what_is_no_shape_is_an_error_that_names_the_mode(shape):
    with pytest.raises(ValueError, match=r"Mode 'camera': `shape` must be a tuple"):
        resolve_modes(X, {"camera": Mode(range(8), shape=shape)}, "drop")


def test_a_column_that_is_not_there_is_reported_as_of_a_plain_mode():
    with pytest.raises(ValueError, match=r"Mode 'camera': .*column 10 is out of range"):
        resolve_modes(X, {"camera": Mode([10], shape=(1, 1))}, "drop")


def test_the_layout_knows_the_shape():
    layout = ModeLayout.from_columns({"a": [3, 1], "b": [0]}, {"a": (1, 2)})
    assert layout.shapes == ((1, 2), (1,))
    assert layout.widths == (2, 1)


def test_a_mode_without_a_shape_changes_no_bit():
    plain = EMMAClassifier({"camera": range(8), "weather": [8, 9]}, **QUICK).fit(X, y)
    named = {"camera": Mode(range(8)), "weather": Mode([8, 9])}
    same = EMMAClassifier(named, **QUICK).fit(X, y)
    np.testing.assert_array_equal(plain.predict_proba(X), same.predict_proba(X))


def test_estimators_with_shapes_are_cloned_pickled_and_searched():
    clf = EMMAClassifier(MODES, **QUICK)
    assert clone(clf).get_params()["modes"] == MODES
    model = make_pipeline(FunctionTransformer(), clf)
    assert cross_val_score(model, X, y, cv=2).shape == (2,)
    search = GridSearchCV(clf, {"rho": [1.0, 2.0]}, cv=2).fit(X, y)
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict_proba(X), search.predict_proba(X))
    assert search.best_estimator_.modes_["camera"].tolist() == list(range(8))


def test_an_image_without_a_single_value_is_a_missing_mode():
    clf = EMMAClassifier(MODES, **QUICK).fit(X, y)
    lost = X[:5].copy()
    lost[:, :8] = np.nan
    assert (clf.attention(lost)[:, 0] == 0).all()
    lost[:, 3] = 0.5  # all but one of its pixels
    assert (clf.importance(lost)[:, 0] > 0).all()


def test_modes_with_a_shape_are_made_to_fail_as_others():
    failed = corrupt(X, MissingMode(), modes=MODES, random_state=0)
    gone = np.isnan(failed)
    assert (gone[:, :8].all(axis=1) ^ gone[:, 8:].all(axis=1)).all()
