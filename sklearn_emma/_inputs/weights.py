"""What each sample counts: weights as numbers of samples, equal rows merged."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sklearn_emma._inputs.missing import refuse_masked
from sklearn_emma._validation import check_sample_weight, noting

# A power of two: more samples than anybody has. With more, what is learnt from their
# number, how far to shrink a covariance for instance, would fall below rounding.
_MOST_DOUBLINGS = 40


def check_weights(sample_weight: ArrayLike | None, X: np.ndarray) -> np.ndarray:
    """Weights ≥ 0 of the rows of X, in its type, as numbers of samples.

    Raises
    ------
    ValueError
        Where scikit-learn's own check does, and for masked weights.
    """
    refuse_masked(sample_weight, "sample_weight")
    with noting("That is about `sample_weight`."):
        weight = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
    # Scaled before they are cast: float32 has fewer tiny and fewer huge numbers.
    counts = countable(sample_counts(weight))
    return counts.astype(X.dtype, copy=False)


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


def countable(weight: np.ndarray) -> np.ndarray:
    """Weights as they are or, where their sum is beyond counting, a fraction of them.

    Only ratios matter among so many samples.
    """
    largest = weight.max(initial=0.0)
    if largest == 0:
        return weight
    # In units of the largest, or the sum itself might overflow.
    doublings = np.log2(largest) + np.log2((weight / largest).sum()) - _MOST_DOUBLINGS
    # By a power of two, which rounds nothing.
    return np.ldexp(weight, -int(np.ceil(doublings))) if doublings > 0 else weight


def merge_duplicates(
    arrays: list[np.ndarray], weight: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Drop rows of weight 0 and merge equal rows, adding up their weights.

    Everything random in training is drawn for a row by its position. In the order
    returned here, a row of weight k and the same row repeated k times are the same
    training set, so they give the same model. The order is decided by the ranks of the
    values in their columns, so that their units do not matter, and then shuffled, as
    some estimators split samples by their position.

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
    kept = np.flatnonzero(weight > 0)
    group = _ranks([array[kept] for array in arrays], len(kept))
    place = np.random.RandomState(0).permutation(group.max(initial=-1) + 1)
    group = place[group]
    rows = np.empty(len(place), dtype=np.intp)
    rows[group[::-1]] = kept[::-1]  # the first of equal ones
    merged = np.bincount(group, weights=weight[kept], minlength=len(rows))
    merged_into = np.full(len(weight), -1)
    merged_into[kept] = group
    return [array[rows] for array in arrays], merged.astype(weight.dtype), merged_into


def _ranks(arrays: list[np.ndarray], n: int) -> np.ndarray:
    """Rank of each row among the distinct ones, by first columns first; NaN is last."""
    rank, n_ranks = np.zeros(n, dtype=np.intp), min(n, 1)
    for array in arrays:
        for column in array.T if array.ndim > 1 else [array]:
            if n_ranks == n:
                return rank
            values, of_value = np.unique(column, return_inverse=True)
            if len(values) > 1:
                found, rank = np.unique(
                    rank * len(values) + of_value, return_inverse=True
                )
                n_ranks = len(found)
    return rank
