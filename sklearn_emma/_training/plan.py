"""What a fit will do, settled and checked before anything is trained.

This is the one place where training reads the parameters of an estimator. Everything
below it is told what to do by the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from joblib import Memory
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state

from sklearn_emma._attention.checking import check_gate
from sklearn_emma._attention.coldness import Annealed
from sklearn_emma._attention.gate import EMMAGate
from sklearn_emma._attention.interface import AttentionFunction
from sklearn_emma._attention.nested import NestedGate
from sklearn_emma._energies.choice import choose_energies
from sklearn_emma._energies.comparing import (
    Comparison,
    DensityComparison,
    EstimatedComparison,
    JointEstimator,
)
from sklearn_emma._energies.per_mode import by_part, warn_of_ignored_weights
from sklearn_emma._inputs.checking import CheckedData, TakesModes, check_modes_seen
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.numbers import Numbers
from sklearn_emma._inputs.sub_estimators import set_random_states
from sklearn_emma._inputs.targets import Target
from sklearn_emma._inputs.training_set import TrainingSet, split_validation
from sklearn_emma._optim.net import Options, TrainingParams
from sklearn_emma._optim.torch_state import RandomStateLike, draw_seed, seeded
from sklearn_emma._predictors.classifiers import clone_classifier
from sklearn_emma._predictors.gated_copies import GatedCopies
from sklearn_emma._predictors.mlp import MLP
from sklearn_emma._predictors.modules import TorchPredictor, build_predictor
from sklearn_emma._predictors.regressors import clone_regressor
from sklearn_emma._training.loss import JointLoss
from sklearn_emma._training.task import TRAINING_TYPE, PretrainingTask, epochs_alone
from sklearn_emma._validation import validate_nested_params
from sklearn_emma.corruption import Corruption, Failures


class EMMAParams(TakesModes, TrainingParams, Protocol):
    """Parameters of an estimator that training reads; none is ever set."""

    energy_estimator: BaseEstimator | dict[str, BaseEstimator] | None
    joint_energy: bool | str | JointEstimator
    energy_scaling: str | object
    coupling: str | object | None
    attention_function: str | AttentionFunction
    rho: float | str | Annealed
    lambda_c: float
    lambda_e: float
    predictor: TorchPredictor | BaseEstimator | None
    corruption: Failures | Corruption | str | None
    max_iter: int
    pretraining_max_iter: int | str
    early_stopping: bool | str
    validation_fraction: float
    n_iter_no_change: int
    tol: float
    memory: str | Memory | None
    warm_start: bool
    random_state: RandomStateLike


class Seeds(NamedTuple):
    """One for each thing that draws at random, so that none disturbs another.

    In the order in which they are drawn from ``random_state``.
    """

    split: int
    energies: int
    pretraining: int
    joint_training: int
    classifier: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a fit needs, checked.

    ``train`` and ``held`` are the rows of the distinct samples to train on and to stop
    early by; ``held`` is empty without early stopping, and ``refits`` is whether all
    are trained on in the end. ``gate`` is new and is copied; ``goes_on`` is whether
    another fit may train the model further;
    ``classifier``, or regressor, predicts in the end, if there is one.
    """

    checked: CheckedData
    train: np.ndarray
    held: np.ndarray
    seeds: Seeds
    gate: EMMAGate | NestedGate
    pretraining: PretrainingTask
    joint_training: Options
    failures: Failures
    make_loss: Callable[..., JointLoss]
    lambdas: dict[str, float]
    classifier: GatedCopies | None
    memory: str | Memory | None
    goes_on: bool
    refits: bool

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of X, in which the model scores in the end."""
        return torch.from_numpy(self.checked.data.X[:0]).dtype

    @property
    def criterion(self) -> JointLoss:
        """Loss of the joint training."""
        return self.make_loss(**self.lambdas)


def plan_training(
    params: EMMAParams,
    checked: CheckedData,
    continues: bool = False,
    max_iter: int | None = None,
) -> Plan:
    """Settle everything that can be known, and fail, before anything is trained.

    A training that ``continues`` learns no energies: a mode may be missing throughout.
    Joint training is of ``max_iter`` epochs; None: of as many as the parameter says.

    Raises
    ------
    ValueError
        If device, energies, gate, predictor, corruption or ``n_failing`` do not fit.
    """
    layout, target, data = checked.layout, checked.target, checked.data
    n_epochs = params.max_iter if max_iter is None else max_iter
    options = Options.from_params(params, n_epochs)
    classifier = _clone_estimator(params.predictor, target, data)
    predictor = _torch_predictor(params.predictor, classifier)
    energies = choose_energies(
        by_part(params.energy_estimator, layout), layout, params.device
    )
    gate = make_gate(params, layout)
    check_gate(gate, TRAINING_TYPE)
    with seeded(0, torch.device("cpu")):  # built once to see that its sizes fit
        build_predictor(
            predictor,
            layout.n_features,
            target.n_outputs,
            TRAINING_TYPE,
            logits=target.n_classes is not None,
            layout=layout,
        )
    failures = Failures.from_parameter(params.corruption)
    failures.check(layout, TRAINING_TYPE)

    rng = check_random_state(params.random_state)
    seeds = Seeds(*(draw_seed(rng) for _ in Seeds._fields))
    train, held = np.arange(len(data.y)), np.arange(0)
    if params.early_stopping:
        train, held = split_validation(
            len(data.y),
            target.stratify(data.y),
            params.validation_fraction,
            seeds.split,
        )
    to_learn = data.rows(train) if len(held) else data
    if not continues:
        check_modes_seen(to_learn, layout)
        warn_of_ignored_weights(
            energies, layout.names, to_learn.present(layout), to_learn.weight
        )
    # By all samples, which a refit learns from as well.
    n_alone = epochs_alone(params.pretraining_max_iter, len(data.y))
    pretraining = PretrainingTask(
        data=to_learn,
        layout=layout,
        target=target,
        energies=energies,
        predictor=predictor,
        options=replace(options, max_iter=n_alone, callbacks=()),
        seeds=(seeds.energies, seeds.pretraining),
        missing_fraction=(
            failures.pretraining_missing_fraction if failures.simulates else 0.0
        ),
        joint_energy=_comparison(params.joint_energy, gate, seeds.energies),
        alone=n_epochs < n_alone,
    )
    return Plan(
        checked=checked,
        train=train,
        held=held,
        seeds=seeds,
        gate=gate,
        pretraining=pretraining,
        joint_training=replace(
            options,
            patience=params.n_iter_no_change if len(held) else None,
            tol=params.tol,
        ),
        failures=failures,
        make_loss=partial(JointLoss, target.loss),
        lambdas={"lambda_c": params.lambda_c, "lambda_e": params.lambda_e},
        classifier=classifier,
        memory=params.memory,
        goes_on=params.warm_start,
        refits=params.early_stopping == "refit",
    )


def make_gate(params: EMMAParams, layout: ModeLayout) -> EMMAGate | NestedGate:
    """A new gate, or one of gates, as an estimator's parameters want it."""
    two_levels = layout.above is not None and layout.n_modes > 1
    make = (
        partial(NestedGate, layout.n_parts)
        if two_levels
        else partial(EMMAGate, layout.n_modes)
    )
    return make(
        rho=params.rho,
        energy_scaling=params.energy_scaling,
        coupling=params.coupling,
        attention_function=params.attention_function,
    )


def _clone_estimator(
    given: object, target: Target, data: TrainingSet
) -> GatedCopies | None:
    """The estimator that predicts in the end, unfitted; None where torch does."""
    weight, X = data.loss_weight, data.X
    if isinstance(target, Numbers):
        return clone_regressor(given, weight, X.dtype, X.shape[1], target.n_columns)
    return clone_classifier(given, weight, X.dtype, X.shape[1])


def _torch_predictor(given: Any, classifier: GatedCopies | None) -> TorchPredictor:
    """What the gate learns in front of; a classifier has no gradients."""
    if given is None or classifier is not None:
        return MLP(evidence=classifier is None)
    predictor: TorchPredictor = given
    return predictor


def _comparison(
    given: bool | str | JointEstimator, gate: EMMAGate | NestedGate, seed: int
) -> Comparison | None:
    """How modes are compared, if they are; ``seed`` is for an estimator that draws."""
    if isinstance(given, str):  # "auto"
        given = gate.attention_function.graded
    if isinstance(given, bool | np.bool_):
        return DensityComparison() if given else None
    estimator = clone(given, safe=True)
    validate_nested_params(estimator)
    set_random_states(estimator, seed)
    return EstimatedComparison(estimator)
