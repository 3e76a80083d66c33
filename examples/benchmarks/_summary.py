"""One row of numbers for each result, and tables of such rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import _scores
import numpy as np
import pandas as pd
from _protocol import SERVICE

KEYS = ["dataset", "seed", "method"]
HEADLINE = ["clean", "RAUC", "U5"]
LOWER_IS_BETTER = ["ECE clean", "ECE corrupted"]
COMPARED = [*HEADLINE, "swap", "two failing", "in service", *LOWER_IS_BETTER]
SUMMARY = [
    *COMPARED,
    "worst mode",
    "error-AUROC",
    "fit (s)",
    "predict 1000 (s)",
]


def summarised(result: dict[str, Any]) -> dict[str, Any]:
    """Sum up one result file: :data:`KEYS` and :data:`SUMMARY`."""
    conditions = result["conditions"]
    scores = {name: c["score"] for name, c in conditions.items()}
    corrupted = [c for name, c in conditions.items() if name != "gauss_0"]
    values = (
        scores["gauss_0"],
        _scores.rauc(scores),
        _scores.u5(scores),
        scores["swap"],
        scores.get("two_modes", np.nan),
        mean_of(scores.get(name, np.nan) for name in SERVICE),
        conditions["gauss_0"]["ece"],
        mean_of(c["ece"] for c in corrupted),
        _scores.worst_mode(scores),
        mean_of(c["error_auroc"].get("max_probability", np.nan) for c in corrupted),
        result["seconds_fit"],
        1000 * result["seconds_predict"] / result["n_predict"],
    )
    named = dict(zip(SUMMARY, values, strict=True))
    return {key: result[key] for key in KEYS} | named


def mean_over_datasets(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a method and seed, of the methods and seeds run on all data sets."""
    counts = frame.groupby(["method", "seed"])["dataset"].nunique()
    complete = counts.index[counts == frame["dataset"].nunique()]
    means = frame.groupby(["method", "seed"])[SUMMARY].mean()
    return means.loc[complete].reset_index()


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lay out a table in Markdown."""
    rule = ["---"] + ["--:"] * (len(header) - 1)
    return ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]


def number(value: float) -> str:
    """Three digits; a dash for NaN."""
    return "–" if np.isnan(value) else f"{value:.3f}"


def mean_of(values: Iterable[float]) -> float:
    """Mean of the values that are defined."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def in_order(column: pd.Series) -> list[str]:
    """The values of a column, each once."""
    return column.drop_duplicates().tolist()
