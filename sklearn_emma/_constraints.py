"""Keep the learnt parameters of the gate within their bounds.

Projection onto a box after each optimiser step: the bounds hold exactly, and a
parameter may rest on one (a coupling of exactly 0, say), which a smooth
reparametrisation forbids.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

Bounds = list[tuple[Tensor, float | None, float | None]]


@torch.no_grad()
def project(bounds: Iterable[tuple[Tensor, float | None, float | None]]) -> None:
    """Clamp each tensor in place to its (low, high); None is no bound."""
    for parameter, low, high in bounds:
        parameter.clamp_(low, high)
