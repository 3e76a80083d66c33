"""What all figures share: where they are drawn, and how series are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, which colour-blind readers can tell apart, without its
# yellow, which fades on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")

# Sequential in lightness, so that it also reads in grey.
HEAT = "viridis"

# Inches of each panel of several, of which a row fits beside text.
_PANEL_SIZE = (3.6, 3.2)
_MOST_PANELS_IN_A_ROW = 3

# With longer entries than this a legend has two columns, or it would not fit.
_LONG_ENTRY = 18

QUANTITIES = {
    "attention": "attention β",
    "importance": "importance α",
    "total_energy": "total energy E",
    "modal_energy": "modal energy E",
    "potential_energy": "potential energy Ψ",
}


def check_matplotlib(caller: str) -> None:
    """Raise ImportError, saying what to install, if there is no matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib, which is not installed: "
            'pip install "sklearn-emma[plot]"'
        ) from error


def axes_for(ax: Axes | None, caller: str) -> Axes:
    """Return the axes to draw in: those given, or those of a new figure."""
    check_matplotlib(caller)
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def panels_for(
    ax: Axes | Sequence[Axes] | None, n_panels: int, caller: str
) -> list[Axes]:
    """Return the axes of several panels: those given, or rows of a new figure.

    Raises
    ------
    ValueError
        If there are too few axes, or too many.
    """
    check_matplotlib(caller)
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is not None:
        given: list[Axes] = [ax] if isinstance(ax, Axes) else [*np.ravel(np.array(ax))]
        if len(given) != n_panels:
            raise ValueError(
                f"There are {n_panels} panels: `ax` must be as many Axes, or None for "
                f"a new figure; got {len(given)}."
            )
        return given
    if n_panels == 1:
        return [axes_for(None, caller)]
    n_columns = min(n_panels, _MOST_PANELS_IN_A_ROW)
    n_rows = -(-n_panels // n_columns)
    size = (_PANEL_SIZE[0] * n_columns, _PANEL_SIZE[1] * n_rows)
    figure, grid = plt.subplots(
        n_rows,
        n_columns,
        figsize=size,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for empty in grid.flat[n_panels:]:
        figure.delaxes(empty)
    return list(grid.flat[:n_panels])


def add_legend_of_figure(ax: Axes) -> None:
    """Place a legend of what is in these axes above all panels of the figure."""
    handles, labels = ax.get_legend_handles_labels()
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)


def add_legend(ax: Axes) -> None:
    """Place a legend below the axes if the figure makes room, else where it fits."""
    from matplotlib import rcParams
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.transforms import ScaledTranslation

    figure = ax.get_figure(root=True)
    assert figure is not None
    if not isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        ax.legend()
        return
    labels = ax.get_legend_handles_labels()[1]
    # Below the ticks, their labels of one or more lines, and the label of the axis.
    ticks = [tick.get_text() for tick in ax.get_xticklabels()]
    lines = max((text.count("\n") for text in ticks), default=0)
    inches = (3.6 + 1.4 * lines) * rcParams["font.size"] / 72
    down = ScaledTranslation(0, -inches, figure.dpi_scale_trans)
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=ax.transAxes + down,
        ncols=2 if max(map(len, labels)) > _LONG_ENTRY else 3,
        frameon=False,
    )


class SeriesStyle(TypedDict):
    """Look of a line, as matplotlib names its parts."""

    color: str
    marker: str
    markersize: int
    linestyle: str


def series_style(i: int) -> SeriesStyle:
    """Look of the i-th series: any of colour, marker and line may tell it apart."""
    k = i % len(COLOURS)
    return {
        "color": COLOURS[k],
        "marker": MARKERS[k],
        "markersize": 5,
        "linestyle": LINES[i // len(COLOURS) % len(LINES)],
    }
