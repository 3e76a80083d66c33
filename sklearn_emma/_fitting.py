"""From checked data and parameters to a trained model: the two phases in order."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch

from sklearn_emma._checking import CheckedData
from sklearn_emma._classifier_predictor import ClassifierPredictor, fit_classifier
from sklearn_emma._gate import EMMAGate
from sklearn_emma._mode_energies import ModeEnergies
from sklearn_emma._model import EMMAModel
from sklearn_emma._network import EMMANetwork
from sklearn_emma._optimizer_state import OptimizerState
from sklearn_emma._phase_cache import cached_phase_one
from sklearn_emma._phase_one import PhaseOne
from sklearn_emma._phase_two import fit_phase_two, gated_copies
from sklearn_emma._phases import Options
from sklearn_emma._plan import Plan, plan_training
from sklearn_emma._torch_state import seeded

# Beyond, comparing modes would cost more than the default predictor.
_MOST_COMPARED_FEATURES = 512


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
