import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone

import helpers
from sklearn_emma.robustness import attention_curve

MODES = {"c": [5], "a": [0, 1, 2], "b": [3, 4]}
METHODS = (
    "attention",
    "importance",
    "potential_energy",
    "modal_energy",
    "p_values",
    "failing_modes",
)
X, Y = helpers.three_unequal_modes()
X[0, 5] = np.nan


@pytest.fixture
def fitted():
    return helpers.quick(modes=MODES, epochs=1).fit(X, Y)


@pytest.mark.parametrize("method", METHODS)
def test_frames_have_a_column_for_each_mode_and_the_values_of_arrays(fitted, method):
    expected = getattr(fitted, method)(X)
    frame = getattr(fitted.set_output(transform="pandas"), method)(X)
    assert isinstance(frame, pd.DataFrame) and list(frame) == list(MODES)
    np.testing.assert_array_equal(frame, expected)
    assert frame.dtypes.eq(expected.dtype).all()
    labelled = pd.DataFrame(X, index=np.arange(150) + 3)
    assert getattr(fitted, method)(labelled).index.equals(labelled.index)
    frame = getattr(fitted.set_output(transform="polars"), method)(X)
    assert isinstance(frame, pl.DataFrame) and frame.columns == list(MODES)
    np.testing.assert_array_equal(frame.to_numpy(), expected)
    again = getattr(fitted.set_output(transform="default"), method)(X)
    assert isinstance(again, np.ndarray)


def test_clones_and_refits_do_the_same_and_predictions_stay_arrays(fitted):
    fitted.set_output(transform="pandas").set_output()
    again = clone(fitted).fit(X, Y)
    assert isinstance(again.attention(X), pd.DataFrame)
    assert isinstance(again.predict_proba(X), np.ndarray)
    assert isinstance(again.attention_, np.ndarray)


def test_the_global_setting_is_for_transformers(fitted):
    with config_context(transform_output="pandas"):
        assert isinstance(fitted.attention(X), np.ndarray)


def test_curves_do_not_depend_on_it(fitted):
    options = {"mode": "a", "levels": [0, 2], "n_repeats": 1, "random_state": 0}
    expected = attention_curve(fitted, X, **options)
    found = attention_curve(fitted.set_output(transform="pandas"), X, **options)
    np.testing.assert_array_equal(found.mean, expected.mean)


def test_an_unknown_container_is_refused(fitted):
    with pytest.raises(ValueError, match="'transform' parameter of set_output"):
        fitted.set_output(transform="spark")
