"""Mixtures of Gaussians with full covariances, fitted by expectation maximisation.

The log-density of a Gaussian is linear in the moments 1, x_i, x_i x_j of a row. So both
steps are products with one matrix of moments, computed once, and an iteration on a
thousand rows takes a fraction of a millisecond.

Source: Dempster, Laird and Rubin, "Maximum likelihood from incomplete data via the EM
algorithm", JRSS B 39 (1977).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp
from sklearn.cluster import kmeans_plusplus

# Iterations of K-means before the first of a mixture.
_GATHERING = 20


class Mixture(NamedTuple):
    """Shares π (K,), means μ (K, d) and covariances Σ (K, d, d)."""

    shares: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @property
    def roots(self) -> np.ndarray:
        """R (K, d, d), with Σ⁻¹ = R Rᵀ."""
        identity = np.eye(self.means.shape[1])
        lower = np.linalg.cholesky(self.covariances)
        inverse = [solve_triangular(root, identity, lower=True) for root in lower]
        return np.stack(inverse).swapaxes(1, 2)

    def log_peaks(self, roots: np.ndarray) -> np.ndarray:
        """Logarithm of each component's share of the density at its mean, (K,).

        ``roots`` are those of the mixture, which the caller has as well.
        """
        volume = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
        # A component may have lost all rows.
        log_shares = np.log(np.maximum(self.shares, np.finfo(float).tiny))
        d = self.means.shape[1]
        found: np.ndarray = log_shares + volume - d / 2 * np.log(2 * np.pi)
        return found


class MixtureFit(NamedTuple):
    """A mixture, and the mean log-likelihood of the rows after each iteration."""

    mixture: Mixture
    curve: list[float]


def fit_mixture(
    x: np.ndarray,
    weight: np.ndarray,
    n_components: int,
    floor: float,
    random_state: np.random.RandomState,
    *,
    max_iter: int,
    tol: float,
) -> MixtureFit:
    """Fit a mixture to standardised rows.

    Parameters
    ----------
    x : ndarray of shape (n, d)
        Of mean 0 and variance 1, in double precision.
    weight : ndarray of shape (n,)
        Above 0; a row of weight k is k rows.
    n_components : int
        K, at most the number of distinct rows.
    floor : float
        What is added to the variance of each feature in each component.
    random_state : RandomState
        Where K-means starts, from which components start.
    max_iter : int
        Number of iterations at most.
    tol : float
        Gain of the mean log-likelihood below which they end.
    """
    moments = _moments(x)
    total = weight.sum()
    member = _gathered(x, weight, n_components, random_state) * weight[:, np.newaxis]
    curve: list[float] = []
    for _ in range(max_iter):
        mixture = _maximised(member, moments, x.shape[1], floor)
        joint = moments @ _coefficients(mixture)
        each = logsumexp(joint, axis=1)
        member = np.exp(joint - each[:, np.newaxis]) * weight[:, np.newaxis]
        curve.append(float(each @ weight / total))
        if len(curve) > 1 and curve[-1] - curve[-2] < tol:
            break
    return MixtureFit(mixture, curve)


def _moments(x: np.ndarray) -> np.ndarray:
    """1, x_i, and x_i x_j for i ≤ j, of each row of x (n, d): (n, (d + 1)(d + 2) / 2).

    In the order of the upper triangle of the products of (1, x) with itself.
    """
    extended = np.column_stack([np.ones(len(x)), x])
    i, j = np.triu_indices(x.shape[1] + 1)
    moments: np.ndarray = extended[:, i] * extended[:, j]
    return moments


def _maximised(
    member: np.ndarray, moments: np.ndarray, d: int, floor: float
) -> Mixture:
    """The mixture of rows of d features, of each of which a component has a share.

    ``member`` (n, K) are these shares.
    """
    sums = member.T @ moments
    full = np.zeros((len(sums), d + 1, d + 1))
    i, j = np.triu_indices(d + 1)
    full[:, i, j] = full[:, j, i] = sums
    mass = full[:, 0, 0].copy()
    full /= np.maximum(mass, np.finfo(float).tiny)[:, np.newaxis, np.newaxis]
    means = full[:, 0, 1:]
    spread = full[:, 1:, 1:] - means[:, :, np.newaxis] * means[:, np.newaxis, :]
    # Of rows that are equal, rounding may leave less than nothing.
    values, vectors = np.linalg.eigh(spread)
    kept = np.maximum(values, 0.0)[:, np.newaxis, :]
    covariances = (vectors * kept) @ vectors.swapaxes(1, 2) + floor * np.eye(d)
    return Mixture(mass / mass.sum(), means, covariances)


def _coefficients(mixture: Mixture) -> np.ndarray:
    """Of the log-densities of components in the moments, (moments, K)."""
    roots, means = mixture.roots, mixture.means
    precision = roots @ roots.swapaxes(1, 2)
    pull = np.einsum("kij,kj->ki", precision, means)
    constant = mixture.log_peaks(roots) - np.einsum("ki,ki->k", pull, means) / 2
    full = np.zeros((len(means), means.shape[1] + 1, means.shape[1] + 1))
    full[:, 0, 0] = constant
    full[:, 0, 1:] = pull
    # Half of the quadratic form, in which x_i x_j stands for x_j x_i as well.
    full[:, 1:, 1:] = -precision
    full[:, 1:, 1:] += precision * np.eye(means.shape[1]) / 2
    i, j = np.triu_indices(full.shape[1])
    coefficients: np.ndarray = full[:, i, j].T
    return coefficients


def _gathered(
    x: np.ndarray, weight: np.ndarray, n_cells: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Which of ``n_cells`` each row belongs to at first, (n, n_cells), 0 or 1.

    After a few iterations of K-means.
    """
    centres, _ = kmeans_plusplus(
        x, n_cells, sample_weight=weight, random_state=random_state
    )
    cell = np.full(len(x), -1)
    for _ in range(_GATHERING):
        nearest = (np.square(centres).sum(axis=1) - 2 * x @ centres.T).argmin(axis=1)
        if (nearest == cell).all():
            break
        cell = nearest
        member = np.eye(n_cells)[cell] * weight[:, np.newaxis]
        mass = member.sum(axis=0)[:, np.newaxis]
        found = (member.T @ x) / np.maximum(mass, np.finfo(float).tiny)
        centres = np.where(mass > 0, found, centres)
    gathered: np.ndarray = np.eye(n_cells)[cell]
    return gathered
