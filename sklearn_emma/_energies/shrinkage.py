"""How much of a mode's correlation to believe: decided by rows held out.

On few rows of many features, whitening fits the rows it has seen: they all look usual,
and every new row looks broken. What the rows of one fold say about the covariance
learnt from the others tells how far to shrink.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sklearn_emma._statistics.covariance import oracle_shrinkage, principal_axes
from sklearn_emma._statistics.quantiles import weighted_quantiles

#: Shares of the identity that are compared.
SHRINKAGES = np.array(
    [1e-4, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0]
)

# Noise that energies should notice, in standard deviations of each feature: as small as
# any that matters to a prediction.
NOISE = (0.25, 0.5)

# Rows that were seen may look more usual than others by this many interquartile ranges
# of the energies of rows that were not.
_WIDEST_GAP = 1.0

# Detection that is as good as the best. Of such shares the largest is chosen: energies
# that rise more slowly tell little noise from much, and leave a mode of little noise in
# use.
_AS_GOOD = 0.02

_N_FOLDS = 5

# More rows, or ten for each coordinate, change the choice no more.
_MOST_ROWS = 2000


class _Axes(NamedTuple):
    """What a covariance of centred rows is made of; see :func:`principal_axes`."""

    mean: np.ndarray
    values: np.ndarray
    vectors: np.ndarray
    mean_variance: float

    def energies(self, z: np.ndarray) -> np.ndarray:
        """Half the squared Mahalanobis distance (n, S) of ``z`` (n, d) at each share.

        What lies outside all axes counts by the share of the identity alone.
        """
        centred = z - self.mean
        along = np.square(centred @ self.vectors)
        outside = np.maximum(np.square(centred).sum(axis=1) - along.sum(axis=1), 0.0)
        rest = np.maximum(SHRINKAGES * self.mean_variance, 1e-12)
        variances = (1 - SHRINKAGES) * self.values[:, np.newaxis] + rest
        energies: np.ndarray = (along @ (1 / variances) + outside[:, None] / rest) / 2
        return energies


def choose_shrinkage(
    clean: np.ndarray, noisy: list[np.ndarray], weight: np.ndarray
) -> float:
    """Largest share of the identity with which held-out rows are told from noisy ones.

    As well as with any share, and among the shares with which rows that were seen and
    rows that were not look alike.

    Parameters
    ----------
    clean : ndarray of shape (n_samples, d)
        Rows, each coordinate of unit variance.
    noisy : list of ndarray of shape (n_samples, d)
        The same rows with noise.
    weight : ndarray of shape (n_samples,)
        What each row counts; 0 leaves it out.

    Returns
    -------
    float
        In (0, 1].
    """
    rows = np.flatnonzero(weight > 0)[: max(_MOST_ROWS, 10 * clean.shape[1])]
    clean, weight = clean[rows], weight[rows]
    noisy = [z[rows] for z in noisy]
    if len(rows) < 4 * _N_FOLDS:
        return max(oracle_shrinkage(clean, weight), SHRINKAGES[0])
    if np.average(np.square(clean).sum(axis=1), weights=weight) < 0.5:
        return 1.0  # nothing varies
    fold = np.arange(len(rows)) % _N_FOLDS
    held_out = np.empty((len(rows), len(SHRINKAGES)))
    disturbed = [np.empty_like(held_out) for _ in noisy]
    gaps = []
    for k in range(_N_FOLDS):
        seen, unseen = fold != k, fold == k
        mean = np.average(clean[seen], axis=0, weights=weight[seen])
        axes = _Axes(mean, *principal_axes(clean[seen] - mean, weight[seen]))
        held_out[unseen] = axes.energies(clean[unseen])
        for energies, z in zip(disturbed, noisy, strict=True):
            energies[unseen] = axes.energies(z[unseen])
        gaps.append(_medians(held_out[unseen], weight[unseen]))
        gaps[-1] -= _medians(axes.energies(clean[seen]), weight[seen])
    quartiles = weighted_quantiles(held_out, weight, np.array([0.25, 0.75]))
    alike = np.mean(gaps, axis=0) <= _WIDEST_GAP * np.diff(quartiles)[:, 0]
    if not alike.any():
        return 1.0
    allowed = np.full(len(SHRINKAGES), -1.0)
    for share in np.flatnonzero(alike):
        broken = [z[:, share] for z in disturbed]
        allowed[share] = detection(held_out[:, share], broken, weight)
    return float(SHRINKAGES[allowed >= allowed.max() - _AS_GOOD].max())


def detection(
    clean: np.ndarray, broken: Sequence[np.ndarray], weight: np.ndarray
) -> float:
    """Area under the ROC curve of energies of clean (n,) and broken rows (n,).

    The mean of it, for rows broken in several ways.
    """
    order = clean.argsort()
    below = np.concatenate([[0.0], weight[order].cumsum()])
    ranked = clean[order]
    areas = []
    for energies in broken:
        share = below[np.searchsorted(ranked, energies, side="left")]
        share = share + below[np.searchsorted(ranked, energies, side="right")]
        areas.append(np.average(share / 2 / below[-1], weights=weight))
    return float(np.mean(areas))


def _medians(energies: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return weighted_quantiles(energies, weight, np.array([0.5]))[:, 0]
