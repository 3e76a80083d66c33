"""Reading columns of an array or a data frame, and replacing them in a copy."""

from __future__ import annotations

from typing import TypeAlias, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from sklearn_emma._inputs.missing import missing_as_nan
from sklearn_emma._inputs.tables import as_known_frame

#: Array of shape (n_samples, n_columns), or a data frame of pandas or polars.
Table: TypeAlias = np.ndarray | pd.DataFrame


def is_frame(X: ArrayLike) -> TypeGuard[pd.DataFrame]:
    """Whether X is a data frame: of pandas, or of polars, which is not imported."""
    return hasattr(X, "columns")


def as_table(X: ArrayLike, name: str) -> Table:
    """Return a data frame unchanged, anything else as an array (n_samples, n_columns).

    A table of pyarrow becomes a data frame; masked values are NaN.

    Raises
    ------
    ValueError
        If it is not two-dimensional, or empty; ``name`` says which argument it is.
    TypeError
        If it is sparse.
    """
    X = as_known_frame(X)
    if is_frame(X):
        return X
    checks = {"dtype": None, "ensure_all_finite": False, "input_name": name}
    try:
        # The first takes off masks, the second finds the markers in what was a list.
        return missing_as_nan(check_array(missing_as_nan(X), **checks))
    except ValueError as error:
        # scikit-learn shows the array, but not which argument it came from.
        raise ValueError(f"`{name}`: {error}") from error


def take(X: ArrayLike, columns: np.ndarray) -> np.ndarray:
    """Columns as a new array (n_samples, n_columns) of float64."""
    X = select(X, columns)
    if isinstance(X, pd.DataFrame):
        return X.to_numpy(np.float64, copy=True, na_value=np.nan)
    return missing_as_nan(np.asarray(X)).astype(np.float64)


def select(X: ArrayLike, columns: np.ndarray) -> Table:
    """Columns in the same kind of container, missing and masked ones NaN."""
    X = as_known_frame(X)
    if isinstance(X, pd.DataFrame):
        return missing_as_nan(X.iloc[:, columns])
    if is_frame(X):
        return X[:, columns.tolist()]
    return missing_as_nan(np.asanyarray(X)[:, columns])


def put(X: ArrayLike, columns: np.ndarray, values: np.ndarray) -> Table:
    """Copy of X with new values in some columns and the others unchanged."""
    X = as_known_frame(X)
    if isinstance(X, pd.DataFrame):
        copy = X.copy()
        for column, new in zip(columns, values.T, strict=True):
            copy.isetitem(column, new)
        return copy
    if is_frame(X):
        # The class of polars' columns makes the new ones.
        old = [X[:, column] for column in columns.tolist()]
        return X.with_columns(
            [type(s)(s.name, new) for s, new in zip(old, values.T, strict=True)]
        )
    before = missing_as_nan(np.asanyarray(X))
    array = np.array(before, dtype=np.result_type(before.dtype, values.dtype))
    array[:, columns] = values
    return array
