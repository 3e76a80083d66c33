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
        Number of features of each mode.
    n_outputs : int
        Number of outputs.
    n_values : int, default=1
        Number of inputs that each feature is.
    """

    recordable = True

    def __init__(
        self, widths: Sequence[int], n_outputs: int, n_values: int = 1
    ) -> None:
        super().__init__()
        # What it starts as.
        whole = linear_of_values(n_values, sum(widths), n_outputs)
        self.bias = whole.bias
        weight = whole.weight.detach().view(n_outputs, n_values, -1)
        # Apart, so that the gradient of each is its own and not part of a larger one.
        self.weights = nn.ParameterList(
            part.flatten(1) for part in weight.split(tuple(widths), dim=2)
        )

    def forward(
        self, modes: Sequence[Tensor], attention: Tensor | None = None
    ) -> Tensor:
        """Return (n, n_outputs).

        ``modes`` are of shape (n, n_values, d_i) or, of one value a feature, (n, d_i);
        ``attention`` (n, M), None: all 1.
        """
        # One after the other: all of them would be M times as large as the result.
        output = 0
        for mode, values in enumerate(modes):
            said = values.flatten(1) @ self.weights[mode].T
            if attention is not None:
                said = said * attention[:, mode : mode + 1]
            output = output + said
        return self.bias + output


def linear_of_values(
    n_values: int, n_features: int, n_outputs: int, n_plain: int = 0
) -> nn.Linear:
    """Make a linear layer of inputs (n, n_values, n_features), flattened.

    In front of them may be ``n_plain`` others.
    """
    layer = nn.Linear(n_plain + n_values * n_features, n_outputs)
    # Drawn feature by feature: a weight starts the same however inputs are arranged.
    plain, drawn = layer.weight.detach().split((n_plain, n_values * n_features), 1)
    drawn = drawn.unflatten(1, (n_features, n_values)).transpose(1, 2).flatten(1)
    layer.weight = nn.Parameter(torch.cat((plain, drawn), dim=1))
    return layer


def first_features(widths: Sequence[int]) -> Tensor:
    """First feature of each mode, (M,); any feature for a mode that has none."""
    starts = torch.tensor([0, *widths[:-1]]).cumsum(0)
    return starts.clamp_max(sum(widths) - 1)
