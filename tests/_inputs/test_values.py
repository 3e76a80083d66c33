"""Errors about values of X name the column, its mode and what to do."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.utils.validation import validate_data

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._inputs.values import check_numbers, explained

X = np.random.default_rng(0).normal(size=(60, 4))
y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["u", "v", "w", "x"])
DATES = pd.date_range("2020-01-01", periods=60)
DATE = pd.Timestamp("2020-01-01")

with_w = FRAME.assign


def cell(value, where=FRAME):
    """Copy with one other value, in row 3 of the third column."""
    frame = pd.DataFrame(where).astype(object)
    frame.iloc[3, 2] = value
    return frame if where is FRAME else frame.to_numpy()


WRONG = [
    (cell(np.inf), "Column 'w' of mode 'b', row 3: infinity.*NaN"),
    (cell(np.inf, X), "Column 2 of mode 'b', row 3: infinity"),
    (X * np.where(X[5, 1] == X, np.inf, 1), "Column 1 of mode 'a', row 5: infinity"),
    (cell("n/a"), "Column 'w' of mode 'b', row 3: the text 'n/a' among .*NaN instead"),
    (cell("n/a", X), "Column 2 of mode 'b', row 3: the text 'n/a'"),
    (with_w(w="red"), "Column 'w' of mode 'b', row 0: the text 'red'.*OneHotEncoder"),
    (with_w(w=pd.Categorical(["red", "blue"] * 30)), "'w'.*'red'.*OneHotEncoder"),
    (with_w(w=["red", None] * 30), "'w'.*'red'.*OneHotEncoder"),
    (cell(DATE), "'w' of mode 'b', row 3: the date 2020-01-01.*numbers of dates"),
    (with_w(w=DATES), "Column 'w' holds dates or durations, of type datetime64"),
    (with_w(w=DATES.tz_localize("UTC")), "Column 'w' holds dates or durations"),
    (with_w(w=DATES - DATE), "Column 'w' holds dates or durations, of type timedelta"),
    (pd.DataFrame(dict.fromkeys("uvwx", DATES)), "Column 'u' holds dates"),
    (np.zeros((60, 4), "datetime64[s]"), "Column 0 holds dates or durations"),
    (cell(["list"]), r"'w' of mode 'b', row 3: \['list'\], of type list, which is no"),
    (pl.from_pandas(FRAME).with_columns(w=pl.lit("red")), "'w' of mode 'b', row 0"),
    (
        pl.from_pandas(FRAME).with_columns(w=pl.date(2020, 1, 1)),
        "Column 'w' holds dates or durations, of type Date",
    ),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_a_wrong_value_is_named_before_anything_is_trained(no_training, wrong, message):
    with pytest.raises((ValueError, TypeError), match=message):
        helpers.quick().fit(wrong, y)


@pytest.fixture(scope="module")
def models():
    return helpers.quick(epochs=1).fit(FRAME, y), helpers.quick(epochs=1).fit(X, y)


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_a_wrong_value_is_named_when_samples_are_scored(models, wrong, message):
    model = models[int(isinstance(wrong, np.ndarray))]
    with pytest.raises((ValueError, TypeError), match=message):
        model.predict(wrong)


def test_the_row_is_that_of_all_rows(models):
    many = np.zeros((9000, 4))
    many[8000, 1] = np.inf
    with pytest.raises(ValueError, match="Column 1 of mode 'a', row 8000: infinity"):
        models[1].attention(many)


def test_a_column_that_is_missing_is_to_be_there_filled_with_nan(models):
    named, plain = models
    with pytest.raises(ValueError, match=r"(?s)- x.*filled with NaN: `X.reindex\(col"):
        named.predict(FRAME[["u", "v", "w"]])
    with pytest.raises(ValueError, match=r"(?s)X has 3 features.*filled with NaN\."):
        plain.predict(X[:, :3])
    off = FRAME[["u", "v", "w"]].reindex(columns=FRAME.columns)
    assert np.isfinite(named.predict_proba(off)).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (cell(np.inf), "Column 'w', row 3: infinity"),
        (cell("n/a", X), "Column 2, row 3: the text 'n/a'"),
        (cell(np.nan), "(?s)contains NaN.*Column 'w', row 3: a missing value"),
        (np.ma.array(X, mask=X[7, 3] == X), "(?s)NaN.*Column 3, row 7: a missing"),
        (with_w(w=DATES), "Column 'w' holds dates"),
    ],
)
def test_an_energy_names_its_column_too(no_training, wrong, message):
    with pytest.raises((ValueError, TypeError), match=message):
        PotentialEnergyTransformer().fit(wrong)
    fitted = FRAME if isinstance(wrong, pd.DataFrame) else X
    estimator = PotentialEnergyTransformer()
    check_numbers(estimator, fitted, reset=True)
    with pytest.raises((ValueError, TypeError), match=message):
        check_numbers(estimator, wrong, reset=False, dtype=[np.float64])


@pytest.mark.parametrize("wrong", ["text", b"bytes", {"a": [1.0]}, object(), len])
def test_what_is_no_table_is_said_to_be_none(no_training, wrong):
    kind = f"X must be a table of numbers, got an object of type {type(wrong).__name__}"
    with pytest.raises((ValueError, TypeError), match=kind):
        helpers.quick().fit(wrong, y)


def test_a_whole_number_that_no_float_can_hold_is_named(no_training):
    with pytest.raises(ValueError, match=r"Column 2.*, row 3: a whole number beyond"):
        helpers.quick().fit(cell(10**400, X), y)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([[1.0, 2.0], [3.0]], "inhomogeneous"),
        (X[0], "Expected 2D array"),
        (X[:0], "0 sample"),
        (np.zeros((2, 2, 2)), "dim 3"),
    ],
)
def test_other_errors_are_left_as_they_are(wrong, message):
    estimator = PotentialEnergyTransformer()
    with pytest.raises(ValueError, match=message) as plain:
        validate_data(estimator, wrong, dtype=[np.float64])
    with pytest.raises(ValueError, match=message) as ours, explained(wrong):
        validate_data(estimator, wrong, dtype=[np.float64])
    assert str(ours.value) == str(plain.value)


def test_modes_are_asked_for_only_when_something_is_wrong():
    def modes():
        pytest.fail("nothing is wrong")

    with explained(X, modes):
        pass
    with pytest.raises(ValueError, match="other"), explained(X, modes):
        raise ValueError("other")


def test_modes_that_are_at_fault_too_are_not_in_the_way():
    with pytest.raises(ValueError, match="Column 'w', row 3: the text 'n/a'"):
        helpers.quick(modes={"a": ["nix"]}).fit(cell("n/a"), y)
