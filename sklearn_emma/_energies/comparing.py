"""What compares modes with each other: densities, or an estimator of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter
from torch import Tensor, nn

from sklearn_emma._energies.densities import DensityRatio, JointSamples, fit_densities
from sklearn_emma._energies.finite import finite_energy
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.sub_estimators import SubEstimator
from sklearn_emma._validation import noting


class JointEstimator(SubEstimator, Protocol):
    """An estimator that says how well each mode of a sample goes with the others."""

    def fit(self, X: np.ndarray, modes: Mapping[str, list[int]], y: np.ndarray) -> Any:
        """Learn from complete clean samples (n, d) of classes y (n,)."""
        ...

    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Log-density ratio of each mode beside the others and by itself, (n, M)."""
        ...


class Comparison(Protocol):
    """How joint energies are learnt, and for how many modes this makes sense."""

    fewest_modes: int

    def learn(
        self, samples: JointSamples, layout: ModeLayout, n_groups: int
    ) -> nn.Module:
        """A module from complete standardised x (n, d) to J (n, M)."""
        ...


class DensityComparison:
    """Gaussians of all groups. Of two modes, both would have the same J."""

    fewest_modes = 3

    def learn(
        self, samples: JointSamples, layout: ModeLayout, n_groups: int
    ) -> nn.Module:
        """Fit the densities."""
        densities = fit_densities(samples, layout, n_groups)
        return DensityRatio(densities.astype(samples.x.dtype))


class EstimatedComparison:
    """An estimator of the user's; J is minus its scores.

    Parameters
    ----------
    estimator : JointEstimator
        Cloned for each fit.
    """

    fewest_modes = 2

    def __init__(self, estimator: JointEstimator) -> None:
        self.estimator = estimator

    def learn(
        self, samples: JointSamples, layout: ModeLayout, n_groups: int
    ) -> nn.Module:
        """Fit a clone, and see what it says of the first samples."""
        estimator: Any = clone(self.estimator, safe=True)
        modes = {
            name: list(range(columns.start, columns.stop))
            for name, columns in zip(layout.names, layout.slices, strict=True)
        }
        weights = {}
        if has_fit_parameter(estimator, "sample_weight"):
            weights["sample_weight"] = samples.weight
        with noting(f"That was `joint_energy`, {self.estimator!r}."):
            estimator.fit(samples.x, modes, samples.group, **weights)
            ratio = EstimatedRatio(estimator, layout.n_modes)
            first = ratio.scores(samples.x[:2])
            if np.isnan(first).any():
                raise ValueError(
                    "`score_samples` is NaN for samples that it was fitted on."
                )
        return ratio


class EstimatedRatio(nn.Module):
    """Joint energies of a fitted estimator.

    Parameters
    ----------
    estimator : JointEstimator
        Fitted.
    n_modes : int
        M, which scores must have as columns.
    """

    def __init__(self, estimator: JointEstimator, n_modes: int) -> None:
        super().__init__()
        self.estimator = estimator
        self.n_modes = n_modes

    def forward(self, x: Tensor) -> Tensor:
        """J of complete standardised samples ``x`` (n, d), (n, M), finite."""
        scores = torch.from_numpy(self.scores(x.cpu().numpy()))
        return finite_energy(-scores.to(x))

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Scores (n, M) of ``x`` (n, d).

        Raises
        ------
        ValueError
            If they are not of that shape.
        """
        scores = np.asarray(self.estimator.score_samples(x), dtype=np.float64)
        if scores.shape != (len(x), self.n_modes):
            raise ValueError(
                "`score_samples` of a joint energy must return an array of shape "
                f"(n_samples, n_modes), here {(len(x), self.n_modes)}; that of "
                f"{type(self.estimator).__name__} is one of {scores.shape}."
            )
        return scores
