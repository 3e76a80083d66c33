"""Conformal p-values: how rare a score at least as high is among those of clean rows.

If the score of a new clean row and those of n clean rows are exchangeable, its rank
among all n + 1 is uniform, but for ties. So (1 + number of clean scores at least as
high) / (n + 1) is at most α with a probability of at most α, whatever the distribution
of the scores (Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World",
2005).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import beta

#: How much larger than exact a p-value may be, so that few scores need to be kept.
EXCESS = 0.005


class CleanScores(NamedTuple):
    """Scores of n clean rows, as far as p-values need them.

    ``threshold`` (K,) are some of the scores, in rising order and distinct; ``above``
    (K,) is how many of all n scores are greater than each.
    """

    threshold: np.ndarray
    above: np.ndarray
    n: int


def summarise(
    scores: np.ndarray, weight: np.ndarray | None = None, excess: float = EXCESS
) -> CleanScores:
    """Keep what p-values need of scores: all of a few, a thousand or two of very many.

    Scores are left out where p-values rise by no more than a share ``excess``. They
    never fall, so they keep their guarantee. That leaves 1/ε scores of the upper tail,
    and a number that grows with log(n) / ε of the others.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Finite.
    weight : ndarray of shape (n,), default=None
        What each row counts, relative to the others; None: all the same. The number of
        rows is then the effective one, (Σ w)² / Σ w², rounded down.
    excess : float, default=EXCESS
        ε ≥ 0, by what share p-values may exceed the exact ones.
    """
    weight = np.ones(len(scores)) if weight is None else weight.astype(float)
    counts = weight > 0
    scores, weight = scores[counts], weight[counts] / weight.max(initial=1e-300)
    if not len(scores):
        return CleanScores(np.empty(0), np.empty(0), 0)
    n = math.floor(weight.sum() ** 2 / np.square(weight).sum() * (1 + 1e-9))
    threshold, which = np.unique(scores, return_inverse=True)
    mass = np.bincount(which, weight)
    at_least = mass[::-1].cumsum()[::-1] * (n / mass.sum())
    above = np.append(at_least[1:], 0.0)
    kept = [len(threshold) - 1]
    while kept[-1] > 0:
        # The least score at which the p-values of all that lie up to the last one kept
        # are still close enough; the next one always is.
        most = (1 + excess) * (1 + at_least[kept[-1]]) - 1
        lowest = len(above) - np.searchsorted(above[::-1], most, side="right")
        kept.append(min(int(lowest), kept[-1] - 1))
    kept.reverse()
    return CleanScores(threshold[kept].astype(float), above[kept], n)


def p_values(scores: np.ndarray, clean: CleanScores) -> np.ndarray:
    """(1 + number of clean scores at least as high) / (n + 1); NaN for NaN.

    Parameters
    ----------
    scores : ndarray of any shape
        Of new rows.
    clean : CleanScores
        Of clean rows.

    Returns
    -------
    ndarray of the same shape
        In [1 / (n + 1), 1]; 1 if there are no clean rows.
    """
    place = np.searchsorted(clean.threshold, scores, side="left")
    n_higher = np.append(float(clean.n), clean.above)[place]
    return np.where(np.isnan(scores), np.nan, (1 + n_higher) / (clean.n + 1))


def any_of(p: np.ndarray) -> np.ndarray:
    """p-value (n,) of all that is known of k things being clean, from theirs (n, k).

    The least of them times how many are known, at most 1 (Bonferroni): it holds however
    they depend on each other. NaN where nothing is known; of one thing, its own.
    """
    known = ~np.isnan(p)
    least = np.where(known, p, 1.0).min(axis=1) * known.sum(axis=1)
    return np.where(known.any(axis=1), np.minimum(least, 1.0), np.nan)


def rejected(p: np.ndarray, alpha: float, together: bool) -> np.ndarray:
    """Where clean is rejected at level α, (n, M); nowhere where p is NaN.

    Parameters
    ----------
    p : ndarray of shape (n, M)
        p-values of M modes of n rows.
    alpha : float
        Probability of an alarm of a clean mode, at most.
    together : bool
        Whether α bounds the probability that *any* clean mode of a row rings, by Holm's
        procedure: the least of M p-values is compared with α / M, the next one with
        α / (M − 1), and so on, up to the first that is greater. That holds however the
        modes depend on each other (S. Holm, Scand. J. Statist. 6, 1979).
    """
    limit = np.full(p.shape[1], alpha * (1 + 1e-9))  # rounding decides nothing
    if not together:
        return p <= limit
    limit /= np.arange(p.shape[1], 0, -1)
    order = p.argsort(axis=1, kind="stable")  # NaN comes last
    small = np.take_along_axis(p, order, axis=1) <= limit
    result = np.zeros(p.shape, dtype=bool)
    np.put_along_axis(result, order, np.logical_and.accumulate(small, axis=1), axis=1)
    return result


def fewest_rows(alpha: float, n_tests: int = 1) -> int:
    """Clean rows without which no p-value can be as low as ``alpha / n_tests``."""
    return math.ceil(n_tests / alpha * (1 - 1e-9)) - 1


def with_confidence(p: np.ndarray, n: int, error: float) -> np.ndarray:
    """p-values that hold for the clean rows at hand, not only on average over them.

    A p-value is an estimate, from n rows, of the probability that a clean score is at
    least as high. Here it is replaced by an upper limit of that probability. But with a
    probability of at most ``error`` over the draw of the clean rows, *all* limits hold
    at once. New p-values are then independent, if the new rows are, and no lower than
    uniform, given the clean rows. (S. Bates et al., Annals of Statistics 51, 2023, call
    them calibration-conditional.)

    Parameters
    ----------
    p : ndarray of any shape
        p-values from n independent clean rows, NaN kept.
    n : int
        Number of clean rows.
    error : float
        In (0, 1).

    Returns
    -------
    ndarray of the same shape
        Not below ``p``.

    Notes
    -----
    The probability above the j-th highest clean score is at most, in distribution, the
    j-th least of n uniform numbers, a Beta(j, n + 1 − j) variable. Quantiles of it are
    taken at L ranks, each a tenth above the one before, at the level 1 − error / L; a
    rank between them gets the limit of the next.
    """
    ranks = _tenths(n)
    level = 1 - error / max(len(ranks), 1)
    limits = np.append(beta.ppf(level, ranks, n + 1 - ranks), 1.0)
    rank = np.nan_to_num(p, nan=1.0) * (n + 1)
    place = np.searchsorted(ranks, np.ceil(rank - 1e-6), side="left")
    limited: np.ndarray = np.where(np.isnan(p), np.nan, np.maximum(limits[place], p))
    return limited


def _tenths(n: int) -> np.ndarray:
    """Ranks from 1 to n, each at most a tenth above the one before, or one."""
    ranks = []
    rank = 1
    while rank < n:
        ranks.append(rank)
        rank = max(rank + 1, math.floor(1.1 * rank))
    return np.array([*ranks, n] if n else [], dtype=float)
