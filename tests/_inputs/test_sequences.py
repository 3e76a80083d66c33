"""Signals of different lengths as one array, and errors that name the sample."""

import numpy as np
import pandas as pd
import pytest

from sklearn_emma import Mode, pack_modes
from sklearn_emma._inputs.sequences import are_ragged, padded

NAN = np.nan
SIGNALS = [np.arange(3.0), np.arange(1.0), np.arange(2.0)]


def test_nan_follows_the_end_of_each_signal():
    X, modes = pack_modes({"mic": SIGNALS, "speed": [1, 2, 3]})
    assert modes["mic"] == Mode(slice(0, 3), shape=(1, 3), ragged=True)
    np.testing.assert_array_equal(X, [[0, 1, 2, 1], [0, NAN, NAN, 2], [0, 1, NAN, 3]])


def test_channels_lie_one_after_the_other():
    stereo = [np.array([[1, 2, 3], [4, 5, 6]]), np.array([[7], [8]])]
    X, modes = pack_modes({"mic": stereo})
    assert modes["mic"].shape == (2, 3) and X.dtype == np.float64
    np.testing.assert_array_equal(X[1], [7, NAN, NAN, 8, NAN, NAN])


def test_none_and_an_empty_signal_are_lost_modes():
    found = padded("mic", [None, np.ones(2), np.empty(0), np.empty((3, 0))])
    assert np.isnan(found).all(axis=(1, 2)).tolist() == [True, False, True, True]


def test_masked_values_and_markers_are_missing():
    masked = np.ma.masked_array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    objects = pd.Series([1.0, pd.NA], dtype=object)
    found = padded("mic", [masked, objects])
    np.testing.assert_array_equal(found[:, 0], [[1, NAN, 3], [1, NAN, NAN]])


def test_signals_of_one_length_are_an_array_as_ever():
    X, modes = pack_modes({"mic": [np.ones((1, 4))] * 3})
    assert X.shape == (3, 4) and modes["mic"] == Mode(slice(0, 4), shape=(1, 4))
    assert not are_ragged([[1.0, 2.0], [1.0]])  # a table that has lost a cell
    assert not are_ragged(np.ones((2, 3))) and not are_ragged([None, None])


@pytest.mark.parametrize(
    "new", [[np.ones(2)] * 2, np.ones((2, 1, 2)), np.ones((2, 2)), [None, np.ones(2)]]
)
def test_new_signals_that_are_shorter_are_padded_as_those_before(new):
    _, modes = pack_modes({"mic": SIGNALS})
    X, same = pack_modes({"mic": new}, like=modes)
    assert same == modes and X.shape == (2, 3)
    np.testing.assert_array_equal(X[1], [1, 1, NAN])


def test_a_ragged_mode_that_all_have_lost_is_none():
    _, modes = pack_modes({"mic": SIGNALS, "speed": [1, 2, 3]})
    X, _ = pack_modes({"mic": None, "speed": [1]}, like=modes)
    assert np.isnan(X[0]).tolist() == [True, True, True, False]


def test_a_frame_beside_signals_gives_a_frame():
    frame = pd.DataFrame({"rain": [1.0, 2.0, 3.0]})
    X, _ = pack_modes({"mic": SIGNALS, "weather": frame})
    assert list(X.columns) == ["mic__0", "mic__1", "mic__2", "weather__rain"]


@pytest.mark.parametrize(
    ("signals", "like", "message"),
    [
        ([np.ones(2), np.ones(4)], True, "'mic': sample 1 has 4 pos.* columns for 3"),
        ([np.ones((2, 2))], True, r"'mic': sample 0 has 2 channel\(s\), but `like`"),
        ([np.ones(2), np.ones((2, 1))], False, r"sample 1 has 2 .* sample 0 has 1"),
        ([np.ones(2), np.array(["a"])], False, "'mic': sample 1 must be an array of"),
        ([np.ones(2), np.array(["a"], object)], False, "'mic': sample 1 must be an"),
        ([np.empty(0), np.empty((1, 0)), None], False, "'mic' has no values in any"),
        ([np.ones((2, 3, 4))], True, r"'mic': sample 0 must be .* shape \(2, 3, 4\)"),
    ],
)
def test_what_does_not_fit_names_the_mode_and_the_sample(signals, like, message):
    _, modes = pack_modes({"mic": SIGNALS})
    with pytest.raises(ValueError, match=message):
        pack_modes({"mic": signals}, like=modes if like else None)
