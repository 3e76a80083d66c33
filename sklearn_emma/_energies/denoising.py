"""Train a stack of autoencoders, one for each mode."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from sklearn_emma._energies.autoencoder import AutoencoderStack
from sklearn_emma._energies.objectives import Denoising, Objective
from sklearn_emma._energies.regularizers import Regularizer, hidden_units
from sklearn_emma._optim.loop import train
from sklearn_emma._optim.net import Options, make_net
from sklearn_emma._optim.samples import Samples, auto_batch_size
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


class PotentialLoss(nn.Module):
    """Loss of each sample (n,), the sum over its modes, weighed mode by mode.

    Parameters
    ----------
    objective : Objective
        What the stack is trained for.
    regularizer : callable or None
        Added ``alpha`` times.
    alpha : float
        Weight α of the regulariser.
    stack : AutoencoderStack
        What is trained; its parameters are not those of the loss.
    """

    def __init__(
        self,
        objective: Objective,
        regularizer: Regularizer | None,
        alpha: float,
        stack: AutoencoderStack,
    ) -> None:
        super().__init__()
        self.recordable = isinstance(objective, Denoising) and regularizer is None
        self.losses = partial(objective.losses, stack)
        self.penalty = (
            None
            if regularizer is None or alpha == 0
            else partial(_penalty, stack, regularizer, alpha)
        )

    def forward(self, reconstruction: Tensor, y: Tensor, mode_weight: Tensor) -> Tensor:
        losses = self.losses(reconstruction, y)
        if self.penalty is not None:
            losses = losses + self.penalty(y, mode_weight)
        return (losses * mode_weight).sum(1)


def _penalty(
    stack: AutoencoderStack,
    regularizer: Regularizer,
    alpha: float,
    x: Tensor,
    mode_weight: Tensor,
) -> Tensor:
    hidden = hidden_units(stack, x)
    return alpha * regularizer(hidden, stack.weight, mode_weight)


class AutoencoderTask(NamedTuple):
    """How autoencoders of ``n_components`` hidden units learn.

    ``sigma`` is the standard deviation of the noise that the ``objective`` may add,
    ``stiffness`` κ, ``options`` those of the training; ``regularizer`` is added
    ``alpha`` times.
    """

    n_components: int
    sigma: float
    stiffness: float
    options: Options
    objective: Objective = Denoising()
    regularizer: Regularizer | None = None
    alpha: float = 0.0


def train_autoencoders(
    Xs: list[np.ndarray],
    weights: list[np.ndarray],
    task: AutoencoderTask,
    random_state: RandomStateLike,
) -> list[Autoencoder]:
    """Train one autoencoder for each mode, all in one batched computation.

    Parameters
    ----------
    Xs : list of ndarray of shape (n_samples, d_i)
        Clean values of each mode, in the coordinates of its autoencoder.
    weights : list of ndarray of shape (n_samples,)
        Weights of the samples in each mode; 0 where the mode is missing.
    task : AutoencoderTask
        Size of the autoencoders, what they are trained for, and how training goes.
    random_state : int, RandomState instance or None
        Gives one seed, which all share.

    Returns
    -------
    list of Autoencoder
        In the order of ``Xs``.
    """
    options, objective = task.options, task.objective
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
        stack = AutoencoderStack(widths, task.n_components, x.dtype, task.stiffness)
        loss = PotentialLoss(objective, task.regularizer, task.alpha, stack)
        net = make_net(stack, loss, options, batch_size=batch_size)

        sigma = task.sigma * stack.used.to(device).transpose(0, 1)

        def draw() -> Samples:
            seen = x
            if objective.adds_noise:
                noise = torch.randn(
                    x.shape, generator=generator, dtype=x.dtype, device=device
                )
                seen = torch.addcmul(x, noise, sigma)
            return Samples({"x": seen}, {"y": x, "mode_weight": weight}, ones)

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
