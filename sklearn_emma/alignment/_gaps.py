"""Sequences with gaps, and sequences on another clock."""

from __future__ import annotations

import numpy as np

from sklearn_emma.alignment._clock import Clock


def fill_gaps(sequence: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """Interpolate NaN along the steps of (B, d, n).

    The first and the last value of a channel hold to its ends; a channel without any
    gets its ``fill`` (d,).
    """
    gaps = np.isnan(sequence)
    if not gaps.any():
        return sequence
    filled = sequence.copy()
    steps = np.arange(sequence.shape[2])
    for sample, channel in np.argwhere(gaps.any(axis=2)):
        values, gap = filled[sample, channel], gaps[sample, channel]
        if gap.all():
            values[:] = fill[channel]
        else:
            values[gap] = np.interp(steps[gap], steps[~gap], values[~gap])
    return filled


def resample(
    sequence: np.ndarray, clock: Clock, number: int, n_steps: int
) -> np.ndarray:
    """Bring a sequence (B, d, n) onto the steps of the first one of a clock.

    Each step gets the mean of all that is read at it, NaN left out. Steps of the first
    sequence that the clock leaves out get what the nearest step has. Returns
    (B, d, n_steps).
    """
    read = clock.read(sequence, number).astype(np.float64)
    known = ~np.isnan(read) & clock.counts[:, np.newaxis]
    read = np.where(known, read, 0.0)
    n_samples, channels, length = read.shape
    total = np.zeros((n_samples, n_steps, channels))
    count = np.zeros((n_samples, n_steps, channels))
    rows = np.arange(n_samples)
    for common in range(length):
        at = clock.steps[:, common, 0]
        total[rows, at] += read[:, :, common]
        count[rows, at] += known[:, :, common]
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    first, last = clock.steps[:, 0, 0], clock.steps[:, -1, 0]
    inside = np.clip(np.arange(n_steps), first[:, np.newaxis], last[:, np.newaxis])
    return means[rows[:, np.newaxis], inside].transpose(0, 2, 1)
