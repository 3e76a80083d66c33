"""The coordinates in which an autoencoder sees its mode."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from sklearn_emma._energies.shrinkage import NOISE, choose_shrinkage
from sklearn_emma._statistics.covariance import inverse_root
from sklearn_emma._statistics.moments import mean_and_scale
from sklearn_emma._statistics.normal_scores import (
    NormalScores,
    fit_normal_scores,
    normal_scores,
    with_scores,
)


class Coordinates(NamedTuple):
    """z = (φ(x) − mean) A, where φ puts the normal score behind each feature, or is x.

    ``mean`` (D,), ``matrix`` A (D, D) with D = 2 d, or d without ``scores``.
    """

    mean: np.ndarray
    matrix: np.ndarray
    scores: NormalScores | None = None

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Coordinates (n, D) of X (n, d)."""
        return self.of_features(self.features(X))

    def of_features(self, features: np.ndarray) -> np.ndarray:
        """Coordinates (n, D) of φ(X), (n, D)."""
        z = (features - self.mean) @ self.matrix
        return z.astype(features.dtype, copy=False)

    def features(self, X: np.ndarray) -> np.ndarray:
        """φ of X (n, d)."""
        if self.scores is None:
            return X
        # torch takes no array that it could not write to, such as a read-only map.
        x = torch.from_numpy(np.require(X, requirements=["C", "W"]))[None]
        maps = (torch.from_numpy(a.astype(X.dtype))[None] for a in self.scores)
        return with_scores(x, normal_scores(x, *maps))[0].numpy()

    def pull_back(self, X: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Change of X (n, d) whose change of z is nearest to ``step`` (n, D).

        To first order. So a step down a potential of z is one down that of X.
        """
        if self.scores is None:
            return step @ np.linalg.inv(self.matrix)
        result = np.empty_like(X)
        for i, slope in enumerate(self._slopes(X)):
            moves = self.matrix[::2] + slope[:, np.newaxis] * self.matrix[1::2]
            # Of one length each: steep features would hide flat ones in rounding.
            power = np.frexp(np.abs(moves).max(axis=1))[1]  # the square may overflow
            scaled = np.ldexp(moves, -power[:, np.newaxis])
            length = np.ldexp(np.linalg.norm(scaled, axis=1), power)
            moves = moves / length[:, np.newaxis]
            result[i] = np.linalg.lstsq(moves.T, step[i], rcond=None)[0] / length
        return result

    def _slopes(self, X: np.ndarray) -> np.ndarray:
        """Slope of each feature's normal score at X (n, d)."""
        assert self.scores is not None
        pieces = [
            slope[np.searchsorted(knots, column, side="right")]
            for column, knots, slope in zip(
                X.T, self.scores.knots, self.scores.slope, strict=True
            )
        ]
        # A slope whose square overflows is as good as a jump.
        return np.minimum(np.stack(pieces, axis=1), np.finfo(X.dtype).max ** 0.5)


#: Kinds of coordinates without correlation.
WHITENED = ("whiten", "normal_scores")


class Fitted(NamedTuple):
    """Coordinates, and the ``values`` (n, D) of what they were fitted on."""

    coordinates: Coordinates
    values: np.ndarray


def fit_coordinates(
    X: np.ndarray,
    sample_weight: np.ndarray | None,
    preprocessing: str | None,
    shrinkage: float | None = None,
) -> Fitted:
    """Coordinates in which an autoencoder sees X (n, d).

    ``None`` leaves X as it is, ``"standardize"`` gives unit variance to each feature,
    ``"whiten"`` also removes their correlation, and ``"normal_scores"`` does so after
    putting beside each feature its normal score. ``shrinkage`` is the share of the
    identity in the covariance; None: :func:`oracle_shrinkage`.
    """
    weight = np.ones(len(X)) if sample_weight is None else sample_weight
    n_features = X.shape[1]
    if preprocessing is None:
        zero, one = np.zeros(n_features, X.dtype), np.eye(n_features, dtype=X.dtype)
        return Fitted(Coordinates(zero, one), X)
    features, mean, scale, scores = _standardised(X, weight, preprocessing)
    matrix = np.diag(1.0 / scale)
    if preprocessing in WHITENED:
        z = (features - mean) / scale
        root = inverse_root(z, weight.astype(np.float64), shrinkage)
        matrix = root / scale[:, np.newaxis]
    fitted = Coordinates(mean.astype(X.dtype), matrix.astype(X.dtype), scores)
    return Fitted(fitted, fitted.of_features(features))


def fit_shrinkage(
    X: np.ndarray, weight: np.ndarray, preprocessing: str, seed: int
) -> float:
    """Shrinkage that held-out rows of X (n, d) recommend; ``seed`` draws noise."""
    features, mean, scale, scores = _standardised(X, weight, preprocessing)
    alone = Coordinates(mean, np.empty(0), scores)
    noise = np.random.default_rng(seed).normal(size=X.shape)
    _, spread = mean_and_scale(X, weight)

    shifted = [(X + size * spread * noise).astype(X.dtype) for size in NOISE]
    noisy = [(alone.features(values) - mean) / scale for values in shifted]
    clean = (features - mean) / scale
    return choose_shrinkage(clean, noisy, weight.astype(np.float64))


def _standardised(
    X: np.ndarray, weight: np.ndarray, preprocessing: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, NormalScores | None]:
    """φ(x), its mean and scale, and the normal scores, where φ has them."""
    scores = None
    if preprocessing == "normal_scores":
        scores = fit_normal_scores(X, weight)
        X = Coordinates(np.empty(0), np.empty(0), scores).features(X)
    return X, *mean_and_scale(X, weight), scores
