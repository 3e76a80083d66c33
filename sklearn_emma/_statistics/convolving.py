"""Convolutions by matrix products, for programs that run where there are no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

Sizes = int | Sequence[int]


class ProductsForConvolutions(TorchFunctionMode):
    """Within it, a convolution in float64 gathers its values and multiplies a matrix.

    onnxruntime has convolutions of float32 alone. Whoever convolves need not know of
    it: modules of torch, of users and of this package are all traced through here.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return what ``func`` returns."""
        product = _PRODUCTS.get(func)
        if product is None or args[0].dtype != torch.float64:
            product = func
        return product(*args, **kwargs or {})


def convolve(
    z: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Return what :func:`torch.conv1d`, conv2d and conv3d do, of samples (n, c, …)."""
    sizes, strides, steps = _by_axis(weight, stride, dilation)
    around = [step * (size - 1) for step, size in zip(steps, sizes, strict=True)]
    if padding == "valid":
        ends = [(0, 0) for _ in sizes]
    elif padding == "same":
        ends = [(n // 2, n - n // 2) for n in around]
    else:
        ends = [(n, n) for n in _each(padding, len(sizes))]
    taken = []
    for axis, length in enumerate(z.shape[2:]):
        rest = length + sum(ends[axis]) - around[axis] - 1
        to = np.arange(rest // strides[axis] + 1) * strides[axis] - ends[axis][0]
        taken.append(to + np.arange(sizes[axis])[:, np.newaxis] * steps[axis])
    kernels = weight.reshape(groups, weight.shape[0] // groups, -1)
    return _multiplied(z, taken, kernels, bias)


def convolve_back(
    z: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Return what :func:`torch.conv_transpose1d` and so on do, of samples (n, c, …)."""
    sizes, strides, steps = _by_axis(weight, stride, dilation)
    ends = _each(padding, len(sizes))
    more = _each(output_padding, len(sizes))
    taken = []
    for axis, length in enumerate(z.shape[2:]):
        reach = steps[axis] * (sizes[axis] - 1) + more[axis] + 1
        n_out = (length - 1) * strides[axis] - 2 * ends[axis] + reach
        back = np.arange(sizes[axis])[:, np.newaxis] * steps[axis]
        position, rest = np.divmod(np.arange(n_out) + ends[axis] - back, strides[axis])
        taken.append(np.where(rest == 0, position, -1))  # -1: between two values
    kernels = weight.reshape(groups, weight.shape[0] // groups, weight.shape[1], -1)
    kernels = kernels.transpose(1, 2).flatten(2)
    return _multiplied(z, taken, kernels, bias)


def _multiplied(
    z: Tensor, taken: list[np.ndarray], kernels: Tensor, bias: Tensor | None
) -> Tensor:
    """Multiply values, gathered for each place of a kernel and of the output.

    ``taken`` holds positions (k, n_out) along each axis, outside of which all is 0;
    ``kernels`` is (groups, outputs of a group, inputs of a group times places).
    """
    index, inside = np.zeros((1, 1), int), np.ones((1, 1), bool)
    for position, length in zip(taken, z.shape[2:], strict=True):
        there = (position >= 0) & (position < length)
        index = _crossed(index * length, position, np.add)
        inside = _crossed(inside, there, np.logical_and)
    index = np.where(inside, index, prod(z.shape[2:]))
    flat = z.flatten(2)
    flat = torch.cat((flat, torch.zeros_like(flat[:, :, :1])), dim=2)
    columns = flat.index_select(2, torch.from_numpy(index.ravel()).to(z.device))
    columns = columns.reshape(-1, len(kernels), kernels.shape[2], index.shape[1])
    out = (kernels @ columns).reshape(
        -1, kernels.shape[0] * kernels.shape[1], *(p.shape[1] for p in taken)
    )
    if bias is None:
        return out
    return out + bias.reshape(-1, *(1 for _ in taken))


def _crossed(one: np.ndarray, other: np.ndarray, pair: np.ufunc) -> np.ndarray:
    """Every (k, n_out) of one axis with every one of the next, flattened."""
    every: np.ndarray = pair(one[:, None, :, None], other[None, :, None, :])
    return every.reshape(len(one) * len(other), -1)


def _by_axis(
    weight: Tensor, stride: Sizes, dilation: Sizes
) -> tuple[list[int], list[int], list[int]]:
    sizes = list(weight.shape[2:])
    return sizes, _each(stride, len(sizes)), _each(dilation, len(sizes))


def _each(size: Sizes | str, n: int) -> list[int]:
    """One size for each axis, as torch takes them."""
    assert not isinstance(size, str)
    sizes = [size] if isinstance(size, int) else list(size)
    return sizes * n if len(sizes) == 1 else sizes


_PRODUCTS: dict[Callable[..., Any], Callable[..., Tensor]] = {
    torch.conv1d: convolve,
    torch.conv2d: convolve,
    torch.conv3d: convolve,
    torch.conv_transpose1d: convolve_back,
    torch.conv_transpose2d: convolve_back,
    torch.conv_transpose3d: convolve_back,
}
