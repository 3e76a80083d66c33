"""Weighted quantiles."""

from __future__ import annotations

import numpy as np


def weighted_quantiles(
    X: np.ndarray, weight: np.ndarray, levels: np.ndarray
) -> np.ndarray:
    """Smallest values with at least a given share of the weight at or below them.

    Equal to repeating each row of X (n, d) ``weight`` (n,) times. ``levels`` (T,) are
    between 0 and 1. Returns (d, T), in double precision.
    """
    counts = weight > 0
    X, weight = X[counts].astype(np.float64), weight[counts].astype(np.float64)
    if len(weight) and (weight == weight[0]).all():  # the usual case
        ordered = np.sort(X.T, axis=1)
        # Indexing would lay the quantiles of a feature apart, which torch warns of.
        found: np.ndarray = ordered.take(_positions(weight, levels), axis=1)
        return found
    quantiles = np.empty((X.shape[1], len(levels)))
    for column, rows in enumerate(X.argsort(axis=0, kind="stable").T):
        quantiles[column] = X[rows[_positions(weight[rows], levels)], column]
    return quantiles


def _positions(weight: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Which of the rows, in order of their values, is the quantile, (T,)."""
    mass = weight.cumsum()
    # Slightly less, so that rounding in the sum does not decide which value it is.
    position: np.ndarray = np.searchsorted(mass, levels * mass[-1] * (1 - 1e-9))
    return position


def median_and_iqr(X: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted median and interquartile range of each column of X (n, d), (d,) each.

    A column that hardly ever varies, of constant features say, gets a range of 1.
    """
    quartiles = weighted_quantiles(X, weight, np.array([0.25, 0.5, 0.75]))
    low, median, high = quartiles.T
    return median, np.where(high > low, high - low, 1.0)
