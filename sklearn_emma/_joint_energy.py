"""Joint energy: how badly each mode fits the others, however likely by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.linalg import block_diag
from torch import Tensor, nn
from torch.nn.functional import one_hot, pad

from sklearn_emma._normal_scores import fit_normal_scores, with_normal_scores
from sklearn_emma._quantiles import median_and_iqr, weighted_quantiles
from sklearn_emma._whitening import inverse_root

# Marginal energies see what lies further out. Unbounded, one broken mode would make
# every other look as if it did not fit.
_FARTHEST = 3.5

# Share of clean samples whose energies count as usual, marginal and joint. Where both
# could explain a sample, the marginal energy knows better which mode it is.
_USUAL_POTENTIAL, _USUAL_JOINT = 0.99, 0.995

# To know what the joint energies of unseen samples are.
_N_FOLDS = 5


class JointEnergy(nn.Module):
    """Log-density ratio between a mode by itself and the mode given the others.

    In normal scores z, samples of class c are taken as Gaussian around μ_c, with one
    covariance for all classes. The ratio

        J_k(x) = log p(x_k) + log p(x_-k) − log p(x)

    is low where mode k goes with the other modes x_-k, by class or by correlation, and
    high where it is likely by itself but not beside them.

    Parameters
    ----------
    buffers : dict of str to ndarray
        From :func:`fit_joint_energy`.
    """

    mode_index: Tensor
    knots: Tensor
    base: Tensor
    slope: Tensor
    whole: Tensor
    given: Tensor
    alone: Tensor
    means: Tensor
    log_prior: Tensor
    log_volume: Tensor
    location: Tensor
    scale: Tensor
    potential_limit: Tensor
    joint_limit: Tensor

    def __init__(self, buffers: dict[str, np.ndarray]) -> None:
        super().__init__()
        for name, array in buffers.items():
            self.register_buffer(name, torch.as_tensor(array))

    def forward(self, x: Tensor) -> Tensor:
        """J of complete standardised samples ``x`` (n, d), (n, M)."""
        z = _coordinates(x, self.knots, self.base, self.slope)
        whole = _squares(z, self.means, self.whole, torch.zeros_like(self.mode_index))
        given = _squares(z, self.means, self.given, self.mode_index)
        alone = _squares(z, self.means, self.alone, self.mode_index)
        log_densities = (
            (self.log_prior - squares / 2).logsumexp(2)
            for squares in (alone, whole - given, whole)
        )
        mode, others, together = log_densities
        return mode + others - together - self.log_volume

    @torch.no_grad()
    def trust(self, x: Tensor, potential: Tensor, present: Tensor) -> Tensor:
        """Probability that a mode is not of another sample, (n, M).

        ``x`` (n, d) is standardised, ``potential`` and ``present`` (n, M). Either no
        mode is, or one: a Gibbs distribution with energies −τ and −J_k. τ is what one
        in two hundred clean samples exceeds; at or below it nothing is suspected, or
        modes that say nothing of each other, with J_k ≈ τ, would all be. A swapped mode
        is valid: samples with a mode that is unusual by itself, or missing, are left to
        the gate, and get 1.
        """
        joint = self(x) - self.joint_limit
        excess = joint.amax(1, keepdim=True).clamp_min(0)
        suspicion = torch.softmax(pad(joint, (1, 0)), 1)[:, 1:] * -torch.expm1(-excess)
        unusual = ((potential - self.location) / self.scale).amax(1)
        valid = (unusual <= self.potential_limit) & present.all(1)
        return torch.where(valid.unsqueeze(1), 1 - suspicion, 1.0)


def fit_joint_energy(
    x: np.ndarray,
    y: np.ndarray,
    potential: np.ndarray,
    weight: np.ndarray,
    mode_index: np.ndarray,
    n_classes: int,
) -> JointEnergy | None:
    """Learn J from complete clean samples.

    Parameters
    ----------
    x : ndarray of shape (n, d)
        Standardised.
    y : ndarray of shape (n,)
        Class numbers.
    potential : ndarray of shape (n, M)
        Potential energies.
    weight : ndarray of shape (n,)
        Counts samples.
    mode_index : ndarray of shape (d,)
        Mode of each column, ascending.
    n_classes : int
        Number of classes K.

    Returns
    -------
    JointEnergy or None
        None with fewer than three modes, which cannot outvote one another (J is the
        same for both of two), or with fewer than ten samples.
    """
    if potential.shape[1] < 3 or (weight > 0).sum() < 2 * _N_FOLDS:
        return None
    learnt = _fit_densities(x, y, weight, mode_index, n_classes)
    location, scale = median_and_iqr(potential, weight)
    limits = {
        "location": location,
        "scale": scale,
        "potential_limit": np.array(
            _limit((potential - location) / scale, weight, _USUAL_POTENTIAL)
        ),
        "joint_limit": np.array(
            _limit(
                _held_out_energies(x, y, weight, mode_index, n_classes),
                weight,
                _USUAL_JOINT,
            )
        ),
    }
    return JointEnergy(_typed(learnt | limits, x.dtype) | {"mode_index": mode_index})


def _held_out_energies(
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    mode_index: np.ndarray,
    n_classes: int,
) -> np.ndarray:
    """J of each sample (n, M) by densities that have not seen it.

    On few samples of many features, those that were seen fit far too well. Samples come
    in an order that has nothing to do with their classes.
    """
    fold = np.arange(len(x)) % _N_FOLDS
    energies = np.empty((len(x), mode_index.max() + 1), dtype=x.dtype)
    for k in range(_N_FOLDS):
        seen, held = fold != k, fold == k
        learnt = _fit_densities(x[seen], y[seen], weight[seen], mode_index, n_classes)
        densities = _typed(learnt, x.dtype) | {"mode_index": mode_index}
        energies[held] = JointEnergy(densities)(torch.from_numpy(x[held])).numpy()
    return energies


def _fit_densities(
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    mode_index: np.ndarray,
    n_classes: int,
) -> dict[str, np.ndarray]:
    """Everything that J needs."""
    n_modes = mode_index.max() + 1
    scores = fit_normal_scores(x, weight)
    maps = [torch.from_numpy(array) for array in scores]
    z = _coordinates(torch.from_numpy(x), *maps).numpy().astype(np.float64)
    mass = np.bincount(y, weight, n_classes)
    member = one_hot(torch.from_numpy(y), n_classes).numpy() * weight[:, np.newaxis]
    means = member.T @ z / np.where(mass > 0, mass, 1.0)[:, np.newaxis]
    whole = inverse_root(z - means[y], weight.astype(np.float64))
    precision = whole @ whole
    covariance = np.linalg.inv(precision)
    modes = [np.flatnonzero(mode_index == mode) for mode in range(n_modes)]
    own = [np.ix_(columns, columns) for columns in modes]
    # The residual of mode k given the others is (P_kk)⁻¹ (P z)_k, its precision P_kk.
    given = precision @ block_diag(*(_root(np.linalg.inv(precision[i])) for i in own))
    alone = block_diag(*(_root(np.linalg.inv(covariance[i])) for i in own))
    blocks = [matrix[i] for matrix in (covariance, precision) for i in own]
    volumes = np.array([np.linalg.slogdet(block)[1] for block in blocks])
    log_volume = volumes.reshape(2, n_modes).sum(axis=0) / 2
    with np.errstate(divide="ignore"):
        log_prior = np.log(mass / mass.sum())
    return scores._asdict() | {
        "whole": whole,
        "given": given,
        "alone": alone,
        "means": means,
        "log_prior": log_prior,
        "log_volume": log_volume,
    }


def _typed(arrays: dict[str, np.ndarray], dtype: Any) -> dict[str, np.ndarray]:
    return {name: array.astype(dtype) for name, array in arrays.items()}


def _coordinates(x: Tensor, knots: Tensor, base: Tensor, slope: Tensor) -> Tensor:
    """Normal scores (n, d) of ``x`` (n, d), bounded."""
    scores = with_normal_scores(x[None], knots[None], base[None], slope[None])
    return scores[0][:, 1::2].clamp(-_FARTHEST, _FARTHEST)


def _squares(z: Tensor, means: Tensor, matrix: Tensor, group: Tensor) -> Tensor:
    """Squared length, (n, G, K), of each group of columns of (z − μ_c) ``matrix``."""
    z, means = z @ matrix, means @ matrix
    belongs = one_hot(group).to(z.dtype)
    # Never (n, d, K) at once, which many classes would blow up.
    mixed = (belongs.unsqueeze(2) * means.T.unsqueeze(1)).flatten(1)
    products = (z @ mixed).unflatten(1, (belongs.shape[1], len(means)))
    lengths = (z.square() @ belongs).unsqueeze(2)
    return lengths - 2 * products + (belongs.T @ means.T.square()).unsqueeze(0)


def _root(matrix: np.ndarray) -> np.ndarray:
    """Symmetric root of a positive definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _limit(energy: np.ndarray, weight: np.ndarray, share: float) -> float:
    """Return what the largest of M energies is at most, in a ``share`` of samples."""
    largest = energy.max(axis=1, keepdims=True)
    return float(weighted_quantiles(largest, weight, np.array([share]))[0, 0])
