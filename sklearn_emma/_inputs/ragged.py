"""Modes whose samples differ in length: where each of them ends.

Behind a sample's last value, a ragged mode has no values: padding. To whom X is given,
padding is NaN. Where values are computed with, it is 0, and the last position of a
sample is not, so that values alone tell how long it is, and whatever multiplies, adds
or compares them meets nothing unusual.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sklearn_emma._inputs.layout import ModeLayout

#: Stands for 0, in units of a standard deviation, in a last position. It is nothing to
# all that computes, and its square is a number of both floating-point types.
NEXT_TO_NOTHING = 1e-18


def n_valid(x: Tensor) -> Tensor:
    """Length of each signal (n,), of ``x`` (n, channels, length) that ends with 0."""
    position = torch.arange(1, x.shape[2] + 1, device=x.device)
    return ((x != 0).any(1) * position).amax(1)


def valid_positions(x: Tensor) -> Tensor:
    """Tell the values of a ragged mode from the padding behind them.

    An encoder or a predictor of your own sees ragged signals standardised, with 0 for
    padding. This is how it finds their ends.

    Parameters
    ----------
    x : Tensor of shape (n_samples, channels, length)
        Signals as an encoder of a ragged mode is given them.

    Returns
    -------
    valid : Tensor of shape (n_samples, length)
        True up to the end of each signal, False behind it, and throughout for a signal
        that is missing.

    See Also
    --------
    sklearn_emma.Mode : Says that a mode is ragged.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.predictors import valid_positions
    >>> x = torch.tensor([[[0.5, 0.0, -1.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]])
    >>> valid_positions(x).int().tolist()
    [[1, 1, 1, 0], [0, 0, 0, 0]]
    """
    position = torch.arange(x.shape[2], device=x.device)
    return position < n_valid(x).unsqueeze(1)


def end_with_zeros(x: Tensor, known: Tensor) -> Tensor:
    """Mark where signals end, in ``x`` (n, channels, length), 0 where not ``known``.

    A last position of nothing but zeros gets a value that is next to nothing.
    """
    position = torch.arange(1, x.shape[2] + 1, device=x.device)
    there = known.any(1)
    last = there & (position == (there * position).amax(1, keepdim=True))
    silent = x.abs().amax(1) < NEXT_TO_NOTHING
    return torch.where((last & silent).unsqueeze(1), NEXT_TO_NOTHING, x)


def mark_ends(x: Tensor, known: Tensor, layout: ModeLayout) -> Tensor:
    """:func:`end_with_zeros` for the ragged modes of ``x`` (n, d)."""
    parts = zip(layout.split(x), layout.split(known), strict=True)
    shapes = zip(layout.names, layout.shapes, strict=True)
    return layout.join(
        [
            _marked(values, there, shape) if name in layout.ragged else values
            for (values, there), (name, shape) in zip(parts, shapes, strict=True)
        ]
    )


def padding_of(x: Tensor, layout: ModeLayout) -> Tensor:
    """Where values (n, d), NaN where there are none, are padding of a ragged mode.

    Nothing is padding in a mode that is missing.
    """
    parts = []
    for name, shape, values in zip(
        layout.names, layout.shapes, layout.split(x), strict=True
    ):
        if name not in layout.ragged:
            parts.append(torch.zeros_like(values, dtype=torch.bool))
            continue
        known = ~values.reshape(len(values), *shape).isnan()
        valid = valid_positions(known)
        padded = ~valid & valid.any(1, keepdim=True)
        parts.append(padded.unsqueeze(1).expand(-1, shape[0], -1).flatten(1))
    return layout.join(parts)


def filled_rows(X: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Mark ends in rows X (n, d) of the signals of a mode, NaN behind their ends.

    Raises
    ------
    ValueError
        For a row without a value, or with a missing one before its end.
    """
    x = torch.from_numpy(X).reshape(-1, *shape)
    known = ~x.isnan()
    if not known.flatten(1).any(1).all():
        row = int((~known.flatten(1).any(1)).nonzero()[0])
        raise ValueError(f"Input X contains NaN only in row {row}: it has no length.")
    inside = valid_positions(known).unsqueeze(1).expand_as(known)
    if not known[inside].all():
        row = int((inside & ~known).flatten(1).any(1).nonzero()[0])
        raise ValueError(
            f"Input X contains NaN in row {row}, before its end. With ragged=True, NaN "
            "stands for what lies behind the end of a signal."
        )
    rows: np.ndarray = end_with_zeros(x.nan_to_num(), known).flatten(1).numpy()
    return rows


def _marked(values: Tensor, known: Tensor, shape: tuple[int, ...]) -> Tensor:
    signals = values.reshape(-1, *shape)
    return end_with_zeros(signals, known.reshape(signals.shape)).flatten(1)
