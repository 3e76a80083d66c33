"""Arrays and frames packed into one X, and errors that name the mode at fault."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_emma import Mode, pack_modes

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(4, 3, 2, 2))
SIGNALS = RNG.normal(size=(4, 2, 5))
TABLE = pd.DataFrame({"rain": [0.0, 1, 2, 3], "wind": [5, 6, 7, 8]}, index=list("abcd"))


def test_modes_lie_side_by_side_in_the_order_in_which_they_are_given():
    X, modes = pack_modes({"mic": SIGNALS, "camera": IMAGES, "speed": [1, 2, 3, 4]})
    assert modes == {
        "mic": Mode(slice(0, 10), shape=(2, 5)),
        "camera": Mode(slice(10, 22), shape=(3, 2, 2)),
        "speed": slice(22, 23),
    }
    np.testing.assert_array_equal(X[:, :10].reshape(4, 2, 5), SIGNALS)
    np.testing.assert_array_equal(X[:, 10:22].reshape(4, 3, 2, 2), IMAGES)
    np.testing.assert_array_equal(X[:, 22], [1, 2, 3, 4])


def test_a_frame_among_the_modes_gives_a_frame_with_its_names_and_index():
    X, modes = pack_modes({"mic": SIGNALS, "weather": TABLE})
    assert list(X.columns[-3:]) == ["mic__9", "weather__rain", "weather__wind"]
    assert list(X.index) == list("abcd")
    np.testing.assert_array_equal(X.iloc[:, modes["weather"]], TABLE)


def test_frames_of_other_libraries_and_of_two_levels_are_taken():
    levels = TABLE.set_axis(pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]), axis=1)
    X, _ = pack_modes({"polars": pl.DataFrame({"x": [1, 2, 3, 4]}), "levels": levels})
    assert list(X.columns) == ["polars__x", "levels__a__1", "levels__b__2"]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("uint8", "float32"), "float32"),
        (("uint8", "uint8"), "float32"),
        (("bool", "float16"), "float32"),
        (("int64", "float32"), "float64"),
        (("uint8", "float64"), "float64"),
    ],
)
def test_the_type_of_x_holds_all_values(kinds, expected):
    X, _ = pack_modes({kind + str(i): np.ones(3, kind) for i, kind in enumerate(kinds)})
    assert X.dtype == expected


def test_missing_values_are_nan_whatever_stood_for_them():
    masked = np.ma.masked_array(np.arange(4), mask=[0, 1, 0, 0])
    frame = pd.DataFrame({"a": [1, pd.NA, 3, 4]}, dtype=object)
    X, _ = pack_modes({"masked": masked, "frame": frame, "list": [None, 1, 2, 3]})
    assert np.isnan(X).to_numpy().nonzero()[0].tolist() == [0, 1, 1]


def test_new_data_are_laid_out_as_before_whatever_their_order():
    X, modes = pack_modes({"mic": SIGNALS, "camera": IMAGES})
    again, same = pack_modes({"camera": IMAGES, "mic": SIGNALS}, like=modes)
    np.testing.assert_array_equal(again, X)
    assert same == modes


def test_a_mode_that_all_samples_have_lost_is_given_as_none():
    _, modes = pack_modes({"mic": SIGNALS, "camera": IMAGES})
    X, _ = pack_modes({"mic": None, "camera": IMAGES}, like=modes)
    assert np.isnan(X[:, modes["mic"].columns]).all()
    assert not np.isnan(X[:, modes["camera"].columns]).any()


def test_what_was_given_is_never_written_to():
    given = IMAGES.copy()
    X, _ = pack_modes({"camera": given})
    X[:] = 0
    np.testing.assert_array_equal(given, IMAGES)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([IMAGES], "dict of the name of a mode to its values, got list"),
        ({}, "dict of the name of a mode to its values"),
        ({"mic": SIGNALS, "camera": IMAGES[:3]}, "'camera' has 3 samples, but .* 4"),
        ({"mic": SIGNALS, "camera": None}, "'camera' has no values: without `like`"),
        ({"camera": None}, "All modes are None"),
        ({"mic": np.array(["loud"] * 4)}, "'mic' must hold numbers, got values of <U4"),
        ({"mic": np.array([["a"], ["b"]], object)}, "'mic' must hold numbers in an"),
        ({"mic": [[1.0, 2.0], [1.0]]}, "'mic': its samples do not have one shape"),
        ({"mic": 3.0}, r"'mic' must be an array of shape \(n_samples, ...\)"),
        ({"mic": np.zeros((4, 0))}, r"'mic' must be an array .* got one of \(4, 0\)"),
        (
            {"a": TABLE, "b": TABLE.reset_index(drop=True)},
            "'b' has another index than mode 'a'",
        ),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_it(arrays, message):
    with pytest.raises(ValueError, match=message):
        pack_modes(arrays)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mic": SIGNALS}, r"'camera' of `like` is not given. .*\{'camera': None\}"),
        ({"mic": SIGNALS, "camera": IMAGES, "gps": [1]}, "'gps' is not in `like`"),
        (
            {"mic": SIGNALS, "camera": IMAGES[:, :1]},
            r"'camera': .* shape \(1, 2, 2\), but of \(3, 2, 2\)",
        ),
    ],
)
def test_new_data_that_differ_are_an_error_that_names_the_mode(arrays, message):
    _, modes = pack_modes({"mic": SIGNALS, "camera": IMAGES})
    with pytest.raises(ValueError, match=message):
        pack_modes(arrays, like=modes)


@pytest.mark.parametrize("like", [[1, 2], {"mic": [0, 1]}, {"mic": slice(None)}])
def test_like_must_be_what_was_returned_before(like):
    with pytest.raises(ValueError, match="must be the modes that pack_modes returned"):
        pack_modes({"mic": SIGNALS}, like=like)
