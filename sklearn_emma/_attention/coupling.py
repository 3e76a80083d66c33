"""Energy that each mode shares with all others, for few modes and for many.

Shapes: ``n`` samples, ``M`` modes, hence n·M² pairs. Few pairs are computed at once,
and torch keeps them for the gradient. Many pairs would go through memory a dozen times,
so they are computed in blocks that stay in the cache, and again for the gradient.

To add a coupling, write its module in a file of its own and name it in ``COUPLINGS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from sklearn_emma._attention.bounds import Bounds
from sklearn_emma._attention.interface import Coupling
from sklearn_emma._attention.mean_coupling import MeanCoupling
from sklearn_emma._statistics.exporting import constant

# Pairs in a block: 512 kB of float64.
_BLOCK_PAIRS = 2**16
# Below this number of pairs, torch's own gradient is faster than computing them twice.
_FEW_PAIRS = 2**17


class PairwiseCoupling(Coupling):
    """Shared energies Σ_{j≠i} w_ij e_i^γ_ij e_j^(1−γ_ij), with learnt w and γ.

    ``|w_ij|`` ≤ 1/(M − 1), so that their sum is at most 1 however many modes there are;
    γ_ij in [0, 1], symmetric or not. The diagonals have no meaning.

    Parameters
    ----------
    n_modes : int
        Number of modes M.
    symmetric : bool
        Whether γ_ij = γ_ji.
    """

    def __init__(self, n_modes: int, *, symmetric: bool) -> None:
        super().__init__(n_modes)
        self.symmetric = symmetric
        self.weight = nn.Parameter(torch.zeros(n_modes, n_modes))
        self.exponent = nn.Parameter(torch.full((n_modes, n_modes), 0.5))

    def forward(self, self_energies: Tensor, present: Tensor | None = None) -> Tensor:
        return shared_energy(self_energies, self.weight, self.exponents(), present)

    def exponents(self) -> Tensor:
        if not self.symmetric:
            return self.exponent
        return self.exponent.triu() + self.exponent.triu(1).T

    def weights(self) -> Tensor:
        return self.weight - torch.diag(self.weight.diagonal())

    def bounds(self) -> Bounds:
        # The last axis: in a stack of gates the first one counts gates.
        limit = 1.0 / max(self.weight.shape[-1] - 1, 1)
        return [(self.weight.data, -limit, limit), (self.exponent.data, 0.0, 1.0)]


COUPLINGS: dict[str, Callable[[int], Coupling]] = {
    "asymmetric": partial(PairwiseCoupling, symmetric=False),
    "symmetric": partial(PairwiseCoupling, symmetric=True),
    "mean": MeanCoupling,
}


def shared_energy(
    self_energies: Tensor,
    coupling: Tensor,
    exponent: Tensor,
    present: Tensor | None = None,
) -> Tensor:
    """Energy that mode i shares with all others: Σ_j w_ij e_i^γ_ij e_j^(1−γ_ij).

    ``coupling`` and ``exponent`` (M, M), the diagonals are ignored. Computed as
    exp(γ log e_i + (1−γ) log e_j) for all pairs at once, or for many of them block by
    block. Returns (n, M).
    """
    least = constant(torch.finfo(self_energies.dtype).tiny, self_energies)
    log_energy = self_energies.clamp_min(least).log()
    n, n_modes = log_energy.shape
    itself = torch.eye(n_modes, dtype=torch.bool, device=coupling.device)
    off_diagonal = coupling.masked_fill(itself, 0.0)
    # A program that is exported is for any n, and has no gradients.
    if not torch.compiler.is_exporting() and n * n_modes**2 > _FEW_PAIRS:
        if present is None:
            partner = torch.ones_like(log_energy)
        else:
            partner = present.to(log_energy.dtype)
        return _InBlocks.apply(log_energy, off_diagonal, exponent, partner)
    log_i, log_j = log_energy.unsqueeze(2), log_energy.unsqueeze(1)
    pairs = torch.exp(torch.lerp(log_j, log_i, exponent))
    if present is not None:
        # A missing partner j has no energy to share, whatever its stand-in value.
        pairs = pairs.masked_fill(~present.unsqueeze(1), 0.0)
    return (pairs * off_diagonal).sum(2)


class _InBlocks(Function):
    """The same for a block of modes i at a time, pairs as (I, n, M).

    With Q_inj = (gradient of the result)_ni · pairs_inj, which is 0 for missing j,
    gradients are sums of Q with small factors: of w_ij Σ_n Q, of γ_ij
    w_ij Σ_n Q (log e_i − log e_j), of log e_i Σ_j Q w_ij γ_ij, of log e_j
    Σ_i Q w_ij (1 − γ_ij).
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        log_energy: Tensor, coupling: Tensor, exponent: Tensor, partner: Tensor
    ) -> Tensor:
        blocks = [
            torch.bmm(
                _pairs(log_energy, exponent, partner, modes),
                coupling[modes].unsqueeze(2),
            )
            for modes in _blocks(log_energy)
        ]
        return torch.cat(blocks).squeeze(2).T

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        log_energy, coupling, exponent, partner = ctx.saved_tensors
        of_partner = torch.zeros_like(log_energy)
        of_mode, of_coupling, of_exponent = [], [], []
        for modes in _blocks(log_energy):
            w, gamma = coupling[modes], exponent[modes]
            log_i = log_energy.T[modes].unsqueeze(2)
            q = _pairs(log_energy, exponent, partner, modes)
            q = q * gradient.T[modes].unsqueeze(2)
            of_mode.append(torch.bmm(q, (w * gamma).unsqueeze(2)).squeeze(2))
            mass = q.sum(1)
            moment = torch.bmm(log_i.transpose(1, 2), q).squeeze(1)
            of_coupling.append(mass)
            of_exponent.append(w * (moment - (q * log_energy).sum(1)))
            rest = (w * (1.0 - gamma)).unsqueeze(1)
            of_partner = of_partner + (q * rest).sum(0)
        of_log = of_partner + torch.cat(of_mode).T
        return of_log, torch.cat(of_coupling), torch.cat(of_exponent), None


def _blocks(log_energy: Tensor) -> Iterator[slice]:
    n, n_modes = log_energy.shape
    size = max(1, _BLOCK_PAIRS // (n * n_modes))
    return (slice(start, start + size) for start in range(0, n_modes, size))


def _pairs(
    log_energy: Tensor, exponent: Tensor, partner: Tensor, modes: slice
) -> Tensor:
    """e_i^γ_ij e_j^(1−γ_ij) for some modes i, 0 where j is missing, (I, n, M)."""
    log_i = log_energy.T[modes].unsqueeze(2)
    mixed = torch.lerp(log_energy, log_i, exponent[modes].unsqueeze(1))
    return torch.exp(mixed) * partner
