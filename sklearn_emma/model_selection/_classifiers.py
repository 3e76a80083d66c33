"""Fit classifiers that differ in a few parameters only, all at once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any

import torch
from torch import nn

from sklearn_emma._checking import CheckedData, check_training_data
from sklearn_emma._classifier import EMMAClassifier
from sklearn_emma._fitting import Trained, assemble, run_phase_one
from sklearn_emma._loss import EMMALoss
from sklearn_emma._model import EMMAModel
from sklearn_emma._network import EMMANetwork
from sklearn_emma._phase_one import PhaseOne, refit_base_model
from sklearn_emma._phase_two import simulated_epochs
from sklearn_emma._plan import Plan, plan_training
from sklearn_emma._torch_state import threads_for
from sklearn_emma._training import auto_batch_size
from sklearn_emma.model_selection._stack import Member
from sklearn_emma.model_selection._stacked_training import Source, train_together
from sklearn_emma.model_selection._streams import RandomStream

#: Parameters in which classifiers that are fitted together may differ.
TOGETHER = frozenset({"rho", "lambda_c", "lambda_e", "lr", "random_state"})


def can_fit_together(classifier: Any) -> bool:
    """Whether nothing in the classifier's parameters forbids to stack it."""
    return (
        type(classifier) is EMMAClassifier
        and isinstance(classifier.random_state, Integral)
        and classifier.optimizer in (None, torch.optim.Adam)
        and not hasattr(classifier.predictor, "fit")  # only torch modules are stacked
        and not classifier.callbacks
        and not classifier.early_stopping
        and not classifier.warm_start
    )


