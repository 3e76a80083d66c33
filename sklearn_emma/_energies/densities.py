"""Gaussians of modes by themselves, given the others, and of all together."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import DTypeLike
from scipy.linalg import block_diag
from torch import Tensor, nn
from torch.nn.functional import one_hot

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._statistics.covariance import inverse_root, principal_axes
from sklearn_emma._statistics.normal_scores import (
    NormalScores,
    NormalScoring,
    fit_normal_scores,
)

# Normal scores are cut off here: marginal energies see what lies further out, and one
# broken mode, unbounded, would make every other look as if it did not fit.
_FARTHEST = 3.5

# Modes are compared in their first principal components: at most so many, and in all
# half as many as samples, or correlation between modes would be one of chance.
_MOST_COMPONENTS = 64


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

    ``knots``, ``base`` and ``slope`` are those of the normal scores; ``components``
    (d, r) are the principal components of each mode, ``mode`` (r,) says whose; in them
    ``whole``, ``given`` and ``alone`` (r, r) turn scores into residuals of all modes
    together, of each mode given the others, and of each by itself; ``means`` (G, r),
    ``log_prior`` (G,), ``log_volume`` (M,).
    """

    knots: np.ndarray
    base: np.ndarray
    slope: np.ndarray
    components: np.ndarray
    mode: np.ndarray
    whole: np.ndarray
    given: np.ndarray
    alone: np.ndarray
    means: np.ndarray
    log_prior: np.ndarray
    log_volume: np.ndarray

    def astype(self, dtype: DTypeLike) -> Densities:
        """All arrays in another floating-point type."""
        arrays = (array.astype(dtype) for array in self)
        return Densities(*arrays)._replace(mode=self.mode)

    @property
    def maps(self) -> NormalScores:
        """What turns values into normal scores."""
        return NormalScores(self.knots, self.base, self.slope)


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
    """

    components: Tensor
    mode: Tensor
    own: Tensor
    whole: Tensor
    given: Tensor
    alone: Tensor
    means: Tensor
    log_prior: Tensor
    log_volume: Tensor

    def __init__(self, densities: Densities) -> None:
        super().__init__()
        self.scoring = NormalScoring(densities.maps)
        for name, array in densities._asdict().items():
            if name not in NormalScores._fields:
                self.register_buffer(name, torch.as_tensor(array))
        own = one_hot(self.mode).to(self.components.dtype)
        self.register_buffer("own", own)

    def forward(self, x: Tensor, normal_scores: Tensor | None = None) -> Tensor:
        """J of complete standardised samples ``x`` (n, d), (n, M).

        ``normal_scores`` (n, d) are theirs, if they are known.
        """
        scores = self.scoring(x) if normal_scores is None else normal_scores
        z = bounded_scores(scores) @ self.components
        every = torch.ones_like(self.own[:, :1])
        whole = _squares(z, self.means, self.whole, every)
        given = _squares(z, self.means, self.given, self.own)
        alone = _squares(z, self.means, self.alone, self.own)
        mode = self._log_density(alone)
        others = self._log_density(whole - given)
        together = self._log_density(whole)
        return mode + others - together - self.log_volume

    def _log_density(self, squares: Tensor) -> Tensor:
        """Of a mixture of the classes, up to a constant; from (n, M, G) to (n, M)."""
        return (self.log_prior - squares / 2).logsumexp(2)


def fit_densities(
    samples: JointSamples, layout: ModeLayout, n_groups: int
) -> Densities:
    """Everything that J needs, in double precision but for the normal scores."""
    x, group, _, weight = samples
    scores = fit_normal_scores(x, weight)
    z = bounded_scores(NormalScoring(scores)(torch.from_numpy(x))).double().numpy()
    bases = _bases(z, weight.astype(np.float64), layout)
    components = block_diag(*bases)
    z = z @ components
    edges = np.cumsum([0, *(basis.shape[1] for basis in bases)]).tolist()
    slices = [slice(*pair) for pair in pairwise(edges)]
    mass = np.bincount(group, weight, n_groups)
    member = one_hot(torch.from_numpy(group), n_groups).numpy() * weight[:, None]
    means = member.T @ z / np.where(mass > 0, mass, 1.0)[:, np.newaxis]
    whole = inverse_root(z - means[group], weight.astype(np.float64))
    precision = whole @ whole
    covariance = np.linalg.inv(precision)
    own = [(columns, columns) for columns in slices]
    # The residual of mode k given the others is (P_kk)⁻¹ (P z)_k, its precision P_kk.
    given = precision @ block_diag(*(_root(np.linalg.inv(precision[i])) for i in own))
    alone = block_diag(*(_root(np.linalg.inv(covariance[i])) for i in own))
    blocks = [matrix[i] for matrix in (covariance, precision) for i in own]
    volumes = np.array([np.linalg.slogdet(block)[1] for block in blocks])
    log_volume = volumes.reshape(2, layout.n_modes).sum(axis=0) / 2
    with np.errstate(divide="ignore"):
        log_prior = np.log(mass / mass.sum())
    mode = np.repeat(np.arange(layout.n_modes), np.diff(edges))
    gaussians = whole, given, alone, means, log_prior, log_volume
    return Densities(*scores, components, mode, *gaussians)


def _bases(z: np.ndarray, weight: np.ndarray, layout: ModeLayout) -> list[np.ndarray]:
    """First principal components of each mode of ``z`` (n, d), (d_i, r_i).

    Where there is room for all of them, the mode as it is.
    """
    room = int((weight > 0).sum()) // (2 * layout.n_modes)
    most = max(2, min(_MOST_COMPONENTS, room))
    bases = []
    for columns, width in zip(layout.slices, layout.widths, strict=True):
        own = z[:, columns]
        centred = own - np.average(own, axis=0, weights=weight)
        _, axes, _ = principal_axes(centred, weight)
        bases.append(np.eye(width) if width <= most else axes[:, -most:])
    return bases


def bounded_scores(scores: Tensor) -> Tensor:
    """Normal scores as modes are compared in them."""
    return scores.clamp(-_FARTHEST, _FARTHEST)


def _squares(z: Tensor, means: Tensor, matrix: Tensor, belongs: Tensor) -> Tensor:
    """Squared length, (n, G, K), of each group of columns of (z − μ_c) ``matrix``.

    ``belongs`` (r, G) is 1 where a column belongs to a group, else 0.
    """
    z, means = z @ matrix, means @ matrix
    # Never (n, d, K) at once, which many classes would blow up.
    mixed = (belongs.unsqueeze(2) * means.T.unsqueeze(1)).flatten(1)
    products = (z @ mixed).unflatten(1, (belongs.shape[1], len(means)))
    lengths = (z.square() @ belongs).unsqueeze(2)
    return lengths - 2 * products + (belongs.T @ means.T.square()).unsqueeze(0)


def _root(matrix: np.ndarray) -> np.ndarray:
    """Symmetric root of a positive definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
