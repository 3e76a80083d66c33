"""Signals without correlation, each value by what those before it leave open.

The cosine transform, by which signals of one length lose their correlation, mixes all
positions, the end and what lies behind it too. Where lengths differ, each value is
compared with what the values before it let expect, and divided by how far off that
usually is: its innovation. No innovation depends on anything behind it, nor on where
the signal ends.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv1d

# So many values before one are looked at.
_N_BEFORE = 8

# Share of the variance that is added to it, and the least that is left of it.
_SHRINKAGE = 1e-3

# What varies by no more than so many units in the last place varies by rounding alone.
_ROUNDING = 32


class Innovations(NamedTuple):
    """Coordinates z of signals of c channels; all arrays.

    ``mean`` and ``scale`` (c,) of each channel. ``root`` (p + 1, c, p + 1, c), lower
    triangular in blocks, whitens p + 1 values in a row; None: it is left out.
    """

    mean: np.ndarray
    scale: np.ndarray
    root: np.ndarray | None

    def astype(self, dtype: np.dtype) -> Innovations:
        """All arrays in another floating-point type."""
        mean, scale, root = self
        root = None if root is None else root.astype(dtype)
        return Innovations(mean.astype(dtype), scale.astype(dtype), root)


def fit_innovations(
    X: np.ndarray, valid: np.ndarray, weight: np.ndarray, preprocessing: str | None
) -> Innovations:
    """Coordinates for X (n, c, length), where ``valid`` (n, length).

    Rows count ``weight`` (n,) times, whatever their length. ``None`` leaves X as it is,
    ``"standardize"`` centres and scales each channel; ``"whiten"`` also removes
    correlation, as if that did not change along a signal.
    """
    n_channels = X.shape[1]
    if preprocessing is None:
        return Innovations(np.zeros(n_channels), np.ones(n_channels), None)
    counts = weight.astype(np.float64) / weight.sum()
    counts = counts / np.maximum(valid.sum(axis=1), 1)
    mass = valid * counts[:, np.newaxis]
    X = X.astype(np.float64)
    mean = np.einsum("ncl,nl->c", X, mass)
    centred = (X - mean[:, np.newaxis]) * valid[:, np.newaxis]
    scale = np.sqrt(np.einsum("ncl,nl->c", np.square(centred), mass))
    size = np.abs(X).max(axis=(0, 2))
    varies = scale > _ROUNDING * np.finfo(X.dtype).eps * size
    scale = np.where(varies, scale, 1.0)
    if preprocessing == "standardize":
        return Innovations(mean, scale, None)
    u = np.where(varies[:, np.newaxis], centred / scale[:, np.newaxis], 0.0)
    covariance = _covariance_in_a_row(u, valid, counts)
    values, vectors = np.linalg.eigh(covariance)
    positive = (vectors * np.maximum(values, 0.0)) @ vectors.T
    added = _SHRINKAGE if varies.any() else 1.0
    lower = np.linalg.cholesky(positive + added * np.eye(len(positive)))
    n = len(lower) // n_channels
    root = np.linalg.inv(lower).reshape(n, n_channels, n, n_channels)
    return Innovations(mean, scale, root)


def _covariance_in_a_row(
    u: np.ndarray, valid: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Covariance of p + 1 values in a row, ((p + 1) c, (p + 1) c), stationary."""
    n_channels, length = u.shape[1:]
    n = min(_N_BEFORE, length - 1) + 1
    blocks = np.empty((n, n_channels, n, n_channels))
    for lag in range(n):
        there = valid[:, lag:].sum(axis=1) @ counts
        later, before = u[:, :, lag:], u[:, :, : length - lag]
        found = np.einsum("ncl,ndl,n->cd", later, before, counts, optimize=True)
        found = found / there if there > 0 else np.zeros_like(found)
        for at in range(lag, n):
            blocks[at, :, at - lag] = found
            blocks[at - lag, :, at] = found.T
    covariance: np.ndarray = blocks.reshape(n * n_channels, -1)
    return covariance


def innovations(
    x: Tensor, valid: Tensor, mean: Tensor, scale: Tensor, root: Tensor | None
) -> Tensor:
    """Coordinates z (n, c, length) of ``x``, 0 where it is not ``valid`` (n, length).

    Other arguments as in :class:`Innovations`.
    """
    there = valid.unsqueeze(1)
    z = torch.where(there, (x - mean.unsqueeze(1)) / scale.unsqueeze(1), 0.0)
    if root is None:
        return z
    n_before = len(root) - 1
    # The last of the values in a row knows all that it is to know of those before it;
    # the first values of a signal have fewer before them.
    kernel = root[-1].permute(0, 2, 1)
    rest = conv1d(z, kernel)
    first = torch.einsum("acbd,ndb->nca", root[:-1, :, :-1], z[:, :, :n_before])
    return torch.where(there, torch.cat((first, rest), dim=2), 0.0)
