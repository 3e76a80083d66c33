"""One panel of robustness curves: several estimators while the same mode fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from sklearn_emma.plotting._bands import draw_band, draw_line
from sklearn_emma.plotting._noise_axis import (
    TrainedLevel,
    axis_label,
    dress,
    mark_trained,
    positions,
    resolve_scale,
    where,
)
from sklearn_emma.plotting._style import series_style
from sklearn_emma.robustness import RobustnessCurve
from sklearn_emma.robustness._results import check_comparable, check_named
from sklearn_emma.robustness._score_curve import ScoreOptions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

#: Curves by name of the estimator; lists have one for each panel.
Curves: TypeAlias = Mapping[str, RobustnessCurve] | Mapping[str, list[RobustnessCurve]]

#: Where to draw: axes, a sequence of as many as there are panels, or a new figure.
Panels: TypeAlias = "Axes | Sequence[Axes] | None"

# Floors are all grey and differ by line: they are yardsticks, not competitors.
_FLOOR_LINES = ((0, (1, 1.5)), (0, (6, 2)), (0, (6, 2, 1, 2)), (0, (3, 1)))


class DrawOptions(ScoreOptions, total=False):
    """Arguments that ``from_estimators`` takes by name."""

    mode: str | Sequence[str] | None
    levels: ArrayLike
    floors: Mapping[str, float] | None
    trained_level: TrainedLevel
    ax: Panels
    x_scale: str


@dataclass(frozen=True)
class Yardsticks:
    """What is drawn beside the curves of every panel."""

    floors: Mapping[str, float] | None
    trained_level: TrainedLevel


@dataclass(frozen=True)
class Panel:
    """What was drawn: lines and bands by name, and the mark of the trained noise."""

    lines: dict[str, Line2D]
    bands: dict[str, PolyCollection]
    floor_lines: dict[str, Line2D]
    trained: Line2D | Rectangle | None


def split_by_panel(curves: Curves) -> list[dict[str, RobustnessCurve]]:
    """Curves of each panel, by name of the estimator.

    Raises
    ------
    TypeError
        If they are in no dict.
    ValueError
        If there are none, or those of a panel cannot be compared.
    """
    check_named(curves, "curves", "RobustnessCurve")
    lists = {n: c if isinstance(c, list) else [c] for n, c in curves.items()}
    counts = {name: len(of_name) for name, of_name in lists.items()}
    if len(set(counts.values())) > 1 or 0 in counts.values():
        raise ValueError(
            f"All estimators need as many curves as there are panels; got {counts}."
        )
    n_panels = next(iter(counts.values()))
    panels = [{n: lists[n][i] for n in lists} for i in range(n_panels)]
    for panel in panels:
        check_comparable(panel)
    return panels


def draw_panel(
    ax: Axes,
    curves: Mapping[str, RobustnessCurve],
    yardsticks: Yardsticks,
    x_scale: str,
) -> Panel:
    """Draw everything but the legend."""
    first = first_of(curves)
    scale = resolve_scale(x_scale, first.corruption)
    lines: dict[str, Line2D] = {}
    bands: dict[str, PolyCollection] = {}
    for i, (name, curve) in enumerate(curves.items()):
        x, style = positions(curve.levels, scale), series_style(i)
        limits = curve.mean - curve.std, curve.mean + curve.std
        bands[name] = draw_band(ax, x, limits, style)
        lines[name] = draw_line(ax, x, curve.mean, label=name, style=style)
    floor_lines = {
        name: ax.axhline(
            score,
            color="0.4",
            linewidth=1.2,
            linestyle=_FLOOR_LINES[i % len(_FLOOR_LINES)],
            label=name,
            zorder=1,
        )
        for i, (name, score) in enumerate((yardsticks.floors or {}).items())
    }
    trained = mark_trained(ax, yardsticks.trained_level, scale)
    levels = np.concatenate([curve.levels for curve in curves.values()])
    dress(ax, levels, scale, first.mode, first.corruption)
    ax.set_ylabel(first.score_name)
    return Panel(lines, bands, floor_lines, trained)


def by_name(panels: list[dict[str, Any]], several: bool) -> dict[str, Any]:
    """What was drawn of each name: the only thing, or a list with one of each panel."""
    return {
        name: [panel[name] for panel in panels] if several else panels[0][name]
        for name in panels[0]
    }


def share_labels(axes: list[Axes], firsts: list[RobustnessCurve], x_scale: str) -> None:
    """Name modes above panels, and what grows and is scored once for all of them."""
    for ax, curve in zip(axes, firsts, strict=True):
        ax.set_title(where(curve.mode), fontsize="medium")
        ax.set_xlabel("")
        place = ax.get_subplotspec()
        if place is not None and not place.is_first_col():
            ax.set_ylabel("")
    scale = resolve_scale(x_scale, firsts[0].corruption)
    label = axis_label("the mode", scale, firsts[0].corruption)
    axes[0].figure.supxlabel(label, fontsize="medium")


def first_of(curves: Mapping[str, RobustnessCurve]) -> RobustnessCurve:
    """Curve that speaks for all of a panel."""
    return next(iter(curves.values()))
