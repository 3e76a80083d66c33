"""Energies of rows that are scored by one candidate after another."""

from __future__ import annotations

from functools import partial
from typing import Self

from torch import Tensor

from sklearn_emma._energies.per_mode import ModeEnergies

# Number of values of which energies are kept: those of a few chunks of rows.
_MOST_VALUES = 2**21


class RememberedEnergies(ModeEnergies):
    """Energies that remember the rows they scored last.

    A search scores the same rows with each candidate, and candidates that are trained
    together have their energies in common.
    """

    _recent: list[tuple[Tensor, Tensor, Tensor]]

    @classmethod
    def of(cls, energies: ModeEnergies) -> Self:
        """Make one that shares everything with ``energies``."""
        made = cls.__new__(cls)
        made.__dict__.update(energies.__dict__)
        made._recent = []
        return made

    def potential(
        self,
        x: Tensor,
        needed: Tensor,
        known: Tensor | None = None,
        *,
        fitted: bool = False,
        normal_scores: Tensor | None = None,
    ) -> Tensor:
        """Ψ of each mode; as of any energies."""
        score = partial(super().potential, fitted=fitted, normal_scores=normal_scores)
        if known is not None:
            return score(x, needed, known)
        for rows, wanted, found in self._recent:
            if _equal(rows, x) and _equal(wanted, needed):
                return found.clone()
        found = score(x, needed)
        self._recent.append((x, needed, found.clone()))
        while sum(rows.numel() for rows, *_ in self._recent) > _MOST_VALUES:
            del self._recent[0]
        return found


def _equal(one: Tensor, other: Tensor) -> bool:
    same = one.dtype == other.dtype and one.device == other.device
    return same and one.equal(other)
