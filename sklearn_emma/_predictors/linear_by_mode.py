"""A linear layer that weighs what each mode has to say, not its inputs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LinearByMode(nn.Module):
    """A linear layer of inputs that attention multiplies mode by mode.

    It returns b + Σ_i β_i W_i x_i, which is what a linear layer makes of x_i multiplied
    by β_i. Of wide modes it takes a half to two thirds of the time in training: no
    inputs are multiplied, and none has a gradient.

    Parameters
    ----------
    widths : sequence of int
        Number of inputs of each mode; they lie side by side.
    n_outputs : int
        Number of outputs.
    """

    recordable = True

    def __init__(self, widths: Sequence[int], n_outputs: int) -> None:
        super().__init__()
        self.widths = tuple(widths)
        whole = nn.Linear(sum(widths), n_outputs)  # starts as this layer does
        self.bias = whole.bias
        # Apart, so that the gradient of each is its own and not part of a larger one.
        self.weights = nn.ParameterList(
            weight.clone() for weight in whole.weight.detach().split(self.widths, 1)
        )

    def forward(self, x: Tensor, attention: Tensor | None = None) -> Tensor:
        """Return (n, n_outputs) of ``x`` (n, d), ``attention`` (n, M); None: all 1."""
        # One after the other: all of them would be M times as large as the result.
        output = 0
        for mode, part in enumerate(x.split(self.widths, dim=1)):
            said = part @ self.weights[mode].T
            if attention is not None:
                said = said * attention[:, mode : mode + 1]
            output = output + said
        return self.bias + output


def first_features(widths: Sequence[int]) -> Tensor:
    """First feature of each mode, (M,); any feature for a mode that has none."""
    starts = torch.tensor([0, *widths[:-1]]).cumsum(0)
    return starts.clamp_max(sum(widths) - 1)
