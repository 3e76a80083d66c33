"""From scaled energy to importance: pure functions, differentiable, per sample.

Shapes: ``n`` samples, ``M`` modes; everything is dimensionless. ``present`` (n, M) is
False where a mode is missing: it takes no part in the partition function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from sklearn_emma._attention.scores import GateScores, NestedScores


def self_energy(scaled: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Relevance of each mode by itself: e_i = w_i Ψ′_i + b_i, (n, M)."""
    return scaled * weight + bias


def log_importance(
    modal: Tensor, rho: Tensor | float, shut_out: Tensor | None = None
) -> Tensor:
    """Logarithm of the Gibbs distribution α_i = exp(−ρ E_i) / Z, (n, M).

    Where ``shut_out`` (n, M), as :class:`Prepared` has it, is not 0, modes are missing
    and get a very negative number, which gives no NaN in a row without any mode;
    multiply α by ``there`` to make them exactly 0.
    """
    logits = -rho * modal if shut_out is None else shut_out - rho * modal
    return torch.log_softmax(logits, dim=1)


def energy_at(
    importance: Tensor, log_importance: Tensor, modal: Tensor, rho: Tensor
) -> Tensor:
    """Modal energy at which a mode has this importance: −(log α + log Z) / ρ, (n,).

    Z is that of the samples with ``log_importance`` and ``modal`` energies (n, M), as
    the mode of most importance tells it.
    """
    best = log_importance.argmax(1, keepdim=True)
    log_ratio = log_importance.gather(1, best) - importance.log()
    return (modal.gather(1, best) + log_ratio / rho).squeeze(1)


def energy_alignment(
    log_importance: Tensor,
    corrupted: Tensor,
    present: Tensor | None = None,
    floor: float = 0.0,
) -> Tensor:
    """Energy regulariser Ω = Σ_k ξ_k log α_k over the modes that are present.

    ξ_k is −1 if mode k is corrupted and +1 otherwise. Added to a loss as −λ_e Ω, it
    pushes the energies of clean modes down and those of corrupted modes up.

    Parameters
    ----------
    log_importance : Tensor of shape (n, M)
        Logarithm of α, as :class:`~sklearn_emma.EMMAGate` gives it.
    corrupted : Tensor of shape (n, M)
        Boolean; True where a mode is known to be corrupted.
    present : Tensor of shape (n, M), default=None
        Boolean; False where a mode is missing. None: all are present.
    floor : float, default=0.0
        With a floor above 0, a corrupted mode counts as max(α, floor) and gains nothing
        by falling further. Without one Ω grows without bound as the α of a corrupted
        mode goes to 0: a learnt coldness then runs away and shuts clean modes out too.

    Returns
    -------
    omega : Tensor of shape (n,)
        Ω of each sample.

    References
    ----------
    A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.attention import energy_alignment
    >>> log_alpha = torch.tensor([[0.75, 0.25]]).log()
    >>> corrupted = torch.tensor([[False, True]])
    >>> omega = energy_alignment(log_alpha, corrupted, torch.ones(1, 2).bool())
    >>> round(float(omega), 4)  # log(0.75 / 0.25)
    1.0986
    """
    if present is not None:  # whatever is said of what is missing
        log_importance = log_importance.masked_fill(~present, 0.0)
    signs = Signs.of(corrupted.bool(), present, floor, log_importance.dtype)
    return signs.alignment(log_importance)


class Signs(NamedTuple):
    """What Ω makes of each mode: ξ (n, M), and the least log α that counts (n, M).

    It is the same in every step, so a training has it for a whole epoch at once.
    """

    xi: Tensor
    least: Tensor

    @classmethod
    def of(
        cls,
        corrupted: Tensor,
        present: Tensor | None,
        floor: float,
        dtype: torch.dtype,
    ) -> Signs:
        """ξ, 0 where a mode is missing; arguments as of ``energy_alignment``."""
        ones = corrupted.new_ones(corrupted.shape, dtype=dtype)
        xi = ones.masked_fill(corrupted, -1.0)
        at_floor = math.log(floor) if floor else -math.inf
        least = torch.full_like(xi, -math.inf).masked_fill(corrupted, at_floor)
        if present is None:
            return cls(xi, least)
        # 0 times whatever the logarithm is, an infinite one too.
        return cls(xi.masked_fill(~present, 0.0), least.masked_fill(~present, 0.0))

    def alignment(self, log_importance: Tensor) -> Tensor:
        """Ω of each sample, (n,)."""
        return (self.xi * log_importance.clamp_min(self.least)).sum(1)


def any_of_parts(of_parts: Tensor, n_parts: Sequence[int]) -> Tensor:
    """Whether anything of ``of_parts`` (n, P) is True in each mode, (n, M)."""
    of_modes = of_parts.split(list(n_parts), dim=1)
    return torch.stack([parts.any(1) for parts in of_modes], dim=1)


def signs_by_level(
    corrupted: Tensor,
    present: Tensor | None,
    n_parts: Sequence[int],
    floor: float,
    dtype: torch.dtype,
) -> Signs:
    """What Ω makes of modes or, behind each other, of parts and of modes, (n, P + M).

    ``corrupted`` and ``present`` (n, P); None: all parts are. A mode is corrupted if
    all its parts are that are there: with one that is clean, it is still to be heard.
    ``n_parts`` is empty where modes have no parts.
    """
    if not n_parts:
        return Signs.of(corrupted, present, floor, dtype)
    if present is None:
        present = torch.ones_like(corrupted)
    clean = any_of_parts(present & ~corrupted, n_parts)
    there = any_of_parts(present, n_parts)
    return Signs.of(
        torch.cat((corrupted, ~clean), dim=1),
        torch.cat((present, there), dim=1),
        floor,
        dtype,
    )


def alignment_by_level(scores: GateScores | NestedScores, signs: Signs) -> Tensor:
    """Ω of both levels, (n,), with signs as of ``signs_by_level``."""
    logs = scores.log_importance
    if isinstance(scores, GateScores):
        return signs.alignment(logs)
    n_parts = logs.shape[1]
    of_parts = Signs(signs.xi[:, :n_parts], signs.least[:, :n_parts])
    of_modes = Signs(signs.xi[:, n_parts:], signs.least[:, n_parts:])
    above = scores.above.log_importance
    return of_parts.alignment(logs) + of_modes.alignment(above)
