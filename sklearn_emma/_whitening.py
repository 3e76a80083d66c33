"""The coordinates in which an autoencoder sees its mode."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler


def fit_coordinates(
    X: np.ndarray, sample_weight: np.ndarray | None, preprocessing: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and matrix A (d, d) of the coordinates z = (x − mean) A.

    ``None`` leaves X as it is, ``"standardize"`` gives unit variance to each feature,
    and ``"whiten"`` also removes their correlation.
    """
    n_features = X.shape[1]
    if preprocessing is None:
        return np.zeros(n_features, X.dtype), np.eye(n_features, dtype=X.dtype)
    scaler = StandardScaler().fit(X, sample_weight=sample_weight)
    mean, scale = scaler.mean_, scaler.scale_
    matrix = np.diag(1.0 / scale)
    if preprocessing == "whiten":
        weight = np.ones(len(X)) if sample_weight is None else sample_weight
        standardised = (X - mean) / scale
        matrix = matrix @ _inverse_root(standardised, weight.astype(np.float64))
    return mean.astype(X.dtype), matrix.astype(X.dtype)


def _inverse_root(z: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Inverse square root of the shrunk covariance of centred ``z``, (d, d).

    Shrinkage towards a multiple of the identity by the oracle approximating formula
    (Chen et al., IEEE Trans. Signal Processing 58, 2010, eq. 23), which, unlike
    scikit-learn's, takes weights.
    """
    n, d = weight.sum(), z.shape[1]
    covariance = (z * weight[:, None]).T @ z / n
    mean_variance = np.trace(covariance) / d
    spread = np.mean(covariance**2)
    denominator = (n + 1.0) * (spread - mean_variance**2 / d)
    ratio = (spread + mean_variance**2) / denominator if denominator > 0 else 1.0
    shrinkage = min(1.0, ratio)
    values, vectors = np.linalg.eigh(
        (1.0 - shrinkage) * covariance + shrinkage * mean_variance * np.eye(d)
    )
    # Where no feature varies at all, the covariance is 0: leave those directions alone.
    floor = 1e-6 * max(values[-1], 0.0) or 1.0
    return (vectors / np.sqrt(np.maximum(values, floor))) @ vectors.T
