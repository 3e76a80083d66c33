"""Train a stack of autoencoders, one for each mode, by denoising score matching."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from sklearn_emma._energies.autoencoder import AutoencoderStack
from sklearn_emma._optim.loop import Samples, auto_batch_size, train
from sklearn_emma._optim.net import Options, make_net
from sklearn_emma._optim.torch_state import RandomStateLike, draw_seed, seeded

# Of few samples small steps are needed to forget where the weights started; the noise
# makes any number of samples enough.
_FEWEST_IN_A_STEP = 16

# Rows that hardly count may lie anywhere; so far out they can still be squared.
_FARTHEST = 1e12


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


class Denoising(NamedTuple):
    """How autoencoders of ``n_components`` hidden units learn to remove noise.

    ``sigma`` is the standard deviation of the noise, ``stiffness`` κ, ``options`` those
    of the training.
    """

    n_components: int
    sigma: float
    stiffness: float
    options: Options


def train_autoencoders(
    Xs: list[np.ndarray],
    weights: list[np.ndarray],
    denoising: Denoising,
    random_state: RandomStateLike,
) -> list[Autoencoder]:
    """Train one autoencoder for each mode, all in one batched computation.

    Parameters
    ----------
    Xs : list of ndarray of shape (n_samples, d_i)
        Clean values of each mode, in the coordinates of its autoencoder.
    weights : list of ndarray of shape (n_samples,)
        Weights of the samples in each mode; 0 where the mode is missing.
    denoising : Denoising
        Size of the autoencoders, noise, and how training goes.
    random_state : int, RandomState instance or None
        Gives one seed, which all share.

    Returns
    -------
    list of Autoencoder
        In the order of ``Xs``.
    """
    options = denoising.options
    device = options.device
    widths = [X.shape[1] for X in Xs]
    # Of coordinates, which are of about unit variance, float32 loses nothing.
    x = torch.zeros(len(Xs[0]), len(Xs), max(widths))
    for i, X in enumerate(Xs):
        x[:, i, : widths[i]] = torch.from_numpy(X.clip(-_FARTHEST, _FARTHEST))
    x = x.to(device)
    weight = torch.from_numpy(np.stack(weights, axis=1)).to(x)
    # Each mode's weights average 1, so that no mode learns faster than another.
    weight = weight / weight.mean(0).clamp_min(torch.finfo(weight.dtype).tiny)
    ones = torch.ones_like(weight[:, 0])
    batch_size = auto_batch_size(options.batch_size, len(x), _FEWEST_IN_A_STEP)

    with seeded(draw_seed(check_random_state(random_state)), device) as generator:
        stack = AutoencoderStack(
            widths, denoising.n_components, x.dtype, denoising.stiffness
        )
        net = make_net(stack, DenoisingLoss(), options, batch_size=batch_size)

        def draw() -> Samples:
            noise = torch.randn(
                x.shape, generator=generator, dtype=x.dtype, device=device
            )
            noisy = x + denoising.sigma * noise * stack.used.transpose(0, 1)
            return Samples({"x": noisy}, {"y": x, "mode_weight": weight}, ones)

        train(net, draw, options, generator, "potential energies")
    losses = [float(loss) / len(Xs) for loss in net.history[:, "train_loss"]]
    return [
        Autoencoder(
            weight=_array(stack.weight[i, :, :width], X),
            hidden_bias=_array(stack.hidden_bias[i], X),
            visible_bias=_array(stack.visible_bias[i, :width], X),
            loss_curve=losses,
        )
        for i, (X, width) in enumerate(zip(Xs, widths, strict=True))
    ]


def _array(parameter: Tensor, like: np.ndarray) -> np.ndarray:
    return parameter.detach().cpu().numpy().astype(like.dtype)
