"""Scores against noise, drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from _protocol import SIGMAS

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

OURS = "emma"
ORACLE = "drop-oracle"
UNGATED = "mlp-both"  # trained on the same failures
N_PEERS = 3
N_COLUMNS = 2  # panels side by side: more could not be read
OURS_STYLE = {"color": "black", "linewidth": 2.5, "zorder": 3}
COLUMNS = [f"gauss_{sigma:g}" for sigma in SIGMAS]
X_LABEL = "noise σ in one mode (training sd)"


def draw_all_methods(
    scores: pd.DataFrame, dataset: str, kind: str, folder: Path
) -> Path:
    """Draw one data set: mean over seeds, and for ours the range between them."""
    figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
    styles = ("-", "--", ":")
    colors = plt.get_cmap("tab10").colors
    for i, (method, part) in enumerate(scores.groupby("method")):
        style = {"color": colors[i % 10], "linestyle": styles[i // 10 % 3]}
        _draw_method(ax, part, method, OURS_STYLE if method == OURS else style)
    _label(ax, kind)
    ax.set_title(dataset)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    return _save(figure, folder / f"{dataset}.png")


def draw_overview(
    scores: pd.DataFrame, kinds: Mapping[str, str], ranking: Sequence[str], folder: Path
) -> Path:
    """Draw ours and the best peers, one panel for each data set.

    ``kinds`` names the score of each data set, ``ranking`` the methods, best first.
    """
    others = [m for m in ranking if not m.startswith(OURS)]  # emma+rf is ours too
    peers = [m for m in others if m not in (ORACLE, UNGATED)][:N_PEERS]
    styles = {method: {"color": f"C{i}"} for i, method in enumerate(peers)}
    styles[UNGATED] = {"color": "0.6", "linestyle": "-"}
    styles[ORACLE] = {"color": "0.4", "linestyle": ":"}
    styles[OURS] = OURS_STYLE
    n_columns = min(len(kinds), N_COLUMNS)
    n_rows = math.ceil(len(kinds) / n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(1 + 3 * n_columns, 0.6 + 3 * n_rows),
        layout="constrained",
        squeeze=False,
    )
    for ax in axes.flat[len(kinds) :]:
        ax.set_axis_off()
    for ax, (dataset, kind) in zip(axes.flat, kinds.items(), strict=False):
        for method, style in styles.items():
            rows = (scores["dataset"] == dataset) & (scores["method"] == method)
            if rows.any():
                _draw_method(ax, scores[rows], method, style)
        _label(ax, kind)
        ax.set_title(dataset)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return _save(figure, folder / "overview.png")


def _draw_method(ax: Axes, part: pd.DataFrame, method: str, style: dict) -> None:
    values = part[COLUMNS].to_numpy()
    x = np.log2(1 + np.asarray(SIGMAS))
    ax.plot(x, values.mean(0), label=method, **style)
    if method == OURS:
        ax.fill_between(x, values.min(0), values.max(0), color="black", alpha=0.15)


def _label(ax: Axes, kind: str) -> None:
    ticks = np.log2(1 + np.asarray(SIGMAS))
    ax.set_xticks(ticks, ["" if sigma == 0.25 else f"{sigma:g}" for sigma in SIGMAS])
    ax.set_xlabel(X_LABEL)
    ax.set_ylabel(kind)


def _save(figure: plt.Figure, path: Path) -> Path:
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
