"""Modes that nobody said: found in the names of the columns, or one for each column."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_emma._inputs.doubts import (
    warn_of_remainder,
    warn_of_their_number,
    warn_of_unfound,
)
from sklearn_emma._inputs.tables import SEPARATOR, column_labels, has_levels, shorten


def find_modes(X: Any) -> dict[str, np.ndarray]:
    """Columns of each mode: by the first level of names, by prefix, or one by one.

    Raises
    ------
    ValueError
        If modes would share a name.

    Warns
    -----
    ModesWarning
        If no modes are found, or hardly those that are meant.
    """
    found = named_modes(X)
    if found is None:
        labels = column_labels(X)
        warn_of_unfound(labels, hasattr(X, "columns"))
        return _one_for_each(labels)
    if "remainder" in found:
        warn_of_remainder()
    warn_of_their_number(found)
    return found


def named_modes(X: Any) -> dict[str, np.ndarray] | None:
    """Columns of each mode where the names of all columns say it, else None.

    Raises
    ------
    ValueError
        If modes would share a name.
    """
    labels = column_labels(X)
    if has_levels(X):
        found = _grouped([str(label[0]) for label in labels])
        _refuse_merged({label[0] for label in labels}, list(found))
        return found
    if all(_prefix(label) for label in labels):
        return _grouped([_prefix(label) for label in labels])
    return None


def _prefix(label: object) -> str:
    """What stands before the first separator, '' if nothing does."""
    mode, separator, _ = str(label).partition(SEPARATOR)
    return mode if separator and isinstance(label, str) else ""


def _grouped(modes: list[str]) -> dict[str, np.ndarray]:
    groups: dict[str, list[int]] = {}
    for i, mode in enumerate(modes):
        groups.setdefault(mode, []).append(i)
    return {mode: np.asarray(i, dtype=np.intp) for mode, i in groups.items()}


def _refuse_merged(first: set[object], modes: list[str]) -> None:
    if len(first) == len(modes):
        return
    same = next(m for m in modes if sum(str(label) == m for label in first) > 1)
    raise ValueError(
        f"The first level of the columns has different labels that read {same!r}. The "
        "modes are named after it: rename them."
    )


def _one_for_each(labels: list[Any]) -> dict[str, np.ndarray]:
    if not all(isinstance(label, str) for label in labels):
        labels = [f"x{i}" for i in range(len(labels))]
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise ValueError(
            f"Columns share a name: {shorten(repeated)}. Without `modes` each column "
            "is a mode of its own, named after it: rename them or give `modes`."
        )
    return {label: np.array([i], dtype=np.intp) for i, label in enumerate(labels)}
