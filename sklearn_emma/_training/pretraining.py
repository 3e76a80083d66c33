"""Pretraining: standardisation, energies and predictor, each part by itself."""

from __future__ import annotations

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
from sklearn_emma._energies.densities import JointSamples
from sklearn_emma._energies.interface import Energy
from sklearn_emma._energies.joint import JointEnergy, fit_joint_energy
from sklearn_emma._energies.per_mode import CleanRows
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.missing import fill_missing
from sklearn_emma._inputs.standardisation import fit_scaler_of_modes, standardise
from sklearn_emma._predictors.evidence import Evidence
from sklearn_emma._training.predictor import learn_predictor
from sklearn_emma._training.task import PretrainingTask


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
    potential: np.ndarray
    predictor: nn.Module
    loss_curve: list[float]
    evidence: Evidence | None
    joint: JointEnergy | None = None


def pretrain(task: PretrainingTask) -> Pretrained:
    """Fit standardisation, an energy for each mode, and the predictor on clean data.

    A mode that the user knows to be corrupted teaches its energy nothing, and is at its
    mean for the predictor. A predictor that comes trained is left as it is.
    """
    data, layout = task.data, task.layout
    clean = data.clean(layout)
    scaler = fit_scaler_of_modes(clean, data.weight, layout)
    x, present = _filled(clean, scaler, layout)
    rows = CleanRows(layout, x.numpy(), present.numpy(), data.weight)
    crossed = cross_fit(task.energies, rows, task.seeds[0], task.options.verbose)
    learnt = learn_predictor(task, rows)
    held_out = HeldOutEnergies(crossed, layout, x.dtype)
    nothing = torch.zeros(present.shape, dtype=x.dtype)
    fold = torch.from_numpy(crossed.fold)
    potential = held_out.potential(x, present, nothing, fold).numpy()
    joint = None
    if task.joint_energy is not None:
        group = task.target.groups(data.y)
        samples = JointSamples(x.numpy(), group, potential, data.weight)
        complete = present.all(1).numpy()
        samples, n_groups = samples.rows(complete), task.target.n_groups
        joint = fit_joint_energy(samples, layout.outermost, n_groups, task.joint_energy)
    potential = np.where(present.numpy(), potential, np.nan)
    return Pretrained(scaler, task.energies, crossed, potential, *learnt, joint)


def refit_predictor(task: PretrainingTask, first: Pretrained) -> Pretrained:
    """Keep the energies of a pretraining, and train the predictor by another task."""
    data, layout = task.data, task.layout
    x, present = _filled(data.clean(layout), first.scaler, layout)
    rows = CleanRows(layout, x.numpy(), present.numpy(), data.weight)
    return first._replace(**learn_predictor(task, rows)._asdict())


def _filled(
    clean: np.ndarray, scaler: StandardScaler, layout: ModeLayout
) -> tuple[Tensor, Tensor]:
    return fill_missing(torch.from_numpy(standardise(clean, scaler)), layout)
