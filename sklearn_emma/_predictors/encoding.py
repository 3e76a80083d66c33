"""Features as their position among the quantiles of the training data."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_emma._statistics.quantiles import weighted_quantiles


class PiecewiseLinearEncoding(nn.Module):
    """How far a feature reaches into each of ``n_bins`` bins between its quantiles.

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

    slope: Tensor
    offset: Tensor

    def __init__(self, n_features: int, n_bins: int) -> None:
        super().__init__()
        # Until it is calibrated: equal bins from −2 to 2 standard deviations.
        edges = torch.linspace(-2.0, 2.0, n_bins + 1).expand(n_features, -1)
        self.register_buffer("slope", 1.0 / edges.diff(dim=1))
        self.register_buffer("offset", -edges[:, :-1] * self.slope)

    def calibrate(self, x: Tensor, weight: Tensor) -> None:
        """Take the bins from training data ``x`` (n, d), rows of ``weight`` (n,)."""
        levels = np.linspace(0.0, 1.0, self.slope.shape[1] + 1)
        edges = torch.from_numpy(
            weighted_quantiles(x.cpu().numpy(), weight.cpu().numpy(), levels)
        )
        slope = (1.0 / edges.diff(dim=1)).to(self.slope.dtype)
        # A bin between quantiles that are equal, in this type, says nothing.
        slope = torch.where(slope.isfinite(), slope, 0.0)
        self.slope.copy_(slope)
        self.offset.copy_(-edges[:, :-1].to(slope) * slope)

    def forward(self, x: Tensor) -> Tensor:
        """Encode ``x`` (n, d) as (n, d, n_bins); what is 0 in x is 0 throughout."""
        reached = torch.addcmul(self.offset, x.unsqueeze(2), self.slope).clamp(0, 1)
        return reached - self.offset.clamp(0, 1)
