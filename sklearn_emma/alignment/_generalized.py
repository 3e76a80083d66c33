"""Canonical time warping of several sequences."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from sklearn_emma._validation import Constraints, Interval
from sklearn_emma.alignment._alternating import Stopping, alternate
from sklearn_emma.alignment._base import SHARED, BaseTimeWarping, check_components
from sklearn_emma.alignment._clock import (
    Clock,
    pairwise_cost,
    uniform_clock,
    warp_one,
)
from sklearn_emma.alignment._projections import Projection, joint_step


class GeneralizedCanonicalTimeWarping(BaseTimeWarping):
    r"""Bring two sequences or more, of any dimensions, onto one clock.

    It minimises :math:`\sum_{i<j} \|U_i^T X_i W_i - U_j^T X_j W_j\|_F^2` over warpings
    and projections, in turns. Each sequence in turn is warped to the mean of the
    others, which repeat their steps where the path repeats the mean's; then all are
    projected, by one generalised eigenproblem under
    :math:`\sum_i U_i^T X_i X_i^T U_i = I`. No step makes the objective rise.

    Parameters
    ----------
    n_components : int, default=1
        Number of projections of each sequence, at most the channels of the smallest.
    window : float, default=None
        How far the clocks of any two sequences may be apart, in steps of the shorter
        one; None is no window.
    ridge : float, default=1e-3
        What is added to the variance of each channel when projections are normalised,
        as a share of the mean variance.
    n_sweeps : int, default=3
        How often at most each sequence is warped before all are projected anew, and
        when new sequences are aligned.
    max_iter : int, default=50
        Number of rounds at most.
    n_iter_no_change : int, default=3
        Number of rounds without gain after which to stop.
    tol : float, default=1e-6
        A gain is one of more than `tol` times the objective.

    Attributes
    ----------
    weights_ : list of ndarray of shape (channels, n_components)
        :math:`U_i`, of standardised channels.
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
    CanonicalTimeWarping : For two; its warping step is the best of all.

    Notes
    -----
    A sequence is warped given the clock of the others, so that the clock is a local
    minimum. From the second round on it starts where it was; new sequences start where
    all run evenly.

    References
    ----------
    F. Zhou and F. De la Torre, "Generalized canonical time warping", IEEE Transactions
    on Pattern Analysis and Machine Intelligence 38 (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma.alignment import GeneralizedCanonicalTimeWarping
    >>> t = np.linspace(0, 1, 40)
    >>> three = [np.array([np.sin(9 * t**p), np.cos(4 * t**p)]) for p in (1, 1.2, 1.4)]
    >>> gctw = GeneralizedCanonicalTimeWarping(window=8).fit(three)
    >>> gctw.align(three).path.shape[1]
    3
    """

    _pairs = False
    _parameter_constraints: Constraints = {
        **{
            name: SHARED[name]
            for name in ("n_components", "window", "ridge", "max_iter")
        },
        **{name: SHARED[name] for name in ("n_iter_no_change", "tol")},
        "n_sweeps": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        window: float | None = None,
        ridge: float = 1e-3,
        n_sweeps: int = 3,
        max_iter: int = 50,
        n_iter_no_change: int = 3,
        tol: float = 1e-6,
    ) -> None:
        self.n_components = n_components
        self.window = window
        self.ridge = ridge
        self.n_sweeps = n_sweeps
        self.max_iter = max_iter
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol

    def _learn(self, sequences: list[np.ndarray]) -> Projection:
        check_components(self.n_components, sequences)

        def project(clock: Clock) -> tuple[Projection, float]:
            return joint_step(sequences, clock, self.n_components, self.ridge)

        def warp(projection: Projection, clock: Clock) -> tuple[Clock, float]:
            projected = [projection(x, i) for i, x in enumerate(sequences)]
            moved = self._swept(projected, clock)
            return moved, float(pairwise_cost(projected, moved).sum())

        steps = [x.shape[2] for x in sequences]
        solution = alternate(
            project,
            warp,
            uniform_clock(steps, len(sequences[0])),
            Stopping(self.max_iter, self.n_iter_no_change, self.tol),
        )
        self.weights_ = solution.projection.weights
        self.objective_ = solution.objective
        self.objectives_ = solution.objectives
        self.n_iter_ = len(solution.objectives)
        return solution.projection

    def _warp(self, projected: list[np.ndarray]) -> Clock:
        steps = [x.shape[2] for x in projected]
        return self._swept(projected, uniform_clock(steps, len(projected[0])))

    def _swept(self, projected: list[np.ndarray], clock: Clock) -> Clock:
        for _ in range(self.n_sweeps):
            before = clock
            for number in range(len(projected)):
                clock = warp_one(projected, clock, number, self.window)
            if clock.equals(before):
                break
        return clock
