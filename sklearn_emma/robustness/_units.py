"""The units of noise: mean and standard deviation of each column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from sklearn_emma._inputs.standardisation import fit_scaler
from sklearn_emma._inputs.tables import flatten_columns, shorten
from sklearn_emma.robustness._columns import Table, as_table, is_frame, take

#: Mean and standard deviation of each column, (d,) each.
Units: TypeAlias = tuple[np.ndarray, np.ndarray]


def reference_units(reference: ArrayLike, X: Table, columns: np.ndarray) -> Units:
    """Mean and standard deviation in ``reference`` of some columns (d,) of X.

    Raises
    ------
    ValueError
        If ``reference`` is not two-dimensional, or does not have the columns of X: as
        many, and of the same names if both are data frames.
    """
    table = as_table(reference, "reference")
    values = take(table, _positions(table, X)[columns])
    scaler = fit_scaler(values)
    return scaler.mean_, scaler.scale_


def _positions(reference: Table, X: Table) -> np.ndarray:
    """Where in ``reference`` each column of X is: by name between data frames."""
    n_columns = np.shape(X)[1]
    if is_frame(reference) and is_frame(X):
        names = list(flatten_columns(X).columns)
        given = list(flatten_columns(reference).columns)
        if given != names:
            return _positions_by_name(given, names)
    elif np.shape(reference)[1] != n_columns:
        raise ValueError(
            f"`reference` has {np.shape(reference)[1]} columns, X has {n_columns}."
        )
    return np.arange(n_columns)


def _positions_by_name(given: list[Hashable], names: list[Hashable]) -> np.ndarray:
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
        raise ValueError(
            f"`reference` does not have the columns of X; {'; '.join(shown)}."
        )
    counts = Counter(names) | Counter(given)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(
            "`reference` has the columns of X in another order, and several share the "
            f"name {twice[0]!r}, so they cannot be matched. Rename them."
        )
    return np.array([place[name] for name in names], dtype=np.intp)
