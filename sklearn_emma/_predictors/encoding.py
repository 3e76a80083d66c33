"""Features as their position among the quantiles of the training data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._statistics.quantiles import weighted_quantiles

# Not infinite: what a model has learnt is finite, and easily checked to be.
_NO_BOUND = torch.finfo(torch.float32).max


class PiecewiseLinearEncoding(nn.Module):
    """A feature, and how far it reaches into each of ``n_bins`` bins.

    The bins lie between its quantiles in the training data.
    Bins are narrow where data are dense, so that a network learns fine distinctions
    there quickly, and bounded, so that no value, however broken, has more than a
    bounded effect. Source: Gorishniy, Rubachev and Babenko, "On embeddings for
    numerical features in tabular deep learning", NeurIPS 2022, eq. 1.

    Parameters
    ----------
    n_features : int
        Number of features d.
    n_bins : int
        Bins of each.
    """

    recordable = True

    # Row 0 of each is for the feature itself, which has no bounds, the others for bins.
    slope: Tensor
    offset: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, n_features: int, n_bins: int) -> None:
        super().__init__()
        for name in ("slope", "offset", "low", "high"):
            self.register_buffer(name, torch.zeros(1 + n_bins, n_features))
        self.slope[0], self.low[0], self.high[0] = 1.0, -_NO_BOUND, _NO_BOUND
        # Until it is calibrated: equal bins from −2 to 2 standard deviations.
        edges = torch.linspace(-2.0, 2.0, n_bins + 1).unsqueeze(1)
        self._take(edges.expand(-1, n_features))

    def calibrate(self, x: Tensor, weight: Tensor) -> None:
        """Take the bins from training data ``x`` (n, d), rows of ``weight`` (n,)."""
        levels = np.linspace(0.0, 1.0, len(self.slope))
        edges = weighted_quantiles(x.cpu().numpy(), weight.cpu().numpy(), levels)
        self._take(torch.from_numpy(edges).T)

    def _take(self, edges: Tensor) -> None:
        slope = (1.0 / edges.diff(dim=0)).to(self.slope)
        # A bin between quantiles that are equal, in this type, says nothing.
        slope = torch.where(slope.isfinite(), slope, 0.0)
        offset = -edges[:-1].to(slope) * slope
        at_zero = offset.clamp(0, 1)
        self.slope[1:], self.offset[1:] = slope, offset - at_zero
        self.low[1:], self.high[1:] = -at_zero, 1 - at_zero

    def forward(self, x: Tensor) -> Tensor:
        """Encode ``x`` (..., d) as (..., 1 + n_bins, d); 0 in x is 0 throughout."""
        return _encoded(x, self.slope, self.offset, self.low, self.high)

    def by_mode(self, x: Tensor, widths: Sequence[int]) -> list[Tensor]:
        """Encode modes of so many features, apart from each other."""
        tensors = x, self.slope, self.offset, self.low, self.high
        split = (tensor.split(tuple(widths), dim=1) for tensor in tensors)
        return [_encoded(*of_mode) for of_mode in zip(*split, strict=True)]


def _encoded(
    x: Tensor, slope: Tensor, offset: Tensor, low: Tensor, high: Tensor
) -> Tensor:
    # Features last: each operation then runs along all of them at once.
    return torch.addcmul(offset, x.unsqueeze(-2), slope).clamp(low, high)
