"""Missing values: their markers, and what stands in for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.ragged import mark_ends


def missing_as_nan(X: Any) -> Any:
    """Replace pandas' missing markers in object columns, and masked values, by NaN.

    scikit-learn turns objects into numbers one by one, which ``pd.NA`` refuses, and
    takes what lies below the mask of a masked array for data.
    """
    if isinstance(X, np.ma.MaskedArray):
        X = _unmasked(X)
    if isinstance(X, np.ndarray) and X.dtype == object:
        return np.where(pd.isna(X), np.nan, X)
    if isinstance(X, pd.DataFrame):
        objects = np.flatnonzero(X.dtypes == np.dtype(object))
        X = X.copy(deep=False) if len(objects) else X
        for i in objects.tolist():
            X.isetitem(i, missing_as_nan(X.iloc[:, i].to_numpy()))
    return X


def refuse_masked(values: Any, name: str) -> None:
    """Raise ValueError where values of argument ``name`` that must be there are masked.

    scikit-learn takes what lies below the mask for data.
    """
    if np.ma.is_masked(values):
        row = int(np.flatnonzero(np.ma.getmaskarray(values))[0])
        raise ValueError(f"`{name}` has masked values, the first in row {row}.")


def refuse_missing(y: Any, name: str) -> None:
    """Raise ValueError where labels are missing or masked; names the argument.

    Beside strings, scikit-learn takes None and NaN for labels like others.
    """
    refuse_masked(y, name)
    # As an array of strings, a list would turn NaN into one more string.
    cells = np.asarray(y, dtype=object if isinstance(y, list | tuple) else None)
    missing = np.asarray(pd.isna(cells))
    if missing.ndim == 1 and missing.any():
        raise ValueError(
            f"Input {name} contains NaN, that is, missing labels, the first in row "
            f"{int(np.flatnonzero(missing)[0])}. Leave these samples out."
        )


def _unmasked(X: np.ma.MaskedArray) -> np.ndarray:
    mask = np.ma.getmaskarray(X)
    if not mask.any():
        return X.data
    dtype = X.dtype if X.dtype.kind in "fcO" else np.float64
    values: np.ndarray = X.data.astype(dtype)
    values[mask] = np.nan
    return values


def fill_missing(x: Tensor, layout: ModeLayout) -> tuple[Tensor, Tensor]:
    """Replace NaN in ``x`` (n, d) by 0; tell which modes have any value, (n, M).

    Of ragged modes, the values that are returned tell where samples end.
    """
    missing = x.isnan()
    if layout.ragged:
        known = ~missing
        filled = mark_ends(x.masked_fill(missing, 0.0), known, layout)
        return filled, layout.any_of_mode(known)
    if not missing.any():
        shape = len(x), layout.n_modes
        return x, torch.ones(shape, dtype=torch.bool, device=x.device)
    return x.masked_fill(missing, 0.0), layout.any_of_mode(~missing)
