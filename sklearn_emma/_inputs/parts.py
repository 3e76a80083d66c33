"""Modes that have parts: a dict of columns in place of the columns of a mode.

Inside, a part goes by the name ``mode__part``, as columns of two levels do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeVar

import numpy as np

#: Stands between the two levels of a name.
SEPARATOR = "__"

# An array of columns, or what else says which columns a mode has.
Columns = TypeVar("Columns")

#: Columns of each mode, or of each of its parts.
NestedColumns: TypeAlias = Mapping[str, np.ndarray | Mapping[str, np.ndarray]]


def part_name(mode: str, part: str) -> str:
    """Name of a part of a mode."""
    return f"{mode}{SEPARATOR}{part}"


def one_level(modes: Mapping[str, object]) -> dict[str, object]:
    """The parts of all modes in one dict, and modes without parts as they are.

    Raises
    ------
    ValueError
        Names the mode whose parts are no names of columns, or the name given twice.
    """
    found: dict[str, object] = {}
    for mode, given in modes.items():
        parts = {mode: given}
        if isinstance(given, Mapping):
            _check_parts(mode, given)
            parts = {part_name(mode, part): cols for part, cols in given.items()}
        for name, columns in parts.items():
            if name in found or (name in modes and name != mode):
                raise ValueError(
                    f"Mode {mode!r}: {name!r} is the name of a part and of something "
                    "else. Rename one of them."
                )
            found[name] = columns
    return found


def two_levels(
    columns: Mapping[str, Columns], modes: object
) -> Mapping[str, Columns | Mapping[str, Columns]]:
    """Columns of parts, by their names in ``columns``, put where ``modes`` has parts.

    ``modes`` as the user gave them; what they do not name is a mode by itself.
    """
    given = modes
    if isinstance(modes, Sequence):
        given = {f"mode{i}": mode for i, mode in enumerate(modes)}
    if not isinstance(given, Mapping):
        return columns
    owner = {
        part_name(mode, part): (mode, part)
        for mode, parts in given.items()
        if isinstance(parts, Mapping)
        for part in parts
    }
    found: dict[str, Columns | dict[str, Columns]] = {}
    for name, of_name in columns.items():
        if name not in owner:
            found[name] = of_name
            continue
        mode, part = owner[name]
        parts = found.setdefault(mode, {})
        assert isinstance(parts, dict)
        parts[part] = of_name
    return found


def whole_modes(
    columns: Mapping[str, np.ndarray], modes: object
) -> dict[str, np.ndarray]:
    """Columns of each mode, all parts together; arguments as :func:`two_levels`."""
    return {
        mode: np.concatenate([*given.values()]) if isinstance(given, Mapping) else given
        for mode, given in two_levels(columns, modes).items()
    }


def _check_parts(mode: str, parts: Mapping[object, object]) -> None:
    if not parts:
        raise ValueError(f"Mode {mode!r} has no parts: {{}} selects no column of X.")
    for part, columns in parts.items():
        if not isinstance(part, str):
            raise ValueError(
                f"Mode {mode!r}: names of parts must be strings, got {part!r}."
            )
        if isinstance(columns, Mapping):
            raise ValueError(
                f"Mode {mode!r}: its part {part!r} has parts, {list(columns)}, but "
                "there are two levels only, modes and their parts."
            )
