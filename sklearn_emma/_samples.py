"""Training samples in canonical form: weighed, merged, standardised."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd


def merge_duplicates(
    arrays: list[np.ndarray], weight: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """Drop rows of weight 0 and merge equal rows, adding up their weights.

    Everything random in training is drawn for a row by its position. In the order
    returned here, which only contents decide, a row of weight k and the same row
    repeated k times are one and the same training set, so they give the same model.

    Parameters
    ----------
    arrays : list of ndarray of shape (n_samples,) or (n_samples, k)
        A row is what they hold side by side.
    weight : ndarray of shape (n_samples,)
        Sample weights ≥ 0.

    Returns
    -------
    arrays : list of ndarray
        Rows of positive weight, no two alike, in an order of their own.
    weight : ndarray
        Their weights.
    """
    key = np.zeros(len(weight), dtype=np.uint64)
    for array in arrays:
        for column in array.reshape(len(array), -1).T:
            # Adding 0.0 turns -0.0, which hashes apart from 0.0, into it.
            hashed = pd.util.hash_array(np.ascontiguousarray(column + 0))
            key = key * np.uint64(0x9E3779B97F4A7C15) + hashed
    kept = np.flatnonzero(weight > 0)
    _, first, group = np.unique(key[kept], return_index=True, return_inverse=True)
    rows = kept[first]
    merged = np.bincount(group, weights=weight[kept], minlength=len(rows))
    return [array[rows] for array in arrays], merged.astype(weight.dtype)


@contextmanager
def unchanged_on_error(estimator: Any) -> Any:
    """Put an estimator's attributes back if the block fails: all or nothing."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
