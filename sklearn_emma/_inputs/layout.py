"""What the columns of each mode are, once they lie side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sklearn_emma._caching import cached_property


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

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.corruption import ModeLayout
    >>> layout = ModeLayout.from_columns({"left": [0, 3], "right": [1]})
    >>> layout.widths, layout.index.tolist()
    ((2, 1), [0, 0, 1])
    >>> layout.spread(torch.tensor([[0.5, 1.0]]))
    tensor([[0.5000, 0.5000, 1.0000]])
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    columns: tuple[np.ndarray, ...]

    @classmethod
    def from_columns(
        cls,
        modes: Mapping[str, Sequence[int] | np.ndarray],
        shapes: Mapping[str, tuple[int, ...]] | None = None,
    ) -> Self:
        """Make the layout of modes from their columns.

        Parameters
        ----------
        modes : dict of str to array-like of int
            Columns of each mode, in order, as ``EMMAClassifier.modes_`` has them.
        shapes : dict of str to tuple of int, default=None
            Shape of each mode that has one; others are plain groups of columns.

        Returns
        -------
        layout : ModeLayout

        Raises
        ------
        ValueError
            Names the mode whose columns are not integers from 0.
        """
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
        return cls(tuple(modes), of_modes, tuple(columns.values()))

    @property
    def n_modes(self) -> int:
        """Number of modes M."""
        return len(self.names)

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
