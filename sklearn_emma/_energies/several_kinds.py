"""Energies of several kinds, each of them a torch module, as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sklearn_emma._energies.interface import Energy, is_batched


class SeveralKinds(nn.Module):
    """Potential energies of all modes, from (n, d) to (n, M), kind by kind.

    Parameters
    ----------
    stacks : list of nn.Module
        One for each kind of energy, from ``x`` and ``needed`` to the energies of its
        modes.
    modes : list of list of int
        Which modes each is for.
    """

    position: Tensor

    def __init__(self, stacks: list[nn.Module], modes: list[list[int]]) -> None:
        super().__init__()
        self.stacks, self.modes = nn.ModuleList(stacks), modes
        order = torch.tensor([mode for some in modes for mode in some])
        self.register_buffer("position", order.argsort())

    def forward(self, x: Tensor, needed: Tensor | None = None) -> Tensor:
        """Potential energies (n, M) of ``x`` (n, d), or only the ``needed`` (n, M).

        Where a sample's mode is not needed, the result means nothing.
        """
        energies = [
            stack(x, None if needed is None else needed[:, modes])
            for stack, modes in zip(self.stacks, self.modes, strict=True)
        ]
        return torch.cat(energies, dim=1).index_select(1, self.position)


def stack_energies(
    estimators: Sequence[Energy], columns: list[list[int]], dtype: torch.dtype
) -> nn.Module | None:
    """All modes in one module; None where one of them cannot be."""
    kinds: dict[type[Energy], list[int]] = {}
    for mode, estimator in enumerate(estimators):
        if not is_batched(estimator):
            return None
        kinds.setdefault(type(estimator), []).append(mode)
    stacks = []
    for modes in kinds.values():
        some = [estimators[mode] for mode in modes]
        first = some[0]
        assert is_batched(first)
        stacks.append(first._stack(some, [columns[mode] for mode in modes], dtype))
    return stacks[0] if len(stacks) == 1 else SeveralKinds(stacks, [*kinds.values()])
