"""The units of noise: mean and standard deviation of each column."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_emma.robustness._columns import take

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
