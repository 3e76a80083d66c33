"""Shrunk covariance."""

from __future__ import annotations

import numpy as np


def inverse_root(
    z: np.ndarray, weight: np.ndarray, shrinkage: float | None = None
) -> np.ndarray:
    """Inverse square root of the shrunk covariance of centred ``z``, (d, d).

    Parameters
    ----------
    z : ndarray of shape (n, d)
        Centred.
    weight : ndarray of shape (n,)
        Weight k counts as k samples.
    shrinkage : float, default=None
        Share of the multiple of the identity; None: :func:`oracle_shrinkage`.
    """
    if shrinkage is None:
        shrinkage = oracle_shrinkage(z, weight)
    values, vectors, mean_variance = principal_axes(z, weight)
    # A feature that varies has unit variance. If no feature varies, all that is left is
    # rounding, and no direction may be stretched.
    varies = mean_variance * z.shape[1] > 0.5
    rest = shrinkage * mean_variance
    shrunk = (1.0 - shrinkage) * values + rest
    floor = 1e-6 * max(shrunk.max(initial=0.0), rest) if varies else 1.0
    scale = 1.0 / np.sqrt(np.maximum(shrunk, floor))
    outside = 1.0 / np.sqrt(max(rest, floor))
    # Directions in which no sample lies are all alike.
    root = (vectors * (scale - outside)) @ vectors.T
    root.flat[:: len(root) + 1] += outside
    return root


def principal_axes(
    z: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Variances (r,) and axes (d, r) of centred ``z``, and the mean variance.

    There are as many axes as features or as samples, whichever are fewer.
    """
    counts = weight > 0
    rows = z[counts] * np.sqrt(weight[counts] / weight.sum())[:, np.newaxis]
    mean_variance = float(np.square(rows).sum() / z.shape[1])
    if len(rows) >= rows.shape[1]:
        values, vectors = np.linalg.eigh(rows.T @ rows)
        return np.maximum(values, 0.0), vectors, mean_variance
    values, vectors = np.linalg.eigh(rows @ rows.T)
    kept = values > 1e-12 * values[-1]
    values, vectors = values[kept], vectors[:, kept]
    return values, rows.T @ vectors / np.sqrt(values), mean_variance


def oracle_shrinkage(z: np.ndarray, weight: np.ndarray) -> float:
    """Share of the identity by the oracle approximating formula.

    From Chen et al., IEEE Trans. Signal Processing 58, 2010, eq. 23; unlike
    scikit-learn's it takes weights.
    """
    mass, d = weight.sum(), z.shape[1]
    # Weight k counts as k samples, but a row with any weight as one at least.
    n = max(mass, np.count_nonzero(weight))
    values, _, mean_variance = principal_axes(z, weight)
    spread = np.square(values).sum() / d**2
    denominator = (n + 1.0) * (spread - mean_variance**2 / d)
    ratio = (spread + mean_variance**2) / denominator if denominator > 0 else 1.0
    return float(min(1.0, ratio))
