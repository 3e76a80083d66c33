"""Alarms: p-values of the energies of modes, by those of clean rows."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from sklearn_emma._attention.scaling import EnergyScaling
from sklearn_emma._optim.storage import StoresTensors
from sklearn_emma._statistics.conformal import CleanScores, p_values, summarise


class Alarms(StoresTensors):
    """What is known of the energies of clean rows, mode by mode.

    How unusual a mode is, is its scaled energy Ψ′, as the gate has it: high for values
    that are unlikely and, under the two-sided scaling, for values that are far too
    likely to be true.

    Parameters
    ----------
    scaling : EnergyScaling
        Calibrated; copied, so that later training of the gate changes no p-value.
    potential : Tensor of shape (n, M)
        Potential energies of clean rows; NaN marks a missing mode.
    weight : Tensor of shape (n,), default=None
        What each row counts.
    """

    def __init__(
        self, scaling: EnergyScaling, potential: Tensor, weight: Tensor | None = None
    ) -> None:
        self._scaling = copy.deepcopy(scaling).cpu()
        mass = np.ones(len(potential)) if weight is None else weight.cpu().numpy()
        self.clean: list[CleanScores] = []
        for scores in self._scaled(potential).T:
            known = ~np.isnan(scores)
            self.clean.append(summarise(scores[known], mass[known]))

    @property
    def n_rows(self) -> np.ndarray:
        """Clean rows of each mode, (M,)."""
        return np.array([clean.n for clean in self.clean])

    def recalibrated(self, potential: Tensor) -> Alarms:
        """The same scores, compared with those of other clean rows (n, M)."""
        return Alarms(self._scaling, potential)

    def p_values(self, potential: Tensor) -> np.ndarray:
        """p-value of each Ψ (n, M); NaN where it is NaN."""
        scores = self._scaled(potential)
        columns = zip(scores.T, self.clean, strict=True)
        return np.stack([p_values(column, clean) for column, clean in columns], axis=1)

    @torch.no_grad()
    def _scaled(self, potential: Tensor) -> np.ndarray:
        """Ψ′ (n, M) in double precision, NaN where Ψ is."""
        location = self._scaling.location
        potential = potential.to(location)
        known = ~potential.isnan()
        scaled = self._scaling(torch.where(known, potential, location))
        return torch.where(known, scaled, torch.nan).double().numpy()
