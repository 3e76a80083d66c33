"""Pretraining: standardisation, energies and predictor, each part by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from sklearn_emma._energies.cross_fitting import (
    CrossFit,
    HeldOutEnergies,
    cross_fit,
)
from sklearn_emma._energies.interface import Energy
from sklearn_emma._energies.joint import (
    JointEnergy,
    JointSamples,
    fit_joint_energy,
)
from sklearn_emma._energies.per_mode import CleanRows
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.missing import fill_missing
from sklearn_emma._inputs.standardisation import fit_scaler, standardise
from sklearn_emma._inputs.targets import Target
from sklearn_emma._inputs.training_set import TrainingSet
from sklearn_emma._optim.loop import Samples, auto_batch_size, train
from sklearn_emma._optim.net import Options, make_net
from sklearn_emma._optim.torch_state import seeded
from sklearn_emma._predictors.modules import (
    TorchPredictor,
    build_predictor,
    calibrate_predictor,
)
from sklearn_emma._training.loss import PretrainingLoss
from sklearn_emma.corruption import ZeroedMode, fail_modes


@dataclass(frozen=True, kw_only=True)
class PretrainingTask:
    """Everything that decides what pretraining learns.

    ``energies`` are unfitted estimators, one for each mode; ``seeds`` those of the
    energies and of the predictor; ``missing_fraction`` is the share of samples in which
    one mode is missing while the predictor learns; ``joint_energy`` is whether modes
    are also compared with each other.
    """

    data: TrainingSet
    layout: ModeLayout
    target: Target
    energies: list[Energy]
    predictor: TorchPredictor
    options: Options
    seeds: tuple[int, int]
    missing_fraction: float
    joint_energy: bool

    def build(self) -> nn.Module:
        """A new predictor; where that draws at random, from torch's global state."""
        dtype = torch.from_numpy(self.data.X[:0]).dtype
        return build_predictor(
            self.predictor, self.layout.n_features, self.target.n_outputs, dtype
        )


class Pretrained(NamedTuple):
    """What pretraining learns, each part by itself.

    ``potential`` (n, M) are the energies of the clean values of the training samples,
    each by a model that has not seen it, NaN where a mode has none. All later steps
    take them from here. ``energies`` have seen all samples, and score new ones;
    ``crossed`` have not seen the samples of a fold.
    """

    scaler: StandardScaler
    energies: list[Energy]
    crossed: CrossFit
    predictor: nn.Module
    loss_curve: list[float]
    potential: np.ndarray
    joint: JointEnergy | None = None


class ModuleAlone(nn.Module):
    """A predictor by itself, whatever it calls its argument."""

    def __init__(self, predictor: nn.Module) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, n_outputs) of ``x`` (n, d)."""
        logits: Tensor = self.predictor(x)
        return logits


def pretrain(task: PretrainingTask) -> Pretrained:
    """Fit standardisation, an energy for each mode, and the predictor on clean data.

    A mode that the user knows to be corrupted teaches its energy nothing, and is at its
    mean for the predictor. A predictor that comes trained is left as it is.
    """
    data, layout = task.data, task.layout
    clean = data.clean(layout)
    scaler = fit_scaler(clean, data.weight)
    x, present = _filled(clean, scaler, layout)
    rows = CleanRows(layout, x.numpy(), present.numpy(), data.weight)
    crossed = cross_fit(task.energies, rows, task.seeds[0], task.options.verbose)
    predictor, curve = _fit_predictor(task, x)
    held_out = HeldOutEnergies(crossed, layout, x.dtype)
    nothing = torch.zeros(present.shape, dtype=x.dtype)
    fold = torch.from_numpy(crossed.fold)
    potential = held_out.potential(x, present, nothing, fold).numpy()
    joint = None
    if task.joint_energy:
        group = task.target.groups(data.y)
        samples = JointSamples(x.numpy(), group, potential, data.weight)
        complete = present.all(1).numpy()
        joint = fit_joint_energy(samples.rows(complete), layout, task.target.n_groups)
    potential = np.where(present.numpy(), potential, np.nan)
    return Pretrained(
        scaler, task.energies, crossed, predictor, curve, potential, joint
    )


def refit_predictor(task: PretrainingTask, first: Pretrained) -> Pretrained:
    """Keep the energies of a pretraining, and train the predictor by another task."""
    x, _ = _filled(task.data.clean(task.layout), first.scaler, task.layout)
    predictor, curve = _fit_predictor(task, x)
    return first._replace(predictor=predictor, loss_curve=curve)


def _filled(
    clean: np.ndarray, scaler: StandardScaler, layout: ModeLayout
) -> tuple[Tensor, Tensor]:
    return fill_missing(torch.from_numpy(standardise(clean, scaler)), layout)


def _fit_predictor(task: PretrainingTask, x: Tensor) -> tuple[nn.Module, list[float]]:
    """Train the predictor on complete samples ``x`` (n, d), unless it comes trained."""
    data, options = task.data, task.options
    with seeded(task.seeds[1], options.device) as generator:
        module = task.build()
        if isinstance(task.predictor, nn.Module):
            return module, []
        calibrate_predictor(module, x, torch.from_numpy(data.weight))
        net = make_net(
            ModuleAlone(module),
            PretrainingLoss(task.target.loss),
            options,
            batch_size=auto_batch_size(options.batch_size, len(x)),
        )
        samples = Samples(
            {"x": x},
            {"y": torch.from_numpy(data.y)},
            torch.from_numpy(data.loss_weight),
        ).map(lambda tensor: tensor.to(options.device))

        def draw() -> Samples:
            if task.missing_fraction == 0 or task.layout.n_modes == 1:
                return samples
            x, _ = fail_modes(
                samples.inputs["x"],
                task.layout,
                ZeroedMode(),
                generator,
                clean_fraction=1 - task.missing_fraction,
            )
            return Samples({"x": x}, samples.targets, samples.weight)

        train(net, draw, options, generator, "pretrained predictor")
    return module.cpu(), net.history[:, "train_loss"]
