"""Modes that are hardly what is meant are warned of, and no others."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_emma._inputs.modes import resolve_modes
from sklearn_emma.exceptions import ModesWarning

ARRAY = np.zeros((3, 4))


def frame(*names):
    return pd.DataFrame(np.zeros((2, len(names))), columns=list(names))


FRAME = frame(*"abcd")
FOUND = frame("a__0", "a__1", "b__0", "b__1")


@pytest.mark.parametrize(
    ("X", "modes", "message"),
    [
        (ARRAY, None, r"array has no names.*each of the 4 .*modes=\{.*set_output"),
        (FRAME, None, r"not all columns are named mode__feature.*4 columns.*modes=\{"),
        (pl.DataFrame({"u": [1.0], "v": [2.0]}), None, "each of the 2 columns"),
        (pd.DataFrame(ARRAY), None, "not all columns are named"),
        (
            frame("a__0", "a__1", "id"),
            None,
            r"Most columns read mode__feature, but not 'id'.*modes=\{",
        ),
        (frame("a__0", "a__1"), None, "one mode only, 'a'"),
        (frame("a__0", "b__0", "c__0"), None, "as many modes as columns, 3"),
        (frame("a__0", "a__1", "remainder__0"), None, "called 'remainder'"),
        (FRAME, {"all": ["a", "b"]}, "one mode only, 'all'"),
        (FRAME, ["a", "b", "c", "d"], "as many modes as columns, 4"),
        (FRAME, {"m": slice("a", "c")}, "one mode only"),
        (FRAME, {"m": lambda X: ["a", "b"]}, "one mode only"),
    ],
)
def test_doubtful_modes_are_warned_of(X, modes, message):
    with pytest.warns(ModesWarning, match=message) as caught:
        resolve_modes(X, modes, "drop")
    assert len(caught) == 1
    assert issubclass(ModesWarning, UserWarning)


@pytest.mark.parametrize("X", [ARRAY, FRAME])
@pytest.mark.parametrize(
    "modes",
    [
        {"all": [0, 1, 2, 3]},
        {"all": slice(0, 4)},
        {"all": [True, True, False, False]},
        {"all": np.array([0, 1])},
        {"all": lambda X: [0, 1]},
        {"all": range(4)},
        {"remainder": [0, 1], "b": [2, 3]},
        [0, 1, 2, 3],
        {"a": 0, "b": [1]},
    ],
)
def test_modes_that_are_given_by_index_are_never_warned_of(X, modes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resolve_modes(X, modes, "drop")
        resolve_modes(X, modes, "mode" if "remainder" not in modes else "drop")


@pytest.mark.parametrize(
    ("X", "modes"),
    [
        (FOUND, None),
        (FRAME, {"x": ["a", "b"], "y": ["c", "d"]}),
        (FRAME, {"x": "a", "y": ["b", "c"]}),
        (FRAME, {"x": ["a", "b"]}),
    ],
)
def test_modes_that_are_as_they_should_be_are_not_warned_of(X, modes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resolve_modes(X, modes, "mode")
