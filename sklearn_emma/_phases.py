"""The two phases: energies and base model, then gate and predictor together."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from sklearn_emma._joint_energy import JointEnergy, fit_joint_energy
from sklearn_emma._loss import BaseLoss, EMMALoss
from sklearn_emma._mode_energies import ModeEnergies, fit_mode_energies
from sklearn_emma._model import EMMAModel, fill_missing, standardise
from sklearn_emma._network import BaseModel
from sklearn_emma._optimizer_state import OptimizerState
from sklearn_emma._predictor import build_predictor, is_trained
from sklearn_emma._torch_state import seeded
from sklearn_emma._training import Samples, auto_batch_size, make_net, train
from sklearn_emma.corruption import Corruption, ZeroedMode, fail_modes

# Of the samples that teach the base model. The less informative modes by themselves
# take longest to learn, and the second phase masks the others in few samples only.
_SHARE_WITHOUT_A_MODE = 0.5


@dataclass(frozen=True)
class Options:
    """How a phase is trained; names as in :class:`~sklearn_emma.EMMAClassifier`."""

    max_iter: int
    batch_size: int | str
    lr: float
    lr_schedule: str
    optimizer: Any
    device: torch.device


class TrainingSet(NamedTuple):
    """Distinct training samples, columns side by side in the order of the modes.

    ``X`` (n, d) with NaN where missing, ``y`` (n,) class numbers, ``weight`` (n,)
    counts samples, ``loss_weight`` (n,) is that times the weight of the class,
    ``corrupted`` (n, M) is True where the user knows that a mode failed.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    loss_weight: np.ndarray
    corrupted: np.ndarray

    def clean(self, mode_index: np.ndarray) -> np.ndarray:
        """X with modes known to be corrupted as missing."""
        return np.where(self.corrupted[:, mode_index], np.nan, self.X)

    def rows(self, index: np.ndarray) -> TrainingSet:
        """Some of the samples."""
        return TrainingSet(*(array[index] for array in self))


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
    without_modes: bool,
    joint_energy: bool,
    verbose: bool | int = False,
) -> PhaseOne:
    """Fit standardisation, an energy for each mode, and the predictor on clean data.

    A mode that the user knows to be corrupted teaches its energy nothing, and is at its
    mean for the predictor. ``without_modes`` is whether the predictor also learns to do
    without each mode, ``joint_energy`` whether modes are also compared with each other.
    A predictor that comes trained is left as it is.
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
        without_modes,
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
    without_modes: bool,
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
        without_modes,
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
    without_modes: bool,
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
        net = _net(BaseModel(module), BaseLoss(), options, batch_size=batch_size)
        samples = Samples(
            {"x": x},
            {"y": torch.from_numpy(data.y)},
            torch.from_numpy(data.loss_weight),
        ).map(lambda tensor: tensor.to(options.device))
        index = torch.from_numpy(mode_index).to(options.device)

        def draw() -> Samples:
            if not without_modes or data.corrupted.shape[1] == 1:
                return samples
            x, _ = fail_modes(
                samples.inputs["x"],
                index,
                ZeroedMode(),
                generator,
                clean_fraction=1 - _SHARE_WITHOUT_A_MODE,
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


def fit_phase_two(
    model: EMMAModel,
    data: TrainingSet,
    validation: TrainingSet | None,
    *,
    corruption: Corruption | None,
    clean_fraction: float,
    n_failing: int,
    n_draws: int | None,
    lambda_c: float,
    lambda_e: float,
    importance_floor: float,
    options: Options,
    patience: int | None,
    tol: float,
    callbacks: list[Any] | None,
    seed: int,
    optimizer_state: OptimizerState | None = None,
    verbose: bool | int = False,
) -> dict[str, list[float]]:
    """Train gate and predictor end to end on clean and failing modes, in place.

    Energies are frozen, so a whole epoch is corrupted and scored at once. Returns the
    loss curves, ``train_loss`` and, with validation data, ``valid_loss``. The optimiser
    goes on from ``optimizer_state`` and leaves its own there.
    """
    with seeded(seed, options.device) as generator:
        simulate = partial(
            simulated_epochs,
            model,
            corruption=corruption,
            clean_fraction=clean_fraction,
            n_failing=n_failing,
            generator=generator,
        )
        batch_size = auto_batch_size(options.batch_size, len(data.y))
        net = _net(
            model.network,
            EMMALoss(lambda_c, lambda_e, importance_floor),
            options,
            patience=patience if validation is not None else None,
            tol=tol,
            callbacks=callbacks,
            batch_size=batch_size,
            classes=np.unique(data.y).tolist(),
        )
        if optimizer_state is not None:
            optimizer_state.restore(net.optimizer_)
        held_out = None if validation is None else simulate(validation)()
        train(
            net,
            simulate(data, n_draws=n_draws),
            max_iter=options.max_iter,
            batch_size=batch_size,
            generator=generator,
            phase="attention",
            validation=held_out,
            after_step=model.network.gate.project,
            verbose=verbose,
        )
        if optimizer_state is not None:
            optimizer_state.keep(net.optimizer_)
    kinds = ["train_loss"] if validation is None else ["train_loss", "valid_loss"]
    return {kind: net.history[:, kind] for kind in kinds}


def simulated_epochs(
    model: EMMAModel,
    data: TrainingSet,
    *,
    corruption: Corruption | None,
    clean_fraction: float,
    n_failing: int,
    generator: torch.Generator,
    n_draws: int | None = None,
) -> Callable[[], Samples]:
    """Return a function that gives the samples of the next epoch, modes failing."""
    draw = _Simulator(
        model,
        _to_device(data, model),
        corruption,
        clean_fraction,
        n_failing,
        generator,
    ).draw
    if n_draws is None:
        return draw
    return itertools.cycle([draw() for _ in range(n_draws)]).__next__


def gated_copies(
    model: EMMAModel,
    data: TrainingSet,
    n_copies: int,
    *,
    corruption: Corruption | None,
    clean_fraction: float,
    n_failing: int,
    seed: int,
) -> np.ndarray:
    """Draw samples as the second phase does, and gate them.

    Returns what a predictor is to see, (n_copies · n, d), one copy after another.
    """
    with seeded(seed, model.device) as generator, torch.no_grad():
        draw = simulated_epochs(
            model,
            data,
            corruption=corruption,
            clean_fraction=clean_fraction,
            n_failing=n_failing,
            generator=generator,
        )
        draws = (draw().inputs for _ in range(n_copies))
        copies = [model.network.gated(**inputs)[0] for inputs in draws]
    return torch.cat(copies).cpu().numpy()


def split_validation(
    data: TrainingSet, fraction: float, seed: int
) -> tuple[TrainingSet, TrainingSet]:
    """Hold out a stratified share of the samples."""
    rows = np.arange(len(data.y))
    try:
        kept, held = train_test_split(
            rows, test_size=fraction, stratify=data.y, random_state=seed
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True cannot hold out validation_fraction={fraction} of "
            f"{len(rows)} distinct samples with every class in both parts: {error}"
        ) from error
    return data.rows(np.sort(kept)), data.rows(np.sort(held))


class _Simulator:
    """Draws the samples of an epoch: fails modes, then scores energies."""

    def __init__(
        self,
        model: EMMAModel,
        data: dict[str, Tensor],
        corruption: Corruption | None,
        clean_fraction: float,
        n_failing: int,
        generator: torch.Generator,
    ) -> None:
        self.model, self.data = model, data
        self.corruption, self.generator = corruption, generator
        self.clean_fraction, self.n_failing = clean_fraction, n_failing
        self.given = model.inputs(data["x"])

    def draw(self) -> Samples:
        """Return fresh samples."""
        (x, potential, present), corrupted = self.given, self.data["corrupted"]
        if self.corruption is not None:
            mode_index = self.model.network.mode_index
            failed, fails = fail_modes(
                self.data["x"],
                mode_index,
                self.corruption,
                self.generator,
                clean_fraction=self.clean_fraction,
                n_failing=self.n_failing,
            )
            x, present = fill_missing(failed, mode_index, corrupted.shape[1])
            potential = self.model.energies.potential(x, present & fails, potential)
            corrupted = corrupted | fails
        return Samples(
            {"x": x, "potential": potential, "present": present},
            {"y": self.data["y"], "corrupted": corrupted, "present": present},
            self.data["loss_weight"],
        )


def _to_device(data: TrainingSet, model: EMMAModel) -> dict[str, Tensor]:
    rest = {name: getattr(data, name) for name in ("y", "loss_weight", "corrupted")}
    tensors = {name: torch.from_numpy(a).to(model.device) for name, a in rest.items()}
    return {"x": model.standardise(data.X), **tensors}


def _net(module: nn.Module, criterion: nn.Module, options: Options, **more: Any) -> Any:
    return make_net(
        module,
        criterion,
        optimizer=options.optimizer,
        lr=options.lr,
        lr_schedule=options.lr_schedule,
        max_iter=options.max_iter,
        device=options.device,
        **more,
    )
