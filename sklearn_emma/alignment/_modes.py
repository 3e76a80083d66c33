"""Which columns of X are sequences, and how they come out of an alignment."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sklearn_emma._inputs.modes import resolve_modes


class SequenceModes(NamedTuple):
    """Modes of X: those that are sequences, and all that is passed through.

    ``columns`` of every mode by name, ``shapes`` (channels, steps) of those that are
    sequences, ``rest`` the columns that are in no sequence, in their order.
    """

    columns: dict[str, np.ndarray]
    shapes: dict[str, tuple[int, int]]
    rest: np.ndarray

    @classmethod
    def of(cls, X: ArrayLike, modes: Any) -> SequenceModes:
        """Read what the user says modes are.

        Raises
        ------
        ValueError
            Names the mode at fault; or if there are no two sequences.
        """
        if not isinstance(modes, Mapping):
            raise ValueError(
                "`modes` must be a dict of name to columns with a shape, got "
                f"{modes!r}."
            )
        given = {name: _split(value) for name, value in modes.items()}
        plain = {name: columns for name, (columns, _) in given.items()}
        columns = resolve_modes(X, plain, "drop", one_will_do=True)
        shapes = {
            name: _checked(name, shape, len(columns[name]))
            for name, (_, shape) in given.items()
            if _is_sequence(shape)
        }
        if len(shapes) < 2:
            raise ValueError(
                "There must be two sequences at least, modes with a shape (channels, "
                f"steps), for one to be aligned with the other; got {list(shapes)} "
                f"among {list(columns)}."
            )
        taken = np.concatenate([columns[name] for name in shapes])
        rest = np.setdiff1d(np.arange(np.shape(X)[1]), taken)
        return cls(columns, shapes, rest)

    def cut(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Sequences (n, channels, steps) of a matrix (n, d), by name."""
        return {
            name: X[:, self.columns[name]].reshape(len(X), *shape)
            for name, shape in self.shapes.items()
        }

    def aligned(self, reference: str) -> SequenceModes:
        """Modes as they are afterwards: sequences first, then the rest."""
        steps = self.shapes[reference][1]
        shapes = {
            name: (channels, steps) for name, (channels, _) in self.shapes.items()
        }
        columns: dict[str, np.ndarray] = {}
        start = 0
        for name, shape in shapes.items():
            columns[name] = np.arange(start, start + shape[0] * steps)
            start += shape[0] * steps
        for name, before in self.columns.items():
            if name not in shapes:
                columns[name] = start + np.searchsorted(self.rest, before)
        in_order = {name: columns[name] for name in self.columns}
        return SequenceModes(in_order, shapes, np.arange(start, start + len(self.rest)))


def _split(value: Any) -> tuple[Any, Any]:
    """Columns and shape of a mode, None without a shape."""
    if hasattr(value, "columns") and hasattr(value, "shape"):
        return value.columns, value.shape
    if isinstance(value, tuple) and len(value) == 2 and _is_shape(value[1]):
        return value
    return value, None


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(n, Integral) and not isinstance(n, bool) for n in value
    )


def _is_sequence(shape: Any) -> bool:
    return shape is not None and len(shape) == 2


def _checked(name: str, shape: Any, n_columns: int) -> tuple[int, int]:
    channels, steps = (int(n) for n in shape)
    if channels == -1 and steps > 0:
        channels = n_columns // steps
    elif steps == -1 and channels > 0:
        steps = n_columns // channels
    if min(channels, steps) < 1 or channels * steps != n_columns:
        raise ValueError(
            f"Mode {name!r}: a shape of {tuple(shape)}, (channels, steps), does not "
            f"fit its {n_columns} columns."
        )
    return channels, steps
