"""Fit estimators that differ in a few parameters only, all at once."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import TypeAlias, TypeGuard

import torch
from torch import nn

from sklearn_emma._attention.checking import check_gate
from sklearn_emma._attention.coldness import Annealed
from sklearn_emma._estimators.classifier import EMMAClassifier
from sklearn_emma._estimators.regressor import EMMARegressor
from sklearn_emma._inputs.checking import CheckedData, Given, check_training_data
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.members import Member
from sklearn_emma._optim.samples import auto_batch_size
from sklearn_emma._optim.stacked_loop import Source, train_together
from sklearn_emma._optim.streams import RandomStream
from sklearn_emma._optim.torch_state import threads_for
from sklearn_emma._predictors.gated_copies import is_estimator
from sklearn_emma._training.cache import cached_pretraining
from sklearn_emma._training.fit import (
    Started,
    Trained,
    assemble,
    calibrate,
    score_pretrained,
)
from sklearn_emma._training.joint_training import runaway_coldness
from sklearn_emma._training.plan import Plan, make_gate, plan_training
from sklearn_emma._training.pretraining import Pretrained, refit_predictor
from sklearn_emma._training.simulation import simulated_epochs
from sklearn_emma._training.task import TRAINING_TYPE
from sklearn_emma.model_selection._remembered import RememberedEnergies

#: Parameters in which classifiers that are fitted together may differ.
TOGETHER = frozenset({"rho", "lambda_c", "lambda_e", "lr", "random_state"})


#: What can be trained together, if all are of one kind.
Estimator: TypeAlias = EMMAClassifier | EMMARegressor


def can_fit_together(classifier: object) -> TypeGuard[Estimator]:
    """Whether nothing in the classifier's parameters forbids to stack it."""
    return (
        isinstance(classifier, EMMAClassifier | EMMARegressor)
        and type(classifier) in (EMMAClassifier, EMMARegressor)  # others may differ
        and isinstance(classifier.random_state, Integral)
        and classifier.optimizer in (None, torch.optim.Adam)
        and not is_estimator(classifier.predictor)  # only torch modules are stacked
        and not classifier.callbacks
        and not classifier.early_stopping
        and not isinstance(classifier.rho, Annealed)  # no learnt or fixed number
        and not classifier.warm_start
    )


@ordinary_state()
def fit_together(classifiers: list[Estimator], given: Given) -> list[Exception | None]:
    """Fit classifiers whose parameters are equal but for those in ``TOGETHER``.

    Parameters
    ----------
    classifiers : list of EMMAClassifier or EMMARegressor
        Fitted in place. One that fails is left in no defined state.
    given : Given
        As in ``EMMAClassifier.fit``.

    Returns
    -------
    list of Exception or None
        What the ``fit`` of each would have raised.

    Raises
    ------
    CannotStackError
        If ``torch.func`` cannot vectorise the predictor.
    """
    errors: list[Exception | None] = [_invalid(clf) for clf in classifiers]
    valid = [i for i, error in enumerate(errors) if error is None]
    if valid:
        found = _fit_valid([classifiers[i] for i in valid], given)
        for i, error in zip(valid, found, strict=True):
            errors[i] = error
    return errors


def _invalid(classifier: Estimator) -> Exception | None:
    try:
        classifier._validate_params()
    except ValueError as error:
        return error
    return None


def _fit_valid(classifiers: list[Estimator], given: Given) -> list[Exception | None]:
    first = classifiers[0]
    checked = check_training_data(first, given, first._read_target)
    pretraining = _SharedPretraining(checked)
    errors: list[Exception | None] = [None] * len(classifiers)
    started: dict[int, Started] = {}
    for i, clf in enumerate(classifiers):
        try:
            started[i] = pretraining.start(clf)
        except (FloatingPointError, ValueError) as error:
            errors[i] = error
    if not started:
        return errors
    results = _train_gates(classifiers, started, pretraining.plans)
    for i, result in results.items():
        if isinstance(result, FloatingPointError):
            errors[i] = result
            continue
        model, _, curve = started[i]
        errors[i] = runaway_coldness(model, len(result))
        if errors[i] is not None:
            continue
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(first, name):
                setattr(classifiers[i], name, getattr(first, name))
        model.held_out = None  # nothing trains it further
        model.astype(pretraining.plans[_seed(classifiers[i])].dtype)
        fitted = Trained(model, curve, result, [])
        classifiers[i]._store(checked, fitted, continues=False)
    return errors


