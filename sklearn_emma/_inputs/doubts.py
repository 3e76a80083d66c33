"""Modes that are hardly what the user means: a warning of its own says so."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sized

from sklearn_emma._inputs.tables import SEPARATOR, shorten

_SAY = "Say which columns are a mode: modes={'name': [columns], ...}."


class ModesWarning(UserWarning):
    """Warning that the modes are hardly what is meant.

    With ``modes=None``: no modes could be found in the names of the columns, which an
    array does not have; or one mode holds the columns that a ``ColumnTransformer``
    passed through. Unless modes were given by index, also: there is one mode only, so
    that nothing is left to rely on when it fails; or as many modes as columns, so that
    no columns fail together. Nothing else is of this class, so that it can be silenced
    where such modes are meant.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_emma.exceptions import ModesWarning
    >>> warnings.simplefilter("ignore", ModesWarning)
    """


def warn_of_unfound(labels: list[object], is_frame: bool) -> None:
    """Warn that each column is a mode because nothing says what the modes are."""
    n = len(labels)
    if without := _few_without_prefix(labels):
        why = f"most columns read mode{SEPARATOR}feature, but not {shorten(without)}"
        _warn(
            f"{why[0].upper()}{why[1:]}. So, without `modes`, each column is a mode of "
            f"its own: rename these. Or say which columns are a mode: "
            "modes={'name': [columns], ...}."
        )
    elif is_frame:
        _warn(
            f"`modes` was not given, and not all columns are named "
            f"mode{SEPARATOR}feature: each of the {n} columns is a mode of its own. "
            f"{_SAY}"
        )
    else:
        _warn(
            "`modes` was not given, and an array has no names to find modes by: each "
            f"of the {n} columns is a mode of its own. {_SAY} If a transformer made "
            f"the array of a data frame whose columns read mode{SEPARATOR}feature, "
            "`.set_output(transform='pandas')` keeps the names."
        )


def warn_of_remainder() -> None:
    """Warn of a mode of columns that a ``ColumnTransformer`` passed through."""
    _warn(
        "A mode is called 'remainder': so ColumnTransformer names the columns that it "
        "passes through, wherever they come from, and they are taken to fail together. "
        "Name them in the transformer, or give `modes`."
    )


def warn_of_their_number(modes: Mapping[str, Sized]) -> None:
    """Warn of one mode, or of modes of one column each."""
    if len(modes) == 1:
        _warn(
            f"There is one mode only, {next(iter(modes))!r}: when it fails, nothing is "
            "left to rely on. Name the columns of two modes or more in `modes`."
        )
    elif all(len(columns) == 1 for columns in modes.values()):
        _warn(
            f"There are as many modes as columns, {len(modes)}. If columns fail "
            "together, put them into one mode. Where each is a sensor of its own, give "
            "`modes` by index."
        )


def _few_without_prefix(labels: list[object]) -> list[object]:
    """Columns that are not named as most of them are, ``mode__feature``."""
    if not all(isinstance(label, str) for label in labels):
        return []
    parts = [str(label).partition(SEPARATOR) for label in labels]
    shared = Counter(mode for mode, separator, _ in parts if mode and separator)
    without = [
        label
        for label, (mode, separator, _) in zip(labels, parts, strict=True)
        if not (mode and separator)
    ]
    few = len(without) < shared.total() and max(shared.values()) > 1
    return without if few else []


def _warn(message: str) -> None:
    warnings.warn(message, ModesWarning, stacklevel=4)
