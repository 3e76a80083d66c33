"""From the channels of a sequence to what it has in common with others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag, eigh, solve_triangular

from sklearn_emma.alignment._clock import Clock

#: Weights (from, to) and biases of the layers of a network.
Layers = list[tuple[np.ndarray, np.ndarray]]


class Projection(NamedTuple):
    """Projections of M sequences to k components.

    ``weights`` (features, k) and ``means`` (features,) of each, ``penalty`` what the
    ridge adds to the objective, ``networks`` the layers that make features of channels:
    none, and the channels are the features.
    """

    weights: list[np.ndarray]
    means: list[np.ndarray]
    penalty: float = 0.0
    networks: list[Layers] | None = None

    def __call__(self, sequence: np.ndarray, number: int) -> np.ndarray:
        """Components (B, k, n) of a sequence (B, channels, n)."""
        x = sequence.transpose(0, 2, 1)
        if self.networks is not None:
            x = features(x, self.networks[number])
        projected = (x - self.means[number]) @ self.weights[number]
        return projected.transpose(0, 2, 1)


def features(x: np.ndarray, layers: Layers) -> np.ndarray:
    """Output of a network for x (..., channels); tanh between layers."""
    for number, (weight, bias) in enumerate(layers):
        x = (np.tanh(x) if number else x) @ weight + bias
    return x


def scatter(sequence: np.ndarray) -> np.ndarray:
    """Σ (x − mean)(x − mean)ᵀ over the steps of all samples of (B, d, n); (d, d)."""
    rows = sequence.transpose(0, 2, 1).reshape(-1, sequence.shape[1])
    rows = rows - rows.mean(0)
    sums: np.ndarray = rows.T @ rows
    return sums


def ridge_of(sums: np.ndarray, ridge: float) -> float:
    """What is added to the diagonal: a share of its mean, more than nothing."""
    mean = float(np.trace(sums)) / len(sums)
    return ridge * mean if mean > 0 else 1.0


def canonical_step(
    A: np.ndarray, B: np.ndarray, n_components: int, ridges: tuple[float, float]
) -> tuple[Projection, float]:
    r"""Canonical correlation analysis of rows A (l, d) and B (l, d').

    Minimises :math:`\|U^T A - V^T B\|^2 + r \|U\|^2 + r' \|V\|^2` under
    :math:`U^T (A A^T + r I) U = l I`, likewise V, for centred A and B.

    Returns
    -------
    projection : Projection
        Of the two.
    objective : float
        The minimum: 2 l (k − Σ of the canonical correlations).
    """
    length = len(A)
    means = [A.mean(0), B.mean(0)]
    A, B = A - means[0], B - means[1]
    roots = [
        np.linalg.cholesky((x.T @ x + ridge * np.eye(x.shape[1])) / length)
        for x, ridge in zip((A, B), ridges, strict=True)
    ]
    cross = solve_triangular(roots[0], A.T @ B / length, lower=True)
    cross = solve_triangular(roots[1], cross.T, lower=True).T
    left, correlations, right = np.linalg.svd(cross)
    weights = [
        solve_triangular(root.T, vectors[:, :n_components])
        for root, vectors in zip(roots, (left, right.T), strict=True)
    ]
    penalty = sum(
        ridge * float(np.square(weight).sum())
        for ridge, weight in zip(ridges, weights, strict=True)
    )
    objective = 2 * length * (n_components - float(correlations[:n_components].sum()))
    return Projection(weights, means, penalty), objective


def joint_step(
    sequences: list[np.ndarray], clock: Clock, n_components: int, ridge: float
) -> tuple[Projection, float]:
    r"""Projections of M sequences (B, d_i, n_i) whose clock is given.

    Minimises :math:`\sum_{i<j} \|U_i^T X_i W_i - U_j^T X_j W_j\|^2`, signals centred on
    the clock, under :math:`\sum_i U_i^T (X_i X_i^T + r_i I) U_i = I`, signals centred
    as they are: a constraint that does not depend on the clock. One generalised
    eigenproblem.

    Returns
    -------
    projection : Projection
        Of all.
    objective : float
        The minimum, the sum of the smallest eigenvalues.
    """
    rows = [clock.columns(x, i) for i, x in enumerate(sequences)]
    means = [x.mean(0) for x in rows]
    stacked = np.hstack([x - mean for x, mean in zip(rows, means, strict=True)])
    between = stacked.T @ stacked
    sizes = [x.shape[1] for x in rows]
    own = np.concatenate([np.full(d, i) for i, d in enumerate(sizes)])
    same = own[:, np.newaxis] == own
    cost = np.where(same, len(rows) - 1, -1) * between
    sums = [scatter(x) for x in sequences]
    constraint = block_diag(*(s + ridge_of(s, ridge) * np.eye(len(s)) for s in sums))
    values, vectors = eigh(cost, constraint, subset_by_index=[0, n_components - 1])
    weights = np.split(vectors, np.cumsum(sizes)[:-1])
    return Projection(weights, means), float(values.sum())
