"""Signals of different lengths → one array, padded with NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklearn_emma._inputs.missing import missing_as_nan


def are_ragged(given: Any) -> bool:
    """Whether these are samples, arrays or None, that no one array can hold.

    Rows that are lists are cells of a table: one that is too short has lost a cell.
    """
    if not isinstance(given, list | tuple):
        return False
    arrays = [sample for sample in given if sample is not None]
    if not arrays or not all(getattr(s, "ndim", 0) in (1, 2) for s in arrays):
        return False
    return len(arrays) < len(given) or len({np.shape(s)[-1] for s in arrays}) > 1


def padded(name: str, given: Any, like: Sequence[int] | None = None) -> np.ndarray:
    """Signals (channels, length) or (length,) of a mode as (n, channels, length).

    NaN follows the end of each, up to the length of the longest or of ``like``, the
    (channels, length) that there are. None and an empty signal are NaN throughout.

    Raises
    ------
    ValueError
        Names the mode and the sample that does not fit.
    """
    if hasattr(given, "columns"):
        given = np.asarray(missing_as_nan(given))
    signals = [_signal(name, i, sample) for i, sample in enumerate(given)]
    there = [i for i, signal in enumerate(signals) if signal.size]
    if like is None and not there:
        raise ValueError(f"Mode {name!r} has no values in any sample.")
    shape = (len(signals[there[0]]), 0) if like is None else tuple(like)
    for i in there:
        channels, length = signals[i].shape
        if channels != shape[0]:
            where = f"sample {there[0]} has" if like is None else "`like` has"
            raise ValueError(
                f"Mode {name!r}: sample {i} has {channels} channel(s), but {where} "
                f"{shape[0]}. Signals are arrays (channels, length), or (length,) of "
                "one channel."
            )
        if like is not None and length > shape[1]:
            raise ValueError(
                f"Mode {name!r}: sample {i} has {length} positions, but `like` has "
                f"columns for {shape[1]}, those of the longest of the training data. "
                "Cut it, or pad the training data for longer ones."
            )
    longest = max(signals[i].shape[1] for i in there) if like is None else shape[1]
    dtype = np.result_type(np.float32, *(signals[i].dtype for i in there))
    values = np.full((len(signals), shape[0], longest), np.nan, dtype)
    for i in there:
        values[i, :, : signals[i].shape[1]] = signals[i]
    return values


def _signal(name: str, i: int, sample: Any) -> np.ndarray:
    if sample is None:
        return np.empty((1, 0))
    try:
        values = np.asarray(missing_as_nan(np.asanyarray(sample)))
        if values.dtype == object:
            values = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Mode {name!r}: sample {i} must be an array of numbers: {error}"
        ) from error
    if values.dtype.kind not in "fiub" or values.ndim not in (1, 2):
        raise ValueError(
            f"Mode {name!r}: sample {i} must be an array of numbers, (channels, "
            f"length) or (length,), got one of {values.dtype} and shape {values.shape}."
        )
    return np.atleast_2d(values)
