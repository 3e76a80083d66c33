"""Shrunk covariance."""

from __future__ import annotations

import numpy as np


def inverse_root(z: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Inverse square root of the shrunk covariance of centred ``z``, (d, d).

    Shrinkage towards a multiple of the identity by the oracle approximating formula
    (Chen et al., IEEE Trans. Signal Processing 58, 2010, eq. 23), which, unlike
    scikit-learn's, takes weights.
    """
    mass, d = weight.sum(), z.shape[1]
    # Weight k counts as k samples, but a row with any weight as one at least.
    n = max(mass, np.count_nonzero(weight))
    covariance = (z * weight[:, None]).T @ z / mass
    mean_variance = np.trace(covariance) / d
    spread = np.mean(covariance**2)
    denominator = (n + 1.0) * (spread - mean_variance**2 / d)
    ratio = (spread + mean_variance**2) / denominator if denominator > 0 else 1.0
    shrinkage = min(1.0, ratio)
    values, vectors = np.linalg.eigh(
        (1.0 - shrinkage) * covariance + shrinkage * mean_variance * np.eye(d)
    )
    # A feature that varies has unit variance. If no feature varies, all that is left is
    # rounding, and no direction may be stretched.
    floor = 1e-6 * values[-1] if np.trace(covariance) > 0.5 else 1.0
    return (vectors / np.sqrt(np.maximum(values, floor))) @ vectors.T
