"""Result files → tables in Markdown and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _comparison import comparisons
from _figures import draw_all_methods, draw_overview
from _protocol import UNSEEN
from _summary import (
    HEADLINE,
    KEYS,
    SUMMARY,
    in_order,
    mean_of,
    mean_over_datasets,
    number,
    summarised,
    table,
)

# Columns of the table on finding the corrupted mode, and what they average.
LOCALISED = {
    "σ=.25": ("gauss_0.25",),
    "σ=.5": ("gauss_0.5",),
    "σ=1": ("gauss_1",),
    "σ=4": ("gauss_4",),
    "U5": UNSEEN,
    "swap": ("swap",),
}


def write_report(results: list[dict[str, Any]], folder: Path, ours: str) -> Path:
    """Write ``report.md`` and the figures into ``folder``; return its path.

    ``ours`` is the method that is compared with the others.
    """
    frame = pd.DataFrame([summarised(result) for result in results])
    scores = pd.DataFrame([_condition_scores(result) for result in results])
    datasets, methods = in_order(frame["dataset"]), in_order(frame["method"])
    seeds = sorted(frame["seed"].unique().tolist())
    mean = mean_over_datasets(frame)
    head = results[0]
    versions = ", ".join(f"{name} {v}" for name, v in head["versions"].items())
    lines = [
        "# Robustness to failing modes",
        "",
        f"Scored on the {head['split']} split; {len(seeds)} seed(s)."
        + (" A smoke run: the numbers mean nothing." if head["smoke"] else ""),
        f"First result made with {versions}.",
        "",
        "## Mean over data sets",
        "",
        "Of the methods that were run on all of them: " + ", ".join(datasets) + ".",
        "",
        *_summary(mean),
    ]
    kinds = {result["dataset"]: result["score"] for result in results}
    figure = draw_overview(scores, kinds, _ranking(mean), folder)
    lines += ["", f"![scores against noise]({figure.name})"]
    if ours in methods:
        lines += ["", f"## {ours} against the others", "", *comparisons(frame, ours)]
    for dataset in datasets:
        part = frame[frame["dataset"] == dataset]
        kind = kinds[dataset]
        rows = scores[scores["dataset"] == dataset]
        figure = draw_all_methods(rows, dataset, kind, folder)
        lines += [
            *("", f"## {dataset}", "", f"Score: {kind}. Mean ± sd over seeds.", ""),
            *_summary(part, with_sd=True),
            *("", f"![{kind} against noise]({figure.name})", ""),
            *("### By corruption", "", *_by_condition(rows)),
        ]
        found = [r for r in results if r["dataset"] == dataset]
        lines += _section("Finding the corrupted mode", _localisation(found))
        lines += _section("Foreseeing errors (AUROC)", _foreseeing(found))
    path = folder / "report.md"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _condition_scores(result: dict[str, Any]) -> dict[str, Any]:
    scores = {name: c["score"] for name, c in result["conditions"].items()}
    return {key: result[key] for key in KEYS} | scores


def _ranking(mean: pd.DataFrame) -> list[str]:
    """Methods by RAUC, best first."""
    by_method = mean.groupby("method")["RAUC"].mean()
    return by_method.sort_values(ascending=False).index.tolist()


def _summary(frame: pd.DataFrame, with_sd: bool = False) -> list[str]:
    groups = frame.groupby("method")[SUMMARY]
    means = groups.mean().sort_values("RAUC", ascending=False)
    spread = groups.std()
    rows = []
    for method, row in means.iterrows():
        cells = [number(value) for value in row]
        if with_sd:
            for i, name in enumerate(HEADLINE):
                sd = spread.loc[method, name]
                cells[i] += "" if np.isnan(sd) else f" ± {number(sd)}"
        rows.append([method, *cells])
    return table(["method", *SUMMARY], rows)


def _by_condition(scores: pd.DataFrame) -> list[str]:
    means = scores.drop(columns=["dataset", "seed"]).groupby("method").mean()
    means = means.dropna(axis=1, how="all")  # what other data sets have more modes for
    rows = [[method, *map(number, row)] for method, row in means.iterrows()]
    return table(["method", *means.columns], rows)


def _localisation(results: list[dict[str, Any]]) -> list[str]:
    rows = [
        {"signal": f"{result['method']}: {signal}"}
        | {
            f"{kind} {label}": mean_of(
                result["conditions"][name]["localisation"][signal][kind]
                for name in names
            )
            for kind in ("auroc", "top1")
            for label, names in LOCALISED.items()
        }
        for result in results
        for signal in result["conditions"]["gauss_1"].get("localisation", {})
    ]
    return _grouped(rows)


def _foreseeing(results: list[dict[str, Any]]) -> list[str]:
    rows = [
        {"signal": f"{result['method']}: {signal}"}
        | {
            label: mean_of(
                result["conditions"][name]["error_auroc"].get(signal, np.nan)
                for name in names
            )
            for label, names in ({"clean": ("gauss_0",)} | LOCALISED).items()
        }
        for result in results
        for signal in result["conditions"]["gauss_8"]["error_auroc"]
    ]
    return _grouped(rows)


def _grouped(rows: list[dict[str, Any]]) -> list[str]:
    """Table of the means over seeds, by signal."""
    if not rows:
        return []
    means = pd.DataFrame(rows).groupby("signal").mean()
    cells = [[signal, *map(number, row)] for signal, row in means.iterrows()]
    return table(["method: signal", *means.columns], cells)


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"### {title}", "", *lines] if lines else []
