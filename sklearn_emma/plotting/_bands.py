"""Lines with bands: how a distribution over samples moves with a corruption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sklearn_emma.plotting._noise_axis import (
    dress,
    mark_trained,
    positions,
    resolve_scale,
)
from sklearn_emma.plotting._style import QUANTITIES, series_style
from sklearn_emma.robustness import DistributionCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Band = tuple[float, float] | float | None


class Drawn(NamedTuple):
    """Artists of a drawing, one of each for every column."""

    lines: list[Any]
    bands: list[Any]
    trained: Any


def draw_distribution(
    ax: Axes,
    curve: DistributionCurve,
    *,
    columns: Sequence[str] | None,
    band: Band,
    x_scale: str,
    trained_level: float | tuple[float, float] | None,
) -> Drawn:
    """Mean of each column as a line, its spread as a band; dress the axes."""
    chosen = curve.columns if columns is None else tuple(columns)
    strange = [name for name in chosen if name not in curve.columns]
    if strange:
        raise ValueError(
            f"The curve has no column {strange[0]!r}; it has {list(curve.columns)}."
        )
    scale = resolve_scale(x_scale, curve.corruption)
    x = positions(curve.levels, scale)
    kept = np.isfinite(x)
    low, high = band_limits(curve, band)
    lines, bands = [], []
    for name in chosen:
        i = curve.columns.index(name)
        style = series_style(i)
        if band is not None:
            bands.append(
                ax.fill_between(
                    x[kept],
                    low[kept, i],
                    high[kept, i],
                    color=style["color"],
                    alpha=0.18,
                    linewidth=0,
                )
            )
        lines += ax.plot(x[kept], curve.mean[kept, i], label=name, **style)
    trained = None
    if trained_level is not None:
        trained = mark_trained(ax, trained_level, scale)
    dress(ax, curve.levels, scale, curve.mode, curve.corruption)
    ax.set_ylabel(f"{QUANTITIES[curve.quantity]} ({describe(band)})")
    return Drawn(lines, bands, trained)


def band_limits(curve: DistributionCurve, band: Band) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limit, (n_levels, n_columns) each.

    Raises
    ------
    ValueError
        If the curve does not hold the quantiles asked for.
    """
    if band is None:
        return curve.mean, curve.mean
    if isinstance(band, tuple):
        limits = []
        for probability in band:
            at = np.flatnonzero(np.isclose(curve.probabilities, probability))
            if not len(at):
                raise ValueError(
                    f"The curve has no quantile {probability}; it has "
                    f"{curve.probabilities.tolist()}."
                )
            limits.append(curve.quantiles[:, at[0]])
        return limits[0], limits[1]
    return curve.mean - band * curve.std, curve.mean + band * curve.std


def describe(band: Band) -> str:
    """Say in words what lines and bands show."""
    if band is None:
        return "mean"
    if isinstance(band, tuple):
        return f"mean and {100 * band[0]:g}–{100 * band[1]:g} % of samples"
    return f"mean ± {band:g} standard deviations"
