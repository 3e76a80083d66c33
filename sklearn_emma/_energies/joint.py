"""Joint energy: how badly each mode fits the others, however likely by itself."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from sklearn_emma._energies.autoencoder import PotentialStack
from sklearn_emma._energies.comparing import Comparison, DensityComparison
from sklearn_emma._energies.cross_fitting import folds, row_keys
from sklearn_emma._energies.densities import DensityRatio, JointSamples
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._losses.latent import gibbs_distribution, minimise_over
from sklearn_emma._statistics.normal_scores import NormalScoring
from sklearn_emma._statistics.quantiles import median_and_iqr, weighted_quantiles

# Share of clean samples whose energies count as usual, marginal and joint. Where both
# could explain a sample, the marginal energy knows better which mode it is.
_USUAL_POTENTIAL, _USUAL_JOINT = 0.99, 0.995

# For the joint energies of samples that the densities have not seen.
_N_FOLDS = 5


class JointEnergy(nn.Module):
    """Trust in each mode: the probability that it belongs to the same sample.

    Parameters
    ----------
    ratio : Module
        From x (n, d) to the joint energy J of each mode, (n, M).
    potential_range : tuple of ndarray of shape (P,)
        Median and interquartile range of the potential energies of clean samples; of
        the parts of modes, where these have some, else P is M.
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
        ratio: nn.Module,
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

    @property
    def scoring(self) -> NormalScoring | None:
        """Normal scores in which modes are compared, if they are."""
        return self.ratio.scoring if isinstance(self.ratio, DensityRatio) else None

    @torch.no_grad()
    def trust(
        self,
        x: Tensor,
        potential: Tensor,
        present: Tensor,
        normal_scores: Tensor | None = None,
    ) -> Tensor:
        """Probability that a mode is not of another sample, (n, M).

        ``x`` (n, d) is standardised, ``potential`` and ``present`` (n, P),
        ``normal_scores`` (n, d) by :func:`scoring_in_common`, if there is one. This is
        inference over a latent variable, "which mode is foreign": none or one, with the
        energies −τ and −J_k of a Gibbs distribution. τ is ``joint_limit``. At or below
        it nothing is suspected; otherwise modes that say nothing of each other, with
        J_k ≈ τ, would all be suspected. A swapped mode is valid by itself: samples with
        a mode that is unusual by itself, or missing, are left to the gate, and get 1.
        """
        # Of z = "no mode is foreign" and z = "mode k is", in this order.
        known = () if normal_scores is None else (normal_scores,)
        energies = pad(self.joint_limit - self.ratio(x, *known), (1, 0))
        excess = -minimise_over(energies, dim=1).unsqueeze(1)
        foreign = gibbs_distribution(energies, dim=1)[:, 1:]
        suspicion = foreign * -torch.expm1(-excess)
        unusual = ((potential - self.location) / self.scale).amax(1)
        valid = (unusual <= self.potential_limit) & present.all(1)
        return torch.where(valid.unsqueeze(1), 1 - suspicion, 1.0)


def scoring_in_common(
    energies: nn.Module | None, joint: JointEnergy | None
) -> NormalScoring | None:
    """Normal scores that serve marginal and joint energies alike, if they do.

    They do where both have the same maps, as a rule because no training row lacks a
    mode. The search for the knots around each value is then needed once.
    """
    scoring = None if joint is None else joint.scoring
    if scoring is None or not isinstance(energies, PotentialStack):
        return None
    return scoring if energies.scores_by(scoring) else None


def fit_joint_energy(
    samples: JointSamples,
    layout: ModeLayout,
    n_groups: int,
    comparison: Comparison | None = None,
) -> JointEnergy | None:
    """Learn J from complete clean samples.

    ``comparison`` says how; None is by :class:`DensityComparison`.

    Returns
    -------
    JointEnergy or None
        None with fewer modes than the comparison needs, or with fewer than ten samples.
    """
    weight = samples.weight
    comparison = comparison or DensityComparison()
    few = layout.n_modes < comparison.fewest_modes
    if few or _n_distinct(samples) < 2 * _N_FOLDS:
        return None
    ratio = comparison.learn(samples, layout, n_groups)
    location, scale = median_and_iqr(samples.potential, weight)
    unusual = (samples.potential - location) / scale
    held_out = _held_out_energies(samples, layout, n_groups, comparison)
    return JointEnergy(
        ratio,
        (location, scale),
        _limit(unusual, weight, _USUAL_POTENTIAL),
        _limit(held_out, weight, _USUAL_JOINT),
        torch.from_numpy(samples.x[:0]).dtype,
    )


def _n_distinct(samples: JointSamples) -> int:
    return len(np.unique(row_keys(samples.x[samples.weight > 0])))


def _held_out_energies(
    samples: JointSamples, layout: ModeLayout, n_groups: int, comparison: Comparison
) -> np.ndarray:
    """J of each sample (n, M) by a comparison that has not seen it.

    On few samples of many features, those that were seen fit far too well. Samples come
    in an order that has nothing to do with their classes.
    """
    x = samples.x
    fold = folds(row_keys(x), _N_FOLDS)
    energies = np.empty((len(x), layout.n_modes), dtype=x.dtype)
    for k in range(_N_FOLDS):
        ratio = comparison.learn(samples.rows(fold != k), layout, n_groups)
        energies[fold == k] = ratio(torch.from_numpy(x[fold == k])).numpy()
    return energies


def _limit(energy: np.ndarray, weight: np.ndarray, share: float) -> float:
    """Return what the largest of M energies is at most, in a ``share`` of samples."""
    largest = energy.max(axis=1, keepdims=True)
    return float(weighted_quantiles(largest, weight, np.array([share]))[0, 0])
