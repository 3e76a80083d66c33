"""What each sample counts: weights as numbers of samples, equal rows merged."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sklearn_emma._validation import check_sample_weight


def check_weights(sample_weight: ArrayLike | None, X: np.ndarray) -> np.ndarray:
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
    counts: np.ndarray = check_sample_weight(sample_counts(weight), X, dtype=X.dtype)
    return counts


def sample_counts(weight: np.ndarray) -> np.ndarray:
    """Read weights (n,) ≥ 0 as numbers of samples.

    Weight k is k samples, and less is learnt from few samples than from many. Weights
    that sum to less than the number of samples with a positive weight are shares
    (normalised to a sum of 1, for instance), of which only the ratios matter: they are
    rescaled to a mean of 1. Equal non-integer weights are ignored; equal integers are
    repetitions.
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
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Drop rows of weight 0 and merge equal rows, adding up their weights.

    Everything random in training is drawn for a row by its position. In the order
    returned here, which only contents decide, a row of weight k and the same row
    repeated k times are the same training set, so they give the same model. Rows are
    compared by a 64-bit hash of their contents: among a million different rows, two are
    taken for equal with a probability of 3e-8.

    Parameters
    ----------
    arrays : list of ndarray of shape (n_samples,) or (n_samples, k)
        A row is what they hold side by side.
    weight : ndarray of shape (n_samples,)
        Sample weights ≥ 0.

    Returns
    -------
    arrays : list of ndarray
        Distinct rows of positive weight, in an order that only contents decide.
    weight : ndarray
        Their weights.
    merged_into : ndarray of shape (n_samples,)
        Position of each row in what is returned, −1 where it was dropped.
    """
    key = np.zeros(len(weight), dtype=np.uint64)
    for array in arrays:
        for column in array.reshape(len(array), -1).T:
            hashed = pd.util.hash_array(_canonical(column))
            key = key * np.uint64(0x9E3779B97F4A7C15) + hashed
    kept = np.flatnonzero(weight > 0)
    _, first, group = np.unique(key[kept], return_index=True, return_inverse=True)
    rows = kept[first]
    merged = np.bincount(group, weights=weight[kept], minlength=len(rows))
    merged_into = np.full(len(weight), -1)
    merged_into[kept] = group
    return [array[rows] for array in arrays], merged.astype(weight.dtype), merged_into


def _canonical(column: np.ndarray) -> np.ndarray:
    """A copy in which values that are equal are so bit by bit, and so are all NaN.

    pandas hashes bits, in some versions those of -0.0 and -NaN too.
    """
    column = column + 0
    if column.dtype.kind == "f":
        column[np.isnan(column)] = np.nan
    return column
