"""Values in units of the training data, bounded so that nothing later overflows.

A broken sensor may read anything up to the limit of its type, and attention 0 times
infinity would be NaN. Values are bounded here and nowhere else; NaN stays NaN.
"""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler

# Differences of such float32 values are finite, and so are sums of squares of such
# float64 values, which is what statistics are computed of.
_LARGEST = {np.dtype(np.float32): 1e38, np.dtype(np.float64): 1e150}

# Standard deviations from the mean. Of n equally weighed training samples none lies
# further out than √n, so that this is no bound for any value that could be learnt
# from, and its square leaves room for products and sums of many in float32.
_FARTHEST = 1e6


def bounded(X: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Copy X into ``dtype``, float32 or float64, values too large for it made smaller.

    They end so many standard deviations from any mean that the direction is all that
    is left of them anyway.
    """
    largest = dtype.type(_LARGEST[dtype])
    return np.clip(X, -largest, largest).astype(dtype, copy=False)


def standardise(X: np.ndarray, scaler: StandardScaler) -> np.ndarray:
    """(X − mean) / sd of ``bounded`` X in its type, at most a million from 0."""
    # Not the scaler's own `transform`, which would check X once more.
    mean, scale = scaler.mean_.astype(X.dtype), scaler.scale_.astype(X.dtype)
    with np.errstate(over="ignore"):
        z = (X - mean) / scale
    return np.clip(z, -_FARTHEST, _FARTHEST, out=z)
