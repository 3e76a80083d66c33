"""The first phase: standardisation, energies and base model, each part by itself."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from sklearn_emma._joint_energy import JointEnergy, fit_joint_energy
from sklearn_emma._loss import BaseLoss
from sklearn_emma._mode_energies import ModeEnergies, fit_mode_energies
from sklearn_emma._model import fill_missing
from sklearn_emma._network import BaseModel
from sklearn_emma._phases import Options, TrainingSet, phase_net
from sklearn_emma._predictor import build_predictor, is_trained
from sklearn_emma._standardisation import standardise
from sklearn_emma._torch_state import seeded
from sklearn_emma._training import Samples, auto_batch_size, train
from sklearn_emma.corruption import ZeroedMode, fail_modes


class PhaseOne(NamedTuple):
    """What the first phase learns, each part by itself."""

    scaler: StandardScaler
    estimators: list[Any]
    predictor: nn.Module
    loss_curve: list[float]
    joint: JointEnergy | None = None


def fit_phase_one(
    data: TrainingSet,
    mode_index: np.ndarray,
    estimators: list[Any],
    predictor: Any,
    n_classes: int,
    options: Options,
    seeds: tuple[int, int],
    missing_fraction: float,
    joint_energy: bool,
    names: list[str],
    verbose: bool | int = False,
) -> PhaseOne:
    """Fit standardisation, an energy for each mode, and the predictor on clean data.

    A mode that the user knows to be corrupted teaches its energy nothing, and is at its
    mean for the predictor. So is one drawn mode in a ``missing_fraction`` of the
    samples of each epoch. ``joint_energy`` is whether modes are also compared with each
    other. A predictor that comes trained is left as it is. ``names`` of the modes are
    for errors.
    """
    n_modes = data.corrupted.shape[1]
    clean = data.clean(mode_index)
    # A column without a single clean value has no statistics: it stays at 0.
    with np.errstate(invalid="ignore"):
        scaler = StandardScaler().fit(clean, sample_weight=data.weight)
    scaler.mean_ = np.nan_to_num(scaler.mean_)
    scaler.scale_ = np.nan_to_num(scaler.scale_, nan=1.0)
    z = torch.from_numpy(standardise(clean, scaler))
    x, present = fill_missing(z, torch.from_numpy(mode_index), n_modes)
    fit_mode_energies(
        estimators,
        [x[:, mode_index == mode].numpy() for mode in range(n_modes)],
        present.numpy(),
        data.weight,
        seeds[0],
        names,
        verbose,
    )
    module, curve = _fit_base_model(
        x,
        data,
        mode_index,
        predictor,
        n_classes,
        options,
        seeds[1],
        missing_fraction,
        verbose,
    )
    joint = None
    if joint_energy:
        potential = ModeEnergies(
            estimators, np.bincount(mode_index).tolist(), x.dtype
        ).potential(x, present)
        complete = present.all(1).numpy()
        joint = fit_joint_energy(
            x.numpy()[complete],
            data.y[complete],
            potential.numpy()[complete],
            data.weight[complete],
            mode_index,
            n_classes,
        )
    return PhaseOne(scaler, estimators, module, curve, joint)


def refit_base_model(
    first: PhaseOne,
    data: TrainingSet,
    mode_index: np.ndarray,
    predictor: Any,
    n_classes: int,
    options: Options,
    seed: int,
    missing_fraction: float,
    verbose: bool | int = False,
) -> PhaseOne:
    """Keep the energies of a first phase, train its predictor by other options."""
    z = torch.from_numpy(standardise(data.clean(mode_index), first.scaler))
    x, _ = fill_missing(z, torch.from_numpy(mode_index), data.corrupted.shape[1])
    module, curve = _fit_base_model(
        x,
        data,
        mode_index,
        predictor,
        n_classes,
        options,
        seed,
        missing_fraction,
        verbose,
    )
    return first._replace(predictor=module, loss_curve=curve)


def _fit_base_model(
    x: Tensor,
    data: TrainingSet,
    mode_index: np.ndarray,
    predictor: Any,
    n_classes: int,
    options: Options,
    seed: int,
    missing_fraction: float,
    verbose: bool | int,
) -> tuple[nn.Module, list[float]]:
    """Train the predictor on complete samples ``x`` (n, d), unless it comes trained."""
    with seeded(seed, options.device) as generator:
        module = build_predictor(predictor, x.shape[1], n_classes, x.dtype)
        if is_trained(predictor):
            return module, []
        calibrate: Any = getattr(module, "calibrate", None)
        if calibrate is not None:
            calibrate(x, torch.from_numpy(data.weight))
        batch_size = auto_batch_size(options.batch_size, len(x))
        net = phase_net(BaseModel(module), BaseLoss(), options, batch_size=batch_size)
        samples = Samples(
            {"x": x},
            {"y": torch.from_numpy(data.y)},
            torch.from_numpy(data.loss_weight),
        ).map(lambda tensor: tensor.to(options.device))
        index = torch.from_numpy(mode_index).to(options.device)

        def draw() -> Samples:
            if missing_fraction == 0 or data.corrupted.shape[1] == 1:
                return samples
            x, _ = fail_modes(
                samples.inputs["x"],
                index,
                ZeroedMode(),
                generator,
                clean_fraction=1 - missing_fraction,
            )
            return Samples({"x": x}, samples.targets, samples.weight)

        train(
            net,
            draw,
            max_iter=options.max_iter,
            batch_size=batch_size,
            generator=generator,
            phase="base model",
            verbose=verbose,
        )
    return module.cpu(), net.history[:, "train_loss"]
