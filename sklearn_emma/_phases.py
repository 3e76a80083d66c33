"""What the two phases of training share: the samples and how they are trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn

from sklearn_emma._net import make_net


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

    def present(self, mode_index: np.ndarray) -> np.ndarray:
        """Whether a mode has any clean value, (n, M)."""
        known = ~np.isnan(self.clean(mode_index))
        modes = range(self.corrupted.shape[1])
        return np.stack([known[:, mode_index == m].any(axis=1) for m in modes], axis=1)

    def rows(self, index: np.ndarray) -> TrainingSet:
        """Some of the samples."""
        return TrainingSet(*(array[index] for array in self))


def split_validation(
    data: TrainingSet, classes: np.ndarray, fraction: float, seed: int
) -> tuple[TrainingSet, TrainingSet]:
    """Hold out a stratified share of the samples, of ``classes`` (n_classes,)."""
    rows = np.arange(len(data.y))
    try:
        kept, held = train_test_split(
            rows,
            test_size=fraction,
            stratify=classes[data.y],  # the labels that an error would name
            random_state=seed,
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True cannot hold out validation_fraction={fraction} of "
            f"{len(rows)} distinct samples with every class in both parts: {error}"
        ) from error
    return data.rows(np.sort(kept)), data.rows(np.sort(held))


def phase_net(
    module: nn.Module, criterion: nn.Module, options: Options, **more: Any
) -> Any:
    """Make a skorch net that trains by ``options`` and what ``make_net`` takes more."""
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
