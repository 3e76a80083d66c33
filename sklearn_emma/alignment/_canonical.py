"""Time warping of two sequences: as they are, or of what they have in common."""

from __future__ import annotations

import numpy as np

from sklearn_emma._validation import Constraints
from sklearn_emma.alignment._alternating import Stopping, alternate
from sklearn_emma.alignment._base import SHARED, BaseTimeWarping, check_components
from sklearn_emma.alignment._clock import Clock, uniform_clock, warp_pair
from sklearn_emma.alignment._projections import (
    Projection,
    canonical_step,
    joint_step,
    ridge_of,
    scatter,
)
from sklearn_emma.alignment._warping import Restrictions


class DynamicTimeWarping(BaseTimeWarping):
    """Align two sequences that measure the same, channel by channel.

    Channels are standardised by what ``fit`` has seen, and are compared as they are.
    :func:`dtw` does this for one pair, without standardising.

    Parameters
    ----------
    window : float, default=None
        How far from the diagonal a path may go, in steps of the shorter sequence; None
        is no window.
    slope : int, default=None
        How often at most a step of one sequence is used; None is no limit.
    boundary : int, default=0
        How many steps of one of the sequences may be left out at the beginning, and how
        many at the end.

    Attributes
    ----------
    n_channels_in_ : list of int
        Number of channels of each sequence.

    See Also
    --------
    CanonicalTimeWarping : For sequences that measure different things.
    SequenceAligner : Aligns the modes of a matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma.alignment import DynamicTimeWarping
    >>> t = np.linspace(0, 1, 40)
    >>> early, late = np.sin(9 * t**1.3)[np.newaxis], np.sin(9 * t)[np.newaxis]
    >>> DynamicTimeWarping(window=5).fit([early, late]).align([early, late]).cost < 1
    True
    """

    _parameter_constraints: Constraints = {
        name: SHARED[name] for name in ("window", "slope", "boundary")
    }

    def __init__(
        self,
        *,
        window: float | None = None,
        slope: int | None = None,
        boundary: int = 0,
    ) -> None:
        self.window = window
        self.slope = slope
        self.boundary = boundary

    def _learn(self, sequences: list[np.ndarray]) -> Projection:
        channels = [x.shape[1] for x in sequences]
        if channels[0] != channels[1]:
            raise ValueError(
                f"The sequences have {channels} channels, and dynamic time warping "
                "compares them channel by channel. CanonicalTimeWarping (method='ctw') "
                "aligns sequences of different dimension."
            )
        self._warp([x[:1] for x in sequences])  # raises if no path is allowed
        as_they_are = np.eye(channels[0])
        return Projection([as_they_are] * 2, [np.zeros(channels[0])] * 2)

    def _warp(self, projected: list[np.ndarray]) -> Clock:
        restrictions = Restrictions(self.window, self.slope, self.boundary)
        return warp_pair(projected, restrictions)[0]


