"""Keep the learnt parameters of the gate within their bounds.

Projection onto a box after each optimiser step: the bounds hold exactly, and a
parameter may rest on one (a coupling of exactly 0, say), which a smooth
reparametrisation forbids.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

Bound = tuple[Tensor, float | None, float | None]
Bounds = list[Bound]


@torch.no_grad()
def project(bounds: Iterable[Bound]) -> None:
    """Clamp each tensor in place to its (low, high); None is no bound."""
    for parameter, low, high in bounds:
        parameter.clamp_(low, high)
