"""Modes of different width side by side, in one batch."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class PaddedModes(nn.Module, ABC):
    """Potential energies of modes that share one padded batch.

    Parameters
    ----------
    columns : list of list of int
        Columns of each mode in the matrix to be scored.
    """

    columns: Tensor

    def __init__(self, columns: list[list[int]]) -> None:
        super().__init__()
        self.widths = [len(c) for c in columns]
        widest = max(self.widths)
        # By its own last column: a mode sees no value of another, however broken.
        padded = [c + c[-1:] * (widest - len(c)) for c in columns]
        self.register_buffer("columns", torch.tensor(padded))

    @abstractmethod
    def of_values(self, modes: Tensor) -> Tensor:
        """Energies (G, k) of values (G, k, d), whatever is in padded columns."""

    def by_mode(self, matrix: Tensor) -> Tensor:
        """Modes (G, n, d), padded, of a ``matrix`` (n, d) of all columns."""
        n = matrix.shape[0]  # len(matrix) would be a constant of an exported program
        columns = matrix[:, self.columns.flatten()].view(n, *self.columns.shape)
        return columns.transpose(0, 1)

    def forward(self, x: Tensor, needed: Tensor | None = None) -> Tensor:
        """Potential energies (G, n) of ``x`` (n, d), or only the ``needed`` (G, n)."""
        if needed is None:
            return self.of_values(self.by_mode(x))
        # As many samples of each mode as the mode that needs most; others fill up.
        most = int(needed.sum(1).max())
        rows = needed.to(torch.uint8).topk(most, dim=1, sorted=False).indices
        found = self.of_values(x[rows.unsqueeze(2), self.columns.unsqueeze(1)])
        return found.new_zeros(needed.shape).scatter_(1, rows, found)


def pad(tensor: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Zeros behind ``tensor`` along each axis, up to ``sizes``."""
    behind = [
        amount
        for size, have in zip(sizes, tensor.shape, strict=True)
        for amount in (max(size - have, 0), 0)
    ]
    return nn.functional.pad(tensor, behind[::-1])
