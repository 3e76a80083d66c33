"""The units of noise: mean and standard deviation of each column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

Units = tuple[np.ndarray, np.ndarray]


def reference_units(reference: Any, X: Any, columns: np.ndarray) -> Units:
    """Mean and standard deviation of columns (d,) in ``reference``, (d,) each.

    Raises
    ------
    ValueError
        If ``reference`` has not as many columns as ``X``.
    """
    if np.shape(reference)[1] != np.shape(X)[1]:
        raise ValueError(
            f"`reference` has {np.shape(reference)[1]} columns, X has {np.shape(X)[1]}."
        )
    values = take(reference, columns)
    # A column without any value has no statistics; what they are makes no difference.
    values[:, np.isnan(values).all(axis=0)] = 0.0
    scaler = StandardScaler().fit(values)
    return scaler.mean_, scaler.scale_


def take(X: Any, columns: np.ndarray) -> np.ndarray:
    """Columns as a new array (n_samples, n_columns) of float64."""
    if isinstance(X, pd.DataFrame):
        return X.iloc[:, columns].to_numpy(np.float64, copy=True, na_value=np.nan)
    if hasattr(X, "columns"):
        X = X[:, columns.tolist()]
        columns = np.arange(len(columns))
    return np.asarray(X)[:, columns].astype(np.float64)
