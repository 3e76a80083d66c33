"""What the user says modes are → ordered names and column indices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from sklearn_emma._inputs.doubts import warn_of_their_number
from sklearn_emma._inputs.found_modes import find_modes
from sklearn_emma._inputs.mode_advice import refuse_guesses, why_not_found
from sklearn_emma._inputs.parts import one_level, whole_modes
from sklearn_emma._inputs.shapes import Mode, check_shape, columns_of
from sklearn_emma._inputs.tables import (
    as_known_frame,
    column_labels,
    flat_label,
    flatten_columns,
    shorten,
)
from sklearn_emma._validation import get_column_indices, noting

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
ModesLike: TypeAlias = (
    Mapping[str, Columns | Mode | Mapping[str, Columns | Mode]]
    | Sequence[Columns | Mode]
    | None
)


def resolve_modes(
    X: ArrayLike, modes: ModesLike, remainder: str, *, one_will_do: bool = False
) -> dict[str, np.ndarray]:
    """Column indices of each mode, or part of one, in the user's order.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, n_features)
        Training data, as they came.
    modes : dict, list or None
        As in :class:`~sklearn_emma.EMMAClassifier`.
    remainder : {"error", "drop", "mode"}
        What happens to columns in no mode.
    one_will_do : bool, default=False
        Whether a single mode that was named is nothing to warn of, since nothing is to
        be learnt.

    Returns
    -------
    dict of str to ndarray of int
        At least one mode; every mode has at least one column; no column in two modes.
        A mode with parts has an entry ``mode__part`` for each; ``two_levels`` puts them
        together again.

    Raises
    ------
    ValueError
        Names the mode and the columns at fault.

    Warns
    -----
    ModesWarning
        If the modes are hardly what is meant: none were said and none could be found,
        or there is one only, one for each column, or one of passed-through columns.
        Not of modes that were given by index.
    """
    X = as_known_frame(X)
    frame = flatten_columns(X)
    labels = column_labels(frame)
    if modes is None:
        return find_modes(X)
    refuse_guesses(modes, labels)
    resolved: dict[str, np.ndarray] = {}
    owner: dict[int, str] = {}
    by_name = False
    named = _as_mapping(modes)
    for name, given in one_level(named).items():
        columns = columns_of(given)
        try:
            with noting(f"Mode {name!r}: its columns were given as {columns!r}."):
                columns = _as_specified(frame, columns)
        except ValueError as error:
            raise ValueError(f"Mode {name!r}: {columns!r}: {error}.") from error
        by_name = by_name or _is_by_name(columns)
        indices = _resolve_columns(frame, name, columns)
        check_shape(name, given, len(indices))
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
        if "remainder" in named:
            raise ValueError(
                "remainder='mode' makes a mode named 'remainder', but `modes` already "
                "has one of that name. Rename it."
            )
        resolved["remainder"] = np.asarray(rest, dtype=np.intp)
    if by_name and not (one_will_do and len(resolved) == 1):
        whole = whole_modes(resolved, modes)
        warn_of_their_number(whole if len(whole) > 1 else resolved)
    return resolved


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


def _as_specified(X: ArrayLike, columns: Any) -> Any:
    """Columns as scikit-learn takes them: what is called, called; arrays as lists."""
    if callable(columns):
        columns = columns(X)
    if isinstance(columns, np.ndarray) or hasattr(columns, "nlevels"):
        columns = columns.tolist()
    if isinstance(columns, slice) and not isinstance(
        columns.start or columns.stop, str
    ):
        # scikit-learn takes an open slice for one between names.
        columns = range(np.shape(X)[1])[columns]
    return list(columns) if isinstance(columns, range) else columns


def _is_by_name(columns: Any) -> bool:
    if isinstance(columns, slice):
        return True  # those of numbers are lists by now
    some = columns if isinstance(columns, list | tuple) else [columns]
    return any(isinstance(column, str | tuple) for column in some)


def _resolve_columns(X: ArrayLike, name: str, columns: Any) -> list[int]:
    labels = column_labels(X)
    if isinstance(columns, list):
        columns = [flat_label(column) for column in columns]
    try:
        indices = [int(i) for i in get_column_indices(X, columns)]
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise ValueError(
            f"Mode {name!r}: cannot find {columns!r} in X: "
            f"{why_not_found(columns, labels, error)}"
        ) from error
    if not indices:
        raise ValueError(f"Mode {name!r} is empty: {columns!r} selects no column of X.")
    if len(set(indices)) < len(indices):
        raise ValueError(f"Mode {name!r} names a column twice: {columns!r}.")
    return indices
