"""Columns out of an array or a data frame, and into a copy of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_emma._missing import missing_as_nan


def take(X: Any, columns: np.ndarray) -> np.ndarray:
    """Columns as a new array (n_samples, n_columns) of float64."""
    if isinstance(X, pd.DataFrame):
        X = missing_as_nan(X.iloc[:, columns])
        return X.to_numpy(np.float64, copy=True, na_value=np.nan)
    if hasattr(X, "columns"):
        X = X[:, columns.tolist()]
        columns = np.arange(len(columns))
    return missing_as_nan(np.asarray(X)[:, columns]).astype(np.float64)


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
