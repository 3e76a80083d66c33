"""The tied-weight potential Ψ with convolutions in place of matrices.

W x becomes a convolution of x with K kernels, Wᵀ u its transpose, so that Ψ is a
potential as before: the dense one whose matrix is that of the convolution. Its cost is
linear in the number of values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import (
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose2d,
)

from sklearn_emma._caching import cached_property
from sklearn_emma._statistics.exporting import softplus


def is_convolved(shape: Sequence[int]) -> bool:
    """Whether it is the shape of a signal or an image."""
    return len(shape) in (2, 3)


@dataclass(frozen=True, eq=False)
class Convolution:
    """Where the kernels of a convolution lie; it pads with zeros, ⌊k/2⌋ at each end.

    Parameters
    ----------
    shape : tuple of int
        (channels, length) or (channels, height, width) of the values.
    n_components : int
        Number of kernels K.
    kernel_size : int
        Length k of a kernel in each direction.
    stride : int
        From one position of a kernel to the next, in each direction.
    """

    shape: tuple[int, ...]
    n_components: int
    kernel_size: int
    stride: int

    @classmethod
    def of_rows(
        cls, n_features: int, shape: Sequence[int] | None, *kernels: int
    ) -> Self:
        """Convolution of rows of so many values; without a shape, of one channel.

        Raises
        ------
        ValueError
            If the shape is not that of a signal or an image of so many values.
        """
        sizes = (n_features,) if shape is None else tuple(shape)
        whole = all(isinstance(n, Integral) and n > 0 for n in sizes)
        sizes = (1, *sizes) if len(sizes) == 1 else sizes
        if not whole or not is_convolved(sizes) or np.prod(sizes) != n_features:
            raise ValueError(
                "`shape` must be (channels, length) or (channels, height, width) of "
                f"the {n_features} values in a row, got {shape!r}."
            )
        return cls(tuple(int(n) for n in sizes), *kernels)

    @property
    def kernels(self) -> tuple[int, ...]:
        """Shape of W: (K, channels, k) or (K, channels, k, k)."""
        sides = (self.kernel_size,) * (len(self.shape) - 1)
        return (self.n_components, self.shape[0], *sides)

    @property
    def n_positions(self) -> int:
        """Number of positions of a kernel."""
        number, padded = 1, 2 * (self.kernel_size // 2) - self.kernel_size
        for n in self.shape[1:]:
            number *= (n + padded) // self.stride + 1
        return number

    def reached(self, valid: Tensor) -> Tensor:
        """Positions of a kernel (n, positions) that signals of no more length have.

        ``valid`` (n, length) is True up to the end of each signal.
        """
        padded = 2 * (self.kernel_size // 2) - self.kernel_size
        position = torch.arange(self.n_positions, device=valid.device) * self.stride
        return position <= valid.sum(1, keepdim=True) + padded

    @cached_property
    def _output_padding(self) -> list[int]:
        """What the transpose lacks at the far end where the stride leaves a rest."""
        padded = 2 * (self.kernel_size // 2) - self.kernel_size
        return [(n + padded) % self.stride for n in self.shape[1:]]

    def apply(self, x: Tensor, weight: Tensor, hidden_bias: Tensor) -> Tensor:
        """W ∗ x + c, (n, K, …), of ``x`` (n, channels, …)."""
        convolve = conv1d if len(self.shape) == 2 else conv2d
        padding = self.kernel_size // 2
        return convolve(x, weight, hidden_bias, self.stride, padding)

    def transpose(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """Wᵀ ∗ u, (n, channels, …), of ``hidden`` u (n, K, …)."""
        one = len(self.shape) == 2
        convolve = conv_transpose1d if one else conv_transpose2d
        padding = self.kernel_size // 2
        return convolve(
            hidden, weight, None, self.stride, padding, self._output_padding
        )


def reconstruct(
    x: Tensor,
    convolution: Convolution,
    weight: Tensor,
    hidden_bias: Tensor,
    visible_bias: Tensor,
    stiffness: float = 1.0,
    valid: Tensor | None = None,
) -> Tensor:
    """r(x) = x − κ (x − b) + Wᵀ ∗ sigmoid(W ∗ x + c), with x − r(x) = ∂Ψ/∂x.

    ``x`` (n, channels, …), ``weight`` as ``convolution.kernels``, ``hidden_bias`` (K,),
    ``visible_bias`` (channels, …), ``stiffness`` κ. ``valid`` (n, length) is True up to
    the end of each signal, behind which ``x`` is 0, and what is returned means nothing.
    Returns (n, channels, …).
    """
    hidden = torch.sigmoid(convolution.apply(x, weight, hidden_bias))
    if valid is not None:
        hidden = hidden * convolution.reached(valid).unsqueeze(1)
    start = torch.lerp(x, visible_bias.expand_as(x), stiffness)
    return start + convolution.transpose(hidden, weight)


def potential(
    x: Tensor,
    convolution: Convolution,
    weight: Tensor,
    hidden_bias: Tensor,
    visible_bias: Tensor,
    stiffness: float = 1.0,
    valid: Tensor | None = None,
) -> Tensor:
    """Ψ(x) = ½ κ ‖x − b‖² − Σ_{k, position} softplus((W_k ∗ x)_position + c_k), (n,).

    Arguments as of :func:`reconstruct`. With ``valid``, sums are over what there is of
    each signal, and Ψ is divided by its length.
    """
    activation = convolution.apply(x, weight, hidden_bias)
    if valid is not None:
        distances = ((x - visible_bias).square().sum(1) * valid).sum(1)
        hidden = (softplus(activation).sum(1) * convolution.reached(valid)).sum(1)
        return (0.5 * stiffness * distances - hidden) / valid.sum(1).clamp_min(1)
    distance = (x - visible_bias).square().flatten(1).sum(1)
    return 0.5 * stiffness * distance - softplus(activation).flatten(1).sum(1)


class ConvolutionalAutoencoder(nn.Module):
    """What is trained: W, c, and b of each position.

    Parameters
    ----------
    convolution : Convolution
        Shapes.
    stiffness : float
        κ.
    ragged : bool, default=False
        Whether signals differ in length; b is then one of each channel.
    """

    def __init__(
        self, convolution: Convolution, stiffness: float, ragged: bool = False
    ) -> None:
        super().__init__()
        self.convolution, self.stiffness = convolution, stiffness
        # As those of the dense one start.
        size = 0.5 if stiffness == 1.0 else 0.1
        weight = torch.randn(convolution.kernels)
        self.weight = nn.Parameter(weight * size / weight[0].numel() ** 0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(convolution.n_components))
        shape = (convolution.shape[0], 1) if ragged else convolution.shape
        self.visible_bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Reconstruct ``x`` (n, channels, …), as (n, 1, d), a mode of d values.

        Of signals that differ in length, ``valid`` (n, length) says where they are, and
        the rest is 0.
        """
        parameters = self.weight, self.hidden_bias, self.visible_bias
        found = reconstruct(x, self.convolution, *parameters, self.stiffness, valid)
        if valid is not None:
            found = found * valid.unsqueeze(1)
        return found.flatten(1).unsqueeze(1)