def fit_together(
    classifiers: list[EMMAClassifier],
    X: Any,
    y: Any,
    sample_weight: Any = None,
    corrupted: Any = None,
) -> list[Exception | None]:
    """Fit classifiers whose parameters are equal but for those in ``TOGETHER``.

    Parameters
    ----------
    classifiers : list of EMMAClassifier
        Fitted in place. One that fails is left in no defined state.
    X, y, sample_weight, corrupted
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
        found = _fit_valid(
            [classifiers[i] for i in valid], X, y, sample_weight, corrupted
        )
        for i, error in zip(valid, found, strict=True):
            errors[i] = error
    return errors


def _invalid(classifier: EMMAClassifier) -> Exception | None:
    try:
        classifier._validate_params()
    except ValueError as error:
        return error
    return None


def _fit_valid(
    classifiers: list[EMMAClassifier],
    X: Any,
    y: Any,
    sample_weight: Any,
    corrupted: Any,
) -> list[Exception | None]:
    first = classifiers[0]
    checked = check_training_data(first, X, y, sample_weight, corrupted)
    phase_one = _SharedPhaseOne(checked)
    errors: list[Exception | None] = [None] * len(classifiers)
    models: dict[int, EMMAModel] = {}
    curves: dict[int, list[float]] = {}
    for i, clf in enumerate(classifiers):
        try:
            models[i], curves[i] = phase_one.model_for(clf)
        except FloatingPointError as error:
            errors[i] = error
    trained = _train_gates({i: classifiers[i] for i in models}, models, phase_one)
    for i, result in trained.items():
        if isinstance(result, FloatingPointError):
            errors[i] = result
            continue
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(first, name):
                setattr(classifiers[i], name, getattr(first, name))
        fitted = Trained(models[i], curves[i], result, [])
        classifiers[i]._store(checked, fitted, continues=False)
    return errors


class _SharedPhaseOne:
    """The first phase: energies once for each seed, a base model for each rate too."""

    def __init__(self, checked: CheckedData) -> None:
        self.checked = checked
        self.plans: dict[int, Plan] = {}
        self._energies: dict[int, PhaseOne] = {}
        self._bases: dict[tuple[int, float], PhaseOne | FloatingPointError] = {}
        self._calibrated: dict[int, EMMAModel] = {}

    def model_for(self, clf: EMMAClassifier) -> tuple[EMMAModel, list[float]]:
        """Model to be trained by the second phase, and loss curve of the first."""
        seed, checked = int(clf.random_state), self.checked
        if seed not in self.plans:
            self.plans[seed] = plan_training(clf, checked)
        plan = self.plans[seed]
        first = self._first(clf, plan, seed)
        model = assemble(clf, first, checked, plan)
        calibrated = self._calibrated.setdefault(seed, model)
        if calibrated is model:
            model.calibrate(plan.data.clean(checked.mode_index), plan.data.weight)
        else:
            model.energies = calibrated.energies
            model.network.gate.location.copy_(calibrated.network.gate.location)
            model.network.gate.scale.copy_(calibrated.network.gate.scale)
        return model.to(plan.options.device), first.loss_curve

    def _first(self, clf: EMMAClassifier, plan: Plan, seed: int) -> PhaseOne:
        key = seed, clf.lr
        if key not in self._bases:
            try:
                self._bases[key] = self._fit(clf, plan, seed)
            except FloatingPointError as error:
                self._bases[key] = error
        found = self._bases[key]
        if isinstance(found, FloatingPointError):
            raise found
        return found

    def _fit(self, clf: EMMAClassifier, plan: Plan, seed: int) -> PhaseOne:
        if seed not in self._energies:
            self._energies[seed] = run_phase_one(clf, self.checked, plan)
            return self._energies[seed]
        return refit_base_model(
            self._energies[seed],
            plan.data,
            self.checked.mode_index,
            plan.predictor,
            plan.n_classes,
            replace(plan.options, lr=clf.lr),
            plan.base_seeds[1],
            plan.missing_fraction,
            clf.verbose,
        )


def _train_gates(
    classifiers: dict[int, EMMAClassifier],
    models: dict[int, EMMAModel],
    phase_one: _SharedPhaseOne,
) -> dict[int, list[float] | FloatingPointError]:
    """Second phase of all models, in place; the loss curve of each, or its error."""
    if not models:
        return {}
    params = classifiers[min(classifiers)]
    seeds = sorted({int(clf.random_state) for clf in classifiers.values()})
    first_of = {
        seed: min(i for i in models if int(classifiers[i].random_state) == seed)
        for seed in seeds
    }
    sources = [
        _source(params, models[first_of[seed]], phase_one.plans[seed]) for seed in seeds
    ]
    members = []
    for i, model in models.items():
        clf = classifiers[i]
        _make_rho_a_parameter(model.network)
        members.append(
            Member(
                module=model.network,
                source=seeds.index(int(clf.random_state)),
                lr=clf.lr,
                terms={"lambda_c": clf.lambda_c, "lambda_e": clf.lambda_e},
                constants=frozenset() if clf.rho == "learn" else _RHO,
            )
        )
    batch_size = auto_batch_size(params.batch_size, len(phase_one.checked.data.y))
    every = nn.ModuleList([member.module for member in members])
    with threads_for(every, batch_size, models[first_of[seeds[0]]].device):
        results = train_together(
            members,
            sources,
            partial(EMMALoss, importance_floor=params.importance_floor),
            max_iter=params.max_iter,
            batch_size=batch_size,
            lr_schedule=params.lr_schedule,
            constrain=_project,
            phase="attention",
            verbose=params.verbose,
        )
    for i, model in models.items():
        model.network.eval()
        if classifiers[i].rho != "learn":
            _make_rho_a_constant(model.network)
    return dict(zip(models, results, strict=True))


def _source(params: EMMAClassifier, model: EMMAModel, plan: Plan) -> Source:
    stream = RandomStream(plan.seed, plan.options.device)
    with stream.running():
        draw = simulated_epochs(
            model,
            plan.data,
            corruption=plan.corruption,
            clean_fraction=params.clean_fraction,
            n_failing=params.n_failing,
            n_draws=params.n_draws,
            generator=stream.generator,
        )
    return Source(stream, draw)


def _project(network: nn.Module) -> None:
    assert isinstance(network, EMMANetwork)
    network.gate.project()


_RHO = frozenset({"gate.log_rho"})


def _make_rho_a_parameter(network: EMMANetwork) -> None:
    # A number and "learn" in one stack: all are parameters, some never change.
    value = network.gate.log_rho
    if not isinstance(value, nn.Parameter):
        del network.gate.log_rho
        network.gate.log_rho = nn.Parameter(value)


def _make_rho_a_constant(network: EMMANetwork) -> None:
    value = network.gate.log_rho.detach()
    del network.gate.log_rho
    network.gate.register_buffer("log_rho", value)
