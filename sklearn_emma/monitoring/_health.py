"""What is known of the health of M modes after some rows: a state of constant size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sklearn_emma._statistics.detection import (
    EXPONENTS,
    log_bets,
    log_evidence,
    next_wealth,
)


class State(NamedTuple):
    """After a row, of each mode (M,): evidence, as a logarithm; failing; frozen."""

    log_evidence: np.ndarray
    failing: np.ndarray
    frozen: np.ndarray


class Health:
    """Running statistics of M modes, one row after another.

    A mode is found to be *failing* when the evidence against it reaches a threshold,
    and to have recovered when the rows since say as clearly that it is clean: when the
    bets that have won most during the failure have lost as much again. It is *frozen*
    while it repeats the same values.

    Parameters
    ----------
    widths : sequence of int
        Number of features of each mode; their values lie side by side.
    log_threshold : float
        Of the evidence, as a natural logarithm.
    freeze_after : int or None
        Rows in a row with the same values that make a mode frozen; None: none do.

    Attributes
    ----------
    failing : ndarray of shape (M,)
        Whether a mode is failing.
    since : ndarray of shape (M,)
        Row at which the failure, or the health since, seems to have begun.
    found : ndarray of shape (M,)
        Row at which the latest failure was found, −1 if there was none.
    n_failures, n_missing : ndarray of shape (M,)
        Failures found; rows without the mode.
    n_equal, equal_since : ndarray of shape (M,)
        Rows up to the latest in which a mode had the same values; the first of them.
    """

    def __init__(
        self, widths: Sequence[int], log_threshold: float, freeze_after: int | None
    ) -> None:
        self.log_threshold, self.freeze_after = log_threshold, freeze_after
        self.n_rows, n_modes = 0, len(widths)
        self.failing = np.zeros(n_modes, dtype=bool)
        self.since, self.n_failures, self.n_missing, self.n_equal, self.equal_since = (
            np.zeros((5, n_modes), dtype=int)
        )
        self.found = np.full(n_modes, -1)
        self._starts = np.cumsum([0, *widths[:-1]])
        self._of_column = np.repeat(np.arange(n_modes), widths)
        self._latest = np.full(sum(widths), np.nan)
        bets = n_modes, len(EXPONENTS)
        self._log_wealth = np.full(bets, -np.inf)
        # By Page's rule: how far each bet is above its least, and below its greatest.
        self._rise, self._fall = np.zeros((2, *bets))
        self._rise_since, self._fall_since = np.zeros((2, *bets), dtype=int)

    @property
    def frozen(self) -> np.ndarray:
        """Whether each mode repeats its values, (M,)."""
        if self.freeze_after is None:
            return np.zeros_like(self.failing)
        return self.n_equal >= self.freeze_after

    @property
    def log_evidence(self) -> np.ndarray:
        """Evidence against each mode, (M,), as a natural logarithm."""
        return log_evidence(self._log_wealth)

    def step(self, p: np.ndarray, values: np.ndarray) -> State:
        """Take in a row.

        Parameters
        ----------
        p : ndarray of shape (M,)
            p-values; NaN where a mode is missing, which is then as it was before.
        values : ndarray of shape (d,)
            Of the modes, side by side.
        """
        self._compare(values, present=~np.isnan(p))
        bets = log_bets(p)
        self._log_wealth = next_wealth(self._log_wealth, bets)
        _page(self._rise, self._rise_since, bets, self.n_rows)
        _page(self._fall, self._fall_since, -bets, self.n_rows)
        evidence = self.log_evidence
        best = self._log_wealth.argmax(axis=1)
        each = np.arange(len(best))
        begins = ~self.failing & (evidence >= self.log_threshold)
        ends = self.failing & (self._fall[each, best] >= self.log_threshold)
        if begins.any():
            self._begin(begins, self._rise_since[each, best])
        if ends.any():
            self._end(ends, self._fall_since[each, best])
        self.n_rows += 1
        return State(evidence, self.failing, self.frozen)

    def _compare(self, values: np.ndarray, present: np.ndarray) -> None:
        """Count rows in which modes that are present repeat their latest values."""
        equal = np.logical_and.reduceat(values == self._latest, self._starts)
        self._latest = np.where(present[self._of_column], values, self._latest)
        self.n_missing += ~present
        anew = present & ~equal
        self.n_equal = np.where(anew, 1, self.n_equal + present)
        self.equal_since = np.where(anew, self.n_rows, self.equal_since)

    def _begin(self, which: np.ndarray, onset: np.ndarray) -> None:
        self.failing = self.failing | which
        self.n_failures += which
        self.since = np.where(which, onset, self.since)
        self.found = np.where(which, self.n_rows, self.found)
        self._fall[which] = 0
        self._fall_since[which] = self.n_rows + 1

    def _end(self, which: np.ndarray, onset: np.ndarray) -> None:
        self.failing = self.failing & ~which
        self.since = np.where(which, onset, self.since)
        self._log_wealth[which] = -np.inf
        self._rise[which] = 0
        self._rise_since[which] = self.n_rows + 1


def _page(total: np.ndarray, since: np.ndarray, change: np.ndarray, row: int) -> None:
    """Page's cumulative sum, in place: never below 0, ``since`` the row after it was.

    All are of one shape; ``change`` is of this ``row``.
    """
    total += change
    below = total <= 0
    total[below] = 0
    since[below] = row + 1
