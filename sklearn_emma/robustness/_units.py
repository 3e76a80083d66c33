"""The units of noise: mean and standard deviation of each column."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_emma._inputs.modes import flatten_columns, shorten
from sklearn_emma.robustness._columns import as_table, take

Units = tuple[np.ndarray, np.ndarray]


def reference_units(reference: Any, X: Any, columns: np.ndarray) -> Units:
    """Mean and standard deviation of columns (d,) of X in ``reference``, (d,) each.

    Raises
    ------
    ValueError
        If ``reference`` is not two-dimensional or has not the columns of X: as many,
        and of the same names if both are data frames.
    """
    reference = as_table(reference, "reference")
    values = take(reference, _positions(reference, X)[columns])
    # A column without any value has no statistics; what they are makes no difference.
    values[:, np.isnan(values).all(axis=0)] = 0.0
    scaler = StandardScaler().fit(values)
    return scaler.mean_, scaler.scale_


def _positions(reference: Any, X: Any) -> np.ndarray:
    """Where in ``reference`` each column of X is: by name between data frames."""
    n_columns = np.shape(X)[1]
    if hasattr(reference, "columns") and hasattr(X, "columns"):
        names = list(flatten_columns(X).columns)
        given = list(flatten_columns(reference).columns)
        if given != names:
            return _positions_by_name(given, names)
    elif np.shape(reference)[1] != n_columns:
        raise ValueError(
            f"`reference` has {np.shape(reference)[1]} columns, X has {n_columns}."
        )
    return np.arange(n_columns)


def _positions_by_name(given: list[Any], names: list[Any]) -> np.ndarray:
    """Where each of the names is among those of ``reference``, in any order."""
    place = {name: i for i, name in enumerate(given)}
    known = set(names)
    differences = {
        "missing": [name for name in names if name not in place],
        "unknown": [name for name in given if name not in known],
    }
    if any(differences.values()):
        shown = [
            f"{what}: {shorten(them)}" for what, them in differences.items() if them
        ]
        raise ValueError(f"`reference` has not the columns of X; {'; '.join(shown)}.")
    counts = Counter(names) | Counter(given)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(
            "`reference` has the columns of X in another order, and several are named "
            f"{twice[0]!r}: which is which?"
        )
    return np.array([place[name] for name in names], dtype=np.intp)
