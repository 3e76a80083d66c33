"""Energy that each mode shares with the mean of all others: few numbers to learn."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from sklearn_emma._attention.bounds import Bounds
from sklearn_emma._attention.interface import Coupling
from sklearn_emma._statistics.exporting import constant


class MeanCoupling(Coupling):
    """Shared energies w_i e_i^γ_i ē_i^(1−γ_i), with ē_i the mean of the others' e.

    ``|w_i|`` ≤ 1 and γ_i in [0, 1], learnt: 2 M numbers, and a cost that grows with M,
    where pairs have 2 M² of both. It says that a mode leans on the others, not on which
    of them. Of two modes it is the pairwise coupling.

    Parameters
    ----------
    n_modes : int
        Number of modes M.
    """

    def __init__(self, n_modes: int) -> None:
        super().__init__(n_modes)
        self.weight = nn.Parameter(torch.zeros(n_modes))
        self.exponent = nn.Parameter(torch.full((n_modes,), 0.5))

    def forward(self, self_energies: Tensor, present: Tensor | None = None) -> Tensor:
        if present is None:
            present = torch.ones_like(self_energies, dtype=torch.bool)
        there = present.to(self_energies.dtype)
        n_others = _sum_of_others(there)
        mean = _sum_of_others(self_energies * there) / n_others.clamp_min(1.0)
        least = constant(torch.finfo(mean.dtype).tiny, mean)
        log_mean = mean.clamp_min(least).log()
        log_own = self_energies.clamp_min(least).log()
        shared = self.weight * torch.exp(torch.lerp(log_mean, log_own, self.exponent))
        return shared.masked_fill(n_others == 0, 0.0)

    def weights(self) -> Tensor:
        """Equal for all others: w_i / (M − 1)."""
        n = self.n_modes
        equal = (self.weight / max(n - 1, 1)).unsqueeze(1).expand(n, n)
        return equal - torch.diag(equal.diagonal())

    def exponents(self) -> Tensor:
        """Equal for all others: γ_i."""
        return self.exponent.unsqueeze(1).expand(self.n_modes, self.n_modes)

    def bounds(self) -> Bounds:
        return [(self.weight.data, -1.0, 1.0), (self.exponent.data, 0.0, 1.0)]


def _sum_of_others(values: Tensor) -> Tensor:
    """Sum over all modes but one, for each of them, (n, M).

    From both ends, not as a difference: beside one huge energy, the difference of sums
    would lose the others.
    """
    before = pad(values, (1, 0)).cumsum(1)[:, :-1]
    behind = pad(values.flip(1), (1, 0)).cumsum(1)[:, :-1].flip(1)
    return before + behind
