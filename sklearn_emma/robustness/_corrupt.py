"""Copies of data in which modes fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils import check_array, check_random_state

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.missing import missing_as_nan
from sklearn_emma._inputs.modes import flatten_columns, resolve_modes
from sklearn_emma._optim.torch_state import draw_seed
from sklearn_emma.corruption import Corruption, Failures
from sklearn_emma.corruption._failures import check_failures
from sklearn_emma.robustness._columns import as_table, put, select
from sklearn_emma.robustness._units import reference_units


def corrupt(
    X: Any,
    corruption: Corruption,
    *,
    modes: Any = None,
    reference: Any = None,
    clean_fraction: float = 0.0,
    n_failing: int = 1,
    return_corrupted: bool = False,
    random_state: Any = None,
) -> Any:
    """Copy of X in which modes fail.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples in their own units; NaN marks a missing value.
    corruption : Corruption
        What happens to a mode that fails; in units of the standard deviation.
    modes : dict, list or None, default=None
        As in :class:`~sklearn_emma.EMMAClassifier`. Columns in no mode stay as they
        are; those of a data frame may hold anything.
    reference : array-like of shape (n_reference, n_features), default=None
        Whose mean and standard deviation are the units, usually the training data;
        None: X. Between two data frames columns are matched by name.
    clean_fraction : float in [0, 1], default=0.0
        Probability that a row is left as it is.
    n_failing : int, default=1
        Modes that fail in each other row, drawn uniformly; from 1 to all of them.
    return_corrupted : bool, default=False
        Whether to tell which modes failed.
    random_state : int, RandomState instance or None, default=None
        Decides everything.

    Returns
    -------
    X_failed : ndarray or DataFrame of shape (n_samples, n_features)
        A data frame if X is one, of pandas or polars.
    corrupted : ndarray of shape (n_samples, n_modes)
        Only with ``return_corrupted``: True where a mode failed.

    Raises
    ------
    ValueError
        Names the parameter, mode or column at fault.
    TypeError
        If X or ``reference`` is sparse.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma.corruption import MissingMode
    >>> from sklearn_emma.robustness import corrupt
    >>> X = np.arange(8.0).reshape(2, 4)
    >>> failed = corrupt(X, MissingMode(), modes=[[0, 1], [2, 3]], random_state=0)
    >>> np.isnan(failed).sum(axis=1)
    array([2, 2])
    """
    X = as_table(X, "X")
    if not hasattr(X, "columns"):
        X = _as_numbers(missing_as_nan(X))
    layout = ModeLayout.from_columns(
        resolve_modes(flatten_columns(X), modes, remainder="drop")
    )
    check_failures("corrupt", clean_fraction, n_failing, layout.n_modes)
    columns = layout.order
    failed, corrupted = fail_values(
        _as_numbers(select(X, columns)),
        layout,
        reference_units(X if reference is None else reference, X, columns),
        Failures(corruption, clean_fraction=clean_fraction, n_failing=n_failing),
        draw_seed(check_random_state(random_state)),
    )
    result = put(X, columns, failed)
    return (result, corrupted) if return_corrupted else result


def fail_values(
    values: np.ndarray,
    layout: ModeLayout,
    units: tuple[np.ndarray, np.ndarray],
    failures: Failures,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Fail modes of ``values`` (n, d), given in their own units.

    ``units`` are mean and standard deviation of the columns, (d,) each. Returns the
    failed values, (n, d), and which modes failed, (n, M).
    """
    mean, scale = units
    z = torch.from_numpy((values - mean) / scale)
    generator = torch.Generator().manual_seed(seed)
    failed, corrupted = failures.simulate(z, layout, generator)
    # Into the units and back again would round what the corruption has left alone.
    untouched = (failed == z).numpy()
    restored = failed.numpy() * scale + mean
    return np.where(untouched, values, restored), corrupted.numpy()


def _as_numbers(values: Any) -> np.ndarray:
    """Values as finite numbers or NaN, (n, d), or scikit-learn's errors."""
    return check_array(
        values, dtype=np.float64, ensure_all_finite="allow-nan", input_name="X"
    )
