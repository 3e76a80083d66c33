"""The default network: what a feature is in bins, ReLU layers, a linear path beside."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._predictors.dropout import Dropout
from sklearn_emma._predictors.encoding import PiecewiseLinearEncoding
from sklearn_emma._predictors.linear_by_mode import (
    LinearByMode,
    first_features,
    linear_of_values,
)

# Modes that have so many inputs on average are weighed behind the first layer.
_WIDE = 128


class MLPModule(nn.Module):
    """What :class:`~sklearn_emma.predictors.MLP` builds; arguments as there.

    ``binned`` are the features that are also seen in bins; None: all are. ``widths``
    are the numbers of features of modes, within each of which attention is the same.

    Attention multiplies features and their positions: were the position that of the
    gated value, a feature of which little is let through would look like one of another
    value.
    """

    recordable = True

    binned: Tensor | None
    first_of_modes: Tensor | None

    def __init__(
        self,
        n_features_in: int,
        n_outputs: int,
        hidden_layer_sizes: Sequence[int],
        dropout: float,
        n_bins: int,
        binned: np.ndarray | None = None,
        widths: Sequence[int] = (),
    ) -> None:
        super().__init__()
        n_binned = n_features_in if binned is None else len(binned)
        self.encoding = PiecewiseLinearEncoding(n_binned, n_bins)
        self.register_buffer(
            "binned", None if binned is None else torch.from_numpy(binned)
        )
        self.widths = tuple(widths)
        if binned is not None or n_features_in * (1 + n_bins) < _WIDE * len(widths):
            self.widths = ()  # inputs are weighed, not what the layer makes of them
        starts = first_features(self.widths) if self.widths else None
        self.register_buffer("first_of_modes", starts)
        self.sizes = tuple(hidden_layer_sizes)
        layers: list[nn.Module] = []
        for n_out in self.sizes[:1]:
            first: nn.Module
            if binned is not None:
                first = linear_of_values(n_bins, n_binned, n_out, n_features_in)
            elif self.widths:
                first = LinearByMode(self.widths, n_out, 1 + n_bins)
            else:
                first = linear_of_values(1 + n_bins, n_features_in, n_out)
            layers.append(first)
        layers += [nn.Linear(n_in, n_out) for n_in, n_out in pairwise(self.sizes)]
        self.linear = nn.Linear(n_features_in, n_outputs)
        if layers:
            layers.append(nn.Linear(self.sizes[-1], n_outputs, bias=False))
        self.first = layers[0] if layers else None
        self.rest = nn.ModuleList(layers[1:])
        self.dropout = Dropout(dropout)

    def calibrate(self, x: Tensor, weight: Tensor) -> None:
        """See the training data (n, n_features_in), rows of ``weight`` (n,), once."""
        if self.binned is None:
            self.encoding.calibrate(x, weight)
        elif len(self.binned):
            self.encoding.calibrate(x[:, self.binned], weight)

    def forward(self, x: Tensor, attention: Tensor | None = None) -> Tensor:
        """Return outputs (n, n_outputs).

        ``x`` and ``attention`` (n, n_features_in), which is the same within a mode
        where ``widths`` are known; None: all is let through, and ``x`` may be of
        networks side by side, (K, n, n_features_in).
        """
        output: Tensor = self.linear(x if attention is None else x * attention)
        if self.first is None:
            return output
        if self.first_of_modes is None:
            return output + self._behind(self.first(self._seen(x, attention)))
        of_modes = None
        if attention is not None:
            of_modes = attention.index_select(1, self.first_of_modes)
        modes = self.encoding.by_mode(x, self.widths)
        return output + self._behind(self.first(modes, of_modes))

    def _behind(self, x: Tensor) -> Tensor:
        """Return what the other layers make of the first one's output ``x``."""
        masks = self.dropout(x, self.sizes)
        for layer, mask in zip(self.rest, masks, strict=True):
            active = x.relu_()
            x = layer(active if mask is None else active * mask)
        return x

    def _seen(self, x: Tensor, attention: Tensor | None) -> Tensor:
        """Features and how far they reach into bins, multiplied by attention."""
        if self.binned is None:
            seen = self.encoding(x)
            if attention is not None:
                seen = seen * attention.unsqueeze(1)
            return seen.flatten(-2)
        bins = self.encoding(x.index_select(-1, self.binned))[..., 1:, :]
        if attention is not None:
            bins = bins * attention.index_select(1, self.binned).unsqueeze(1)
            x = x * attention
        return torch.cat((x, bins.flatten(-2)), dim=-1)
