"""Several modes at once: fit their autoencoders together, and score them as one."""

from __future__ import annotations

import numpy as np
import torch

from sklearn_emma._energies.autoencoder import FrozenAutoencoder, PotentialStack
from sklearn_emma._energies.coordinates import fit_coordinates
from sklearn_emma._energies.denoising import Denoising, train_autoencoders
from sklearn_emma._energies.scoring import AutoencoderEstimator
from sklearn_emma._optim.net import Options


def fit_together(
    estimators: list[AutoencoderEstimator],
    Xs: list[np.ndarray],
    weights: list[np.ndarray],
) -> None:
    """Fit estimators of equal parameters, in place, one for each mode of checked X.

    All share the seed of the first. ``weights`` are 0 where the mode is missing.
    """
    first = estimators[0]
    coordinates = [
        fit_coordinates(X, weight, first.preprocessing)
        for X, weight in zip(Xs, weights, strict=True)
    ]
    options = Options.from_params(first, first.max_iter)
    learnt = train_autoencoders(
        [z(X) for z, X in zip(coordinates, Xs, strict=True)],
        weights,
        Denoising(first.n_components, first.sigma, options),
        first.random_state,
    )
    for estimator, X, z, autoencoder in zip(
        estimators, Xs, coordinates, learnt, strict=True
    ):
        estimator.mean_, estimator.whitening_, estimator.normal_scores_ = z
        estimator.components_ = autoencoder.weight
        estimator.intercept_hidden_ = autoencoder.hidden_bias
        estimator.intercept_visible_ = autoencoder.visible_bias
        estimator.loss_curve_ = autoencoder.loss_curve
        estimator.n_iter_ = len(autoencoder.loss_curve)
        estimator.n_features_in_ = X.shape[1]


def stack(
    estimators: list[AutoencoderEstimator], columns: list[list[int]], dtype: torch.dtype
) -> PotentialStack:
    """Make one module of fitted estimators, from (n, d) to energies (n, M)."""
    frozen = [
        FrozenAutoencoder.from_arrays(e._fitted.arrays(), dtype) for e in estimators
    ]
    return PotentialStack(frozen, columns)
