"""What the user says modes are → ordered names and column indices."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from sklearn_emma._validation import get_column_indices

SEPARATOR = "__"

#: Columns of a mode, as in scikit-learn's ``ColumnTransformer``.
Columns: TypeAlias = (
    str
    | int
    | slice
    | Sequence[str]
    | Sequence[int]
    | Sequence[bool]
    | np.ndarray
    | Callable[[Any], Any]
)
#: What the user may say the modes are.
ModesLike: TypeAlias = Mapping[str, Columns] | Sequence[Columns] | None


def flatten_columns(X: Any) -> Any:
    """Turn two-level column labels into ``mode__feature``; leave other input alone.

    scikit-learn remembers and checks feature names only when they are strings.
    """
    if getattr(getattr(X, "columns", None), "nlevels", 1) != 2:
        return X
    columns = X.columns
    X = X.copy(deep=False)
    X.columns = [_flat(label) for label in columns]
    return X


def _flat(label: object) -> object:
    """Label of two levels as one; others as they are."""
    if isinstance(label, tuple) and len(label) == 2:
        return f"{label[0]}{SEPARATOR}{label[1]}"
    return label


def resolve_modes(
    X: ArrayLike, modes: ModesLike, remainder: str
) -> dict[str, np.ndarray]:
    """Column indices of each mode, in the user's order.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, n_features)
        Training data, after :func:`flatten_columns`.
    modes : dict, list or None
        As in :class:`~sklearn_emma.EMMAClassifier`.
    remainder : {"error", "drop", "mode"}
        What happens to columns in no mode.

    Returns
    -------
    dict of str to ndarray of int
        At least one mode; every mode has at least one column; no column in two modes.

    Raises
    ------
    ValueError
        Names the mode and the columns at fault.
    """
    labels = _column_labels(X)
    if modes is None:
        return _modes_from_labels(labels)
    named = _as_mapping(modes)
    resolved: dict[str, np.ndarray] = {}
    owner: dict[int, str] = {}
    for name, columns in named.items():
        indices = _resolve_columns(X, name, columns)
        shared = [i for i in indices if i in owner]
        if shared:
            raise ValueError(
                f"Modes overlap: column {labels[shared[0]]!r} is in mode "
                f"{owner[shared[0]]!r} and in mode {name!r}. "
                "A column belongs to one mode."
            )
        owner.update(dict.fromkeys(indices, name))
        resolved[name] = np.asarray(indices, dtype=np.intp)
    rest = [i for i in range(len(labels)) if i not in owner]
    if rest and remainder == "error":
        raise ValueError(
            f"Columns in no mode: {shorten([labels[i] for i in rest])}. Name them in "
            "`modes`, or pass remainder='drop' to leave them out or remainder='mode' "
            "to make them a mode of their own."
        )
    if rest and remainder == "mode":
        if "remainder" in resolved:
            raise ValueError(
                "remainder='mode' makes a mode named 'remainder', but `modes` already "
                "has one of that name. Rename it."
            )
        resolved["remainder"] = np.asarray(rest, dtype=np.intp)
    return resolved


def _column_labels(X: ArrayLike) -> list[object]:
    columns = getattr(X, "columns", None)
    return list(range(np.shape(X)[1]) if columns is None else columns)


def _modes_from_labels(labels: list[object]) -> dict[str, np.ndarray]:
    names = [label for label in labels if isinstance(label, str)]
    if len(names) == len(labels):
        parts = [name.partition(SEPARATOR) for name in names]
        if all(mode and separator for mode, separator, _ in parts):
            groups: dict[str, list[int]] = {}
            for i, (mode, _, _) in enumerate(parts):
                groups.setdefault(mode, []).append(i)
            return {mode: np.asarray(i, dtype=np.intp) for mode, i in groups.items()}
        _warn_of_few_without_prefix(names, parts)
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(
                f"Columns share a name: {shorten(repeated)}. Without `modes` each "
                "column is a mode of its own, named after it: rename them or give "
                "`modes`."
            )
    else:
        names = [f"x{i}" for i in range(len(labels))]
    return {name: np.array([i], dtype=np.intp) for i, name in enumerate(names)}


def _warn_of_few_without_prefix(
    labels: list[str], parts: list[tuple[str, str, str]]
) -> None:
    shared = Counter(mode for mode, separator, _ in parts if mode and separator)
    without = [
        label
        for label, (mode, separator, _) in zip(labels, parts, strict=True)
        if not (mode and separator)
    ]
    if len(without) < shared.total() and max(shared.values()) > 1:
        warnings.warn(
            f"Most columns read mode{SEPARATOR}feature, but not {shorten(without)}. "
            "So, without `modes`, each column is a mode of its own: rename these, or "
            "give `modes`.",
            UserWarning,
            stacklevel=2,
        )


def _as_mapping(modes: object) -> dict[str, object]:
    if isinstance(modes, Mapping):
        named = dict(modes)
    elif isinstance(modes, Iterable) and not isinstance(modes, str | bytes):
        named = {f"mode{i}": columns for i, columns in enumerate(modes)}
    else:
        raise ValueError(
            "`modes` must be a dict of name to columns, a list of columns or None, "
            f"got {modes!r}."
        )
    if not named:
        raise ValueError("`modes` is empty: give at least one mode, or None.")
    strange = [name for name in named if not isinstance(name, str)]
    if strange:
        raise ValueError(f"Names of modes must be strings, got {strange[0]!r}.")
    return named


def _resolve_columns(X: ArrayLike, name: str, columns: Any) -> list[int]:
    if callable(columns):
        columns = columns(X)
    n_features = np.shape(X)[1]
    if isinstance(columns, slice) and not isinstance(
        columns.start or columns.stop, str
    ):
        # scikit-learn takes an open slice for one between names.
        columns = range(n_features)[columns]
    if isinstance(columns, range):
        columns = list(columns)
    elif isinstance(columns, np.ndarray) or getattr(columns, "nlevels", 1) == 2:
        columns = columns.tolist()
    if isinstance(columns, list):
        columns = [_flat(label) for label in columns]
    try:
        indices = get_column_indices(X, columns)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise ValueError(
            f"Mode {name!r}: cannot find {columns!r} in X: {error}{_hint(X, columns)}"
        ) from error
    indices = [int(i) for i in indices]
    if not indices:
        raise ValueError(f"Mode {name!r} is empty: {columns!r} selects no column of X.")
    if len(set(indices)) < len(indices):
        raise ValueError(f"Mode {name!r} names a column twice: {columns!r}.")
    return indices


def _hint(X: ArrayLike, columns: object) -> str:
    labels = _column_labels(X)
    if isinstance(columns, slice):
        columns = [columns.start, columns.stop]
    given = columns if isinstance(columns, list) else [columns]
    by_name = any(isinstance(label, str) for label in given)
    if by_name and not hasattr(X, "columns"):
        return (
            " X is an array; a transformer that made it keeps names with "
            "`.set_output(transform='pandas')`."
        )
    if not any(SEPARATOR in label for label in labels if isinstance(label, str)):
        return ""
    return (
        f". The columns are {shorten(labels)}; labels of two levels are joined by "
        f"{SEPARATOR!r}."
    )


def shorten(labels: Sequence[object], most: int = 5) -> str:
    """Name some of many labels, and say how many more there are."""
    shown = ", ".join(repr(label) for label in labels[:most])
    return shown + (f" and {len(labels) - most} more" if len(labels) > most else "")
