"""Values of a shape without correlation, by their cosine transform.

Where neighbours go together alike all over a signal or an image, as in most, the cosine
transform all but removes the correlation between positions. What is left to learn is
how strong each frequency is, and how the channels go together in it: a small matrix
for each frequency, where whitening all values at once takes one with a row for each
value, which few samples cannot tell and whose cost is cubic.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# Longer directions are transformed by a fast Fourier transform; shorter ones by a
# matrix, which is as fast, and can be exported.
_LONGEST_MATRIX = 256

# Share of the mean variance that is added to that of each frequency.
_SHRINKAGE = 1e-3

# What varies by no more than so many units in the last place varies by rounding alone.
_ROUNDING = 32


class Spectrum(NamedTuple):
    """Coordinates z of values of a shape; all arrays, of c channels.

    ``mean`` (c, …) of each position; ``scale`` (c,), by which channels are divided;
    ``roots`` (f, c, c) for each frequency, which whiten; None: they are left out.
    """

    mean: np.ndarray
    scale: np.ndarray
    roots: np.ndarray | None

    def astype(self, dtype: np.dtype) -> Spectrum:
        """All arrays in another floating-point type."""
        mean, scale, roots = self
        roots = None if roots is None else roots.astype(dtype)
        return Spectrum(mean.astype(dtype), scale.astype(dtype), roots)


def fit_spectrum(
    X: np.ndarray, weight: np.ndarray, preprocessing: str | None
) -> Spectrum:
    """Coordinates for X (n, c, …), whose rows count ``weight`` (n,) times.

    ``None`` leaves X as it is, ``"standardize"`` centres each position and scales each
    channel; ``"whiten"`` also removes correlation.
    """
    if preprocessing is None:
        return Spectrum(np.zeros(X.shape[1:]), np.ones(X.shape[1]), None)
    counts = weight.astype(np.float64) / weight.sum()
    X = X.astype(np.float64)
    mean = np.tensordot(counts, X, 1)
    centred = X - mean
    square = np.tensordot(counts, np.square(centred), 1)
    scale = np.sqrt(square.reshape(len(mean), -1).mean(axis=1))
    size = np.abs(X).max(axis=(0, *range(2, X.ndim)))
    varies = scale > _ROUNDING * np.finfo(X.dtype).eps * size
    scale = np.where(varies, scale, 1.0)
    if preprocessing == "standardize":
        return Spectrum(mean, scale, None)
    centred[:, ~varies] = 0.0
    centred /= scale.reshape(-1, *[1] * (X.ndim - 2))
    found = to_frequencies(torch.from_numpy(centred)).flatten(2)
    weighted = found * torch.from_numpy(counts).view(-1, 1, 1)
    covariance = torch.einsum("ncf,ndf->fcd", weighted, found)
    n_channels = len(mean)
    mean_variance = float(covariance.diagonal(dim1=1, dim2=2).mean())
    # Where nothing varies, no frequency may be stretched.
    added = _SHRINKAGE * mean_variance if mean_variance > 0 else 1.0
    values, vectors = torch.linalg.eigh(covariance + added * torch.eye(n_channels))
    roots = (vectors * values.clamp_min(added).rsqrt().unsqueeze(1)) @ vectors.mT
    return Spectrum(mean, scale, roots.numpy())


def whitened(x: Tensor, mean: Tensor, scale: Tensor, roots: Tensor | None) -> Tensor:
    """Coordinates z (n, c, …) of ``x`` (n, c, …); arguments as in :class:`Spectrum`."""
    x = (x - mean) / scale.view(-1, *[1] * (x.ndim - 2))
    if roots is None:
        return x
    found = to_frequencies(x)
    mixed = torch.einsum("ncf,fcd->ndf", found.flatten(2), roots)
    return from_frequencies(mixed.reshape(found.shape))


def to_frequencies(x: Tensor) -> Tensor:
    """Orthonormal cosine transform of ``x`` (n, c, …) in each direction after c."""
    for axis in range(2, x.ndim):
        x = _cosines(x.transpose(axis, -1)).transpose(axis, -1)
    return x


def from_frequencies(x: Tensor) -> Tensor:
    """Undo :func:`to_frequencies`."""
    for axis in range(2, x.ndim):
        x = _values(x.transpose(axis, -1)).transpose(axis, -1)
    return x


def _cosines(x: Tensor) -> Tensor:
    n = x.shape[-1]
    if n <= _LONGEST_MATRIX:
        return x @ _matrix(n).to(x).T
    # The Fourier transform of the even values, then the odd ones backwards, turned.
    shuffled = torch.cat((x[..., ::2], x[..., 1::2].flip(-1)), dim=-1)
    turned = torch.fft.fft(shuffled) * _turns(n, x).conj()
    return turned.real * _lengths(n, x)


def _values(x: Tensor) -> Tensor:
    n = x.shape[-1]
    if n <= _LONGEST_MATRIX:
        return x @ _matrix(n).to(x)
    x = x / _lengths(n, x)
    backwards = torch.cat((torch.zeros_like(x[..., :1]), x[..., 1:].flip(-1)), dim=-1)
    shuffled = torch.fft.ifft(torch.complex(x, -backwards) * _turns(n, x)).real
    half = (n + 1) // 2
    result = torch.empty_like(x)
    result[..., ::2] = shuffled[..., :half]
    result[..., 1::2] = shuffled[..., half:].flip(-1)
    return result


@lru_cache(maxsize=64)
def _matrix(n: int) -> Tensor:
    """The orthonormal cosine transform of n values, (n, n)."""
    steps = np.arange(n)
    angles = np.pi / n * np.outer(steps, steps + 0.5)
    matrix = np.sqrt(2 / n) * np.cos(angles)
    matrix[0] /= np.sqrt(2)
    return torch.from_numpy(matrix)


def _turns(n: int, like: Tensor) -> Tensor:
    angles = torch.arange(n, device=like.device, dtype=like.dtype) * (np.pi / 2 / n)
    return torch.polar(torch.ones_like(angles), angles)


def _lengths(n: int, like: Tensor) -> Tensor:
    lengths = like.new_full((n,), (2 / n) ** 0.5)
    lengths[0] /= 2**0.5
    return lengths
