"""The right class, and the wrong one that is in its way."""

from __future__ import annotations

from typing import TypeAlias

import torch
from numpy.typing import ArrayLike
from torch import Tensor

#: A number, or one for each pair of classes, (n_classes, n_classes).
Margin: TypeAlias = float | ArrayLike | Tensor


def energy_of(energies: Tensor, y: Tensor) -> Tensor:
    """E(y), (n,), of energies (n, n_classes) and class indices (n,)."""
    return energies.gather(1, y.unsqueeze(1)).squeeze(1)


def most_offending(energies: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """E(ȳ) and ȳ, both (n,): of the wrong classes the one of least energy."""
    wrong = energies.scatter(1, y.unsqueeze(1), torch.inf)
    least = wrong.min(dim=1)
    return least.values, least.indices


def margin_of(margin: Margin, y: Tensor, wrong: Tensor, like: Tensor) -> float | Tensor:
    """Margin of each sample by right and wrong class: a number, or (n,) as ``like``.

    Raises
    ------
    ValueError
        If margins are neither a number nor (n_classes, n_classes), or below 0.
    """
    if isinstance(margin, int | float):
        return margin
    table = torch.as_tensor(margin, dtype=like.dtype, device=like.device)
    shape = (like.shape[1],) * 2
    if table.ndim == 0:
        return table
    if table.shape != shape:
        raise ValueError(
            "`margin` must be a number or of shape (n_classes, n_classes) = "
            f"{shape}; got {tuple(table.shape)}."
        )
    if not (table.isfinite() & (table >= 0)).all():
        raise ValueError(f"`margin` must be finite and >= 0, got {margin!r}.")
    return table[y, wrong]
