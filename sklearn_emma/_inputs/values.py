"""scikit-learn's checks of X, with errors that name the column and say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from sklearn_emma._inputs.missing import missing_as_nan
from sklearn_emma._inputs.tables import column_labels, read_table

#: Columns of each mode by name.
Modes = Mapping[str, np.ndarray]

_FILLED = (
    "Where a sensor is off, its columns must be there all the same, filled with NaN"
)
_TIMES = (
    "Make numbers of dates and durations: an hour of the day, seconds since a start."
)


@contextmanager
def explained(
    X: Any, modes: Callable[[], Modes] = dict, *, allow_nan: bool = True
) -> Iterator[None]:
    """Around scikit-learn's checks of X, from ``read_table``: say more in their errors.

    Where a value of X or a missing column is at fault, the message goes on to name it
    and its mode, and to say what to do. ``modes`` is asked for their columns only then.

    Raises
    ------
    ValueError, TypeError
        That of the block, and a ValueError for dates and durations.
    """
    try:
        _refuse_times(X)
        yield
    except (ValueError, TypeError, OverflowError) as error:
        advice = _advice(error, X, modes, allow_nan)
        if not advice:
            raise
        kind = TypeError if type(error) is TypeError else ValueError
        raise kind(f"{error}\n{advice}") from error


def check_numbers(estimator: object, X: Any, **options: Any) -> np.ndarray:
    """Read and check X, which must have no missing values, for a single mode."""
    table = read_table(X)
    # The sum by which scikit-learn looks for NaN may be infinity less infinity.
    with explained(table, allow_nan=False), np.errstate(invalid="ignore"):
        values: np.ndarray = validate_data(estimator, table, **options)
    return values


def _advice(
    error: Exception, X: Any, modes: Callable[[], Modes], allow_nan: bool
) -> str:
    text = str(error)
    if "now missing" in text:
        return (
            f"{_FILLED}: `X.reindex(columns=...)` with the columns of the training "
            "data does so."
        )
    if "features, but" in text:
        return f"{_FILLED}."
    if _TIMES in text:
        return ""
    if not _is_matrix(X):
        named = " X" in text or "array" in text or "parse" in text
        return "" if named else f"X must be a table of numbers, got {_kind(X)}."
    for i, label in enumerate(column_labels(X)):
        found = _first_wrong(_cells(X, i), allow_nan)
        if found is not None:
            row, what = found
            return f"{_where(i, label, modes)}, row {row}: {what}"
    return ""


def _is_matrix(X: Any) -> bool:
    try:
        return np.ndim(X) == 2 and not issparse(X)
    except (ValueError, TypeError):  # rows of different lengths, strange containers
        return False


def _kind(X: object) -> str:
    return "None" if X is None else f"an object of type {type(X).__name__}"


def _where(i: int, label: object, modes: Callable[[], Modes]) -> str:
    try:
        of_column = {int(c): name for name, columns in modes().items() for c in columns}
    except Exception:  # of modes that are at fault too; the error is another
        of_column = {}
    mode = f" of mode {of_column[i]!r}" if i in of_column else ""
    return f"Column {label!r}{mode}"


def _cells(X: Any, i: int) -> np.ndarray:
    """Values of a column, as the objects that they were."""
    if isinstance(X, pd.DataFrame):
        column: Any = X.iloc[:, i]
    elif hasattr(X, "columns") or isinstance(X, np.ndarray):
        column = X[:, i]
    else:
        column = [row[i] for row in X]
    kept = np.asarray(column)
    return kept if kept.dtype.kind in "fiub" else np.array([*column], dtype=object)


def _first_wrong(cells: np.ndarray, allow_nan: bool) -> tuple[int, str] | None:
    """Row and description of the first value that cannot be computed with."""
    cells = missing_as_nan(cells)
    wrong = [_is_no_number(cell) for cell in cells] if cells.dtype == object else []
    if any(wrong):
        row = wrong.index(True)
        others = [cell for cell, bad in zip(cells, wrong, strict=True) if not bad]
        return row, _described(cells[row], any(cell == cell for cell in others))
    numbers = cells.astype(np.float64)
    for found, what in (
        (np.isinf(numbers), "infinity. Write NaN where a value is missing."),
        (np.isnan(numbers) & (not allow_nan), "a missing value."),
    ):
        if found.any():
            return int(np.flatnonzero(found)[0]), what
    return None


def _is_no_number(cell: object) -> bool:
    if isinstance(cell, np.datetime64 | np.timedelta64 | np.complexfloating):
        return True
    try:
        float(cell)  # type: ignore[arg-type]  # that is the question
    except (ValueError, TypeError, OverflowError):
        return True
    return False


def _described(cell: object, among_numbers: bool) -> str:
    """What a value is that is no number, and what to write instead."""
    if isinstance(cell, str | bytes):
        if among_numbers:
            return (
                f"the text {cell!r} among numbers. If it marks a missing value, write "
                "NaN instead."
            )
        return (
            f"the text {cell!r}. Encode a column of categories as numbers, by "
            "OneHotEncoder in a ColumnTransformer in front for example, and put the "
            "columns that it makes into one mode."
        )
    if isinstance(cell, int):
        return "a whole number beyond those of floating point."
    if hasattr(cell, "year") or isinstance(cell, np.datetime64):
        return f"the date {cell!s}. {_TIMES}"
    return f"{cell!r}, of type {type(cell).__name__}, which is no real number."


def _refuse_times(X: Any) -> None:
    """scikit-learn takes dates alone for numbers, in units that depend on the type."""
    if not _is_matrix(X):
        return
    dtypes: Iterable[Any] = getattr(X, "dtypes", [getattr(X, "dtype", None)])
    for i, dtype in enumerate(dtypes):
        temporal = getattr(dtype, "is_temporal", lambda: False)
        if getattr(dtype, "kind", "") in ("m", "M") or temporal():
            raise ValueError(
                f"Column {column_labels(X)[i]!r} holds dates or durations, of type "
                f"{dtype}. {_TIMES}"
            )
