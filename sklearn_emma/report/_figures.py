"""Figures of a report, as images that stand in the page itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sklearn_emma.plotting import (
    AttentionDisplay,
    DistributionCurveDisplay,
    RobustnessCurveDisplay,
)
from sklearn_emma.robustness import DistributionCurve, RobustnessCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches: as wide as a phone, where the text of a figure keeps its size.
_SIZE = (3.7, 2.9)
# That many fit below it, side by side.
_LETTERS = 32


def attention_figures(
    values: Mapping[str, np.ndarray], modes: list[str]
) -> dict[str, str]:
    """Image of the distribution of attention, of each set of samples by its name."""
    images = {}
    for name, of_samples in values.items():
        figure, ax = _axes(_SIZE)
        display = AttentionDisplay({name: of_samples}, modes, condition_name="")
        dots = display.plot(ax).means_
        _without_legend(ax)
        ax.set_ylabel("attention β")
        places = [float(np.ravel(dots[name, mode].get_xdata())[0]) for mode in modes]
        upright = sum(map(len, modes)) < _LETTERS
        ax.set_xticks(places, modes, rotation=0 if upright else 90)
        means = [
            f"{m} {of.mean():.2f}" for m, of in zip(modes, of_samples.T, strict=True)
        ]
        images[name] = _image(figure, f"On average: {', '.join(means)}.")
    return images


def score_figures(curves: Mapping[str, RobustnessCurve]) -> dict[str, str]:
    """Image of each curve; all have the same axis of scores."""
    low = min((curve.mean - curve.std).min() for curve in curves.values())
    high = max((curve.mean + curve.std).max() for curve in curves.values())
    room = 0.05 * (high - low) + 0.002
    images = {}
    for mode, curve in curves.items():
        figure, ax = _axes(_SIZE)
        RobustnessCurveDisplay({curve.score_name: curve}).plot(ax)
        _without_legend(ax)
        ax.set_ylim(low - room, high + room)
        ax.set_xlabel("noise σ (training standard deviations)")
        told = [
            f"{score:.3f} at {level:g}"
            for level, score in zip(curve.levels, curve.mean, strict=True)
        ]
        images[mode] = _image(figure, f"{curve.score_name}: {', '.join(told)}.")
    return images


def attention_curve_figures(curves: Mapping[str, DistributionCurve]) -> dict[str, str]:
    """Image of the attention of all modes while one of them fails, for each of them."""
    images = {}
    for mode, curve in curves.items():
        figure, ax = _axes((_SIZE[0], _SIZE[1] + 0.4))
        DistributionCurveDisplay(curve).plot(ax)
        ax.set_ylabel("attention β")
        ax.set_xlabel("noise σ (training standard deviations)")
        own = curve.mean[:, curve.columns.index(mode)]
        told = [
            f"{value:.2f} at {level:g}"
            for level, value in zip(curve.levels, own, strict=True)
        ]
        images[mode] = _image(figure, f"Attention of {mode}: {', '.join(told)}.")
    return images


def _axes(size: tuple[float, float]) -> tuple[Figure, Axes]:
    """Axes outside pyplot, which would show them in a notebook."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots()


def _without_legend(ax: Axes) -> None:
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()


def _image(figure: Figure, told: str) -> str:
    """HTML of the figure, the same for the same figure, and in words for who sees none.

    As an image, so that neither its names nor the page's style reach each other.
    """
    from html import escape

    from matplotlib import rc_context

    file = io.BytesIO()
    with rc_context({"svg.hashsalt": "sklearn_emma", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    code = base64.b64encode(file.getvalue()).decode("ascii")
    width = round(96 * figure.get_figwidth())
    return (
        f'<img src="data:image/svg+xml;base64,{code}" alt="{escape(told)}" '
        f'width="{width}">'
    )
