"""Lines with bands: the mean of a quantity over its spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sklearn_emma.plotting._style import SeriesStyle
from sklearn_emma.robustness import DistributionCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

#: Two quantiles, or a number of standard deviations on each side, or no band.
Band: TypeAlias = tuple[float, float] | float | None
#: Lower and upper limit of a band, of the same shape.
Limits: TypeAlias = tuple[np.ndarray, np.ndarray]


def draw_line(
    ax: Axes, x: np.ndarray, mean: np.ndarray, *, label: str, style: SeriesStyle
) -> Line2D:
    """Line through the means (n_levels,), without levels that have no place on x."""
    kept = np.isfinite(x)
    (line,) = ax.plot(x[kept], mean[kept], label=label, **style)
    return line


def draw_band(
    ax: Axes, x: np.ndarray, limits: Limits, style: SeriesStyle
) -> PolyCollection:
    """Band between limits (n_levels,), in the colour of its line."""
    kept = np.isfinite(x)
    low, high = limits
    return ax.fill_between(
        x[kept], low[kept], high[kept], color=style["color"], alpha=0.2, linewidth=0
    )


def band_limits(curve: DistributionCurve, band: Band) -> Limits | None:
    """Lower and upper limit, (n_levels, n_columns) each; None if there is no band.

    Raises
    ------
    ValueError
        If the curve does not hold the quantiles asked for.
    """
    if band is None:
        return None
    if isinstance(band, tuple):
        low, high = (_quantile(curve, probability) for probability in band)
        return low, high
    return curve.mean - band * curve.std, curve.mean + band * curve.std


def describe(band: Band) -> str:
    """Say in words what lines and bands show."""
    if band is None:
        return "mean"
    if isinstance(band, tuple):
        return f"mean and {100 * band[0]:g}–{100 * band[1]:g} % of samples"
    return f"mean ± {band:g} standard deviations"


def _quantile(curve: DistributionCurve, probability: float) -> np.ndarray:
    at = np.flatnonzero(np.isclose(curve.probabilities, probability))
    if not len(at):
        raise ValueError(
            f"The curve has no quantile {probability}; it has "
            f"{curve.probabilities.tolist()}."
        )
    values: np.ndarray = curve.quantiles[:, at[0]]
    return values
