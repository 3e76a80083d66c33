"""A loss as the user gave it, tried out before anything is trained."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from sklearn_emma._validation import noting, validate_nested_params

_N_TRIED = 8


def resolve_loss(
    given: object,
    named: Mapping[str, Callable[..., Tensor]],
    outputs: Tensor,
    y: Tensor,
) -> Callable[..., Tensor]:
    """The function that a parameter ``loss`` means, once it has been tried.

    Parameters
    ----------
    given : str or callable
        The parameter.
    named : dict of str to callable
        What strings mean.
    outputs : Tensor of shape (n, k)
        What the loss may be asked for, with ``y`` (n, ...).

    Raises
    ------
    ValueError
        If a parameter of the loss is invalid; if it does not return a finite number for
        each sample; or if its result does not depend on what was predicted.
    """
    loss: Any = named[given] if isinstance(given, str) else given
    if inspect.isclass(loss):
        raise ValueError(
            f"`loss` must be an instance or a function, got the class {loss.__name__}; "
            f"write {loss.__name__}()."
        )
    if isinstance(loss, BaseEstimator):
        validate_nested_params(loss)
    with noting(f"`loss`, {given!r}, was tried before any training."):
        asked = outputs.clone().requires_grad_()
        found = loss(asked, y)
    shape = tuple(getattr(found, "shape", ()))
    if not isinstance(found, Tensor) or shape != (len(y),):
        raise ValueError(
            f"`loss` must return a tensor with the loss of each sample, ({len(y)},) "
            f"for {len(y)} of them; {given!r} returned "
            f"{shape if isinstance(found, Tensor) else type(found).__name__}."
        )
    if not found.isfinite().all():
        raise ValueError(f"`loss` must be finite; {given!r} returned {found.tolist()}.")
    if not found.requires_grad:
        raise ValueError(
            f"`loss` must have a gradient; that of {given!r} does not depend on what "
            "is predicted, or left torch on the way."
        )
    function: Callable[..., Tensor] = loss
    return function


def probe(n_outputs: int) -> Tensor:
    """Outputs (n, n_outputs) of both signs, the same every time."""
    rng = np.random.RandomState(0)
    return torch.from_numpy(rng.normal(size=(_N_TRIED, n_outputs)))
