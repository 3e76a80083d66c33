"""Random tensors of the shape, type and device of the data."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor


def uniform(x: Tensor, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=x.dtype, device=x.device)


def normal(x: Tensor, generator: Generator) -> Tensor:
    return torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)


def log_uniform(x: Tensor, low: float, high: float, generator: Generator) -> Tensor:
    u = uniform(x, (len(x), 1), generator)
    return torch.exp(math.log(low) + u * math.log(high / low))
