"""Relevance and outlyingness kept apart: what modes count while none of them fails."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from sklearn_emma._attention.scaling import EnergyScaling


class KeepsBalance(nn.Module):
    """For a gate whose self-energies are w Ψ′ + b.

    ``usual`` (n_modes,) is the scaled energy of modes that are as usual, and 0 as long
    as the gate is not balanced; ``EMMAGate`` holds it as a buffer.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    scaling: EnergyScaling
    balanced: Tensor
    usual: Tensor

    def __init__(self) -> None:
        super().__init__()
        # A buffer, so that a gate's state says all that its scores depend on.
        self.register_buffer("balanced", torch.tensor(False))

    @torch.no_grad()
    def balance(self, relevance: Tensor) -> Self:
        """Fix how important modes are while all of them are as usual.

        Left to itself, training makes the gate most sensitive to the mode that matters
        most, and thereby trusts it least even where nothing fails. With fixed shares
        the weights w learn what failures cost, and nothing else.

        Parameters
        ----------
        relevance : Tensor of shape (n_modes,)
            Shares > 0: α of modes that are all at their usual energy, at ρ = 1, if they
            share no energy.

        Returns
        -------
        self : EMMAGate
            Its biases are no longer trained.

        Raises
        ------
        TypeError, ValueError
            If ``relevance`` is no tensor of this shape, or holds what it must not.
        """
        _check_relevance(relevance, len(self.bias))
        shares = relevance / relevance.max()
        self.bias.copy_(-shares.log()).requires_grad_(False)
        self.balanced.fill_(True)
        self.say_what_is_usual()
        return self

    @torch.no_grad()
    def say_what_is_usual(self) -> None:
        """Scale the usual energies anew: no step of a training has to."""
        usual = self.scaling(self.scaling.location[None])[0]
        self.usual.copy_(torch.where(self.balanced, usual, 0.0))

    def biases(self) -> Tensor:
        """Return b, (n_modes,); of a balanced gate, so that w moves no usual energy.

        Returns
        -------
        biases : Tensor of shape (n_modes,)
            At least 0.
        """
        relative, common = self.biases_apart()
        return relative + common

    def biases_apart(self) -> tuple[Tensor, Tensor]:
        """Return b less what is common to all of it, (n_modes,), and that, a scalar.

        Returns
        -------
        relative, common : Tensor
            Their sum is b.
        """
        usual = self.usual * self.weight
        return self.bias - usual, usual.max()


def _check_relevance(relevance: object, n_modes: int) -> None:
    if not isinstance(relevance, Tensor):
        raise TypeError(
            f"`relevance` must be a torch tensor, got {type(relevance).__name__}."
        )
    if relevance.shape != (n_modes,):
        raise ValueError(
            f"`relevance` must have shape (n_modes,) = ({n_modes},), got "
            f"{tuple(relevance.shape)}."
        )
    if not (relevance.isfinite() & (relevance > 0)).all():
        raise ValueError("`relevance` must be finite and positive.")
