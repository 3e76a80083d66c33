"""Result files → tables in Markdown and figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import _scores
import numpy as np
import pandas as pd
from _figures import OURS, draw_all_methods, draw_overview
from _protocol import UNSEEN

KEYS = ["dataset", "seed", "method"]
HEADLINE = ["clean", "RAUC", "U5"]
SUMMARY = [
    *HEADLINE,
    "worst mode",
    "ECE clean",
    "ECE corrupted",
    "error-AUROC",
    "fit (s)",
    "predict 1000 (s)",
]
# Columns of the table on finding the corrupted mode, and what they average.
LOCALISED = {
    "σ=.25": ("gauss_0.25",),
    "σ=.5": ("gauss_0.5",),
    "σ=1": ("gauss_1",),
    "σ=4": ("gauss_4",),
    "U5": UNSEEN,
    "swap": ("swap",),
}


def write_report(results: list[dict[str, Any]], folder: Path) -> Path:
    """Write ``report.md`` and the figures into ``folder``; return its path."""
    frame = pd.DataFrame([_flat(result) for result in results])
    scores = pd.DataFrame([_condition_scores(result) for result in results])
    datasets, methods = _in_order(frame["dataset"]), _in_order(frame["method"])
    seeds = sorted(frame["seed"].unique().tolist())
    mean = _mean_over_datasets(frame, datasets)
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
    if OURS in methods:
        lines += ["", f"## {OURS} minus peer", "", *_differences(frame, datasets)]
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


def _flat(result: dict[str, Any]) -> dict[str, Any]:
    """One row of the summary."""
    conditions = result["conditions"]
    scores = {name: c["score"] for name, c in conditions.items()}
    corrupted = [c for name, c in conditions.items() if name != "gauss_0"]
    values = (
        scores["gauss_0"],
        _scores.rauc(scores),
        _scores.u5(scores),
        _scores.worst_mode(scores),
        conditions["gauss_0"]["ece"],
        _mean(c["ece"] for c in corrupted),
        _mean(c["error_auroc"].get("max_probability", np.nan) for c in corrupted),
        result["seconds_fit"],
        1000 * result["seconds_predict"] / result["n_predict"],
    )
    named = dict(zip(SUMMARY, values, strict=True))
    return {key: result[key] for key in KEYS} | named


def _mean_over_datasets(frame: pd.DataFrame, datasets: Sequence[str]) -> pd.DataFrame:
    """One row a method and seed, of the methods run on all data sets."""
    counts = frame.groupby(["method", "seed"])["dataset"].nunique()
    complete = counts.index[counts == len(datasets)]
    means = frame.groupby(["method", "seed"])[SUMMARY].mean()
    return means.loc[complete].reset_index()


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
        cells = [_number(value) for value in row]
        if with_sd:
            for i, name in enumerate(HEADLINE):
                sd = spread.loc[method, name]
                cells[i] += "" if np.isnan(sd) else f" ± {_number(sd)}"
        rows.append([method, *cells])
    return _table(["method", *SUMMARY], rows)


def _differences(frame: pd.DataFrame, datasets: Sequence[str]) -> list[str]:
    """Paired by seed, with bootstrap intervals, over all data sets and on each."""
    mean = _mean_over_datasets(frame, datasets).assign(dataset="all")
    rows = []
    for dataset, part in pd.concat([mean, frame]).groupby("dataset", sort=False):
        by_seed = part.set_index(["method", "seed"])[HEADLINE]
        if OURS not in by_seed.index:
            continue
        ours = by_seed.loc[OURS]
        for peer in _in_order(part["method"]):
            gap = (ours - by_seed.loc[peer]).dropna()
            if peer != OURS and len(gap):
                rows.append([dataset, peer, *(_interval(gap[n]) for n in HEADLINE)])
    note = (
        "Mean over seeds, paired, with a 95 % bootstrap interval over seeds where "
        "there are at least two. It says nothing about other data sets."
    )
    return [note, "", *_table(["data set", "peer", *HEADLINE], rows)]


def _interval(gaps: pd.Series) -> str:
    text = f"{gaps.mean():+.3f}"
    if len(gaps) < 2:
        return text
    low, high = _scores.paired_interval(gaps.to_numpy())
    return f"{text} [{low:+.3f}, {high:+.3f}]"


def _by_condition(scores: pd.DataFrame) -> list[str]:
    means = scores.drop(columns=["dataset", "seed"]).groupby("method").mean()
    means = means.dropna(axis=1, how="all")  # what other data sets have more modes for
    rows = [[method, *map(_number, row)] for method, row in means.iterrows()]
    return _table(["method", *means.columns], rows)


def _localisation(results: list[dict[str, Any]]) -> list[str]:
    rows = [
        {"signal": f"{result['method']}: {signal}"}
        | {
            f"{kind} {label}": _mean(
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
            label: _mean(
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
    cells = [[signal, *map(_number, row)] for signal, row in means.iterrows()]
    return _table(["method: signal", *means.columns], cells)


def _section(title: str, table: list[str]) -> list[str]:
    return ["", f"### {title}", "", *table] if table else []


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = ["---"] + ["--:"] * (len(header) - 1)
    return ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def _mean(values: Iterable[float]) -> float:
    """Mean of the values that are defined."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _in_order(column: pd.Series) -> list[str]:
    return column.drop_duplicates().tolist()
