"""What a fit will do, settled and checked before anything is trained."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state

from sklearn_emma._checking import CheckedData, check_modes_seen
from sklearn_emma._classifier_predictor import clone_classifier
from sklearn_emma._mode_energies import clone_estimators, warn_of_ignored_weights
from sklearn_emma._net import check_callbacks
from sklearn_emma._network import MLP
from sklearn_emma._phases import Options, TrainingSet, split_validation
from sklearn_emma._predictor import build_predictor
from sklearn_emma._torch_state import draw_seed, resolve_device, seeded
from sklearn_emma.corruption import Corruption, Mixture, fail_modes


class Plan(NamedTuple):
    """Training data, parts and seeds of a fit, all checked; options of phase one.

    ``base_seeds`` are those of the energies and of the base model, ``seed`` that of the
    second phase, ``last_seed`` that of the ``classifier`` which predicts in the end, if
    there is one. ``missing_fraction`` is that of the base model.
    """

    data: TrainingSet
    validation: TrainingSet | None
    predictor: Any
    classifier: Any | None
    estimators: list[Any]
    corruption: Corruption | None
    options: Options
    base_seeds: tuple[int, int]
    seed: int
    last_seed: int
    missing_fraction: float
    n_classes: int
    dtype: torch.dtype


def plan_training(params: Any, checked: CheckedData, continues: bool = False) -> Plan:
    """Settle everything that can be known, and fail, before anything is trained.

    A training that ``continues`` learns no energies: a mode may be missing throughout.

    Raises
    ------
    ValueError
        If device, energies, predictor, corruption or ``n_failing`` do not fit.
    """
    check_callbacks(params.callbacks)
    device = resolve_device(params.device)
    data, validation = checked.data, None
    sizes = _check_sizes(params.hidden_layer_sizes)
    classifier = clone_classifier(params.predictor, data.loss_weight)
    # The gate needs gradients to learn; a classifier has none.
    predictor = params.predictor if classifier is None else None
    if predictor is None:
        predictor = partial(MLP, hidden_layer_sizes=sizes, dropout=params.dropout)
    n_classes, dtype = len(checked.classes), torch.from_numpy(data.X[:0]).dtype
    estimators = clone_estimators(
        params.energy_estimator, list(checked.modes), params.device
    )
    with seeded(0, torch.device("cpu")):  # built once to see that its sizes fit
        build_predictor(predictor, data.X.shape[1], n_classes, dtype)
    corruption = Mixture() if params.corruption == "auto" else params.corruption
    if corruption is not None:
        # Tried on three rows: it checks itself and the number of failing modes.
        failed, _ = fail_modes(
            torch.zeros(3, data.X.shape[1], dtype=dtype),
            torch.from_numpy(checked.mode_index),
            corruption,
            torch.Generator(),
            clean_fraction=params.clean_fraction,
            n_failing=params.n_failing,
        )
        if failed.isinf().any():
            raise ValueError(
                f"`corruption` must return finite values, or NaN for missing ones; "
                f"{corruption!r} made infinite ones."
            )

    rng = check_random_state(params.random_state)
    split_seed, *base_seeds, seed, last_seed = (draw_seed(rng) for _ in range(5))
    if params.early_stopping:
        data, validation = split_validation(
            data, checked.classes, params.validation_fraction, split_seed
        )
    if not continues:
        check_modes_seen(data, checked.modes)
        warn_of_ignored_weights(
            estimators,
            list(checked.modes),
            data.present(checked.mode_index),
            data.weight,
        )
    options = Options(
        max_iter=params.base_max_iter,
        batch_size=params.batch_size,
        lr=params.lr,
        lr_schedule=params.lr_schedule,
        optimizer=params.optimizer or torch.optim.Adam,
        device=device,
    )
    return Plan(
        data,
        validation,
        predictor,
        classifier,
        estimators,
        corruption,
        options,
        (base_seeds[0], base_seeds[1]),
        seed,
        last_seed,
        0.0 if corruption is None else params.base_missing_fraction,
        n_classes,
        dtype,
    )


def _check_sizes(hidden_layer_sizes: Any) -> tuple[int, ...]:
    sizes = np.atleast_1d(hidden_layer_sizes)
    whole = len(sizes) == 0 or np.issubdtype(sizes.dtype, np.integer)
    if sizes.ndim != 1 or not whole or (sizes < 1).any():
        raise ValueError(
            "`hidden_layer_sizes` must be positive integers, got "
            f"{hidden_layer_sizes!r}."
        )
    return tuple(sizes.tolist())
