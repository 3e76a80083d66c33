"""Train a stack of autoencoders, one for each mode, by denoising score matching."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from sklearn_emma._autoencoder import AutoencoderStack
from sklearn_emma._net import make_net
from sklearn_emma._torch_state import draw_seed, resolve_device, seeded
from sklearn_emma._training import Samples, auto_batch_size, train
from sklearn_emma._whitening import fit_coordinates


class Autoencoder(NamedTuple):
    """What one autoencoder has learnt: W (K, d), c (K,), b (d,) and its losses."""

    weight: np.ndarray
    hidden_bias: np.ndarray
    visible_bias: np.ndarray
    loss_curve: list[float]


class DenoisingLoss(nn.Module):
    """Σ_modes ‖r(x + ε) − x‖² of each sample, (n,), weighted mode by mode."""

    def forward(self, reconstruction: Tensor, y: Tensor, mode_weight: Tensor) -> Tensor:
        return ((reconstruction - y).square().sum(2) * mode_weight).sum(1)


def fit_autoencoders(
    estimators: list[Any],
    Xs: list[np.ndarray],
    weights: list[np.ndarray],
    random_state: Any,
) -> None:
    """Fit several ``PotentialEnergyTransformer`` of equal parameters at once.

    ``Xs`` and ``weights`` hold the clean values of each mode and their weights. All get
    one shared seed, derived from ``random_state``.
    """
    coordinates, codes = [], []
    for estimator, X, weight in zip(estimators, Xs, weights, strict=True):
        fitted = fit_coordinates(X, weight, estimator.preprocessing)
        coordinates.append(fitted)
        codes.append(fitted(X))
    learnt = _train_stack(
        codes, weights, estimators[0], check_random_state(random_state)
    )
    for estimator, X, fitted, parameters in zip(
        estimators, Xs, coordinates, learnt, strict=True
    ):
        estimator.mean_, estimator.whitening_, estimator.normal_scores_ = fitted
        estimator.components_ = parameters.weight
        estimator.intercept_hidden_ = parameters.hidden_bias
        estimator.intercept_visible_ = parameters.visible_bias
        estimator.loss_curve_ = parameters.loss_curve
        estimator.n_iter_ = len(parameters.loss_curve)
        estimator.n_features_in_ = X.shape[1]


def _train_stack(
    Xs: list[np.ndarray],
    weights: list[np.ndarray],
    params: Any,
    random_state: np.random.RandomState,
) -> list[Autoencoder]:
    """Train one autoencoder for each mode, all in one batched computation.

    Parameters
    ----------
    Xs : list of ndarray of shape (n_samples, d_i)
        Clean values of each mode, in the coordinates of its autoencoder.
    weights : list of ndarray of shape (n_samples,)
        Weights of the samples in each mode; 0 where the mode is missing.
    params : PotentialEnergyTransformer
        Whose training parameters are used.
    random_state : RandomState
        Gives one seed.

    Returns
    -------
    list of Autoencoder
        In the order of ``Xs``.
    """
    device = resolve_device(params.device)
    widths = [X.shape[1] for X in Xs]
    x = torch.zeros(
        len(Xs[0]), len(Xs), max(widths), dtype=torch.from_numpy(Xs[0]).dtype
    )
    for i, X in enumerate(Xs):
        x[:, i, : widths[i]] = torch.from_numpy(X)
    x = x.to(device)
    weight = torch.from_numpy(np.stack(weights, axis=1)).to(device)
    # Each mode's weights average 1, so that no mode learns faster than another.
    weight = weight / weight.mean(0).clamp_min(torch.finfo(weight.dtype).tiny)
    ones = torch.ones_like(weight[:, 0])

    with seeded(draw_seed(random_state), device) as generator:
        stack = AutoencoderStack(widths, params.n_components, x.dtype)
        net = make_net(
            stack,
            DenoisingLoss(),
            optimizer=params.optimizer or torch.optim.Adam,
            lr=params.lr,
            lr_schedule=params.lr_schedule,
            max_iter=params.max_iter,
            device=device,
            callbacks=params.callbacks,
        )

        def draw() -> Samples:
            noise = torch.randn(
                x.shape, generator=generator, dtype=x.dtype, device=device
            )
            noisy = x + params.sigma * noise * stack.used.transpose(0, 1)
            return Samples({"x": noisy}, {"y": x, "mode_weight": weight}, ones)

        train(
            net,
            draw,
            max_iter=params.max_iter,
            batch_size=auto_batch_size(params.batch_size, len(x)),
            generator=generator,
            phase="potential energies",
            verbose=params.verbose,
        )
    losses = [float(loss) / len(Xs) for loss in net.history[:, "train_loss"]]
    return [
        Autoencoder(
            weight=_array(stack.weight[i, :, :width]),
            hidden_bias=_array(stack.hidden_bias[i]),
            visible_bias=_array(stack.visible_bias[i, :width]),
            loss_curve=losses,
        )
        for i, width in enumerate(widths)
    ]


def _array(parameter: Tensor) -> np.ndarray:
    return parameter.detach().cpu().numpy().copy()
