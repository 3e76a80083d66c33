"""The default encoder of signals that differ in length."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sklearn_emma._inputs.ragged import valid_positions

_N_CHANNELS = (16, 32, 64)

_KERNEL = 5


class RaggedEncoder(nn.Module):
    """Convolutions, then mean and maximum over the positions that a signal has.

    What lies behind the end of a signal is set to 0 after each layer, as it is before
    the first: features are those of the signal alone. They are normalised in each
    sample, so that no value, however broken, has more than a bounded effect.

    Parameters
    ----------
    n_channels : int
        Channels of the signal.
    n_features : int
        Size of the embedding.
    """

    def __init__(self, n_channels: int, n_features: int) -> None:
        super().__init__()
        sizes = zip((n_channels, *_N_CHANNELS[:-1]), _N_CHANNELS, strict=True)
        # The last layers look further, in place of halving a length that may be odd.
        self.layers = nn.ModuleList(
            nn.Conv1d(*sides, _KERNEL, padding=step * (_KERNEL // 2), dilation=step)
            for step, sides in zip((1, 2, 4), sizes, strict=True)
        )
        self.linear = nn.Linear(2 * _N_CHANNELS[-1], n_features)
        self.normalise = nn.LayerNorm(n_features, elementwise_affine=False)

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, n_features) of ``x`` (n, channels, length)."""
        valid = valid_positions(x).unsqueeze(1)
        for layer in self.layers:
            x = torch.relu(layer(x)) * valid
        mean = x.sum(2) / valid.sum(2).clamp_min(1)
        found: Tensor = self.normalise(self.linear(torch.cat((mean, x.amax(2)), 1)))
        return found
