"""What users write in place of modes, recognised: errors that say what to write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from sklearn_emma._inputs.tables import SEPARATOR, flat_label, shorten


def refuse_guesses(modes: object, labels: Sequence[Any]) -> None:
    """Raise ValueError for what cannot be modes, but is often taken for them.

    Pairs of name and columns, one label for each column, and a dict from columns to
    modes.
    """
    if isinstance(modes, Mapping):
        _refuse_modes_of_columns(modes, labels)
    elif isinstance(modes, list | tuple) and len(modes):
        if all(map(_is_named_pair, modes)):
            raise ValueError(
                "`modes` is a list of pairs, but names and columns of modes belong in "
                f"a dict: {_written({pair[0]: pair[-1] for pair in modes})}."
            )
        _refuse_labels_of_columns(modes, labels)


def why_not_found(columns: Any, labels: Sequence[Any], error: Exception) -> str:
    """Say which of the ``columns`` is not there, and what to write instead."""
    n = len(labels)
    if isinstance(columns, bool | np.bool_):
        return f"{columns} names no column. Give indices, names, or a mask of {n}."
    if isinstance(columns, tuple) and flat_label(columns) in labels:
        return f"a pair by itself is a list of two names: write [{columns!r}]."
    given = columns if isinstance(columns, list | tuple) else [columns]
    if any(isinstance(c, list | tuple | range | np.ndarray) for c in given):
        flat = [c for part in given for c in (part if _is_several(part) else [part])]
        return f"a mode is one list of columns, without lists in it: {flat!r}."
    if all(isinstance(c, bool | np.bool_) for c in given):
        return f"a mask needs an entry for each of the {n} columns, got {len(given)}."
    outside = [c for c in given if _is_index(c) and not -n <= c < n]
    if outside:
        return (
            f"column {outside[0]!r} is out of range: X has {n} columns, 0 to {n - 1}."
        )
    if isinstance(columns, slice):
        given = [columns.start, columns.stop]
    named = [c for c in given if isinstance(c, str)]
    names = [label for label in labels if isinstance(label, str)]
    if named and not names:
        return (
            f"{error} X has no names of columns; a transformer that made an array of a "
            "data frame keeps them with `.set_output(transform='pandas')`."
        )
    missing = [c for c in named if c not in names]
    return _near(missing[0], names) if missing else f"{error}{_levels(names)}"


def _near(missing: str, names: list[str]) -> str:
    """What the user may have meant by a name that no column has."""
    begin = missing.rstrip("*")
    family = [name for name in names if begin and name.startswith(begin)]
    if family:
        pattern = f"^{re.escape(begin)}"
        return (
            f"there is no column {missing!r}, and names are not completed. Write "
            f"{_listed(family)}, or sklearn.compose.make_column_selector({pattern!r})."
        )
    close = get_close_matches(missing, names, n=3)
    meant = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    return f"there is no column {missing!r}.{meant}{_levels(names)}"


def _levels(names: list[str]) -> str:
    if not any(SEPARATOR in name for name in names):
        return ""
    return (
        f" The columns are {shorten(names)}; labels of two levels are joined by "
        f"{SEPARATOR!r}."
    )


def _is_named_pair(item: object) -> bool:
    """Whether it is (name, columns), or a step of a ColumnTransformer."""
    return (
        isinstance(item, list | tuple)
        and len(item) in (2, 3)
        and isinstance(item[0], str)
        and not isinstance(item[-1], str)
    )


def _refuse_labels_of_columns(modes: Sequence[Any], labels: Sequence[Any]) -> None:
    of_one_kind = all(isinstance(m, str) for m in modes) or all(map(_is_index, modes))
    if len(modes) != len(labels) or not of_one_kind or len(set(modes)) == len(modes):
        return
    if all(label in labels for label in modes) and isinstance(modes[0], str):
        return  # names of columns, some of them twice
    raise ValueError(
        "`modes` has a label for each column, but must have the columns of each mode: "
        f"{_written(_grouped(zip(labels, modes, strict=True)))}."
    )


def _refuse_modes_of_columns(modes: Mapping[Any, Any], labels: Sequence[Any]) -> None:
    values = list(modes.values())
    if not values or not all(isinstance(value, str) for value in values):
        return
    if all(name in labels for name in modes) and not any(v in labels for v in values):
        raise ValueError(
            "`modes` is a dict from columns to modes, but must be one from modes to "
            f"columns: {_written(_grouped(modes.items()))}."
        )


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for column, mode in pairs:
        name = mode if isinstance(mode, str) else f"mode{mode}"
        groups.setdefault(name, []).append(column)
    return groups


def _written(modes: Mapping[str, Any], most: int = 3) -> str:
    """``modes`` as they would be written, the first of them."""
    shown = [f"{name!r}: {_listed(c)}" for name, c in list(modes.items())[:most]]
    return f"modes={{{', '.join(shown)}{', ...' if len(modes) > most else ''}}}"


def _listed(columns: Any, most: int = 5) -> str:
    if not isinstance(columns, list):
        return repr(columns)
    shown = ", ".join(map(repr, columns[:most]))
    return f"[{shown}{', ...' if len(columns) > most else ''}]"


def _is_several(part: object) -> bool:
    return isinstance(part, list | tuple | range | np.ndarray)


def _is_index(column: object) -> bool:
    whole = isinstance(column, int | np.integer)
    return whole and not isinstance(column, bool)