class CanonicalTimeWarping(BaseTimeWarping):
    r"""Align two sequences of any dimension by what they have in common.

    It minimises :math:`\|U^T X W_x - V^T Y W_y\|_F^2` over the warpings :math:`W` and
    the projections :math:`U, V`, in turns: dynamic time warping of the projected
    signals, and canonical correlation analysis of the warped ones. Several samples
    share the projections; each has a warping of its own.

    Parameters
    ----------
    n_components : int, default=1
        Number k of projections of each sequence, at most the channels of the smaller.
    constraint : {"warped", "unwarped"}, default="warped"
        On which signals the projections are normalised. ``"warped"`` is canonical
        correlation analysis, :math:`\frac 1 l U^T X W_x W_x^T X^T U = I`, likewise for
        Y. As warping changes this constraint, the objective can rise from one round to
        the next; the best is kept. With ``"unwarped"``, :math:`U^T X X^T U +
        V^T Y Y^T V = I`, it never rises.
    window : float, default=None
        How far from the diagonal a path may go, in steps of the shorter sequence; None
        is no window.
    slope : int, default=None
        How often at most a step of one sequence is used; None is no limit.
    boundary : int, default=0
        How many steps of one of the sequences may be left out at the beginning, and how
        many at the end.
    ridge : float, default=1e-3
        What is added to the variance of each channel when projections are normalised,
        as a share of the mean variance. With ``"warped"``, the penalty that this adds
        for large projections is part of the objective, so that each step is optimal.
    max_iter : int, default=50
        Number of rounds at most.
    n_iter_no_change : int, default=3
        Number of rounds without gain after which to stop.
    tol : float, default=1e-6
        A gain is one of more than `tol` times the objective.

    Attributes
    ----------
    weights_ : list of ndarray of shape (channels, n_components)
        :math:`U` and :math:`V`, of standardised channels.
    objective_ : float
        The objective of the best round, over all samples.
    objectives_ : ndarray of shape (`n_iter_`, 2)
        The objective of each round, after projecting and after warping.
    n_iter_ : int
        Number of rounds.
    n_channels_in_ : list of int
        Number of channels of each sequence.

    See Also
    --------
    GeneralizedCanonicalTimeWarping : Several sequences on one clock.
    DeepCanonicalTimeWarping : Networks in place of projections.

    References
    ----------
    F. Zhou and F. De la Torre, "Canonical time warping for alignment of human
    behavior", Advances in Neural Information Processing Systems 22 (2009).

    Examples
    --------
    A signal, and one of two channels in which it is hidden:

    >>> import numpy as np
    >>> from sklearn_emma.alignment import CanonicalTimeWarping
    >>> t = np.linspace(0, 1, 40)
    >>> X = np.sin(9 * t**1.3)[np.newaxis]
    >>> Y = np.array([[1, 2], [3, -1]]) @ [np.sin(9 * t), np.cos(5 * t)]
    >>> ctw = CanonicalTimeWarping(window=5).fit([X, Y])
    >>> ctw.align([X, Y]).cost < 0.1 * len(t)
    True
    """

    _parameter_constraints: Constraints = {
        name: constraint
        for name, constraint in SHARED.items()
        if name != "random_state"
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        constraint: str = "warped",
        window: float | None = None,
        slope: int | None = None,
        boundary: int = 0,
        ridge: float = 1e-3,
        max_iter: int = 50,
        n_iter_no_change: int = 3,
        tol: float = 1e-6,
    ) -> None:
        self.n_components = n_components
        self.constraint = constraint
        self.window = window
        self.slope = slope
        self.boundary = boundary
        self.ridge = ridge
        self.max_iter = max_iter
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol

    def _learn(self, sequences: list[np.ndarray]) -> Projection:
        check_components(self.n_components, sequences)
        X, Y = sequences
        ridges = ridge_of(scatter(X), self.ridge), ridge_of(scatter(Y), self.ridge)

        def project(clock: Clock) -> tuple[Projection, float]:
            if self.constraint == "unwarped":
                return joint_step(sequences, clock, self.n_components, self.ridge)
            rows = clock.columns(X, 0), clock.columns(Y, 1)
            return canonical_step(*rows, self.n_components, ridges)

        def warp(projection: Projection, _: Clock) -> tuple[Clock, float]:
            projected = [projection(x, i) for i, x in enumerate(sequences)]
            moved, cost = warp_pair(projected, self._restrictions())
            return moved, float(cost.sum()) + projection.penalty

        solution = alternate(
            project,
            warp,
            uniform_clock([X.shape[2], Y.shape[2]], len(X)),
            Stopping(self.max_iter, self.n_iter_no_change, self.tol),
        )
        self.weights_ = solution.projection.weights
        self.objective_ = solution.objective
        self.objectives_ = solution.objectives
        self.n_iter_ = len(solution.objectives)
        return solution.projection

    def _warp(self, projected: list[np.ndarray]) -> Clock:
        return warp_pair(projected, self._restrictions())[0]

    def _restrictions(self) -> Restrictions:
        return Restrictions(self.window, self.slope, self.boundary)
