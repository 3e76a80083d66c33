"""One method against the others, paired by seed."""

from __future__ import annotations

from collections.abc import Callable

import _scores
import pandas as pd
from _figures import ORACLE
from _summary import (
    COMPARED,
    HEADLINE,
    LOWER_IS_BETTER,
    in_order,
    mean_over_datasets,
    table,
)

OWN = "emma"  # methods whose names start so are no peers: versions and parts of EMMA
EARLIER = "emma-base"
NOTE = (
    "Mean over seeds, paired, with a 95 % bootstrap interval over seeds where there "
    "are at least two. It says nothing about other data sets. For ECE, less is "
    "better. The first row is the mean over data sets, of the seeds that were run on "
    "all of them."
)

# What to compare with, from the data set and the column; None if there is nothing.
Choice = Callable[[str, str], str | None]


def comparisons(frame: pd.DataFrame, ours: str) -> list[str]:
    """Tables of ``ours`` minus the best peers, the earlier version and every peer."""
    parts = {"all": mean_over_datasets(frame)} | {
        dataset: frame[frame["dataset"] == dataset]
        for dataset in in_order(frame["dataset"])
    }
    values = {
        (dataset, what): _by_method(part, what, ours)
        for dataset, part in parts.items()
        for what in COMPARED
    }

    def best_here(dataset: str, what: str) -> str | None:
        return best_peer(values[dataset, what], what in LOWER_IS_BETTER)

    choices: dict[str, Choice] = {
        "the best peer of each row": best_here,
        "the peer that is best on average": lambda _, what: best_here("all", what),
    }
    if ours != EARLIER and EARLIER in set(frame["method"]):
        choices[EARLIER] = lambda *_: EARLIER
    lines = [NOTE]
    for title, choice in choices.items():
        rows = [
            [dataset]
            + [_against(values[dataset, w], ours, choice(dataset, w)) for w in COMPARED]
            for dataset in parts
        ]
        lines += ["", f"### {ours} minus {title}", ""]
        lines += table(["data set", *COMPARED], rows)
    return [*lines, "", f"### {ours} minus each", "", *_each(parts, ours)]


def best_peer(by_method: pd.DataFrame, lower_is_better: bool) -> str | None:
    """Name the peer with the best mean over seeds, among those that have all seeds."""
    is_peer = [not m.startswith(OWN) and m != ORACLE for m in by_method.columns]
    means = by_method.loc[:, is_peer].dropna(axis=1).mean()
    if not len(means) or not len(by_method):
        return None
    return means.idxmin() if lower_is_better else means.idxmax()


def _by_method(part: pd.DataFrame, what: str, ours: str) -> pd.DataFrame:
    """Values by seed (rows) and method (columns), of the seeds that ours has."""
    by_method = part.pivot(index="seed", columns="method", values=what)
    return by_method.dropna(subset=[ours]) if ours in by_method else by_method[:0]


def _against(by_method: pd.DataFrame, ours: str, other: str | None) -> str:
    if ours not in by_method or other not in by_method:
        return "–"
    gaps = (by_method[ours] - by_method[other]).dropna()
    if not len(gaps):
        return "–"
    return _interval(gaps) + ("" if other == EARLIER else f" {other}")


def _each(parts: dict[str, pd.DataFrame], ours: str) -> list[str]:
    rows = []
    for dataset, part in parts.items():
        by_seed = part.set_index(["method", "seed"])[HEADLINE]
        for peer in in_order(part["method"]):
            if ours in by_seed.index and peer != ours:
                gap = (by_seed.loc[ours] - by_seed.loc[peer]).dropna()
                if len(gap):
                    rows.append([dataset, peer, *(_interval(gap[n]) for n in HEADLINE)])
    return table(["data set", "method", *HEADLINE], rows)


def _interval(gaps: pd.Series) -> str:
    text = f"{gaps.mean():+.3f}"
    if len(gaps) < 2:
        return text
    low, high = _scores.paired_interval(gaps.to_numpy())
    return f"{text} [{low:+.3f}, {high:+.3f}]"
