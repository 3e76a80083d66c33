"""Columns out of an array or a data frame, and into a copy of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array

from sklearn_emma._inputs.missing import missing_as_nan


def as_table(X: Any, name: str) -> Any:
    """Data frame as it is; anything else as an array (n_samples, n_columns).

    Raises
    ------
    ValueError
        If it is not two-dimensional, or empty; ``name`` says which argument it is.
    TypeError
        If it is sparse.
    """
    if hasattr(X, "columns"):
        return X
    try:
        return check_array(X, dtype=None, ensure_all_finite=False, input_name=name)
    except ValueError as error:
        # scikit-learn shows the array, but not which argument it came from.
        raise ValueError(f"`{name}`: {error}") from error


def take(X: Any, columns: np.ndarray) -> np.ndarray:
    """Columns as a new array (n_samples, n_columns) of float64."""
    X = select(X, columns)
    if isinstance(X, pd.DataFrame):
        return X.to_numpy(np.float64, copy=True, na_value=np.nan)
    return missing_as_nan(np.asarray(X)).astype(np.float64)


def select(X: Any, columns: np.ndarray) -> Any:
    """Columns as a container of the kind of X, with NaN for missing objects."""
    if isinstance(X, pd.DataFrame):
        return missing_as_nan(X.iloc[:, columns])
    if hasattr(X, "columns"):
        return X[:, columns.tolist()]
    return missing_as_nan(np.asarray(X)[:, columns])


def put(X: Any, columns: np.ndarray, values: np.ndarray) -> Any:
    """Copy of X with other values in some columns; the others stay as they are."""
    if isinstance(X, pd.DataFrame):
        copy = X.copy()
        for column, new in zip(columns, values.T, strict=True):
            copy.isetitem(column, new)
        return copy
    if hasattr(X, "with_columns"):
        # Polars, without importing it; a series makes one of its own kind.
        old = [X[:, column] for column in columns.tolist()]
        return X.with_columns(
            [type(s)(s.name, new) for s, new in zip(old, values.T, strict=True)]
        )
    array = np.array(X, dtype=np.result_type(np.asarray(X).dtype, values.dtype))
    array[:, columns] = values
    return array
