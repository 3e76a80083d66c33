"""Parts of the gate as its parameters name them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

Part = TypeVar("Part", bound=nn.Module)


def log_rho(rho: float | str) -> nn.Parameter:
    """Logarithm of the coldness in double precision, learnt or fixed.

    Raises
    ------
    ValueError
        If ``rho`` is neither "learn" nor a finite number above 0.
    """
    if isinstance(rho, str) and rho == "learn":
        return nn.Parameter(torch.zeros((), dtype=torch.float64))
    number = isinstance(rho, int | float | np.number) and not isinstance(rho, bool)
    if not number or not 0 < float(rho) < math.inf:
        raise ValueError(f"rho must be a finite number > 0 or 'learn', got {rho!r}.")
    value = torch.tensor(math.log(float(rho)), dtype=torch.float64)
    return nn.Parameter(value, requires_grad=False)


def build_part(
    parameter: str,
    given: object,
    by_name: Mapping[str, Callable[[int], Part]],
    kind: type[nn.Module],
    n_modes: int,
) -> Part:
    """The module that ``given`` stands for: a name, or an object that builds one.

    Raises
    ------
    ValueError
        If it stands for no module of this kind; names the parameter.
    """
    if inspect.isclass(given):
        raise ValueError(
            f"{parameter} must be an instance, got the class {given.__name__}; write "
            f"{given.__name__}()."
        )
    build = by_name.get(given) if isinstance(given, str) else getattr(given, "build", 0)
    if not callable(build):
        raise ValueError(
            f"{parameter} must be one of {list(by_name)} or an object with a method "
            f"`build(n_modes)`, got {given!r}."
        )
    try:
        module: Part = build(n_modes)
    except TypeError as error:
        error.add_note(f"{parameter}: its `build` is called as build(n_modes).")
        raise
    if not isinstance(module, kind):
        raise ValueError(
            f"{parameter}: `build` must return a torch module of the class "
            f"{kind.__name__} (sklearn_emma.attention); that of {given!r} returned "
            f"{module!r}."
        )
    return module


def as_array(tensor: Tensor) -> np.ndarray:
    """A copy of what a tensor of any device holds."""
    array: np.ndarray = tensor.detach().cpu().numpy().copy()
    return array
