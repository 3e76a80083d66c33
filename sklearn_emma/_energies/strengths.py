"""How strong a signal is in each octave, as a row of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._energies.autoencoder import PotentialStack
from sklearn_emma._energies.frequencies import to_frequencies

# Shorter parts of a signal have too few octaves to be told apart.
_SHORTEST_PART = 8

# Bounds of the ratio of a strength to the usual one.
_NOTHING, _MOST = 1e-4, 1e6

# What is usual in an octave is at least that share of what is in another.
_LEAST_USUAL = 1e-6


class Strengths(nn.Module):
    """Strengths of flattened signals (n, d) as numbers (n, channels · parts · octaves).

    Each signal is cut into parts of equal length. The strength a of a part in an octave
    is the root mean square of its cosine transform there. As a number it is

        log(a / u) where a < u, and a / u − 1 elsewhere,

    u being the usual strength: none at all is as far from it as one that is far too
    great, and a great one grows as the noise does that causes it.

    Parameters
    ----------
    shape : (channels, length)
        Of a signal.
    n_parts : int
        Into so many parts each is cut, or fewer if it is short.
    usual : Tensor of shape (channels * parts * octaves,)
        u.
    """

    usual: Tensor

    def __init__(self, shape: Sequence[int], n_parts: int, usual: Tensor) -> None:
        super().__init__()
        self.shape, self.n_parts = tuple(shape), n_parts
        self.register_buffer("usual", usual)

    def forward(self, x: Tensor) -> Tensor:
        """Numbers of signals ``x`` (n, d)."""
        ratio = strengths(x, self.shape, self.n_parts) / self.usual
        ratio = ratio.clamp(_NOTHING, _MOST)
        return torch.where(ratio < 1, ratio.log(), ratio - 1)

    @classmethod
    def of_rows(
        cls, x: Tensor, weight: np.ndarray, shape: Sequence[int], n_parts: int
    ) -> Self:
        """Take for usual what rows ``x`` (n, d) have that count ``weight`` (n,)."""
        counts = torch.from_numpy(weight / weight.sum()).to(x.dtype)
        power = counts @ strengths(x, shape, n_parts).square()
        usual = power.sqrt().view(shape[0], -1)
        usual = usual.maximum(_LEAST_USUAL * usual.amax(dim=1, keepdim=True))
        return cls(shape, n_parts, usual.flatten())


class OctaveStack(nn.Module):
    """Frozen energies of the strengths of modes, from (n, d) to (n, M).

    Parameters
    ----------
    numbers : list of Strengths
        One for each mode.
    columns : list of list of int
        Columns of each mode in the matrix to be scored.
    potentials : PotentialStack
        Of all their numbers side by side.
    """

    def __init__(
        self,
        numbers: list[Strengths],
        columns: list[list[int]],
        potentials: PotentialStack,
    ) -> None:
        super().__init__()
        self.numbers, self.potentials = nn.ModuleList(numbers), potentials
        for i, indices in enumerate(columns):
            self.register_buffer(f"columns{i}", torch.tensor(indices))

    def forward(self, x: Tensor, needed: Tensor | None = None) -> Tensor:
        """Potential energies (n, M) of ``x`` (n, d), or only the ``needed`` (n, M).

        Where a sample's mode is not needed, the result means nothing.
        """
        found = []
        for i, numbers in enumerate(self.numbers):
            columns = self.get_buffer(f"columns{i}")
            if needed is None:
                found.append(numbers(x.index_select(1, columns)))
                continue
            rows = needed[:, i].nonzero().squeeze(1)
            some = numbers(x[rows][:, columns])
            found.append(
                some.new_zeros(len(x), some.shape[1]).index_copy(0, rows, some)
            )
        energies: Tensor = self.potentials(torch.cat(found, dim=1), needed)
        return energies


def strengths(x: Tensor, shape: Sequence[int], n_parts: int) -> Tensor:
    """Root mean square of signals ``x`` (n, d), by channel, part and octave."""
    x = x.reshape(x.shape[0], *shape)
    found = []
    for start, stop in pairwise(parts(shape[1], n_parts)):
        power = to_frequencies(x[:, :, start:stop]).square()
        edges = pairwise(octaves(stop - start))
        found += [power[:, :, low:high].mean(2) for low, high in edges]
    power = torch.stack(found, dim=2).flatten(1)
    # The square root of 0 has no gradient.
    return power.clamp_min(torch.finfo(power.dtype).tiny).sqrt()


def parts(length: int, n_parts: int) -> list[int]:
    """Where the parts of a signal begin, and where the last one ends."""
    number = max(1, min(n_parts, length // _SHORTEST_PART))
    return [round(k * length / number) for k in range(number + 1)]


def octaves(length: int) -> list[int]:
    """Where the octaves of so many frequencies begin, and where the last one ends.

    The mean, frequency 0, is by itself.
    """
    edges = [0]
    while edges[-1] < length:
        edges.append(min(max(1, 2 * edges[-1]), length))
    return edges
