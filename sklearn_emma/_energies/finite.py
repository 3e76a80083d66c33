"""Energies without bound."""

from __future__ import annotations

import torch
from torch import Tensor


def finite_energy(potential: Tensor) -> Tensor:
    """Potential energies of any shape, those without bound at the largest usable.

    A density of exactly 0, or a value whose square overflows, has infinite energy or
    none at all. What is put in its place has a finite square.
    """
    largest = torch.finfo(potential.dtype).max ** 0.5
    return potential.nan_to_num(nan=largest).clamp(-largest, largest)


def narrowed(potential: Tensor, dtype: torch.dtype) -> Tensor:
    """Finite energies in a narrower type, as large as it can use; NaN stays."""
    largest = torch.finfo(dtype).max ** 0.5
    return potential.clamp(-largest, largest).to(dtype)
