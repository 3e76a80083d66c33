"""Potential energies on a scale on which modes can be compared: Ψ → Ψ′.

An energy scaling is a torch module made for a number of modes. To add one, write it
here and name it in ``ENERGY_SCALINGS``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._statistics.exporting import constant, softplus
from sklearn_emma._statistics.quantiles import median_and_iqr, weighted_quantiles

EULER = math.e

# Share of clean energies below which a mode is too likely to be true, and how much its
# z-score then rises with each distance from there to the lower quartile.
_RARELY_BELOW, _RISE = 0.01, 5.0


class EnergyScaling(nn.Module, ABC):
    """What the gate asks of an energy scaling; subclasses give the formula.

    ``location`` (M,) is a usual energy of each mode, which stands in for that of a
    missing one.

    Parameters
    ----------
    n_modes : int
        Number of modes M.
    """

    location: Tensor

    def __init__(self, n_modes: int) -> None:
        super().__init__()
        self.register_buffer("location", torch.zeros(n_modes))

    @abstractmethod
    def calibrate(self, potential: Tensor, weight: Tensor) -> None:
        """Learn the scale from the energies of clean rows.

        Parameters
        ----------
        potential : Tensor of shape (n, M)
            Potential energies; NaN marks a missing mode.
        weight : Tensor of shape (n,)
            What each row counts.
        """

    @abstractmethod
    def forward(self, potential: Tensor) -> Tensor:
        """Return the scaled energies.

        Parameters
        ----------
        potential : Tensor of shape (n, M)
            Ψ, finite.

        Returns
        -------
        scaled : Tensor of shape (n, M)
            Ψ′, at least e.
        """


class Scales(Protocol):
    """What has an energy scaling."""

    scaling: EnergyScaling


class RobustScaling(EnergyScaling):
    """Ψ′ = e + log(1 + softplus(z)), z = (Ψ − median) / IQR.

    Rises strictly with Ψ, never falls below e, and grows like log Ψ, so that a mode
    with hundreds of features does not drown one with four.
    """

    recordable = True

    scale: Tensor

    def __init__(self, n_modes: int) -> None:
        super().__init__(n_modes)
        self.register_buffer("scale", torch.ones(n_modes))

    def calibrate(self, potential: Tensor, weight: Tensor) -> None:
        """Take the weighted median and interquartile range of each mode."""
        self.location.zero_()
        self.scale.fill_(1.0)
        for mode, values, mass in _known(potential, weight):
            median, iqr = median_and_iqr(values[:, None].numpy(), mass.numpy())
            self.location[mode], self.scale[mode] = float(median[0]), float(iqr[0])

    def forward(self, potential: Tensor) -> Tensor:
        return robust_energy(potential, self.location, self.scale)


class TwoSidedScaling(RobustScaling):
    """Robust scaling under which values that are far too likely are unusual too.

    A sensor that is stuck at its mean is likelier than anything it ever measured: of
    many features, −log p of real rows gathers around a value well above its least (they
    lie in a typical set), and hardly any comes near that. Below the 1 % quantile q of
    clean energies, Ψ′ therefore rises again, as if the z-score were

        z(q) + 5 (q − Ψ) / (lower quartile − q).

    Of one or two features, many real rows are about as likely as can be: nothing falls
    far below q, and the scaling is the robust one.
    """

    lowest: Tensor
    rise: Tensor

    def __init__(self, n_modes: int) -> None:
        super().__init__(n_modes)
        self.register_buffer("lowest", torch.full((n_modes,), -torch.inf))
        self.register_buffer("rise", torch.ones(n_modes))

    def calibrate(self, potential: Tensor, weight: Tensor) -> None:
        """Take the median, interquartile range and lower tail of each mode."""
        super().calibrate(potential, weight)
        self.lowest.fill_(-torch.inf)
        self.rise.fill_(1.0)
        levels = np.array([_RARELY_BELOW, 0.25])
        for mode, values, mass in _known(potential, weight):
            tail = weighted_quantiles(values[:, None].numpy(), mass.numpy(), levels)
            low, quartile = tail[0]
            if quartile > low:  # otherwise the least energy is a usual one
                rise = _RISE * float(self.scale[mode]) / float(quartile - low)
                # Ψ + rise (q − Ψ) has the z-score of the formula above.
                self.lowest[mode], self.rise[mode] = float(low), 1 + rise

    def forward(self, potential: Tensor) -> Tensor:
        below = (self.lowest - potential).clamp_min(0.0)
        return robust_energy(potential + below * self.rise, self.location, self.scale)


class ShiftScaling(EnergyScaling):
    """Ψ′ = max(e, Ψ − min Ψ + e), the scaling of the thesis."""

    def calibrate(self, potential: Tensor, weight: Tensor) -> None:
        """Take the least energy of each mode."""
        self.location.zero_()
        for mode, values, _ in _known(potential, weight):
            self.location[mode] = values.min()

    def forward(self, potential: Tensor) -> Tensor:
        return shift_energy(potential, self.location)


ENERGY_SCALINGS: dict[str, Callable[[int], EnergyScaling]] = {
    "two_sided": TwoSidedScaling,
    "robust": RobustScaling,
    "shift": ShiftScaling,
}


def shift_energy(potential: Tensor, minimum: Tensor) -> Tensor:
    """max(e, Ψ − min Ψ + e) of ``potential`` (n, M), ``minimum`` (M,); (n, M)."""
    least = constant(EULER, potential)
    return (potential - minimum + least).clamp_min(least)


def robust_energy(potential: Tensor, median: Tensor, iqr: Tensor) -> Tensor:
    """E + log(1 + softplus((Ψ − median) / IQR)) of (n, M), with (M,) each; (n, M)."""
    excess = torch.log1p(softplus((potential - median) / iqr))
    return constant(EULER, potential) + excess


def _known(potential: Tensor, weight: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Of each mode that is ever there: number, known energies (k,), their weights."""
    for mode, column in enumerate(potential.cpu().unbind(1)):
        known = ~column.isnan() & (weight.cpu() > 0)
        if known.any():
            yield mode, column[known], weight.cpu()[known]
