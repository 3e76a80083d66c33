"""Any torch module as predictor: build it, and see that its shapes fit."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn


class PredictorRecipe(Protocol):
    """Builds a predictor once its sizes are known."""

    def build(self, n_features_in: int, n_outputs: int) -> nn.Module:
        """Make the torch module."""
        ...


#: A module, taken as trained; a class or factory; or a recipe.
TorchPredictor: TypeAlias = (
    nn.Module | Callable[[int, int], nn.Module] | PredictorRecipe
)


def build_predictor(
    predictor: TorchPredictor,
    n_features_in: int,
    n_outputs: int,
    dtype: torch.dtype,
) -> nn.Module:
    """Make the module that maps gated features to outputs.

    Parameters
    ----------
    predictor : nn.Module, class, factory or recipe
        A module is copied; a class or factory is called with
        ``(n_features_in, n_outputs)``, and so is the method ``build`` of a recipe.
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
    module = _made(predictor, n_features_in, n_outputs)
    if not isinstance(module, nn.Module):
        raise TypeError(
            "`predictor` must be a torch module, or make one: a class or factory "
            "(n_features_in, n_outputs) -> module, or an object whose `build` is one; "
            f"{predictor!r} gave {module!r}."
        )
    module = module.to("cpu", dtype)
    _check_shapes(module, predictor, n_features_in, n_outputs, dtype)
    return module


def _made(predictor: TorchPredictor, n_in: int, n_out: int) -> object:
    if isinstance(predictor, nn.Module):
        return copy.deepcopy(predictor)
    if isinstance(predictor, type) and issubclass(predictor, BaseEstimator):
        name = predictor.__name__
        raise ValueError(
            f"`predictor` must be an instance, got the class {name}; write {name}(...)."
        )
    is_class = inspect.isclass(predictor)
    recipe = None if is_class else getattr(predictor, "build", None)
    make: Any = predictor if recipe is None else recipe
    called = "predictor" if recipe is None else "predictor.build"
    try:
        return make(n_in, n_out)
    except TypeError as error:
        if isinstance(error, ValueError):
            raise  # scikit-learn's error of a parameter is both, and says enough
        raise TypeError(
            f"`predictor` is called as {called}(n_features_in, n_outputs); "
            f"{predictor!r} failed: {error}"
        ) from error


def calibrate_predictor(module: nn.Module, x: Tensor, weight: Tensor) -> None:
    """Show the training data (n, d) to a module that wants to see it."""
    calibrate = getattr(module, "calibrate", None)
    if callable(calibrate):
        calibrate(x, weight)


def takes_attention(predictor: nn.Module) -> bool:
    """Whether the module wants attention beside x, to multiply by it where it likes."""
    try:
        return "attention" in inspect.signature(predictor.forward).parameters
    except (TypeError, ValueError):  # compiled code does not tell its arguments
        return False


def _check_shapes(
    module: nn.Module, predictor: object, n_in: int, n_out: int, dtype: torch.dtype
) -> None:
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            output = module(torch.zeros(2, n_in, dtype=dtype))
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise ValueError(
            f"`predictor` cannot take the {n_in} features of the modes: {predictor!r} "
            f"fails on an input of shape (2, {n_in}): {error}"
        ) from error
    finally:
        module.train(training)
    if getattr(output, "shape", None) != (2, n_out):
        got = getattr(output, "shape", type(output).__name__)
        raise ValueError(
            f"`predictor` must return logits of shape (n_samples, {n_out}), one for "
            f"each class; {predictor!r} returned {got} for 2 samples."
        )
