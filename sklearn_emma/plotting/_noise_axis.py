"""The axis along which a corruption grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypedDict

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

#: Noise seen in training: σ, or its range.
TrainedLevel: TypeAlias = float | tuple[float, float] | None

SCALES = ("auto", "log2", "linear", "dB", "snr")
# Levels closer together than this share of the axis do not all get a label.
_CLOSEST_TICKS = 0.08


def resolve_scale(scale: str, corruption: str) -> str:
    """Resolve x_scale="auto": log2(1 + σ) for Gaussian noise, linear for the rest."""
    if scale not in SCALES:
        raise ValueError(f"`x_scale` must be one of {list(SCALES)}, got {scale!r}.")
    if scale == "auto":
        return "log2" if corruption == "GaussianNoise" else "linear"
    return scale


def positions(levels: np.ndarray, scale: str) -> np.ndarray:
    """Where levels lie in the axis' data units; NaN where they cannot be drawn.

    In dB that is 10 log10 σ², and σ = 0 lies at minus infinity; "snr" is minus that,
    the ratio of signal to noise, as features have unit variance. On the other scales
    the units are those of the levels themselves.
    """
    levels = np.asarray(levels, dtype=np.float64)
    if scale == "linear":
        return levels
    in_decibel = scale in ("dB", "snr")
    known = np.where(levels > 0 if in_decibel else levels >= 0, levels, np.nan)
    if not in_decibel:
        return known
    power = 20 * np.log10(known)
    return -power if scale == "snr" else power


def dress(
    ax: Axes, levels: np.ndarray, scale: str, mode: str | None, corruption: str
) -> None:
    """Set scale, ticks and label of the x axis."""
    ax.set_xlabel(axis_label(where(mode), scale, corruption))
    if scale == "log2":
        ax.set_xscale("function", functions=(_log2, _exp2))
        ticks = _spread_out(np.unique(levels[levels >= 0]))
        ax.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks])


def where(mode: str | None) -> str:
    """Say which mode fails."""
    return "all modes" if mode is None else f"mode {mode!r}"


def axis_label(where: str, scale: str, corruption: str) -> str:
    """Label of an axis of levels on that scale, with their units."""
    if scale == "dB":
        return f"noise power on {where}, 10 log₁₀ σ² (dB)"
    if scale == "snr":
        return f"signal to noise on {where}, 10 log₁₀ 1/σ² (dB)"
    return level_label(where, corruption)


def level_label(where: str, corruption: str) -> str:
    """Label of an axis of levels, with their units."""
    if corruption == "GaussianNoise":
        return f"noise σ on {where} (training standard deviations)"
    return f"level of {corruption} on {where}"


class _Look(TypedDict):
    color: str
    zorder: float
    label: str


def mark_trained(
    ax: Axes, trained: TrainedLevel, scale: str
) -> Line2D | Rectangle | None:
    """Draw a line at the noise seen in training, or a band over its range, if known."""
    if trained is None:
        return None
    look: _Look = {"color": "0.6", "zorder": 0, "label": "noise in training"}
    ends = np.broadcast_to(positions(np.asarray(trained), scale), 2)
    low, high = ends.min(), ends.max()
    if low == high:
        return ax.axvline(low, linestyle=(0, (5, 2)), linewidth=1.2, **look)
    return ax.axvspan(low, high, alpha=0.25, linewidth=0, **look)


def _spread_out(levels: np.ndarray) -> np.ndarray:
    """First and last of rising levels, and those between that have room for a label."""
    if len(levels) < 3:
        return levels
    places = _log2(levels)
    gap = _CLOSEST_TICKS * (places[-1] - places[0])
    kept = [len(levels) - 1]
    for i in range(len(levels) - 2, 0, -1):
        if places[kept[-1]] - places[i] >= gap and places[i] - places[0] >= gap:
            kept.append(i)
    return levels[np.unique([0, *kept])]


def _log2(sigma: np.ndarray) -> np.ndarray:
    # Matplotlib also asks about margins, which may lie below −1.
    return np.log2(1 + np.maximum(sigma, -0.999))


def _exp2(place: np.ndarray) -> np.ndarray:
    return np.exp2(place) - 1
