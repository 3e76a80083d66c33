"""Markers of missing values that are no numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def missing_as_nan(X: Any) -> Any:
    """Put NaN for what pandas takes as missing among objects; leave the rest alone.

    scikit-learn turns objects into numbers one by one, and ``pd.NA`` is none.
    """
    if isinstance(X, np.ndarray) and X.dtype == object:
        return np.where(pd.isna(X), np.nan, X)
    if isinstance(X, pd.DataFrame):
        objects = np.flatnonzero(X.dtypes == np.dtype(object))
        X = X.copy(deep=False) if len(objects) else X
        for i in objects.tolist():
            X.isetitem(i, missing_as_nan(X.iloc[:, i].to_numpy()))
    return X
