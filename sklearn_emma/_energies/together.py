"""Several modes at once: fit their autoencoders together, and score them as one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from sklearn_emma._energies.autoencoder import (
    FrozenAutoencoder,
    PotentialStack,
)
from sklearn_emma._energies.coordinates import (
    WHITENED,
    fit_coordinates,
    fit_shrinkage,
)
from sklearn_emma._energies.denoising import AutoencoderTask, train_autoencoders
from sklearn_emma._energies.magnitudes import unchanged
from sklearn_emma._energies.objectives import OBJECTIVES
from sklearn_emma._energies.regularizers import REGULARIZERS
from sklearn_emma._energies.scoring import AutoencoderEstimator
from sklearn_emma._optim.net import Options
from sklearn_emma._optim.torch_state import draw_seed
from sklearn_emma._validation import validate_nested_params

Part = TypeVar("Part")


def fit_together(
    estimators: list[AutoencoderEstimator],
    Xs: list[np.ndarray],
    weights: list[np.ndarray],
) -> None:
    """Fit estimators of equal parameters, in place, one for each mode of checked X.

    All share the seed of the first. ``weights`` are 0 where the mode is missing.
    """
    first = estimators[0]
    seed = draw_seed(check_random_state(first.random_state))
    shrinkages = _shrinkages(first, Xs, weights, seed)
    fitted = [
        fit_coordinates(X, weight, first.preprocessing, shrinkage)
        for X, weight, shrinkage in zip(Xs, weights, shrinkages, strict=True)
    ]
    options = Options.from_params(first, first.max_iter)
    # Whitened coordinates leave to the hidden units what is not Gaussian. Across others
    # that are correlated Ψ must rise more steeply, and hidden units only flatten it.
    whitened = first.preprocessing in WHITENED
    objective = _named(first.objective, OBJECTIVES)
    stiffness = objective.stiffness(first.sigma, whitened)
    regularizer = None
    if first.regularizer is not None:
        regularizer = _named(first.regularizer, REGULARIZERS)
    learnt = train_autoencoders(
        [z.values for z in fitted],
        weights,
        AutoencoderTask(
            first.n_components,
            first.sigma,
            stiffness,
            options,
            objective,
            regularizer,
            first.alpha,
        ),
        seed,
    )
    for estimator, X, z, shrinkage, autoencoder in zip(
        estimators, Xs, fitted, shrinkages, learnt, strict=True
    ):
        estimator.shrinkage_, estimator.stiffness_ = shrinkage, stiffness
        mean, whitening, normal_scores = z.coordinates
        estimator.mean_, estimator.whitening_ = mean, whitening
        estimator.normal_scores_ = normal_scores
        estimator.offset_, estimator.scale_ = unchanged(X.shape[1])
        estimator.components_ = autoencoder.weight
        estimator.intercept_hidden_ = autoencoder.hidden_bias
        estimator.intercept_visible_ = autoencoder.visible_bias
        estimator.loss_curve_ = autoencoder.loss_curve
        estimator.n_iter_ = len(autoencoder.loss_curve)
        estimator.n_features_in_ = X.shape[1]


def _named(given: str | Part, parts: Mapping[str, Part]) -> Part:
    """The part that a name means, or an object, whose parameters are checked."""
    if isinstance(given, str):
        return parts[given]
    if inspect.isclass(given):
        raise ValueError(
            "`regularizer` must be a name, an object or a function, got the class "
            f"{given.__name__}; write {given.__name__}()."
        )
    if isinstance(given, BaseEstimator):
        validate_nested_params(given)
    return given


def _shrinkages(
    first: AutoencoderEstimator,
    Xs: list[np.ndarray],
    weights: list[np.ndarray],
    seed: int,
) -> list[float | None]:
    """Shrinkage of each estimator; equal where they see rows of the same array.

    The first that does decides: the one that sees all rows, in a cross-fit.
    """
    if first.preprocessing not in WHITENED:
        return [None] * len(Xs)
    if not isinstance(first.shrinkage, str):
        return [float(first.shrinkage)] * len(Xs)
    found: dict[int, float] = {}
    for X, weight in zip(Xs, weights, strict=True):
        if id(X) not in found:
            found[id(X)] = fit_shrinkage(X, weight, first.preprocessing, seed)
    return [found[id(X)] for X in Xs]


def stack(
    estimators: list[AutoencoderEstimator], columns: list[list[int]], dtype: torch.dtype
) -> PotentialStack:
    """Make one module of fitted estimators, from (n, d) to energies (n, M).

    They were fitted by :func:`fit_together`, and have no ``offset_`` and ``scale_``.
    """
    frozen = [
        FrozenAutoencoder.from_arrays(e._fitted.arrays(), dtype) for e in estimators
    ]
    return PotentialStack(frozen, columns)
