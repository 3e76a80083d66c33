"""Training of a predictor by itself, or of one for each part of the samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor, nn

from sklearn_emma._optim.loop import train
from sklearn_emma._optim.net import make_net
from sklearn_emma._optim.samples import Samples, auto_batch_size
from sklearn_emma._optim.torch_state import seeded
from sklearn_emma._predictors.mlp import MLP
from sklearn_emma._predictors.mlp_module import MLPModule
from sklearn_emma._predictors.modules import calibrate_predictor
from sklearn_emma._predictors.side_by_side import SideBySide, gains_side_by_side
from sklearn_emma._training.loss import PretrainingLoss
from sklearn_emma._training.task import TRAINING_TYPE, PretrainingTask
from sklearn_emma.corruption import ZeroedMode, fail_modes

#: A trained network, and its losses.
TrainedNetwork = tuple[nn.Module, list[float]]


class ModuleAlone(nn.Module):
    """A predictor by itself, whatever it calls its argument."""

    recordable = True

    def __init__(self, predictor: nn.Module) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, n_outputs) of ``x`` (n, d)."""
        logits: Tensor = self.predictor(x)
        return logits


def train_networks(
    task: PretrainingTask, filled: np.ndarray, kept: Sequence[np.ndarray]
) -> list[TrainedNetwork]:
    """Train a network on each choice ``kept`` of the complete samples (n, d).

    Small ones of the default kind learn side by side, and share the curve of their mean
    loss. All are calibrated with all samples.
    """
    # What another optimiser does with parameters of several networks is not known.
    separable = task.options.optimizer is torch.optim.Adam
    if separable and isinstance(task.predictor, MLP):
        with seeded(task.seeds[1], task.options.device) as generator:
            network = task.build()
            if gains_side_by_side(network):
                return _train_together(network, task, filled, kept, generator)
    return [train_network(task, filled, seen) for seen in kept]


def train_network(
    task: PretrainingTask,
    filled: np.ndarray,
    seen: np.ndarray | None = None,
    *,
    bins_of_seen: bool = False,
) -> TrainedNetwork:
    """Train a predictor on complete samples (n, d), unless it comes trained.

    It learns from the rows ``seen``; None: from all. Unless ``bins_of_seen``, it is
    calibrated with all: the quantiles of a part of few samples would be rough.
    """
    x, weight = torch.from_numpy(filled).to(TRAINING_TYPE), task.data.weight
    with seeded(task.seeds[1], task.options.device) as generator:
        module = task.build()
        if isinstance(task.predictor, nn.Module):
            return module, []
        known = seen if bins_of_seen and seen is not None else slice(None)
        calibrate_predictor(module, x[known], torch.from_numpy(weight[known]))
        samples = _samples(task, x, np.arange(len(x)) if seen is None else seen)
        curve = _fit(ModuleAlone(module), task, samples, generator)
    return module.cpu(), curve


def _train_together(
    network: MLPModule,
    task: PretrainingTask,
    filled: np.ndarray,
    kept: Sequence[np.ndarray],
    generator: Generator,
) -> list[TrainedNetwork]:
    """Train copies of a new network, each on its own choice of samples."""
    x = torch.from_numpy(filled).to(TRAINING_TYPE)
    network.calibrate(x, torch.from_numpy(task.data.weight))
    # All choices are made as large as the largest, by samples that do not count.
    size = max(map(len, kept))
    rows = np.stack([np.resize(seen, size) for seen in kept], axis=1)
    counts = np.arange(size)[:, None] < [len(seen) for seen in kept]
    samples = _samples(task, x, rows)
    samples.weight.mul_(torch.from_numpy(counts))
    together = SideBySide(network, len(kept))
    curve = _fit(together, task, samples, generator)
    return [(alone, curve) for alone in together.cpu().apart(network)]


def _samples(task: PretrainingTask, x: Tensor, rows: np.ndarray) -> Samples:
    """Some of the samples, rows (n,) of x (n, d), or (n, K) for networks together."""
    data = task.data
    weight = torch.from_numpy(data.loss_weight[rows]).to(x.dtype)
    return Samples({"x": x[rows]}, {"y": torch.from_numpy(data.y[rows])}, weight)


def _fit(
    module: nn.Module,
    task: PretrainingTask,
    samples: Samples,
    generator: Generator,
) -> list[float]:
    """Train on samples of which, in each epoch, others miss a mode; the losses."""
    options = task.options
    net = make_net(
        module,
        PretrainingLoss(task.target.loss),
        options,
        batch_size=auto_batch_size(options.batch_size, len(samples)),
    )
    samples = samples.map(lambda tensor: tensor.to(options.device))

    def draw() -> Samples:
        if task.missing_fraction == 0 or task.layout.n_modes == 1:
            return samples
        x = samples.inputs["x"]
        missing, _ = fail_modes(
            x.flatten(0, -2),
            task.layout,
            ZeroedMode(),
            generator,
            clean_fraction=1 - task.missing_fraction,
        )
        return Samples({"x": missing.view_as(x)}, samples.targets, samples.weight)

    train(net, draw, options, generator, "pretrained predictor")
    losses: list[float] = net.history[:, "train_loss"]
    return losses
