"""Pretraining, taken from the user's cache if it is there.

Pickle, and so the key that joblib makes of a call, knows classes and functions by name
only: a predictor edited in a notebook would be mistaken for the one before, and a
lambda has no name. So predictors are told apart by what they build and what that does.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from dataclasses import replace

import joblib
import torch
from sklearn.utils.validation import check_memory
from torch import Tensor, nn

from sklearn_emma._optim.torch_state import seeded
from sklearn_emma._predictors.modules import calibrate_predictor
from sklearn_emma._training.pretraining import Pretrained, pretrain
from sklearn_emma._training.task import TRAINING_TYPE, PretrainingTask
from sklearn_emma._version import __version__

_PROBE_ROWS, _LOST_ROWS = 16, 1024


def cached_pretraining(
    memory: str | joblib.Memory | None, task: PretrainingTask
) -> Pretrained:
    """Return :func:`pretrain` of ``task``, or what it returned before.

    What cannot be cached is computed, with a warning that gives the reason.

    Raises
    ------
    ValueError
        If ``memory`` is no folder.
    """
    if memory is None:
        return pretrain(task)
    if isinstance(memory, str) and not memory.strip():
        # joblib would write into the working directory.
        raise ValueError(
            f"`memory` must be a folder, or None for none; got {memory!r}."
        )
    try:
        # Another version of the package may learn something else.
        key = joblib.hash((__version__, _told_by_content(task)))
    # The user's modules and estimators may refuse in any way.
    except Exception as error:
        # joblib adds a second argument with all the data that it was about to pickle.
        reason = str(error.args[0] if error.args else error)[:200]
        warnings.warn(
            "`memory` is not used in this fit: predictor, energy estimators and "
            f"optimizer must be such that pickle can store them ({reason}). Define "
            "their classes and functions at the top level of a module.",
            stacklevel=2,
        )
        return pretrain(task)
    recall = check_memory(memory).cache(_recall, ignore=["task"])
    found: object = recall(key, task)
    if isinstance(found, Pretrained):
        return found
    warnings.warn(
        f"`memory` gave an object of the class {type(found).__name__}, which no fit "
        "has put there, and is not used in this fit. Empty it.",
        stacklevel=2,
    )
    return pretrain(task)


def _recall(key: str, task: PretrainingTask) -> Pretrained:
    return pretrain(task)


def _told_by_content(task: PretrainingTask) -> dict[str, object]:
    """Everything that decides the result, with a fingerprint of the predictor."""
    with seeded(0, torch.device("cpu")):
        module = task.build()
        pickle.dumps(module)  # as the cache will have to do
        predictor = _fingerprint(module, task.layout.n_features)
        target = _what_is_lost(task)
    return vars(task) | {
        "predictor": predictor,
        "target": target,
        # Names and places are only for messages.
        "layout": (
            task.layout.shapes,
            task.layout.n_parts,
            [name in task.layout.ragged for name in task.layout.names],
        ),
        "options": replace(task.options, verbose=False),
    }


def _what_is_lost(task: PretrainingTask) -> list[object]:
    """What kind of y it is, with losses of samples by outputs small and large."""
    target, y = task.target, torch.from_numpy(task.data.y[:_LOST_ROWS])
    outputs = torch.randn(len(y), target.n_outputs, dtype=TRAINING_TYPE)
    scale = torch.logspace(-1, 1, len(y), dtype=TRAINING_TYPE).unsqueeze(1)
    outputs = (outputs * scale).requires_grad_()
    losses = target.loss(outputs, y)
    losses.sum().backward()
    settings = {k: v for k, v in vars(target).items() if not callable(v)}
    kind = type(target).__module__, type(target).__qualname__, settings
    return [kind, *_arrays({"losses": losses, "gradients": outputs.grad}).values()]


def _fingerprint(module: nn.Module, n_features: int) -> list[object]:
    """What a fresh module is made of, and how it takes a training step.

    Names, settings, parameters and buffers; logits and gradients for values up to tens
    of standard deviations, in training and in evaluation. Changes ``module``.
    """
    x = torch.randn(_PROBE_ROWS, n_features, dtype=TRAINING_TYPE)
    x = x * torch.logspace(-1, 1, _PROBE_ROWS, dtype=TRAINING_TYPE).unsqueeze(1)
    parts = [_settings(part) for part in module.modules()]
    fresh = _arrays(module.state_dict())
    calibrate_predictor(module, x, torch.ones(_PROBE_ROWS, dtype=TRAINING_TYPE))
    module.train()
    logits = module(x)
    if logits.requires_grad:
        logits.square().sum().backward()
    gradients = {name: p.grad for name, p in module.named_parameters()}
    module.eval()
    with torch.no_grad():
        outputs = {"training": logits, "evaluation": module(x)}
    return [
        parts,
        fresh,
        *map(_arrays, (module.state_dict(), gradients, outputs)),
    ]


def _settings(part: nn.Module) -> tuple[object, ...]:
    plain = (bool, int, float, str, tuple, list, type(None))
    settings = {k: repr(v) for k, v in vars(part).items() if isinstance(v, plain)}
    return type(part).__module__, type(part).__qualname__, settings, sorted(vars(part))


def _arrays(tensors: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value.detach().cpu().numpy().copy()
        if isinstance(value, Tensor)
        else value
        for name, value in tensors.items()
    }
