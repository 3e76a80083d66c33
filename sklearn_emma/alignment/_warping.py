"""Dynamic time warping, and what restricts it."""

from __future__ import annotations

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sklearn_emma.alignment._paths import Paths, cheapest_paths

# Rounding must not shut a cell that lies on the border of the window.
_ROUNDING = 1e-9


class Alignment(NamedTuple):
    r"""How two sequences are aligned.

    Parameters
    ----------
    cost : float
        Sum of squared differences along the path.
    path : ndarray of int of shape (length, 2)
        For each common step, the step of the first and that of the second sequence:
        ``X[:, path[:, 0]]`` and ``Y[:, path[:, 1]]`` are the aligned sequences,
        :math:`X W_x` and :math:`Y W_y`.

    See Also
    --------
    dtw : Makes it.

    Examples
    --------
    >>> from sklearn_emma.alignment import dtw
    >>> dtw([0.0, 1.0, 2.0], [0.0, 2.0]).cost
    1.0
    """

    cost: float
    path: np.ndarray


class Restrictions(NamedTuple):
    """What paths may do; as in :func:`dtw`."""

    window: float | None = None
    slope: int | None = None
    boundary: int = 0

    def check(self) -> Restrictions:
        """Raise ValueError if one of them has no meaning."""
        window, slope, boundary = self
        if window is not None and not (_is(window, Real) and window >= 0):
            raise ValueError(
                "`window` must be a number of steps, at least 0, or None for no "
                f"window; got {window!r}."
            )
        if slope is not None and not (_is(slope, Integral) and 1 <= slope <= 50):
            raise ValueError(
                f"`slope` must be an integer from 1 to 50, or None; got {slope!r}."
            )
        if not (_is(boundary, Integral) and boundary >= 0):
            raise ValueError(
                f"`boundary` must be a number of steps, at least 0; got {boundary!r}."
            )
        return self

    def paths(self, costs: np.ndarray) -> Paths:
        """Cheapest paths through costs (B, n, m); raises ValueError without one."""
        _, n, m = costs.shape
        outside = ~within_window(np.arange(n), np.arange(m), (n, m), self.window)
        paths = cheapest_paths(
            np.where(outside, np.inf, costs), slope=self.slope, boundary=self.boundary
        )
        if not np.isfinite(paths.cost).all():
            raise ValueError(
                f"No path leads through sequences of {n} and {m} steps with "
                f"window={self.window} and slope={self.slope}: widen them."
            )
        return paths


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def within_window(
    first: np.ndarray, second: np.ndarray, steps: tuple[int, int], window: float | None
) -> np.ndarray:
    """Which steps of two sequences may meet; they are told apart by their last axes.

    ``first`` (..., a) and ``second`` (..., b) are steps of sequences that have
    ``steps`` of them. Returns (..., a, b): whether the times of the two, each as a
    share of its sequence, differ by no more than ``window`` steps of the shorter one.
    """
    n, m = steps
    early = first[..., :, np.newaxis] / max(n - 1, 1)
    late = second[..., np.newaxis, :] / max(m - 1, 1)
    if window is None or 1 in steps:  # a single step meets all of the other sequence
        return np.ones(np.broadcast_shapes(early.shape, late.shape), dtype=bool)
    inside: np.ndarray = np.abs(early - late) * (min(n, m) - 1) <= window + _ROUNDING
    return inside


def squared_distances(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """‖x_a − y_b‖² of the steps of X (B, d, n) and Y (B, d, m), as (B, n, m)."""
    product = np.matmul(X.transpose(0, 2, 1), Y)
    squares = np.square(X).sum(1)[:, :, np.newaxis] + np.square(Y).sum(1)[:, np.newaxis]
    # Rounding may leave less than nothing where steps are equal.
    distances: np.ndarray = np.maximum(squares - 2 * product, 0)
    return distances


def dtw(
    X: ArrayLike,
    Y: ArrayLike,
    *,
    window: float | None = None,
    slope: int | None = None,
    boundary: int = 0,
) -> Alignment:
    r"""Align two sequences of equal dimension by dynamic time warping.

    It minimises :math:`\|X W_x - Y W_y\|_F^2` over the paths that leave out no step of
    either sequence and never go back. The cost grows with the product of the lengths.

    Parameters
    ----------
    X : array-like of shape (channels, n) or (n,)
        First sequence.
    Y : array-like of shape (channels, m) or (m,)
        Second sequence.
    window : float, default=None
        How far from the diagonal a path may go: the times of two steps that meet, each
        as a share of its sequence, differ by at most that many steps of the shorter
        sequence. 0 is the diagonal itself, None no window. Where a sensor may be late
        by 3 steps, it should be 3.
    slope : int, default=None
        How often at most a step of one sequence is used: at 2, one sequence runs at
        most twice as fast as the other, anywhere. 1 is no warping at all, None no
        limit.
    boundary : int, default=0
        How many steps of one of the sequences may be left out at the beginning, and how
        many at the end. At 0, first meets first and last meets last.

    Returns
    -------
    Alignment
        Cost and path.

    Raises
    ------
    ValueError
        If the sequences differ in dimension, have values that are not finite, or have
        no path within these restrictions.

    References
    ----------
    H. Sakoe and S. Chiba, "Dynamic programming algorithm optimization for spoken word
    recognition", IEEE Transactions on Acoustics, Speech, and Signal Processing 26
    (1978).

    Examples
    --------
    The peak of the second sequence comes two steps late:

    >>> from sklearn_emma.alignment import dtw
    >>> late = dtw([0, 1, 0, 0, 0], [0, 0, 0, 1, 0])
    >>> late.cost
    0.0
    >>> late.path.tolist()
    [[0, 0], [0, 1], [0, 2], [1, 3], [2, 4], [3, 4], [4, 4]]
    >>> dtw([0, 1, 0, 0, 0], [0, 0, 0, 1, 0], window=1).cost
    2.0
    """
    x, y = read_sequence(X, "X"), read_sequence(Y, "Y")
    if len(x) != len(y):
        raise ValueError(
            f"X has {len(x)} channels and Y has {len(y)}: dynamic time warping "
            "compares sequences of equal dimension. CanonicalTimeWarping aligns others."
        )
    restrictions = Restrictions(window, slope, boundary).check()
    paths = restrictions.paths(squared_distances(x[np.newaxis], y[np.newaxis]))
    return Alignment(float(paths.cost[0]), paths.steps[0, : paths.length[0]])


def read_sequence(values: ArrayLike, name: str) -> np.ndarray:
    """A sequence as an array (channels, steps) of finite numbers."""
    x = np.asarray(values, dtype=np.float64)
    x = x[np.newaxis] if x.ndim == 1 else x
    if x.ndim != 2 or not x.size:
        raise ValueError(
            f"{name} must have shape (channels, steps) or (steps,), got {x.shape}."
        )
    if not np.isfinite(x).all():
        raise ValueError(f"{name} has values that are NaN or infinite.")
    return x
