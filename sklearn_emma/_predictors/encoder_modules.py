"""Encoders of modes with a shape, and what stands behind them, as torch modules."""

from __future__ import annotations

from collections.abc import Container, Mapping
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors.modules import calibrate_predictor, takes_attention
from sklearn_emma._predictors.ragged_encoder import RaggedEncoder
from sklearn_emma._validation import noting

# Strided convolutions follow each other until no direction is longer than this, in an
# image and in a signal.
_SHORT = {2: 4, 1: 8}

# Images no larger than this lose nothing in the first layer.
_SMALL = 16

_N_CHANNELS = (16, 32, 32, 64)

# Numbers of sizes in a shape that is a signal's or an image's.
_ENCODED = (2, 3)


def default_encoder(shape: tuple[int, ...], n_features: int) -> nn.Module:
    """A small convolutional network for signals or images, to features (n, k).

    Features are normalised in each sample, so that no value, however broken, has more
    than a bounded effect.
    """
    n_channels, *sizes = shape
    one = len(sizes) == 1
    convolution = nn.Conv1d if one else nn.Conv2d
    kernel = 5 if one else 3
    strides = [] if max(sizes) > _SMALL else [1]
    while max(sizes) > _SHORT[len(sizes)]:
        strides.append(2)
        sizes = [(n + 1) // 2 for n in sizes]
    strides = strides or [1]
    channels = [_N_CHANNELS[min(i, 3)] for i in range(len(strides))]
    layers: list[nn.Module] = []
    for (n_in, n_out), stride in zip(
        pairwise([n_channels, *channels]), strides, strict=True
    ):
        layers += [convolution(n_in, n_out, kernel, stride, kernel // 2), nn.ReLU()]
    n_left = channels[-1] * int(np.prod(sizes))
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(n_left, n_features),
        nn.LayerNorm(n_features, elementwise_affine=False),
    )


def default_encoders(
    layout: ModeLayout, n_features: int = 64, skip: Container[str] = ()
) -> dict[str, nn.Module]:
    """A default encoder for each signal or image, but those to ``skip``, by name."""
    return {
        name: RaggedEncoder(shape[0], n_features)
        if name in layout.ragged
        else default_encoder(shape, n_features)
        for name, shape in zip(layout.names, layout.shapes, strict=True)
        if len(shape) in _ENCODED and name not in skip
    }


class EncodedModes(nn.Module):
    """Modes with an encoder become embeddings, and a head sees these and the others.

    Attention multiplies embeddings, as it does columns. A mode at its training mean has
    the embedding 0, as one without attention has.

    Parameters
    ----------
    layout : ModeLayout
        Columns and shapes of the modes.
    encoders : dict of str to nn.Module
        From values (n, *shape) of a mode to features (n, ...). One without parameters
        to train stays in evaluation mode.
    head : nn.Module
        From ``n_embedded`` features to outputs.
    """

    first: Tensor
    embedded_index: Tensor

    def __init__(
        self, layout: ModeLayout, encoders: Mapping[str, nn.Module], head: nn.Module
    ) -> None:
        super().__init__()
        self.names = layout.names
        self.shapes, self.widths = layout.shapes, layout.widths
        # By position: names of modules may hold no dots.
        self.encoders = nn.ModuleList(encoders[n] for n in self.names if n in encoders)
        self.encoded = [name in encoders for name in self.names]
        self.head = head
        sizes = embedded_sizes(layout, encoders)
        index = np.repeat(np.arange(layout.n_modes), sizes)
        starts = [columns.start for columns in layout.slices]
        self.register_buffer("first", torch.tensor(starts))
        self.register_buffer("embedded_index", torch.from_numpy(index))
        self._gated_within = takes_attention(head)

    def train(self, mode: bool = True) -> EncodedModes:
        """Set training or evaluation mode; frozen encoders stay in evaluation mode."""
        super().train(mode)
        for encoder in self.encoders:
            if is_frozen(encoder):
                encoder.eval()
        return self

    def calibrate(self, x: Tensor, weight: Tensor) -> None:
        """See the training data (n, d), rows of ``weight`` (n,), once."""
        with torch.no_grad():
            calibrate_predictor(self.head, self.embed(x), weight)

    def embed(self, x: Tensor) -> Tensor:
        """Embeddings, and columns of modes without encoder, (n, n_embedded)."""
        encoders = iter(self.encoders)
        parts = []
        for values, shape, encoded in zip(
            x.split(self.widths, dim=1), self.shapes, self.encoded, strict=True
        ):
            if not encoded:
                parts.append(values)
                continue
            # A row of means beside the others, which is what they are compared with.
            rows = torch.cat((values, torch.zeros_like(values[:1])))
            found = next(encoders)(rows.reshape(-1, *shape)).flatten(1)
            parts.append(found[:-1] - found[-1:])
        return torch.cat(parts, dim=1)

    def forward(self, x: Tensor, attention: Tensor | None = None) -> Tensor:
        """Outputs of ``x`` (n, d); ``attention`` (n, d) is the same within a mode."""
        embedded = self.embed(x)
        output: Tensor
        if attention is None:
            output = self.head(embedded)
            return output
        of_modes = attention.index_select(1, self.first)
        spread = of_modes.index_select(1, self.embedded_index)
        if self._gated_within:
            output = self.head(embedded, attention=spread)
        else:
            output = self.head(embedded * spread)
        return output


def embedded_sizes(
    layout: ModeLayout, encoders: Mapping[str, nn.Module]
) -> tuple[int, ...]:
    """Number of features of each mode behind its encoder, if it has one.

    Raises
    ------
    ValueError
        Names the mode whose encoder returns something else than features of each row.
    """
    return tuple(
        _n_features(name, shape, encoders[name]) if name in encoders else width
        for name, shape, width in zip(
            layout.names, layout.shapes, layout.widths, strict=True
        )
    )


def is_frozen(module: nn.Module) -> bool:
    """Whether a module has nothing to train."""
    return not any(p.requires_grad for p in module.parameters())


@torch.no_grad()
def _n_features(name: str, shape: tuple[int, ...], encoder: nn.Module) -> int:
    training = encoder.training
    tried = f"two samples of zeros, of shape {(2, *shape)}"
    try:
        with noting(f"Mode {name!r}: its encoder was tried on {tried}."):
            found = encoder.eval()(torch.zeros(2, *shape))
    finally:
        encoder.train(training)
    if not isinstance(found, Tensor) or found.ndim < 2 or len(found) != 2:
        got = getattr(found, "shape", type(found).__name__)
        raise ValueError(
            f"Mode {name!r}: its encoder must return features (n_samples, ...), got "
            f"{got} for two samples."
        )
    return int(found[0].numel())
