"""What a user says of each mode of each sample: a matrix, or a frame named by modes.

Where modes have parts, it may be said of these, or of modes and holds of all parts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.missing import missing_as_nan
from sklearn_emma._inputs.tables import as_known_frame
from sklearn_emma._validation import noting


def check_corrupted(
    corrupted: ArrayLike | None, layout: ModeLayout, n_samples: int
) -> np.ndarray:
    """Where modes of the layout are known to be corrupted, (n_samples, n_modes).

    Raises
    ------
    ValueError
        If it is no such matrix, or has other columns than the modes.
    """
    if corrupted is None:
        return np.zeros((n_samples, layout.n_modes), dtype=bool)
    array = _matrix("corrupted", corrupted, layout, n_samples)
    if not np.isin(array, (0, 1)).all():
        raise ValueError("`corrupted` must hold True and False (or 1 and 0) only.")
    return array.astype(bool)


def check_energies(
    potential_energy: ArrayLike | None, layout: ModeLayout, n_samples: int
) -> np.ndarray | None:
    """Energies of the layout's modes that a user knows, (n_samples, n_modes), or NaN.

    Raises
    ------
    ValueError
        If it is no such matrix, has other columns than the modes, or is not finite.
    """
    if potential_energy is None:
        return None
    array = _matrix("potential_energy", potential_energy, layout, n_samples)
    try:
        energies = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        error.add_note("That is about `potential_energy`, which must hold numbers.")
        raise
    if np.isinf(energies).any():
        raise ValueError(
            "`potential_energy` must be finite, or NaN where the model's own is "
            "wanted; a large number does for a mode that is surely broken."
        )
    return energies


def _matrix(
    argument: str, given: ArrayLike, layout: ModeLayout, n_samples: int
) -> np.ndarray:
    """A value for each sample and mode; columns of a frame in the modes' order."""
    given = as_known_frame(given)
    level = _level_of(given, layout)
    names = list(level.names)
    if hasattr(given, "columns"):
        given = _by_mode(argument, given, list(given.columns), names)
    with noting(f"That is about `{argument}`."):
        array: np.ndarray = missing_as_nan(np.asanyarray(given))
    shape = (n_samples, len(names))
    if array.shape != shape:
        either = "" if layout.above is None else f", or of {list(layout.modes.names)}"
        raise ValueError(
            f"`{argument}` must have shape (n_samples, n_modes) = {shape}, a column "
            f"for each of {names}{either}; got {array.shape}."
        )
    return array if level is layout else array[:, layout.mode_of_part]


def _level_of(given: ArrayLike, layout: ModeLayout) -> ModeLayout:
    """The modes above, if columns have their names or number, else the layout."""
    above = layout.above
    if above is None or set(getattr(given, "columns", ())) == set(layout.names):
        return layout
    return above if np.shape(given)[1:] == (above.n_modes,) else layout


def _by_mode(
    argument: str, given: ArrayLike, labels: list[object], names: list[str]
) -> ArrayLike:
    """Columns of a data frame in the order of the modes, if they have names."""
    if labels == list(range(len(labels))):
        return given
    if len(labels) != len(names) or set(labels) != set(names):
        raise ValueError(
            f"`{argument}` must have a column for each mode, named {names}; got "
            f"{labels}."
        )
    by_mode: ArrayLike = given[names]  # type: ignore[index, call-overload]
    return by_mode
