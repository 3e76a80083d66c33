"""What the columns of each mode are, once they lie side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from sklearn_emma._caching import cached_property
from sklearn_emma._inputs.parts import one_level, whole_modes


@dataclass(frozen=True, eq=False)
class ModeLayout:
    """Names, columns and shapes of the modes of a matrix.

    The columns of a mode lie next to each other, in the order of the modes: a matrix
    (n, d) has those of the first mode, then those of the second, and so on.

    Parameters
    ----------
    names : tuple of str
        Name of each mode, in order.
    shapes : tuple of tuple of int
        Shape of each mode's values in one sample; a mode of k columns has ``(k,)``.
    columns : tuple of ndarray of int
        Columns of each mode in the matrix that the user gave.
    above : ModeLayout, default=None
        If these are parts of modes, the layout of the modes: the same columns in the
        same order, with one or several of these to a mode.
    ragged : tuple of str, default=()
        Names of the modes whose samples differ in length.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.corruption import ModeLayout
    >>> layout = ModeLayout.from_columns({"left": [0, 3], "right": [1]})
    >>> layout.widths, layout.index.tolist()
    ((2, 1), [0, 0, 1])
    >>> layout.spread(torch.tensor([[0.5, 1.0]]))
    tensor([[0.5000, 0.5000, 1.0000]])

    Two levels, parts of modes:

    >>> parts = ModeLayout.from_columns({"lidar": {"a": [0], "b": [2]}, "radar": [1]})
    >>> parts.names, parts.modes.names, parts.mode_of_part.tolist()
    (('lidar__a', 'lidar__b', 'radar'), ('lidar', 'radar'), [0, 0, 1])
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    columns: tuple[np.ndarray, ...]
    above: ModeLayout | None = None
    ragged: tuple[str, ...] = ()

    @classmethod
    def from_columns(
        cls,
        modes: Mapping[str, Any],
        shapes: Mapping[str, tuple[int, ...]] | None = None,
        ragged: Iterable[str] = (),
    ) -> Self:
        """Make the layout of modes from their columns.

        Parameters
        ----------
        modes : dict of str to array-like of int, or to a dict of such
            Columns of each mode, in order, as ``EMMAClassifier.modes_`` has them. A
            dict has those of each part of the mode; the layout is then one of the
            parts, ``mode__part``.
        shapes : dict of str to tuple of int, default=None
            Shape of each mode that has one; others are plain groups of columns.
        ragged : iterable of str, default=()
            Names of the modes, or parts, whose samples differ in length.

        Returns
        -------
        layout : ModeLayout

        Raises
        ------
        ValueError
            Names the mode whose columns are not integers from 0.
        """
        if any(isinstance(given, Mapping) for given in modes.values()):
            layout = cls.from_columns(one_level(modes), shapes, ragged)
            above = cls.from_columns(whole_modes(layout.as_dict(), modes))
            return replace(layout, above=above)
        for name, given in modes.items():
            found = np.asarray(given)
            whole = found.dtype.kind in "iu" or not found.size
            if found.ndim != 1 or not whole or (found < 0).any():
                raise ValueError(
                    f"Mode {name!r}: columns must be integers from 0, got {given!r}."
                )
        columns = {name: np.asarray(c, dtype=np.intp) for name, c in modes.items()}
        plain = {name: (len(c),) for name, c in columns.items()}
        of_modes = tuple({**plain, **(shapes or {})}[name] for name in modes)
        names, indices = tuple(modes), tuple(columns.values())
        return cls(names, of_modes, indices, ragged=tuple(ragged))

    @property
    def n_modes(self) -> int:
        """Number of modes M."""
        return len(self.names)

    @property
    def modes(self) -> ModeLayout:
        """Layout of the modes that these are parts of; itself where they have none."""
        return self if self.above is None else self.above

    @property
    def outermost(self) -> ModeLayout:
        """Layout of the modes or, where there is one mode only, of its parts."""
        return self if self.modes.n_modes == 1 else self.modes

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the levels, from above."""
        return ("modes",) if self.above is None else ("modes", "parts")

    @property
    def has_parts(self) -> bool:
        """Whether there are two levels: several modes, of which one has several parts.

        Otherwise one level has all that there is to choose between.
        """
        return self.outermost.n_modes < self.n_modes

    @cached_property
    def mode_of_part(self) -> np.ndarray:
        """Number of the mode that each of these is a part of, (n_modes,)."""
        first = [columns.start for columns in self.slices]
        of_part: np.ndarray = self.modes.index[first]
        return of_part

    @cached_property
    def n_parts(self) -> tuple[int, ...]:
        """How many of these are parts of each mode."""
        return tuple(np.bincount(self.mode_of_part).tolist())

    @property
    def n_features(self) -> int:
        """Number of columns d of all modes."""
        return sum(self.widths)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Number of columns of each mode."""
        return tuple(int(np.prod(shape)) for shape in self.shapes)

    @cached_property
    def index(self) -> np.ndarray:
        """Mode of each column, (d,), ascending from 0."""
        return np.repeat(np.arange(self.n_modes), self.widths)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where the columns of each mode lie."""
        edges = np.cumsum((0, *self.widths)).tolist()
        return tuple(map(slice, edges[:-1], edges[1:]))

    @cached_property
    def order(self) -> np.ndarray:
        """Columns of the user's matrix in the order of the modes, (d,)."""
        return np.concatenate(self.columns)

    def as_dict(self) -> dict[str, np.ndarray]:
        """Return the columns of each mode in the user's matrix.

        Returns
        -------
        columns : dict of str to ndarray of int
            By the name of the mode, in order.
        """
        return dict(zip(self.names, self.columns, strict=True))

    def select(self, X: np.ndarray) -> np.ndarray:
        """Lay the modes' columns side by side.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features_in)
            The user's matrix.

        Returns
        -------
        selected : ndarray of shape (n_samples, n_features)
            X itself, where it has these columns in this order.
        """
        # All columns in their own order is the usual case, and costs no indexing.
        in_order = np.array_equal(self.order, np.arange(X.shape[1]))
        return X if in_order else X[:, self.order]

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """Cut a matrix into the values of each mode.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Columns side by side.

        Returns
        -------
        modes : tuple of Tensor of shape (n_samples, width)
            Views of ``x``.
        """
        return x.split(self.widths, dim=1)

    def join(self, modes: Sequence[Tensor]) -> Tensor:
        """Lay the values of the modes side by side; undoes ``split``.

        Parameters
        ----------
        modes : sequence of Tensor of shape (n_samples, width)
            Values of each mode.

        Returns
        -------
        x : Tensor of shape (n_samples, n_features)
            A new tensor.
        """
        return torch.cat(tuple(modes), dim=1)

    def spread(self, of_modes: Tensor, index: Tensor | None = None) -> Tensor:
        """Give each column the value of its mode.

        Parameters
        ----------
        of_modes : Tensor of shape (n_samples, n_modes)
            Attention of each mode, for example.
        index : Tensor of shape (n_features,), default=None
            What :meth:`index_on` returns, if it is at hand.

        Returns
        -------
        of_columns : Tensor of shape (n_samples, n_features)
            A new tensor.
        """
        if index is None:
            index = self.index_on(of_modes.device)
        # Several times faster backwards than indexing with a tensor.
        return of_modes.index_select(1, index)

    def index_on(self, device: torch.device) -> Tensor:
        """Return ``index`` as a tensor.

        Parameters
        ----------
        device : torch.device
            Where it is to be.

        Returns
        -------
        index : Tensor of shape (n_features,)
            Mode of each column.
        """
        return torch.from_numpy(self.index).to(device)

    def any_of_mode(self, of_columns: Tensor) -> Tensor:
        """Tell whether any column of a mode is True.

        Parameters
        ----------
        of_columns : Tensor of shape (n_samples, n_features)
            Boolean.

        Returns
        -------
        of_modes : Tensor of shape (n_samples, n_modes)
            Boolean.
        """
        counts = torch.zeros(len(of_columns), self.n_modes, device=of_columns.device)
        counts.index_add_(1, self.index_on(of_columns.device), of_columns.float())
        return counts > 0
