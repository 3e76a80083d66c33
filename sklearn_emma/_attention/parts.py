"""Parts of the gate as its parameters name them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

Part = TypeVar("Part", bound=nn.Module)


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


def check_energies(potential: object, present: object, n_modes: int) -> None:
    """Check energies (n, M) of samples, and the presence of modes unless it is None.

    Raises
    ------
    TypeError, ValueError
        Names the argument at fault.
    """
    n = _check_matrix("potential", potential, n_modes)
    if present is not None:
        _check_matrix("present", present, n_modes, n)
        if isinstance(present, Tensor) and present.dtype != torch.bool:
            raise ValueError(f"`present` must be boolean, got {present.dtype}.")


def check_calibration(
    potential: Tensor, sample_weight: Tensor | None, n_modes: int
) -> None:
    """Check energies (n, M) to calibrate with, and the weights (n,) of their rows.

    Raises
    ------
    TypeError, ValueError
        Names the argument at fault.
    """
    n = _check_matrix("potential", potential, n_modes)
    if potential.isinf().any():
        raise ValueError("`potential` must be finite, or NaN where a mode is missing.")
    if sample_weight is None:
        return
    _check_tensor("sample_weight", sample_weight)
    if sample_weight.shape != (n,):
        raise ValueError(
            f"`sample_weight` must have shape (n,) = ({n},), got "
            f"{tuple(sample_weight.shape)}."
        )
    if not (sample_weight.isfinite() & (sample_weight >= 0)).all():
        raise ValueError("`sample_weight` must be finite and not negative.")


def check_modes(modes: Sequence[object], potential: object, n_modes: int) -> None:
    """Check the values of modes, (n, ...) each, beside their energies (n, M).

    Raises
    ------
    TypeError, ValueError
        Names the argument at fault.
    """
    shapes = [_check_tensor("modes", values) for values in modes]
    if len(shapes) != n_modes or len({shape[:1] for shape in shapes}) != 1:
        raise ValueError(
            f"The gate needs {n_modes} mode tensors of equal length; got shapes "
            f"{shapes}."
        )
    _check_matrix("potential", potential, n_modes, shapes[0][0])


def _check_matrix(name: str, given: object, n_modes: int, n: int | None = None) -> int:
    """Number of rows of a tensor (n, n_modes)."""
    shape = _check_tensor(name, given)
    if len(shape) != 2 or shape[1] != n_modes or n not in (None, shape[0]):
        expected = f"({'n' if n is None else n}, {n_modes})"
        raise ValueError(
            f"`{name}` must have shape (n, n_modes) = {expected}, got {shape}."
        )
    return shape[0]


def _check_tensor(name: str, given: object) -> tuple[int, ...]:
    """Shape of a tensor."""
    if not isinstance(given, Tensor):
        raise TypeError(
            f"`{name}`: the gate takes torch tensors, got {type(given).__name__}; "
            "torch.as_tensor makes one."
        )
    return tuple(given.shape)


def as_array(tensor: Tensor) -> np.ndarray:
    """A copy of what a tensor of any device holds."""
    array: np.ndarray = tensor.detach().cpu().numpy().copy()
    return array
