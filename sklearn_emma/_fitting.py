"""From checked data and parameters to a trained model: the two phases in order."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_memory

from sklearn_emma._checking import CheckedData
from sklearn_emma._gate import EMMAGate
from sklearn_emma._mode_energies import ModeEnergies, clone_estimators
from sklearn_emma._model import EMMAModel
from sklearn_emma._network import MLP, EMMANetwork
from sklearn_emma._phases import (
    Options,
    PhaseOne,
    fit_phase_one,
    fit_phase_two,
    split_validation,
)
from sklearn_emma._predictor import build_predictor
from sklearn_emma._torch_state import draw_seed, resolve_device, seeded
from sklearn_emma.corruption import Mixture


class Trained(NamedTuple):
    """A trained model and the loss curves of its base model and of its second phase."""

    model: EMMAModel
    base_curve: list[float]
    curve: list[float]
    valid_curve: list[float]


def train_model(
    params: Any, checked: CheckedData, previous: EMMAModel | None = None
) -> Trained:
    """Run both phases, or go on with the second from where ``previous`` ended.

    Parameters
    ----------
    params : EMMAClassifier
        Whose parameters are read; nothing is set.
    checked : CheckedData
        Training data.
    previous : EMMAModel, default=None
        A trained model; it is left as it is.

    Raises
    ------
    ValueError
        If device, energy estimators or predictor do not fit; before any training.
    FloatingPointError
        If a loss stops being finite.
    """
    device = resolve_device(params.device)
    data, validation = checked.data, None
    sizes = tuple(int(size) for size in np.atleast_1d(params.hidden_layer_sizes))
    predictor = params.predictor
    if predictor is None:
        predictor = partial(MLP, hidden_layer_sizes=sizes, dropout=params.dropout)
    n_classes, dtype = len(checked.classes), torch.from_numpy(data.X[:0]).dtype
    estimators = clone_estimators(
        params.energy_estimator, list(checked.modes), params.device
    )
    with seeded(0, torch.device("cpu")):  # built once to see that its sizes fit
        build_predictor(predictor, data.X.shape[1], n_classes, dtype)

    rng = check_random_state(params.random_state)
    split_seed, energy_seed, base_seed, seed = (draw_seed(rng) for _ in range(4))
    if params.early_stopping:
        data, validation = split_validation(
            data, params.validation_fraction, split_seed
        )
    options = Options(
        max_iter=params.base_max_iter,
        batch_size=params.batch_size,
        lr=params.lr,
        lr_schedule=params.lr_schedule,
        optimizer=params.optimizer or torch.optim.Adam,
        device=device,
    )
    base_curve: list[float] = []
    if previous is not None:
        model = copy.deepcopy(previous)
    else:
        memory = check_memory(params.memory)
        first = memory.cache(fit_phase_one, ignore=["verbose"])(
            data,
            checked.mode_index,
            estimators,
            predictor,
            n_classes,
            options,
            (energy_seed, base_seed),
            verbose=params.verbose,
        )
        model, base_curve = _assemble(params, first, checked, dtype), first.loss_curve
        model.calibrate(data.clean(checked.mode_index), data.weight)
    curves = fit_phase_two(
        model.to(device),
        data,
        validation,
        corruption=Mixture() if params.corruption == "auto" else params.corruption,
        clean_fraction=params.clean_fraction,
        n_failing=params.n_failing,
        n_draws=params.n_draws,
        lambda_c=params.lambda_c,
        lambda_e=params.lambda_e,
        importance_floor=params.importance_floor,
        options=replace(options, max_iter=params.max_iter),
        patience=params.n_iter_no_change,
        tol=params.tol,
        callbacks=params.callbacks,
        seed=seed,
        verbose=params.verbose,
    )
    return Trained(
        model, base_curve, curves["train_loss"], curves.get("valid_loss", [])
    )


def _assemble(
    params: Any, first: PhaseOne, checked: CheckedData, dtype: torch.dtype
) -> EMMAModel:
    """Put a fresh gate before the base model."""
    widths = [len(columns) for columns in checked.modes.values()]
    gate = EMMAGate(
        len(widths),
        rho=params.rho,
        energy_scaling=params.energy_scaling,
        attention=params.attention_function,
        symmetric=params.symmetric_coupling,
        gain=params.attention_gain,
    )
    index = torch.from_numpy(checked.mode_index)
    # The predictor may be an object of the cache: train a copy.
    network = EMMANetwork(gate, copy.deepcopy(first.predictor), index).to(dtype)
    return EMMAModel(
        columns=np.concatenate(list(checked.modes.values())),
        scaler=first.scaler,
        energies=ModeEnergies(first.estimators, widths, dtype),
        network=network,
    )
