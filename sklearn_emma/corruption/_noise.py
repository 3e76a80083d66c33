"""Additive noise."""

from __future__ import annotations

import math
from numbers import Integral, Real

import torch
from torch import Generator, Tensor

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._validation import Constraints, Interval
from sklearn_emma.corruption._draws import log_uniform, normal
from sklearn_emma.corruption._interface import BaseCorruption


class GaussianNoise(BaseCorruption):
    """Additive Gaussian noise.

    Parameters
    ----------
    sigma : float or (float, float), default=(0.1, 2.0)
        Standard deviation, in units of each feature's training standard deviation. A
        pair is a range from which each row draws its own, log-uniformly.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.corruption import GaussianNoise, ModeLayout
    >>> x, generator = torch.zeros(10_000, 1), torch.Generator().manual_seed(0)
    >>> layout = ModeLayout.from_columns({"only": [0]})
    >>> noisy = GaussianNoise(0.5).corrupt(x, layout, generator)
    >>> round(float(noisy.std()), 1)
    0.5
    """

    def __init__(self, sigma: float | tuple[float, float] = (0.1, 2.0)) -> None:
        self.sigma = sigma

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` with noise in every cell."""
        low, high = _interval(self.sigma, "GaussianNoise: sigma")
        noise = normal(x, generator)
        if low == high:
            return x + low * noise
        return x + log_uniform(x, low, high, generator) * noise


class StudentNoise(BaseCorruption):
    """Additive heavy-tailed noise: ``sigma`` times a Student t variable.

    Parameters
    ----------
    sigma : float >= 0, default=1.0
        Scale, in units of the training standard deviation.
    df : int >= 1, default=3
        Degrees of freedom.
    """

    _parameter_constraints: Constraints = {
        "sigma": [Interval(Real, 0, None, closed="left")],
        "df": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, sigma: float = 1.0, df: int = 3) -> None:
        self.sigma = sigma
        self.df = df

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` with noise in every cell."""
        shape = (self.df, *x.shape)
        squares = torch.randn(
            shape, generator=generator, dtype=x.dtype, device=x.device
        ).square()
        return x + self.sigma * normal(x, generator) / squares.mean(0).sqrt()


def _interval(value: float | tuple[float, float], name: str) -> tuple[float, float]:
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    numbers = len(pair) == 2 and all(isinstance(number, Real) for number in pair)
    low, high = pair if numbers else (math.nan, math.nan)
    if not 0 <= low <= high < math.inf or (low == 0 < high):
        raise ValueError(
            f"{name} must be a number >= 0 or a pair (low, high) with "
            f"0 < low <= high, got {value!r}."
        )
    return float(low), float(high)
