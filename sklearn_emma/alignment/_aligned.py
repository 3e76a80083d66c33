"""Sequences of a matrix on the clock of one of them."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from sklearn.base import clone

from sklearn_emma._validation import noting
from sklearn_emma.alignment._base import BaseTimeWarping
from sklearn_emma.alignment._clock import Clock, uniform_clock
from sklearn_emma.alignment._gaps import fill_gaps, resample
from sklearn_emma.alignment._modes import SequenceModes

#: Sequences (n, channels, steps) by the names of their modes.
Sequences = dict[str, np.ndarray]


class Team(NamedTuple):
    """Modes that are aligned together, the reference first, and how."""

    method: BaseTimeWarping
    names: list[str]


class Aligned(NamedTuple):
    """Fitted alignment of all sequences with the reference.

    ``fill`` is what stands, while a path is searched, in a channel that is missing:
    the mean of each channel, by mode.
    """

    teams: list[Team]
    modes: SequenceModes
    reference: str
    fill: dict[str, np.ndarray]

    @classmethod
    def fit(
        cls,
        method: BaseTimeWarping,
        modes: SequenceModes,
        reference: str,
        sequences: Sequences,
    ) -> Self:
        """Fit clones of ``method``, on the samples that have all modes of a team.

        Raises
        ------
        ValueError
            Names the modes that cannot be aligned.
        """
        fill = {name: _means(name, x) for name, x in sequences.items()}
        others = [name for name in modes.shapes if name != reference]
        teams = []
        for names in [[name] for name in others] if method._pairs else [others]:
            members = [reference, *names]
            rows = np.logical_and.reduce([_present(sequences[n]) for n in members])
            if not rows.any():
                raise ValueError(
                    f"No sample has all of the modes {members}: they cannot be aligned."
                )
            filled = [fill_gaps(sequences[n][rows], fill[n]) for n in members]
            with noting(f"That is about aligning {names} with {reference!r}."):
                teams.append(Team(clone(method).fit(filled), members))
        return cls(teams, modes, reference, fill)

    @property
    def methods(self) -> dict[str, BaseTimeWarping]:
        """What was fitted, by the mode that it aligns."""
        return {name: team.method for team in self.teams for name in team.names[1:]}

    def transform(self, table: np.ndarray) -> np.ndarray:
        """Rows (n, d), aligned: sequences first, then the rest."""
        result, _ = self._align(self.modes.cut(table))
        flat = [result[name].reshape(len(table), -1) for name in self.modes.shapes]
        aligned: np.ndarray = np.hstack([*flat, table[:, self.modes.rest]])
        return aligned.astype(table.dtype)

    def cost(self, table: np.ndarray) -> np.ndarray:
        """Cost of the alignment of each sequence in rows (n, d); (n, M)."""
        _, cost = self._align(self.modes.cut(table))
        others = [cost[name] for name in cost if name != self.reference]
        cost[self.reference] = np.fmin.reduce(others)
        return np.stack([cost[name] for name in self.modes.shapes], axis=1)

    def _align(self, sequences: Sequences) -> tuple[Sequences, dict[str, np.ndarray]]:
        """Sequences on the clock of the reference, and the cost of all others."""
        steps = self.modes.shapes[self.reference][1]
        n_rows = len(sequences[self.reference])
        result = {self.reference: sequences[self.reference]}
        cost: dict[str, np.ndarray] = {}
        for team in self.teams:
            for name in team.names[1:]:
                even = uniform_clock([steps, self.modes.shapes[name][1]], n_rows)
                result[name] = resample(sequences[name], even, 1, steps)
                cost[name] = np.full(n_rows, np.nan)
            here = np.stack([_present(sequences[n]) for n in team.names], axis=1)
            # A path is searched among the modes that are there.
            for pattern in np.unique(here, axis=0):
                if pattern[0] and pattern[1:].any():
                    rows = np.flatnonzero((here == pattern).all(axis=1))
                    some = {name: sequences[name][rows] for name in team.names}
                    numbers = np.flatnonzero(pattern).tolist()
                    for name, x, c in self._align_team(team, numbers, some):
                        result[name][rows], cost[name][rows] = x, c
        return result, cost

    def _align_team(
        self, team: Team, numbers: list[int], sequences: Sequences
    ) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Name, aligned sequence and cost of the members of these numbers."""
        names = [team.names[number] for number in numbers]
        filled = [
            fill_gaps(sequences[name].astype(np.float64), self.fill[name])
            for name in names
        ]
        projected, clock = team.method._warped(filled, numbers)
        read = [clock.read(x, position) for position, x in enumerate(projected)]
        steps = self.modes.shapes[self.reference][1]
        found = []
        for position, name in enumerate(names[1:], start=1):
            pair = Clock(clock.steps[:, :, [0, position]], clock.length)
            gap = np.square(read[position] - read[0]).sum(1)
            cost = (gap * clock.counts).sum(1) / clock.length
            found.append((name, resample(sequences[name], pair, 1, steps), cost))
        return found


def _present(sequence: np.ndarray) -> np.ndarray:
    """Which samples of (n, d, steps) have any value, (n,)."""
    present: np.ndarray = ~np.isnan(sequence).all(axis=(1, 2))
    return present


def _means(name: str, sequence: np.ndarray) -> np.ndarray:
    """Mean of each channel of (n, d, steps), NaN left out; (d,)."""
    known = ~np.isnan(sequence)
    if not known.any():
        raise ValueError(f"Mode {name!r} is missing in every sample.")
    total = np.where(known, sequence, 0).sum(axis=(0, 2))
    means: np.ndarray = total / known.sum(axis=(0, 2)).clip(1)
    return means
