"""Mixtures of Gaussians of several modes as one torch module."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._energies.padded import PaddedModes, pad
from sklearn_emma._energies.several_kinds import SeveralKinds


class FrozenMixture(NamedTuple):
    """A mixture of K Gaussians of one mode, ready to score.

    ``means`` (K, d), ``roots`` R (K, d, d) with the precision R Rᵀ, and ``log_peaks``
    (K,), the logarithms of shares and of densities at the means, up to a constant.
    """

    means: np.ndarray
    roots: np.ndarray
    log_peaks: np.ndarray


class MixtureStack(PaddedModes):
    """Frozen mixtures of several modes, from (n, d) to energies (n, M).

    Parameters
    ----------
    mixtures : list of FrozenMixture
        One for each mode.
    columns : list of list of int
        Columns of each mode in the matrix to be scored.
    dtype : torch.dtype
        In which energies are computed.
    """

    means: Tensor
    roots: Tensor
    log_peaks: Tensor

    def __init__(
        self,
        mixtures: list[FrozenMixture],
        columns: list[list[int]],
        dtype: torch.dtype,
    ) -> None:
        super().__init__(columns)
        width = self.columns.shape[1]
        most = max(len(mixture.log_peaks) for mixture in mixtures)
        means, roots, peaks = [], [], []
        for own in mixtures:
            means.append(pad(_tensor(own.means), (most, width)))
            roots.append(pad(_tensor(own.roots), (most, width, width)))
            # A component that is missing has no share of the density anywhere.
            lost = torch.full((most - len(own.log_peaks),), -torch.inf)
            peaks.append(torch.cat((_tensor(own.log_peaks), lost)))
        self.register_buffer("means", torch.stack(means).to(dtype))
        self.register_buffer("roots", torch.stack(roots).to(dtype))
        self.register_buffer("log_peaks", torch.stack(peaks).to(dtype))

    def forward(self, x: Tensor, needed: Tensor | None = None) -> Tensor:
        """Potential energies (n, M) of ``x`` (n, d), or only the ``needed`` (n, M).

        Where a sample's mode is not needed, the result means nothing.
        """
        return super().forward(x, None if needed is None else needed.T).T

    def of_values(self, modes: Tensor) -> Tensor:
        """Energies (G, n) of (G, n, d); a padded column meets zeros in ``roots``."""
        # Samples last: each operation then runs along all of them at once.
        columns = modes.mT.contiguous()
        centred = columns.unsqueeze(1) - self.means.unsqueeze(3)
        squares = torch.matmul(self.roots.mT, centred).square().sum(2)
        return -(self.log_peaks.unsqueeze(2) - squares / 2).logsumexp(1)


def stack_mixtures(
    mixtures: list[FrozenMixture], columns: list[list[int]], dtype: torch.dtype
) -> nn.Module:
    """One module of all mixtures; modes of similar width share a padded batch.

    Padding never more than doubles the width of a mode.
    """
    groups: dict[int, list[int]] = {}
    for mode, own in enumerate(columns):
        groups.setdefault((len(own) - 1).bit_length(), []).append(mode)
    modes = list(groups.values())
    stacks: list[nn.Module] = [
        MixtureStack([mixtures[i] for i in some], [columns[i] for i in some], dtype)
        for some in modes
    ]
    return stacks[0] if len(stacks) == 1 else SeveralKinds(stacks, modes)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))
