"""Relevance and outlyingness kept apart: what modes count while none of them fails."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from sklearn_emma._attention.scaling import EnergyScaling


class KeepsBalance:
    """For a gate whose self-energies are w Ψ′ + b."""

    weight: nn.Parameter
    bias: nn.Parameter
    scaling: EnergyScaling
    balanced = False

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
        """
        shares = relevance / relevance.max()
        self.bias.copy_(-shares.log()).requires_grad_(False)
        self.balanced = True
        return self

    def biases(self) -> Tensor:
        """Return b, (n_modes,); of a balanced gate, so that w moves no usual energy.

        Returns
        -------
        biases : Tensor of shape (n_modes,)
            At least 0.
        """
        if not self.balanced:
            return self.bias
        usual = self.scaling(self.scaling.location)
        return self.bias + usual * (self.weight.max() - self.weight)
