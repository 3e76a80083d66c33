"""Any torch module as predictor: build it, and see that its shapes fit."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch
from torch import nn


def build_predictor(
    predictor: Any,
    n_features_in: int,
    n_outputs: int,
    dtype: torch.dtype,
) -> nn.Module:
    """Make the module that maps gated features to logits.

    Parameters
    ----------
    predictor : nn.Module, class or factory
        A module is copied; a class or factory is called with
        ``(n_features_in, n_outputs)``.
    n_features_in, n_outputs : int
        Sizes that must fit.
    dtype : torch.dtype
        Of the result's parameters.

    Returns
    -------
    nn.Module

    Raises
    ------
    TypeError
        If no module comes out.
    ValueError
        If the module's input or output size does not fit.
    """
    if is_trained(predictor):
        module: Any = copy.deepcopy(predictor)
    else:
        try:
            module = predictor(n_features_in, n_outputs)
        except TypeError as error:
            raise TypeError(
                f"`predictor` is called as predictor(n_features_in, n_outputs); "
                f"{predictor!r} failed: {error}"
            ) from error
    if not isinstance(module, nn.Module):
        raise TypeError(
            "`predictor` must be a torch module, or a class or factory "
            f"(n_features_in, n_outputs) -> module; {predictor!r} gave {module!r}."
        )
    module = module.to("cpu", dtype)
    _check_shapes(module, predictor, n_features_in, n_outputs, dtype)
    return module


def is_trained(predictor: Any) -> bool:
    """Whether ``predictor`` is a module, to be fine-tuned, not a recipe for one."""
    return isinstance(predictor, nn.Module) and not inspect.isclass(predictor)


def takes_attention(predictor: nn.Module) -> bool:
    """Whether the module wants attention beside x, to multiply by it where it likes."""
    try:
        return "attention" in inspect.signature(predictor.forward).parameters
    except (TypeError, ValueError):  # compiled: it does not say
        return False


def _check_shapes(
    module: nn.Module, predictor: Any, n_in: int, n_out: int, dtype: torch.dtype
) -> None:
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            logits = module(torch.zeros(2, n_in, dtype=dtype))
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise ValueError(
            f"`predictor` cannot take the {n_in} features of the modes: {predictor!r} "
            f"fails on an input of shape (2, {n_in}): {error}"
        ) from error
    finally:
        module.train(training)
    if getattr(logits, "shape", None) != (2, n_out):
        got = getattr(logits, "shape", type(logits).__name__)
        raise ValueError(
            f"`predictor` must return logits of shape (n_samples, {n_out}), one for "
            f"each class; {predictor!r} returned {got} for 2 samples."
        )