class _SharedPretraining:
    """Energies once for each seed, a pretrained predictor for each rate too."""

    def __init__(self, checked: CheckedData) -> None:
        self.checked = checked
        self.plans: dict[int, Plan] = {}
        self._energies: dict[int, Pretrained] = {}
        self._pretrained: dict[tuple[int, float], Pretrained | FloatingPointError] = {}
        self._first: dict[int, Started] = {}

    def start(self, clf: Estimator) -> Started:
        """What the joint training of a classifier goes on from."""
        seed = _seed(clf)
        if seed not in self.plans:
            self.plans[seed] = plan_training(clf, self.checked)
        plan = self.plans[seed]
        gate = make_gate(clf, self.checked.layout)
        check_gate(gate, TRAINING_TYPE)
        pretrained = self._pretrain(plan, seed, clf.lr)
        if seed in self._first:  # the same energies, and what was calibrated by them
            first = self._first[seed]
            model = assemble(plan, pretrained, gate, like=first.model)
            model.alarms = first.model.alarms
            model.network.gate.copy_calibration(first.model.network.gate)
            return Started(model, first.data, pretrained.loss_curve)
        model = assemble(plan, pretrained, gate)
        calibrate(model, plan, pretrained)
        data = score_pretrained(plan, pretrained, model)
        model.energies = RememberedEnergies.of(model.energies)
        self._first[seed] = Started(model, data, pretrained.loss_curve)
        return self._first[seed]

    def _pretrain(self, plan: Plan, seed: int, lr: float) -> Pretrained:
        key = seed, lr
        if key not in self._pretrained:
            try:
                self._pretrained[key] = self._learn(plan, seed, lr)
            except FloatingPointError as error:
                self._pretrained[key] = error
        found = self._pretrained[key]
        if isinstance(found, FloatingPointError):
            raise found
        return found

    def _learn(self, plan: Plan, seed: int, lr: float) -> Pretrained:
        # The plan is that of the first candidate, whose rate may not be this one's.
        options = replace(plan.pretraining.options, lr=lr)
        task = replace(plan.pretraining, options=options)
        if seed in self._energies:
            return refit_predictor(task, self._energies[seed])
        try:
            self._energies[seed] = cached_pretraining(plan.memory, task)
        except FloatingPointError:
            del self.plans[seed]  # its energies are fitted; the next has its own
            raise
        return self._energies[seed]


def _train_gates(
    classifiers: list[Estimator],
    started: dict[int, Started],
    plans: dict[int, Plan],
) -> dict[int, list[float] | FloatingPointError]:
    """Joint training of all models, in place; the loss curve of each, or its error."""
    seeds = sorted({_seed(classifiers[i]) for i in started})
    first_of = {
        seed: min(i for i in started if _seed(classifiers[i]) == seed) for seed in seeds
    }
    plan = plans[seeds[0]]
    options = plan.joint_training
    sources = [_source(plans[seed], started[first_of[seed]]) for seed in seeds]
    members = []
    for i, (model, *_) in started.items():
        clf = classifiers[i]
        terms = {"lambda_c": clf.lambda_c, "lambda_e": clf.lambda_e}
        source = seeds.index(_seed(clf))
        members.append(Member(model.network, source, clf.lr, terms))
    batch_size = auto_batch_size(options.batch_size, len(plan.train))
    every = nn.ModuleList([member.module for member in members])
    with threads_for(every, batch_size, options.device):
        results = train_together(
            members,
            sources,
            plan.make_loss,
            options,
            constrain=_project,
            part="attention",
        )
    for model, *_ in started.values():
        model.network.eval()
    return dict(zip(started, results, strict=True))


def _seed(clf: Estimator) -> int:
    assert isinstance(clf.random_state, Integral)
    return int(clf.random_state)


def _source(plan: Plan, started: Started) -> Source:
    stream = RandomStream(plan.seeds.joint_training, plan.joint_training.device)
    with stream.running():
        draw = simulated_epochs(
            started.model,
            started.data,
            plan.failures,
            stream.generator,
            plan.joint_training.max_iter,
            plan.failures.draws_to_keep(plan.joint_training.max_iter),
        )
    return Source(stream, draw)


def _project(network: nn.Module) -> None:
    assert isinstance(network, EMMANetwork)
    network.gate.project()
