"""Stretches of signals as samples, and splits that keep them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sklearn_emma._inputs.modes import ModesLike, resolve_modes
from sklearn_emma._inputs.parts import two_levels
from sklearn_emma._inputs.shapes import Mode
from sklearn_emma._inputs.tables import read_table

__all__ = ["WindowSplit", "Windows", "sliding_windows"]


class Windows(NamedTuple):
    """Samples that are stretches of rows; :func:`sliding_windows` makes them.

    Parameters
    ----------
    X : ndarray of shape (n_windows, n_columns * length)
        The values of each mode in each window, channel by channel.
    modes : dict of str to Mode, or to a dict of such
        Columns of each mode, or of each of its parts, in `X`, and their shape
        (channels, length).
    rows : ndarray of int of shape (n_windows, length)
        The rows of which each window is made. The last of them is the present:
        ``y[rows[:, -1]]`` are its labels.

    See Also
    --------
    WindowSplit : Cross-validation without a leak between windows that overlap.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma.windows import sliding_windows
    >>> windows = sliding_windows(np.arange(6).reshape(3, 2), 2)
    >>> windows.rows.tolist()
    [[0, 1], [1, 2]]
    """

    X: np.ndarray
    modes: Mapping[str, Mode | Mapping[str, Mode]]
    rows: np.ndarray


def sliding_windows(
    X: ArrayLike,
    length: int,
    *,
    modes: ModesLike = None,
    step: int = 1,
    groups: ArrayLike | None = None,
) -> Windows:
    """Make samples of stretches of rows that follow one another in time.

    Each window is a sample that has its past in its own columns, so that samples stay
    independent of one another wherever they are scored. An energy of windows sees what
    no energy of rows can: a reading that stands still, or one that slowly drifts.

    Parameters
    ----------
    X : array-like or data frame of shape (n_rows, n_columns)
        Readings, in the order of time. NaN is missing.
    length : int
        Number of rows in a window.
    modes : dict or list, default=None
        Columns of each mode, as in :class:`~sklearn_emma.EMMAClassifier`; columns in no
        mode are left out. None is one mode of all columns, called ``"all"``.
    step : int, default=1
        Number of rows from one window of a group to the next.
    groups : array-like of shape (n_rows,), default=None
        Recording, machine or patient of each row: no window has rows of two. Rows of a
        group need not lie side by side, but must be in the order of time.

    Returns
    -------
    Windows
        Ordered by their last rows, as time has it, for instance for
        :class:`~sklearn.model_selection.TimeSeriesSplit`.

    Raises
    ------
    ValueError
        If `length` or `step` is no positive integer, `groups` has another length than
        X, or no group has as many rows as a window.

    Examples
    --------
    Two recordings, of two sensors:

    >>> import numpy as np
    >>> from sklearn_emma.windows import sliding_windows
    >>> X = np.arange(12).reshape(6, 2)
    >>> modes, groups = {"left": [0], "right": [1]}, list("aaabbb")
    >>> windows = sliding_windows(X, 2, modes=modes, groups=groups)
    >>> windows.rows.tolist()
    [[0, 1], [1, 2], [3, 4], [4, 5]]
    >>> windows.X[0].tolist()
    [0, 2, 1, 3]
    >>> windows.modes["right"].columns, windows.modes["right"].shape
    (array([2, 3]), (1, 2))
    """
    for name, value in (("length", length), ("step", step)):
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not whole or value < 1:
            raise ValueError(f"`{name}` must be a positive integer, got {value!r}.")
    table = np.asarray(read_table(X))
    if table.ndim != 2:
        raise ValueError(f"X must have two dimensions, got {table.ndim}.")
    found: Mapping[str, np.ndarray] = (
        {"all": np.arange(table.shape[1])}
        if modes is None
        else resolve_modes(X, modes, "drop", one_will_do=True)
    )
    rows = _rows_of_windows(len(table), int(length), int(step), groups)
    blocks, shaped, start = [], {}, 0
    for name, own in found.items():
        # (n_windows, length, channels), and channel by channel in the end.
        block = table[rows][:, :, own].transpose(0, 2, 1).reshape(len(rows), -1)
        blocks.append(block)
        columns = np.arange(start, start + block.shape[1])
        shaped[name] = Mode(columns, shape=(len(own), int(length)))
        start += block.shape[1]
    return Windows(np.hstack(blocks), two_levels(shaped, modes), rows)


def _rows_of_windows(
    n_rows: int, length: int, step: int, groups: ArrayLike | None
) -> np.ndarray:
    """Rows of each window, (n_windows, length), ordered by the last."""
    labels = np.zeros(n_rows) if groups is None else np.asarray(groups)
    if labels.shape != (n_rows,):
        raise ValueError(
            f"`groups` must have one label for each of {n_rows} rows, got an array of "
            f"shape {labels.shape}."
        )
    _, group_of_row = np.unique(labels, return_inverse=True)
    parts = []
    for group in range(group_of_row.max(initial=-1) + 1):
        own = np.flatnonzero(group_of_row == group)
        if len(own) >= length:
            parts.append(np.lib.stride_tricks.sliding_window_view(own, length)[::step])
    if not parts:
        raise ValueError(
            f"No {'group' if groups is not None else 'table'} has the {length} rows of "
            "a window."
        )
    rows = np.concatenate(parts)
    ordered: np.ndarray = rows[np.argsort(rows[:, -1], kind="stable")]
    return ordered


class WindowSplit:
    """Splits of windows whose training part shares no row with the test part.

    Windows that overlap are nearly the same sample. Any other splitter would leave some
    of them on both sides, and what it measures would be too good. This one takes its
    splits from another, and leaves out of the training part all windows that share a
    row with one of the test part.

    Parameters
    ----------
    cv : splitter
        For instance :class:`~sklearn.model_selection.TimeSeriesSplit`, which trains on
        the past of what it tests, or :class:`~sklearn.model_selection.GroupKFold`.
    rows : ndarray of int of shape (n_windows, length)
        ``rows`` of :class:`Windows`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import TimeSeriesSplit
    >>> from sklearn_emma.windows import WindowSplit, sliding_windows
    >>> windows = sliding_windows(np.arange(9.0).reshape(9, 1), 3)
    >>> cv = WindowSplit(TimeSeriesSplit(2, test_size=2), windows.rows)
    >>> for train, test in cv.split(windows.X):
    ...     print(train.tolist(), test.tolist())
    [0] [3, 4]
    [0, 1, 2] [5, 6]
    """

    def __init__(self, cv: Any, rows: ArrayLike) -> None:
        self.cv = cv
        self.rows = rows

    def split(
        self, X: ArrayLike, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Split windows into training and test parts.

        Parameters
        ----------
        X : array-like of shape (n_windows, n_features)
            ``X`` of :class:`Windows`.
        y : array-like of shape (n_windows,), default=None
            Labels, for splitters that need them.
        groups : array-like of shape (n_windows,), default=None
            Groups of the windows, for splitters that need them.

        Yields
        ------
        train : ndarray of int
            Windows to train on.
        test : ndarray of int
            Windows to test on.

        Raises
        ------
        ValueError
            If there are other windows than those of `rows`, or nothing is left to train
            on.
        """
        rows = np.asarray(self.rows)
        if len(rows) != np.shape(X)[0]:
            raise ValueError(
                f"X has {np.shape(X)[0]} windows, but `rows` has {len(rows)}."
            )
        for train, test in self.cv.split(X, y, groups):
            kept = train[~np.isin(rows[train], rows[test]).any(axis=1)]
            if not len(kept):
                raise ValueError(
                    "All training windows of a split share rows with its test windows: "
                    "make fewer splits, or shorter windows."
                )
            yield kept, test

    def get_n_splits(
        self,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> int:
        """Tell the number of splits.

        Parameters
        ----------
        X : array-like, default=None
            For splitters that need it.
        y : array-like, default=None
            For splitters that need it.
        groups : array-like, default=None
            For splitters that need it.

        Returns
        -------
        n_splits : int
            That of `cv`.
        """
        return int(self.cv.get_n_splits(X, y, groups))
