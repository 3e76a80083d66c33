"""The second phase: gate and predictor together, on clean and failing modes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sklearn_emma._loss import EMMALoss
from sklearn_emma._model import EMMAModel, fill_missing
from sklearn_emma._optimizer_state import OptimizerState
from sklearn_emma._phases import Options, TrainingSet, phase_net
from sklearn_emma._torch_state import seeded
from sklearn_emma._training import Samples, auto_batch_size, train
from sklearn_emma.corruption import Corruption, fail_modes


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
        net = phase_net(
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
        copies = [model.network.gated(**inputs) for inputs in draws]
    return torch.cat(copies).cpu().numpy()


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
