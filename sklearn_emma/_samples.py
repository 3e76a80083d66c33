"""Training samples in canonical form: weighed, merged, standardised."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from sklearn_emma._validation import check_sample_weight


def check_weights(sample_weight: Any, X: np.ndarray) -> np.ndarray:
    """Weights ≥ 0 of the rows of X, in its type, as numbers of samples.

    Raises
    ------
    ValueError
        Where scikit-learn's own check does.
    """
    weight = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    # Scaled before they are cast: what is tiny in float64 may be 0 in float32.
    return check_sample_weight(sample_counts(weight), X, dtype=X.dtype)


def sample_counts(weight: np.ndarray) -> np.ndarray:
    """Read weights (n,) ≥ 0 as numbers of samples.

    Weight k is k samples, and what is learnt from few samples is held back more. But
    weights that add up to less than the samples that have one are shares, normalised to
    a sum of 1 for instance, not a claim that there is less than one sample: they
    are scaled to a mean of 1, of those above 0. Equal weights are no weights, unless
    they are whole numbers, which are repetitions.
    """
    positive = weight[weight > 0]
    if not len(positive):
        return weight
    largest = positive.max()
    if positive.min() == largest and largest % 1:
        return weight / largest
    # In units of the largest, or the sum of tiny weights would lose digits.
    mean = (positive / largest).mean() * largest
    return weight / mean if mean < 1 else weight


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
