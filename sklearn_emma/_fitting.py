"""From checked data and parameters to a trained model: the two phases in order."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state

from sklearn_emma._checking import CheckedData, check_modes_seen
from sklearn_emma._classifier_predictor import (
    ClassifierPredictor,
    clone_classifier,
    fit_classifier,
)
from sklearn_emma._gate import EMMAGate
from sklearn_emma._mode_energies import (
    ModeEnergies,
    clone_estimators,
    warn_of_ignored_weights,
)
from sklearn_emma._model import EMMAModel
from sklearn_emma._network import MLP, EMMANetwork
from sklearn_emma._optimizer_state import OptimizerState
from sklearn_emma._phase_cache import cached_phase_one
from sklearn_emma._phase_one import PhaseOne
from sklearn_emma._phase_two import fit_phase_two, gated_copies
from sklearn_emma._phases import Options, TrainingSet, split_validation
from sklearn_emma._predictor import build_predictor
from sklearn_emma._torch_state import draw_seed, resolve_device, seeded
from sklearn_emma.corruption import Corruption, Mixture, fail_modes

# Beyond, comparing modes would cost more than the default predictor.
_MOST_COMPARED_FEATURES = 512


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

    Then fit the predictor, if it is a classifier.

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
        If device, energies, predictor, corruption or ``n_failing`` do not fit; before
        any training.
    FloatingPointError
        If a loss stops being finite.
    """
    plan = plan_training(params, checked)
    model, base_curve = start_model(params, checked, plan, previous)
    options = replace(plan.options, max_iter=params.max_iter)
    curves = run_phase_two(params, plan, model, options, plan.seed, params.n_draws)
    # Set in any case: a model that goes on may have had another one.
    model.classifier = (
        None if plan.classifier is None else _fit_last(params, checked, plan, model)
    )
    return Trained(
        model, base_curve, curves["train_loss"], curves.get("valid_loss", [])
    )


def plan_training(params: Any, checked: CheckedData, continues: bool = False) -> Plan:
    """Settle everything that can be known, and fail, before anything is trained.

    A training that ``continues`` learns no energies: a mode may be missing throughout.

    Raises
    ------
    ValueError
        If device, energies, predictor, corruption or ``n_failing`` do not fit.
    """
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
        fail_modes(
            torch.zeros(3, data.X.shape[1], dtype=dtype),
            torch.from_numpy(checked.mode_index),
            corruption,
            torch.Generator(),
            clean_fraction=params.clean_fraction,
            n_failing=params.n_failing,
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


def start_model(
    params: Any, checked: CheckedData, plan: Plan, previous: EMMAModel | None
) -> tuple[EMMAModel, list[float]]:
    """Give what the second phase goes on from, and the loss curve of the first.

    A copy of ``previous`` where there is one; else the first phase is run.
    """
    if previous is not None:
        return copy.deepcopy(previous).astype(plan.dtype), []
    first = run_phase_one(params, checked, plan)
    model = assemble(params, first, checked, plan)
    model.calibrate(plan.data.clean(checked.mode_index), plan.data.weight)
    return model, first.loss_curve


def run_phase_one(params: Any, checked: CheckedData, plan: Plan) -> PhaseOne:
    """Energies and base model, from the cache where they are there."""
    return cached_phase_one(
        params.memory,
        names=list(checked.modes),
        verbose=params.verbose,
        data=plan.data,
        mode_index=checked.mode_index,
        estimators=plan.estimators,
        predictor=plan.predictor,
        n_classes=plan.n_classes,
        options=plan.options,
        seeds=plan.base_seeds,
        missing_fraction=plan.missing_fraction,
        joint_energy=_compares_modes(params, plan),
    )


def _compares_modes(params: Any, plan: Plan) -> bool:
    """Whether modes are compared with each other, as far as the user leaves it open."""
    if params.joint_energy != "auto":
        return bool(params.joint_energy)
    few_features = plan.data.X.shape[1] <= _MOST_COMPARED_FEATURES
    return few_features and params.attention_function in ("soft", "importance")


def run_phase_two(
    params: Any,
    plan: Plan,
    model: EMMAModel,
    options: Options,
    seed: int,
    n_draws: int | None = None,
    optimizer_state: OptimizerState | None = None,
) -> dict[str, list[float]]:
    """Train ``model`` in place; returns the loss curves."""
    return fit_phase_two(
        model.to(options.device),
        plan.data,
        plan.validation,
        corruption=plan.corruption,
        clean_fraction=params.clean_fraction,
        n_failing=params.n_failing,
        n_draws=n_draws,
        lambda_c=params.lambda_c,
        lambda_e=params.lambda_e,
        importance_floor=params.importance_floor,
        options=options,
        patience=params.n_iter_no_change,
        tol=params.tol,
        callbacks=params.callbacks,
        seed=seed,
        optimizer_state=optimizer_state,
        verbose=params.verbose,
    )


def _fit_last(
    params: Any, checked: CheckedData, plan: Plan, model: EMMAModel
) -> ClassifierPredictor:
    """Fit a classifier behind the gate, on all samples: it needs none held out."""
    seed = plan.last_seed
    with seeded(seed, model.device):  # for classifiers that are torch's within
        return fit_classifier(
            plan.classifier,
            gated_copies(
                model,
                checked.data,
                1 if plan.corruption is None else params.n_copies,
                corruption=plan.corruption,
                clean_fraction=params.clean_fraction,
                n_failing=params.n_failing,
                seed=seed,
            ),
            checked.data.y,
            checked.data.loss_weight,
            checked.classes,
            seed,
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


def assemble(
    params: Any, first: PhaseOne, checked: CheckedData, plan: Plan
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
    network = EMMANetwork(gate, copy.deepcopy(first.predictor), index).to(plan.dtype)
    return EMMAModel(
        columns=np.concatenate(list(checked.modes.values())),
        scaler=first.scaler,
        energies=ModeEnergies(first.estimators, widths, plan.dtype),
        network=network,
        joint=copy.deepcopy(first.joint),
    )
