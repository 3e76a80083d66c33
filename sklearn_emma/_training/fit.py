"""From a plan to a trained model: pretraining, then joint training."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from skorch.history import History

from sklearn_emma._attention.gate import EMMAGate
from sklearn_emma._attention.nested import NestedGate, all_gates
from sklearn_emma._energies.cross_fitting import HeldOutEnergies
from sklearn_emma._energies.finite import narrowed
from sklearn_emma._energies.per_mode import ModeEnergies
from sklearn_emma._inputs.numbers import Numbers
from sklearn_emma._inputs.targets import Classes
from sklearn_emma._model.alarms import Alarms
from sklearn_emma._model.model import EMMAModel
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma._optim.optimizer_state import OptimizerState
from sklearn_emma._optim.torch_state import draw_seed, seeded, shared
from sklearn_emma._predictors.classifiers import ClassifierPredictor, fit_classifier
from sklearn_emma._predictors.evidence import relevance
from sklearn_emma._predictors.regressors import RegressorPredictor, fit_regressor
from sklearn_emma._training.cache import cached_pretraining
from sklearn_emma._training.convergence import warn_if_not_converged
from sklearn_emma._training.evidence import labelled
from sklearn_emma._training.joint_training import JointTask, train_jointly
from sklearn_emma._training.plan import Plan
from sklearn_emma._training.pretraining import Pretrained
from sklearn_emma._training.reference import clean_quantiles
from sklearn_emma._training.simulation import ScoredSet, gated_copies, score_set
from sklearn_emma._training.task import TRAINING_TYPE


class Started(NamedTuple):
    """What joint training goes on from.

    ``data`` are all distinct samples, scored once; ``pretraining_curve`` the losses of
    the pretrained predictor.
    """

    model: EMMAModel
    data: ScoredSet
    pretraining_curve: list[float]


class Trained(NamedTuple):
    """A trained model, its loss curves, and what else is known of its training.

    That is the attention of its training rows, what epochs have recorded, quantiles of
    attention and energy on clean rows, and the losses of a training that was stopped
    before the one that made the model. Models that are trained together have none of
    it: a search has no use for it.
    """

    model: EMMAModel
    pretraining_curve: list[float]
    curve: list[float]
    valid_curve: list[float]
    attention: np.ndarray | None = None
    history: Sequence[dict[str, object]] = ()
    reference: dict[str, np.ndarray] | None = None
    stopping_curve: Sequence[float] = ()


class Progress(NamedTuple):
    """What one pass over a chunk hands to the next, beside the model."""

    seed: int
    n_passes: int
    optimizer_state: OptimizerState


def train_model(plan: Plan, previous: EMMAModel | None = None) -> Trained:
    """Pretrain and train jointly, or train ``previous`` further, which stays as it is.

    Then fit the predictor, if it is a classifier.

    Raises
    ------
    FloatingPointError
        If a loss stops being finite.
    """
    started = start(plan, previous)
    if previous is not None:
        refit_evidence(started, plan)
    held = started.data.rows(plan.held) if len(plan.held) else None
    task = JointTask(
        data=started.data.rows(plan.train) if len(plan.held) else started.data,
        held_out=held,
        failures=plan.failures,
        criterion=plan.criterion,
        options=plan.joint_training,
        seed=plan.seeds.joint_training,
        target=plan.checked.target,
        n_draws=plan.failures.draws_to_keep(plan.joint_training.max_iter),
    )
    history = train_jointly(started.model, task)
    target = plan.checked.target
    warn_if_not_converged(started.model, started.data, target, history[:, "train_loss"])
    # Always reset: with warm_start the previous model may hold another classifier.
    started.model.classifier = _fit_classifier(plan, started)
    if not plan.goes_on:
        started.model.held_out = None  # several times as large as the energies
    return _finish(plan, started, history)


def train_pass(
    plan: Plan, previous: EMMAModel | None, progress: Progress | None
) -> tuple[Trained, Progress]:
    """Train one epoch jointly, after pretraining where there is no model yet.

    Parameters
    ----------
    plan : Plan
        Of the chunk, for one epoch.
    previous : EMMAModel, default=None
        Trained before; it stays as it is.
    progress : Progress, default=None
        Of the pass before; it stays as it is.

    Returns
    -------
    trained : Trained
    progress : Progress
        For the next pass.

    Raises
    ------
    FloatingPointError
        If a loss stops being finite.
    """
    started = start(plan, previous)
    if progress is None:
        progress = Progress(plan.seeds.joint_training, 0, OptimizerState())
    # Every pass gets its own seed.
    rng = np.random.RandomState([progress.seed, progress.n_passes])
    state = copy.deepcopy(progress.optimizer_state)
    task = JointTask(
        data=started.data,
        held_out=None,
        failures=plan.failures,
        criterion=plan.criterion,
        options=replace(plan.joint_training, lr_schedule="constant"),
        seed=draw_seed(rng),
        target=plan.checked.target,
        optimizer_state=state,
    )
    history = train_jointly(started.model, task)
    after = Progress(progress.seed, progress.n_passes + 1, state)
    return _finish(plan, started, history), after


def start(plan: Plan, previous: EMMAModel | None) -> Started:
    """Copy ``previous`` where there is one; else pretrain, and put a gate in front.

    Energies of the training data are those that pretraining has computed; only values
    that it left out, of held-out samples or corrupted modes, are scored here.
    """
    device = plan.joint_training.device
    if previous is not None:
        model = copy.deepcopy(previous).astype(plan.dtype).to(device)
        model.train_in(TRAINING_TYPE)
        for gate in all_gates(model.network.gate):
            gate.annealed = None  # the coldness has come to its end
        return Started(model, score_set(model, plan.checked.data), [])
    task = plan.pretraining
    first = cached_pretraining(plan.memory, task)
    model = assemble(plan, first, copy.deepcopy(plan.gate))
    calibrate(model, plan, first)
    return Started(model, score_pretrained(plan, first, model), first.loss_curve)


def assemble(
    plan: Plan,
    first: Pretrained,
    gate: EMMAGate | NestedGate,
    like: EMMAModel | None = None,
) -> EMMAModel:
    """Put a gate in front of the pretrained predictor.

    A model ``like`` it, of the same pretraining, shares what scores modes.
    """
    layout = plan.checked.layout
    held_out: HeldOutEnergies | None
    if first.evidence is not None:
        gate.balance(relevance(first.evidence.reliability))
    # The predictor may be an object of the cache: train a copy.
    network = EMMANetwork(
        gate, copy.deepcopy(first.predictor), layout, copy.deepcopy(first.evidence)
    )
    if like is not None:
        energies, held_out = like.energies, like.held_out
    else:
        energies = ModeEnergies(first.energies, layout, TRAINING_TYPE)
        held_out = HeldOutEnergies(first.crossed, layout, TRAINING_TYPE)
    model = EMMAModel(
        scaler=first.scaler,
        energies=energies,
        network=network.to(TRAINING_TYPE),
        joint=copy.deepcopy(first.joint),
        held_out=held_out,
    )
    return model.to(plan.joint_training.device)


def calibrate(model: EMMAModel, plan: Plan, first: Pretrained) -> None:
    """Scale the gate, and calibrate alarms, by the energies of clean values."""
    potential = torch.from_numpy(first.potential)
    weight = torch.from_numpy(plan.pretraining.data.weight)
    gate = model.network.gate
    gate.calibrate(narrowed(potential, TRAINING_TYPE), weight)
    model.alarms = Alarms(gate.scaling, potential, weight)


def refit_evidence(started: Started, plan: Plan) -> None:
    """Let single modes say what they know of the samples of now, in place."""
    evidence, inputs = started.model.network.evidence, started.data.inputs
    if evidence is not None:
        x, present = inputs.x.cpu().numpy(), inputs.present.cpu().numpy()
        data, target = plan.checked.data, plan.checked.target
        clean = present & ~data.corrupted
        evidence.fit(labelled(x.astype(np.float64), clean, data, target))


def score_pretrained(plan: Plan, first: Pretrained, model: EMMAModel) -> ScoredSet:
    """All distinct samples, with the energies that pretraining has computed."""
    known = np.full((len(plan.checked.data.y), model.layout.n_modes), np.nan)
    known = known.astype(first.potential.dtype)
    known[plan.train] = first.potential
    return score_set(model, plan.checked.data, known)


def _fit_classifier(
    plan: Plan, started: Started
) -> ClassifierPredictor | RegressorPredictor | None:
    """Fit an estimator behind the gate, on all samples: it needs none held out."""
    if plan.classifier is None:
        return None
    target, data = plan.checked.target, plan.checked.data
    seed = plan.seeds.classifier
    n_copies = plan.classifier.n_copies if plan.failures.simulates else 1
    # For estimators that are torch's within, and for those that use threads.
    with seeded(seed, started.model.device), shared():
        copies = gated_copies(
            started.model, started.data, plan.failures, n_copies, seed
        ).astype(data.X.dtype, copy=False)
        estimator, weight = plan.classifier.estimator, data.loss_weight
        if isinstance(target, Numbers):
            return fit_regressor(estimator, copies, data.y, weight, target, seed)
        assert isinstance(target, Classes)
        y, labels = target.labels[data.y], target.labels
        return fit_classifier(estimator, copies, y, weight, labels, seed)


def _finish(plan: Plan, started: Started, history: History) -> Trained:
    started.model.astype(plan.dtype)
    return Trained(
        started.model,
        started.pretraining_curve,
        history[:, "train_loss"],
        history[:, "valid_loss"] if len(plan.held) else [],
        started.model.gather(plan.checked.X, lambda s: s.at("modes").attention),
        history,
        clean_quantiles(started.model, started.data, plan.checked.data.weight),
    )
