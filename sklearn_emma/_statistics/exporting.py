"""What a program that is exported has to compute in another way, to the same result.

ONNX and onnxruntime have fewer operations than torch, and fewer still in float64.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# Beyond it torch's softplus is the identity.
_LINEAR_ABOVE = 20.0


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)) of each element; torch's own, except in what is exported.

    onnxruntime has a softplus of float32 alone: in float64 it is made of operations
    that are there.
    """
    if torch.compiler.is_exporting() and x.dtype == torch.float64:
        stable = x.clamp_min(0.0) + torch.log1p(torch.exp(-x.abs()))
        return torch.where(x > _LINEAR_ABOVE, x, stable)
    return functional.softplus(x)


def constant(value: float, like: Tensor) -> Tensor | float:
    """Return a number to compute with, in the type and on the device of ``like``.

    It is a number, which costs least; in what is exported, a tensor: numbers are
    written in float32, where some of float64 are 0 or infinite.
    """
    if torch.compiler.is_exporting():
        return torch.tensor(value, dtype=like.dtype, device=like.device)
    return value
