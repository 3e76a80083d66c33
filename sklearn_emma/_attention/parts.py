"""Parts of the gate as its parameters name them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

Part = TypeVar("Part", bound=nn.Module)


def log_rho(rho: float | str) -> nn.Parameter:
    """Logarithm of the coldness in double precision, learnt or fixed."""
    if rho == "learn":
        return nn.Parameter(torch.zeros((), dtype=torch.float64))
    if isinstance(rho, str) or not 0 < rho < math.inf:
        raise ValueError(f"rho must be a finite number > 0 or 'learn', got {rho!r}.")
    value = torch.tensor(math.log(rho), dtype=torch.float64)
    return nn.Parameter(value, requires_grad=False)


def build_part(
    parameter: str,
    given: object,
    by_name: Mapping[str, Callable[[int], Part]],
    n_modes: int,
) -> Part:
    """The module that ``given`` stands for: a name, or an object that builds one."""
    build = by_name.get(given) if isinstance(given, str) else getattr(given, "build", 0)
    if not callable(build):
        raise ValueError(
            f"{parameter} must be one of {list(by_name)} or an object with a method "
            f"`build(n_modes)`, got {given!r}."
        )
    module: Part = build(n_modes)
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"{parameter}: `build` must return a torch module; that of {given!r} "
            f"returned {module!r}."
        )
    return module


def as_array(tensor: Tensor) -> np.ndarray:
    """A copy of what a tensor of any device holds."""
    array: np.ndarray = tensor.detach().cpu().numpy().copy()
    return array
