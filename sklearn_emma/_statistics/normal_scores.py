"""Normal scores: the monotone map that makes each feature look Gaussian.

In heavy-tailed or skewed features, standard deviations say little about what is usual.
In normal scores, noise that is small against the spread of such a feature, but large
where its data lie close together, becomes visible.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor, nn

from sklearn_emma._statistics.moments import mean_and_scale
from sklearn_emma._statistics.quantiles import weighted_quantiles

N_QUANTILES = 64


class NormalScores(NamedTuple):
    """A continuous, piecewise linear map of each feature.

    Between its quantiles ``knots`` (d, T), a feature's score is ``base`` + ``slope`` ×
    (distance to the knot on the left); ``base`` and ``slope`` are (d, T + 1). Beyond
    the outer knots it goes on with one unit for each standard deviation, so that what
    lies far out keeps its distance.
    """

    knots: np.ndarray
    base: np.ndarray
    slope: np.ndarray


def fit_normal_scores(X: np.ndarray, weight: np.ndarray) -> NormalScores:
    """Fit the map on X (n, d), rows counting ``weight`` (n,) times."""
    levels = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    knots = weighted_quantiles(X, weight, levels)
    scores = _mean_over_ties(knots, ndtri(levels))
    # Recognises a constant feature in spite of rounding, and gives it a scale of 1.
    _, deviation = mean_and_scale(X, weight)
    outer = 1.0 / deviation[:, np.newaxis]
    width = np.diff(knots, axis=1)
    # Between knots that are as good as equal the slope would overflow.
    least = N_QUANTILES * np.finfo(X.dtype).tiny
    inner = np.diff(scores, axis=1) / np.where(width > least, width, 1.0)
    fitted = NormalScores(
        knots,
        np.concatenate([scores[:, :1], scores], axis=1),
        np.concatenate([outer, inner, outer], axis=1),
    )
    return NormalScores(*(array.astype(X.dtype) for array in fitted))


class NormalScoring(nn.Module):
    """The map of all features of a matrix.

    Parameters
    ----------
    fitted : NormalScores
        What was learnt.
    """

    knots: Tensor
    base: Tensor
    slope: Tensor

    def __init__(self, fitted: NormalScores) -> None:
        super().__init__()
        for name, array in fitted._asdict().items():
            self.register_buffer(name, torch.as_tensor(array))

    def forward(self, x: Tensor) -> Tensor:
        """Scores (n, d) of ``x`` (n, d)."""
        maps = (tensor.unsqueeze(0) for tensor in self._maps)
        return normal_scores(x.unsqueeze(0), *maps).squeeze(0)

    def agrees(self, columns: Tensor, *maps: Tensor) -> bool:
        """Whether features in these ``columns`` have these maps, up to rounding.

        ``maps`` are the parameters of :class:`NormalScores`, of the same type.
        """
        small = 100 * torch.finfo(self.knots.dtype).eps
        return all(
            torch.allclose(own[columns], other, rtol=small, atol=0.0)
            for own, other in zip(self._maps, maps, strict=True)
        )

    @property
    def _maps(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.knots, self.base, self.slope


def normal_scores(x: Tensor, knots: Tensor, base: Tensor, slope: Tensor) -> Tensor:
    """Scores (G, n, d) of ``x`` (G, n, d).

    Parameters of :class:`NormalScores` are (G, d, T) and (G, d, T + 1).
    """
    columns = x.transpose(1, 2).contiguous()
    piece = _n_at_or_below(columns, knots)
    left = knots.gather(2, (piece - 1).clamp_min(0))
    scores = base.gather(2, piece) + slope.gather(2, piece) * (columns - left)
    return scores.transpose(1, 2)


def with_scores(x: Tensor, scores: Tensor) -> Tensor:
    """Insert each feature's score after it, (G, n, 2 d); both are (G, n, d)."""
    return torch.stack((x, scores), dim=3).flatten(2)


def _n_at_or_below(columns: Tensor, knots: Tensor) -> Tensor:
    """How many ``knots`` (G, d, T) each value of ``columns`` (G, d, n) has reached."""
    if torch.compiler.is_exporting():  # ONNX knows no search
        reached = columns.unsqueeze(3) >= knots.unsqueeze(2)
        return reached.sum(3)
    return torch.searchsorted(knots, columns, right=True)


def _mean_over_ties(knots: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Give equal ``knots`` (d, T) of a feature the mean of their ``scores`` (T,)."""
    starts = np.ones(knots.shape, dtype=bool)
    starts[:, 1:] = knots[:, 1:] != knots[:, :-1]
    group = starts.ravel().cumsum() - 1
    total = np.bincount(group, np.tile(scores, len(knots)))
    mean: np.ndarray = (total / np.bincount(group))[group].reshape(knots.shape)
    return mean
