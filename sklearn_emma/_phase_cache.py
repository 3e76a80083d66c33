"""The first phase, from the user's cache where it is there.

Pickle, and so joblib's key of a call, knows classes and functions by name only: a
predictor edited in a notebook would be taken for the one before, and a lambda has no
name. So predictors are told apart by what they build and what that does.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import joblib
import torch
from sklearn.utils.validation import check_memory
from torch import Tensor, nn

import sklearn_emma
from sklearn_emma._phase_one import PhaseOne, fit_phase_one
from sklearn_emma._predictor import build_predictor
from sklearn_emma._torch_state import seeded

_PROBE_ROWS = 16


def cached_phase_one(
    memory: Any, *, names: list[str], verbose: bool | int, **arguments: Any
) -> PhaseOne:
    """Return :func:`fit_phase_one` of ``arguments``, or what it returned before.

    ``names`` and ``verbose`` change only messages. What cannot be cached is computed,
    with a warning that says why.
    """
    run = partial(fit_phase_one, **arguments, names=names, verbose=verbose)
    if memory is None:
        return run()
    try:
        # Another version of the package may learn something else.
        key = joblib.hash((sklearn_emma.__version__, _told_by_content(**arguments)))
    # Its modules and estimators are the user's, and may refuse in any way.
    except Exception as error:
        # Joblib adds a second argument: all data that it was about to pickle.
        reason = str(error.args[0] if error.args else error)[:200]
        warnings.warn(
            "`memory` is not used in this fit: predictor, energy estimators and "
            f"optimizer must be such that pickle can store them ({reason}). Define "
            "their classes and functions at the top level of a module.",
            stacklevel=2,
        )
        return run()
    return check_memory(memory).cache(_recall, ignore=["run"])(key, run)


def _recall(key: str, run: Callable[[], PhaseOne]) -> PhaseOne:
    return run()


def _told_by_content(predictor: Any, **arguments: Any) -> dict[str, Any]:
    """Arguments with what tells the predictor from any other in place of it."""
    data, n_classes = arguments["data"], arguments["n_classes"]
    dtype = torch.from_numpy(data.X[:0]).dtype
    with seeded(0, torch.device("cpu")):
        module = build_predictor(predictor, data.X.shape[1], n_classes, dtype)
        pickle.dumps(module)  # which is what the cache will have to do
        return arguments | {"predictor": _fingerprint(module, data.X.shape[1], dtype)}


def _fingerprint(module: nn.Module, n_features: int, dtype: torch.dtype) -> list[Any]:
    """What a fresh module is made of, and how it takes a training step.

    Names, settings, parameters and buffers; logits and gradients for values up to tens
    of standard deviations, in training and in evaluation. Changes ``module``.
    """
    x = torch.randn(_PROBE_ROWS, n_features, dtype=dtype)
    x = x * torch.logspace(-1, 1, _PROBE_ROWS, dtype=dtype).unsqueeze(1)
    parts = [_settings(part) for part in module.modules()]
    fresh = _arrays(module.state_dict())
    calibrate: Any = getattr(module, "calibrate", None)
    if calibrate is not None:
        calibrate(x, torch.ones(_PROBE_ROWS, dtype=dtype))
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


def _settings(part: nn.Module) -> tuple[Any, ...]:
    plain = (bool, int, float, str, tuple, list, type(None))
    settings = {k: repr(v) for k, v in vars(part).items() if isinstance(v, plain)}
    return type(part).__module__, type(part).__qualname__, settings, sorted(vars(part))


def _arrays(tensors: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.detach().cpu().numpy().copy()
        if isinstance(value, Tensor)
        else value
        for name, value in tensors.items()
    }
