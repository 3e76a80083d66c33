"""X as it came, read into what the rest of the package knows how to handle."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sklearn_emma._inputs.missing import missing_as_nan
from sklearn_emma._inputs.parts import SEPARATOR


def read_table(X: Any) -> Any:
    """X ready for scikit-learn's checks: one level of names, NaN where missing.

    Raises
    ------
    ValueError
        If columns of several levels cannot be told apart by their joined names.
    """
    return missing_as_nan(flatten_columns(as_known_frame(X)))


def as_known_frame(X: Any) -> Any:
    """Turn a table of pyarrow, or of another foreign kind, into one of pandas.

    Frames of pandas and polars, those that imitate them, and everything that is no
    frame are returned as they are.
    """
    if not hasattr(X, "__dataframe__") or _has_labels(X):
        return X
    if hasattr(X, "to_pandas"):
        return X.to_pandas()
    with warnings.catch_warnings():
        # pandas advises its own makers to use another protocol.
        warnings.simplefilter("ignore")
        return pd.api.interchange.from_dataframe(X)


def _has_labels(X: Any) -> bool:
    """Whether ``X.columns`` are labels; pyarrow's are the columns themselves."""
    columns = getattr(X, "columns", None)
    if isinstance(columns, list | tuple):
        return all(isinstance(label, str) for label in columns)
    return hasattr(columns, "tolist")


def column_labels(X: ArrayLike) -> list[Any]:
    """Labels of the columns of a frame, positions of the columns of an array."""
    columns = getattr(X, "columns", None)
    return list(range(np.shape(X)[1]) if columns is None else columns)


def has_levels(X: object) -> bool:
    """Whether column labels have two levels or more."""
    return int(getattr(getattr(X, "columns", None), "nlevels", 1)) > 1


def flatten_columns(X: Any) -> Any:
    """Turn two-level column labels into ``mode__feature``; leave other input alone.

    scikit-learn remembers and checks feature names only when they are strings.

    Raises
    ------
    ValueError
        If two different labels read the same once they are joined.
    """
    if not has_levels(X):
        return X
    of_name: dict[object, object] = {}
    for label in X.columns:
        other = of_name.setdefault(flat_label(label), label)
        if other != label:
            raise ValueError(
                f"Columns {other!r} and {label!r} read the same, "
                f"{flat_label(label)!r}, when their levels are joined by "
                f"{SEPARATOR!r}: rename one of them."
            )
    flat = X.copy(deep=False)
    flat.columns = [flat_label(label) for label in X.columns]
    return flat


def flat_label(label: object) -> object:
    """Label of several levels as one; others as they are."""
    return SEPARATOR.join(map(str, label)) if isinstance(label, tuple) else label


def shorten(labels: Sequence[object], most: int = 5) -> str:
    """Name some of many labels, and say how many more there are."""
    shown = ", ".join(repr(label) for label in labels[:most])
    return shown + (f" and {len(labels) - most} more" if len(labels) > most else "")
