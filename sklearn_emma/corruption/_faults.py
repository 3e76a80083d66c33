"""Broken, missing, misread and swapped modes."""

from __future__ import annotations

import math
from numbers import Real

import torch
from torch import Generator, Tensor

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._validation import Constraints, Interval
from sklearn_emma.corruption._draws import uniform
from sklearn_emma.corruption._interface import BaseCorruption


class MissingMode(BaseCorruption):
    """The mode is missing and known to be: every value becomes NaN."""

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return NaN everywhere."""
        return torch.full_like(x, math.nan)


class ZeroedMode(BaseCorruption):
    """The mode is missing and nobody says so: every value is the training mean."""

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return 0 everywhere."""
        return torch.zeros_like(x)


class UniformReplacement(BaseCorruption):
    """Values unrelated to the signal: each cell drawn from U(−bound, bound).

    Parameters
    ----------
    bound : float >= 0, default=3.0
        In units of the training standard deviation.
    """

    _parameter_constraints: Constraints = {
        "bound": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, bound: float = 3.0) -> None:
        self.bound = bound

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return uniform noise instead of ``x``."""
        return self.bound * (2.0 * uniform(x, x.shape, generator) - 1.0)


class StuckMode(BaseCorruption):
    """One value, drawn from U(−bound, bound), in every feature of the mode.

    Parameters
    ----------
    bound : float >= 0, default=3.0
        In units of the training standard deviation.
    """

    _parameter_constraints: Constraints = {
        "bound": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, bound: float = 3.0) -> None:
        self.bound = bound

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return one drawn value for each row and mode."""
        value = uniform(x, (len(x), layout.n_modes), generator)
        return layout.spread(self.bound * (2.0 * value - 1.0))


class SaltAndPepper(BaseCorruption):
    """A share of the cells jumps to one of two extremes.

    Parameters
    ----------
    amplitude : float >= 0, default=4.0
        The extremes are ±amplitude training standard deviations.
    fraction : float in [0, 1], default=0.3
        Probability that a cell jumps.
    """

    _parameter_constraints: Constraints = {
        "amplitude": [Interval(Real, 0, None, closed="left")],
        "fraction": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, amplitude: float = 4.0, fraction: float = 0.3) -> None:
        self.amplitude = amplitude
        self.fraction = fraction

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` with extreme values in some cells."""
        jumps = uniform(x, x.shape, generator) < self.fraction
        sign = 1.0 - 2.0 * (uniform(x, x.shape, generator) < 0.5).to(x.dtype)
        return torch.where(jumps, self.amplitude * sign, x)


class Gain(BaseCorruption):
    """A wrong gain: the deviation from the training mean is multiplied by a factor.

    Parameters
    ----------
    factor : float, default=4.0
        By which the deviation is multiplied.
    """

    _parameter_constraints: Constraints = {
        "factor": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(self, factor: float = 4.0) -> None:
        self.factor = factor

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``factor`` times ``x``."""
        return self.factor * x


class Bias(BaseCorruption):
    """A constant offset.

    Parameters
    ----------
    offset : float, default=3.0
        What is added, in units of the training standard deviation.
    """

    _parameter_constraints: Constraints = {
        "offset": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(self, offset: float = 3.0) -> None:
        self.offset = offset

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` plus the offset."""
        return x + self.offset


class Drift(BaseCorruption):
    """Slow drift: an offset that grows linearly from the first row to the last.

    Parameters
    ----------
    offset : float, default=3.0
        Offset of the last row, in units of the training standard deviation.
    """

    _parameter_constraints: Constraints = {
        "offset": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(self, offset: float = 3.0) -> None:
        self.offset = offset

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` plus a ramp over its rows."""
        ramp = torch.linspace(0.0, self.offset, len(x), dtype=x.dtype, device=x.device)
        return x + ramp.unsqueeze(1)


class SwappedMode(BaseCorruption):
    """The mode of another sample: each mode takes its values from its own drawn row.

    Every value is valid by itself; only the modes no longer belong together.
    """

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` with the rows of each mode permuted."""
        return layout.join(
            [
                mode[torch.randperm(len(x), generator=generator, device=x.device)]
                for mode in layout.split(x)
            ]
        )
