"""Mean and scale of features, of samples that have weights."""

from __future__ import annotations

import numpy as np


def mean_and_scale(X: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of X (n, d), each (d,), in float64.

    Rows count ``weight`` (n,) times. Where a feature does not vary, rounding apart, its
    scale is 1. That is what scikit-learn's StandardScaler computes, by the same sums;
    many small sets of rows are measured in a fit, and its checks of each take longer.
    """
    weight = weight.astype(X.dtype, copy=False)
    total = np.sum(weight, dtype=np.float64)
    mean = np.matmul(weight, X, dtype=np.float64) / total
    centred = X - mean
    rounding = np.matmul(weight, centred, dtype=np.float64)
    variance = np.matmul(weight, np.square(centred), dtype=np.float64)
    variance = (variance - np.square(rounding) / total) / total
    eps = np.finfo(np.float64).eps
    constant = variance <= total * eps * variance + np.square(total * mean * eps)
    return mean, np.where(constant, 1.0, np.sqrt(np.maximum(variance, 0.0)))
