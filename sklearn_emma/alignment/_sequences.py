"""Sequences as users give them, checked and in units of their channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Units(NamedTuple):
    """Mean and standard deviation of each channel of each sequence, (1, d, 1)."""

    means: list[np.ndarray]
    scales: list[np.ndarray]

    @classmethod
    def of(cls, sequences: list[np.ndarray]) -> Units:
        """Those of sequences (B, d, n), over all samples and steps."""
        means = [x.mean(axis=(0, 2), keepdims=True) for x in sequences]
        spreads = [x.std(axis=(0, 2), keepdims=True) for x in sequences]
        # A channel that never changes stays as it is.
        flat = [
            s <= 1e-12 * np.abs(m).clip(1e-300)
            for s, m in zip(spreads, means, strict=True)
        ]
        scales = [np.where(f, 1.0, s) for f, s in zip(flat, spreads, strict=True)]
        return cls(means, scales)

    def __call__(self, sequences: list[np.ndarray]) -> list[np.ndarray]:
        """Standardise sequences (B, d, n)."""
        return [
            (x - mean) / scale
            for x, mean, scale in zip(sequences, self.means, self.scales, strict=True)
        ]


def read_sequences(sequences: Sequence[ArrayLike]) -> tuple[list[np.ndarray], bool]:
    """Sequences as arrays (samples, channels, steps) of finite numbers.

    Returns them, and whether they came as a single sample.

    Raises
    ------
    ValueError
        Says which of them is wrong, and what.
    """
    if isinstance(sequences, np.ndarray) or not isinstance(sequences, Sequence):
        raise ValueError(
            "`sequences` must be a list of arrays, one for each sequence, of shape "
            f"(samples, channels, steps) or (channels, steps); got {sequences!r}."
        )
    arrays = [np.asarray(x, dtype=np.float64) for x in sequences]
    for number, x in enumerate(arrays):
        if x.ndim not in (2, 3) or not x.size:
            raise ValueError(
                f"Sequence {number} must have shape (samples, channels, steps), or "
                f"(channels, steps) of a single sample; got {x.shape}."
            )
        if not np.isfinite(x).all():
            raise ValueError(f"Sequence {number} has values that are NaN or infinite.")
    single = all(x.ndim == 2 for x in arrays)
    arrays = [x[np.newaxis] if x.ndim == 2 else x for x in arrays]
    samples = [len(x) for x in arrays]
    if len(set(samples)) > 1:
        raise ValueError(
            f"All sequences must have the same number of samples, got {samples}."
        )
    return arrays, single
