"""Joint energy: how badly each mode fits the others, however likely by itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import DTypeLike
from scipy.linalg import block_diag
from torch import Tensor, nn
from torch.nn.functional import one_hot, pad

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._statistics.covariance import inverse_root
from sklearn_emma._statistics.normal_scores import fit_normal_scores, with_normal_scores
from sklearn_emma._statistics.quantiles import median_and_iqr, weighted_quantiles

# Normal scores are cut off here: marginal energies see what lies further out, and one
# broken mode, unbounded, would make every other look as if it did not fit.
_FARTHEST = 3.5

# Share of clean samples whose energies count as usual, marginal and joint. Where both
# could explain a sample, the marginal energy knows better which mode it is.
_USUAL_POTENTIAL, _USUAL_JOINT = 0.99, 0.995

# For the joint energies of samples that the densities have not seen.
_N_FOLDS = 5


class JointSamples(NamedTuple):
    """Complete clean samples from which modes are compared.

    ``x`` (n, d) standardised, ``group`` (n,) the class of each sample, ``potential``
    (n, M) its energies, ``weight`` (n,) counts samples.
    """

    x: np.ndarray
    group: np.ndarray
    potential: np.ndarray
    weight: np.ndarray

    def rows(self, index: np.ndarray) -> JointSamples:
        """Some of the samples."""
        return JointSamples(*(array[index] for array in self))


class Densities(NamedTuple):
    """Gaussians of G groups with one covariance, in normal scores.

    ``knots``, ``base`` and ``slope`` are those of the normal scores; ``whole``,
    ``given`` and ``alone`` (d, d) turn scores into residuals of all modes together, of
    each mode given the others, and of each by itself; ``means`` (G, d), ``log_prior``
    (G,), ``log_volume`` (M,).
    """

    knots: np.ndarray
    base: np.ndarray
    slope: np.ndarray
    whole: np.ndarray
    given: np.ndarray
    alone: np.ndarray
    means: np.ndarray
    log_prior: np.ndarray
    log_volume: np.ndarray

    def astype(self, dtype: DTypeLike) -> Densities:
        """All arrays in another floating-point type."""
        return Densities(*(array.astype(dtype) for array in self))


class DensityRatio(nn.Module):
    """Log-density ratio between a mode by itself and the mode given the others.

    In normal scores z, samples of class c are taken as Gaussian around μ_c, with one
    covariance for all classes. The ratio

        J_k(x) = log p(x_k) + log p(x_-k) − log p(x)

    is low where mode k goes with the other modes x_-k, by class or by correlation, and
    high where it is likely by itself but not beside them.

    Parameters
    ----------
    densities : Densities
        From :func:`fit_densities`.
    index : ndarray of shape (d,)
        Mode of each column.
    """

    knots: Tensor
    base: Tensor
    slope: Tensor
    whole: Tensor
    given: Tensor
    alone: Tensor
    means: Tensor
    log_prior: Tensor
    log_volume: Tensor
    index: Tensor

    def __init__(self, densities: Densities, index: np.ndarray) -> None:
        super().__init__()
        for name, array in densities._asdict().items():
            self.register_buffer(name, torch.as_tensor(array))
        self.register_buffer("index", torch.as_tensor(index))

    def forward(self, x: Tensor) -> Tensor:
        """J of complete standardised samples ``x`` (n, d), (n, M)."""
        z = bounded_scores(x, self.knots, self.base, self.slope)
        whole = _squares(z, self.means, self.whole, torch.zeros_like(self.index))
        given = _squares(z, self.means, self.given, self.index)
        alone = _squares(z, self.means, self.alone, self.index)
        mode = self._log_density(alone)
        others = self._log_density(whole - given)
        together = self._log_density(whole)
        return mode + others - together - self.log_volume

    def _log_density(self, squares: Tensor) -> Tensor:
        """Of a mixture of the classes, up to a constant; from (n, M, G) to (n, M)."""
        return (self.log_prior - squares / 2).logsumexp(2)


class JointEnergy(nn.Module):
    """Trust in each mode: the probability that it belongs to the same sample.

    Parameters
    ----------
    ratio : DensityRatio
        Joint energy J of each mode.
    potential_range : tuple of ndarray of shape (M,)
        Median and interquartile range of the potential energies of clean samples.
    potential_limit, joint_limit : float
        What the largest potential energy, in these units, and the largest joint energy
        of a clean sample usually are at most.
    dtype : torch.dtype
        In which everything is computed.
    """

    location: Tensor
    scale: Tensor
    potential_limit: Tensor
    joint_limit: Tensor

    def __init__(
        self,
        ratio: DensityRatio,
        potential_range: tuple[np.ndarray, np.ndarray],
        potential_limit: float,
        joint_limit: float,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.ratio = ratio
        numbers = {
            "location": potential_range[0],
            "scale": potential_range[1],
            "potential_limit": potential_limit,
            "joint_limit": joint_limit,
        }
        for name, value in numbers.items():
            self.register_buffer(name, torch.as_tensor(value, dtype=dtype))

    @torch.no_grad()
    def trust(self, x: Tensor, potential: Tensor, present: Tensor) -> Tensor:
        """Probability that a mode is not of another sample, (n, M).

        ``x`` (n, d) is standardised, ``potential`` and ``present`` (n, M). Either no
        mode is, or one: a Gibbs distribution with energies −τ and −J_k. τ is
        ``joint_limit``. At or below it nothing is suspected; otherwise modes that say
        nothing of each other, with J_k ≈ τ, would all be suspected. A swapped mode is
        valid by itself: samples with a mode that is unusual by itself, or missing, are
        left to the gate, and get 1.
        """
        joint = self.ratio(x) - self.joint_limit
        excess = joint.amax(1, keepdim=True).clamp_min(0)
        suspicion = torch.softmax(pad(joint, (1, 0)), 1)[:, 1:] * -torch.expm1(-excess)
        unusual = ((potential - self.location) / self.scale).amax(1)
        valid = (unusual <= self.potential_limit) & present.all(1)
        return torch.where(valid.unsqueeze(1), 1 - suspicion, 1.0)


def fit_joint_energy(
    samples: JointSamples, layout: ModeLayout, n_groups: int
) -> JointEnergy | None:
    """Learn J from complete clean samples.

    Returns
    -------
    JointEnergy or None
        None with fewer than three modes, which cannot outvote one another (J is the
        same for both of two), or with fewer than ten samples.
    """
    weight, dtype = samples.weight, samples.x.dtype
    if layout.n_modes < 3 or (weight > 0).sum() < 2 * _N_FOLDS:
        return None
    densities = fit_densities(samples, layout, n_groups)
    location, scale = median_and_iqr(samples.potential, weight)
    unusual = (samples.potential - location) / scale
    held_out = _held_out_energies(samples, layout, n_groups)
    return JointEnergy(
        DensityRatio(densities.astype(dtype), layout.index),
        (location, scale),
        _limit(unusual, weight, _USUAL_POTENTIAL),
        _limit(held_out, weight, _USUAL_JOINT),
        torch.from_numpy(samples.x[:0]).dtype,
    )


def _held_out_energies(
    samples: JointSamples, layout: ModeLayout, n_groups: int
) -> np.ndarray:
    """J of each sample (n, M) by densities that have not seen it.

    On few samples of many features, those that were seen fit far too well. Samples come
    in an order that has nothing to do with their classes.
    """
    x = samples.x
    fold = np.arange(len(x)) % _N_FOLDS
    energies = np.empty((len(x), layout.n_modes), dtype=x.dtype)
    for k in range(_N_FOLDS):
        learnt = fit_densities(samples.rows(fold != k), layout, n_groups)
        ratio = DensityRatio(learnt.astype(x.dtype), layout.index)
        energies[fold == k] = ratio(torch.from_numpy(x[fold == k])).numpy()
    return energies


def fit_densities(
    samples: JointSamples, layout: ModeLayout, n_groups: int
) -> Densities:
    """Everything that J needs, in double precision but for the normal scores."""
    x, group, _, weight = samples
    scores = fit_normal_scores(x, weight)
    maps = [torch.from_numpy(array) for array in scores]
    z = bounded_scores(torch.from_numpy(x), *maps).numpy().astype(np.float64)
    mass = np.bincount(group, weight, n_groups)
    member = one_hot(torch.from_numpy(group), n_groups).numpy() * weight[:, None]
    means = member.T @ z / np.where(mass > 0, mass, 1.0)[:, np.newaxis]
    whole = inverse_root(z - means[group], weight.astype(np.float64))
    precision = whole @ whole
    covariance = np.linalg.inv(precision)
    own = [(columns, columns) for columns in layout.slices]
    # The residual of mode k given the others is (P_kk)⁻¹ (P z)_k, its precision P_kk.
    given = precision @ block_diag(*(_root(np.linalg.inv(precision[i])) for i in own))
    alone = block_diag(*(_root(np.linalg.inv(covariance[i])) for i in own))
    blocks = [matrix[i] for matrix in (covariance, precision) for i in own]
    volumes = np.array([np.linalg.slogdet(block)[1] for block in blocks])
    log_volume = volumes.reshape(2, layout.n_modes).sum(axis=0) / 2
    with np.errstate(divide="ignore"):
        log_prior = np.log(mass / mass.sum())
    return Densities(*scores, whole, given, alone, means, log_prior, log_volume)


def bounded_scores(x: Tensor, knots: Tensor, base: Tensor, slope: Tensor) -> Tensor:
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
