"""Values in units of the training data, bounded so that nothing later overflows.

A broken sensor may read anything up to the limit of its type, and attention 0 times
infinity would be NaN. Values are bounded here and nowhere else; NaN stays NaN.
"""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler

# Bounds within which differences of float32 values are finite, and sums of squares of
# float64 values, from which statistics are computed.
_LARGEST = {np.dtype(np.float32): 1e38, np.dtype(np.float64): 1e150}

# In standard deviations from the mean. No training sample of n equally weighted ones
# lies further out than √n, so this bounds nothing that could be learnt from; and its
# square leaves room for products and for sums of many in float32.
_FARTHEST = 1e6


def bounded(X: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Copy X into ``dtype``, float32 or float64, with too large values made smaller.

    They are so many standard deviations from any mean that only their direction
    matters.
    """
    largest = dtype.type(_LARGEST[dtype])
    return np.clip(X, -largest, largest).astype(dtype, copy=False)


def standardise(X: np.ndarray, scaler: StandardScaler) -> np.ndarray:
    """(X − mean) / sd of ``bounded`` X in its type, at most a million from 0."""
    # The scaler's own `transform` would check X once more.
    mean, scale = scaler.mean_.astype(X.dtype), scaler.scale_.astype(X.dtype)
    with np.errstate(over="ignore"):
        z = (X - mean) / scale
    return np.clip(z, -_FARTHEST, _FARTHEST, out=z)
