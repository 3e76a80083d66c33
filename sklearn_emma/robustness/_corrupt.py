"""Copies of data in which modes fail."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_random_state

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.modes import ModesLike, resolve_modes
from sklearn_emma._inputs.shapes import layout_of
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.torch_state import RandomStateLike, draw_seed
from sklearn_emma.corruption import Corruption, fail_modes
from sklearn_emma.corruption._counts import check_failures
from sklearn_emma.robustness._columns import Table, as_table, is_frame, put, select
from sklearn_emma.robustness._units import Units, reference_units


@overload
def corrupt(
    X: ArrayLike,
    corruption: Corruption,
    *,
    modes: ModesLike = None,
    reference: ArrayLike | None = None,
    clean_fraction: float = 0.0,
    n_failing: int | str = 1,
    part_fraction: float = 0.5,
    return_corrupted: Literal[False] = False,
    random_state: RandomStateLike = None,
) -> Table: ...


@overload
def corrupt(
    X: ArrayLike,
    corruption: Corruption,
    *,
    modes: ModesLike = None,
    reference: ArrayLike | None = None,
    clean_fraction: float = 0.0,
    n_failing: int | str = 1,
    part_fraction: float = 0.5,
    return_corrupted: Literal[True],
    random_state: RandomStateLike = None,
) -> tuple[Table, np.ndarray]: ...


def corrupt(
    X: ArrayLike,
    corruption: Corruption,
    *,
    modes: ModesLike = None,
    reference: ArrayLike | None = None,
    clean_fraction: float = 0.0,
    n_failing: int | str = 1,
    part_fraction: float = 0.5,
    return_corrupted: bool = False,
    random_state: RandomStateLike = None,
) -> Table | tuple[Table, np.ndarray]:
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
        Data whose means and standard deviations are the units, usually the training
        data; None: X. Between two data frames columns are matched by name.
    clean_fraction : float in [0, 1], default=0.0
        Probability that a row is left as it is.
    n_failing : int or "half", default=1
        Number of modes that fail in each of the other rows, drawn uniformly; from 1 to
        all of them. ``"half"`` of them is rounded down.
    part_fraction : float in [0, 1], default=0.5
        Of modes that have parts: share of the failures that hit one part, drawn
        uniformly, and leave the others as they are. Of a single mode, one part fails.
    return_corrupted : bool, default=False
        Whether to return which modes failed, too.
    random_state : int, RandomState instance or None, default=None
        Source of all random draws; pass an int for reproducible results.

    Returns
    -------
    X_failed : ndarray or DataFrame of shape (n_samples, n_features)
        A data frame if X is one, of pandas or polars.
    corrupted : ndarray of shape (n_samples, n_modes)
        Only with ``return_corrupted``: True where a mode failed, or with parts, of
        shape (n_samples, n_parts).

    Raises
    ------
    ValueError
        If a parameter, mode or column is at fault; the message names it.
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
    table = as_table(X, "X")
    if not is_frame(table):
        table = _as_numbers(table)
    resolved = resolve_modes(table, modes, remainder="drop", one_will_do=True)
    layout = layout_of(resolved, modes)
    check_failures(
        "corrupt",
        layout,
        clean_fraction=clean_fraction,
        n_failing=n_failing,
        part_fraction=part_fraction,
    )
    columns = layout.order
    failed, corrupted = fail_values(
        _as_numbers(select(table, columns)),
        layout,
        reference_units(table if reference is None else reference, table, columns),
        corruption,
        draw_seed(check_random_state(random_state)),
        clean_fraction=clean_fraction,
        n_failing=n_failing,
        part_fraction=part_fraction,
    )
    result = put(table, columns, failed)
    return (result, corrupted) if return_corrupted else result


@ordinary_state()
def fail_values(
    values: np.ndarray,
    layout: ModeLayout,
    units: Units,
    corruption: Corruption,
    seed: int,
    *,
    clean_fraction: float = 0.0,
    n_failing: int | str = 1,
    part_fraction: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Let modes of ``values`` (n, d) fail, which are in their own units.

    Returns the failed values, (n, d), in these units too, and which modes failed,
    (n, M).
    """
    mean, scale = units
    z = torch.from_numpy((values - mean) / scale)
    failed, corrupted = fail_modes(
        z,
        layout,
        corruption,
        torch.Generator().manual_seed(seed),
        clean_fraction=clean_fraction,
        n_failing=n_failing,
        part_fraction=part_fraction,
    )
    # Converting to units and back would round the values that the corruption has left
    # alone.
    untouched = (failed == z).numpy()
    restored = failed.numpy() * scale + mean
    return np.where(untouched, values, restored), corrupted.numpy()


def _as_numbers(values: Table) -> np.ndarray:
    """Values as finite numbers or NaN, (n, d), or scikit-learn's errors."""
    return check_array(
        values, dtype=np.float64, ensure_all_finite="allow-nan", input_name="X"
    )
