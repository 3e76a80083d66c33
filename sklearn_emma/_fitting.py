"""From checked data and parameters to a trained model: the two phases in order."""

from __future__ import annotations

import copy
import inspect
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_memory

from sklearn_emma._checking import CheckedData, check_modes_seen
from sklearn_emma._classifier_predictor import (
    ClassifierPredictor,
    clone_classifier,
    fit_classifier,
)
from sklearn_emma._gate import EMMAGate
from sklearn_emma._mode_energies import ModeEnergies, clone_estimators
from sklearn_emma._model import EMMAModel
from sklearn_emma._network import MLP, EMMANetwork
from sklearn_emma._phases import (
    Options,
    PhaseOne,
    fit_phase_one,
    fit_phase_two,
    gated_copies,
    split_validation,
)
from sklearn_emma._predictor import build_predictor
from sklearn_emma._torch_state import draw_seed, resolve_device, seeded
from sklearn_emma.corruption import Corruption, Mixture


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
        If device, energy estimators or predictor do not fit; before any training.
    FloatingPointError
        If a loss stops being finite.
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
        _check_corruption(corruption, checked.mode_index, dtype)

    rng = check_random_state(params.random_state)
    split_seed, energy_seed, base_seed, seed, last_seed = (
        draw_seed(rng) for _ in range(5)
    )
    if params.early_stopping:
        data, validation = split_validation(
            data, params.validation_fraction, split_seed
        )
    check_modes_seen(data, checked.modes)
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
        model = copy.deepcopy(previous).astype(dtype)
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
            without_modes=corruption is not None,
            verbose=params.verbose,
        )
        model, base_curve = _assemble(params, first, checked, dtype), first.loss_curve
        model.calibrate(data.clean(checked.mode_index), data.weight)
    curves = fit_phase_two(
        model.to(device),
        data,
        validation,
        corruption=corruption,
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
    # Set in any case: a model that goes on may have had another one.
    model.classifier = (
        None
        if classifier is None
        else _fit_last(params, model, checked, classifier, corruption, last_seed)
    )
    return Trained(
        model, base_curve, curves["train_loss"], curves.get("valid_loss", [])
    )


def _fit_last(
    params: Any,
    model: EMMAModel,
    checked: CheckedData,
    classifier: Any,
    corruption: Corruption | None,
    seed: int,
) -> ClassifierPredictor:
    """Fit a classifier behind the gate, on all samples: it needs none held out."""
    with seeded(seed, model.device):  # for classifiers that are torch's within
        return fit_classifier(
            classifier,
            gated_copies(
                model,
                checked.data,
                1 if corruption is None else params.n_copies,
                corruption=corruption,
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


def _check_corruption(
    corruption: Corruption, index: np.ndarray, dtype: torch.dtype
) -> None:
    """Try it on three rows, before anything is trained."""
    if inspect.isclass(corruption):
        raise ValueError(
            f"`corruption` must be an instance, got the class {corruption.__name__}; "
            f"write {corruption.__name__}()."
        )
    x = torch.zeros(3, len(index), dtype=dtype)
    failed = corruption.corrupt(x, torch.from_numpy(index), torch.Generator())
    if not isinstance(failed, torch.Tensor) or failed.shape != x.shape:
        got = tuple(failed.shape) if hasattr(failed, "shape") else repr(failed)
        raise ValueError(
            f"`corruption` must return a tensor of the shape of x; {corruption!r} made "
            f"{got} of {tuple(x.shape)}."
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
