"""Any torch module as predictor: build it, and see that its shapes fit."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._optim.torch_state import forked


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
    *,
    logits: bool = True,
    layout: ModeLayout | None = None,
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
    logits : bool, default=True
        Whether outputs are to be logits of classes.
    layout : ModeLayout, default=None
        For the method ``build_for`` of a recipe, in place of ``build``.

    Returns
    -------
    nn.Module

    Raises
    ------
    TypeError
        If no module comes out.
    ValueError
        If the module's input or output does not fit, as it trains or as it predicts; if
        it ends in a softmax or a sigmoid; or if it has nothing to train and does not
        come trained.
    """
    knows_modes = None if layout is None else getattr(predictor, "build_for", None)
    if callable(knows_modes):
        module: object = knows_modes(layout, n_outputs)
    else:
        module = _made(predictor, n_features_in, n_outputs)
    if not isinstance(module, nn.Module):
        raise TypeError(
            "`predictor` must be a torch module, or make one: a class or factory "
            "(n_features_in, n_outputs) -> module, or an object whose `build` is one; "
            f"{predictor!r} gave {module!r}."
        )
    try:
        module = module.to("cpu", dtype)
    except RuntimeError as error:
        raise ValueError(
            f"`predictor` {predictor!r} cannot be used: {error}"
        ) from error
    kind = "logits" if logits else "outputs"
    _check_output(module, predictor, (n_features_in, n_outputs), dtype, kind)
    if logits:
        _check_unsquashed(module, predictor, n_features_in, dtype)
    comes_trained = isinstance(predictor, nn.Module)
    if not comes_trained and not any(p.requires_grad for p in module.parameters()):
        raise ValueError(
            f"`predictor` {predictor!r} made a module with nothing to train: it has no "
            "parameter that requires a gradient. One that is as it should be is given "
            "itself, as an instance: predictor=module."
        )
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
    except Exception as error:
        if not isinstance(error, TypeError) or isinstance(error, ValueError):
            # The user's own error, or scikit-learn's of a parameter, which is of both.
            error.add_note(f"`predictor`: {called}({n_in}, {n_out}) failed.")
            raise
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


def _check_output(
    module: nn.Module,
    predictor: object,
    sizes: tuple[int, int],
    dtype: torch.dtype,
    kind: str,
) -> None:
    n_in, n_out = sizes
    more = {"attention": torch.ones(2, n_in, dtype=dtype)}
    attentions = [{}, more] if takes_attention(module) else [{}]
    # One row too: `squeeze` and the like are at home with several.
    for n, attention in [(2, given) for given in attentions] + [(1, {})]:
        try:
            output = _tried(module, torch.zeros(n, n_in, dtype=dtype), **attention)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            raise ValueError(
                f"`predictor` cannot take the {n_in} features of the modes: "
                f"{predictor!r} fails on an input of shape ({n}, {n_in}): {error}"
            ) from error
        except Exception as error:
            error.add_note(f"`predictor` {predictor!r} was given zeros ({n}, {n_in}).")
            raise
        _check_form(output, predictor, (n, n_out), dtype, kind)
        if not output.isfinite().all():
            raise ValueError(
                f"`predictor` must return finite {kind} for a row of zeros too, which "
                f"a sample is whose modes are all missing; {predictor!r} returned "
                f"{output.tolist()}."
            )
    for attention in attentions:
        try:
            output = _tried_training(
                module, torch.zeros(2, n_in, dtype=dtype), attention
            )
        except Exception:  # two rows may be too few to train on
            continue
        _check_form(output, predictor, (2, n_out), dtype, kind, " as it trains")


def _check_form(
    output: object,
    predictor: object,
    shape: tuple[int, int],
    dtype: torch.dtype,
    kind: str,
    when: str = "",
) -> None:
    if getattr(output, "shape", None) != shape:
        of_each = "class" if kind == "logits" else "target, or two with loss='gaussian'"
        got = getattr(output, "shape", type(output).__name__)
        raise ValueError(
            f"`predictor` must return {kind} of shape (n_samples, {shape[1]}), one "
            f"for each {of_each}; {predictor!r} returned {got} for {shape[0]} samples"
            f"{when}."
        )
    if getattr(output, "dtype", None) != dtype:
        raise ValueError(
            f"`predictor` must return {kind} of the type of its input, {dtype}; "
            f"{predictor!r} returned {getattr(output, 'dtype', type(output))}{when}."
        )


def _check_unsquashed(
    module: nn.Module, predictor: object, n_in: int, dtype: torch.dtype
) -> None:
    """Check that outputs are logits: the loss applies a softmax of its own.

    After `log_softmax` they still are, since softmax undoes it.
    """
    layer = _last_layer(module)
    if not isinstance(layer, nn.Softmax | nn.Sigmoid | nn.Hardsigmoid):
        x = torch.randn(64, n_in, dtype=dtype, generator=torch.Generator())
        try:
            # Up to thousands of standard deviations, where a sigmoid is 0 or 1.
            output = _tried(module, x * torch.logspace(-1, 4, 64).to(x).unsqueeze(1))
        except Exception:  # such values are not for every module
            return
        if not ((output >= 0) & (output <= 1)).all():
            return
        one = torch.ones(len(x), dtype=dtype)
        sums_to_one = torch.allclose(output.sum(1), one, atol=1e-3)
        reaches_both_ends = output.min() < 0.01 and output.max() > 0.99
        if not sums_to_one and not reaches_both_ends:
            return
    raise ValueError(
        "`predictor` must return logits, not probabilities: the loss and "
        f"`predict_proba` apply the softmax themselves. The outputs of {predictor!r} "
        "have been through a softmax or sigmoid; leave that last step out."
    )


def _last_layer(module: nn.Module) -> nn.Module:
    while isinstance(module, nn.Sequential) and len(module):
        module = module[-1]
    return module


@torch.no_grad()
def _tried(module: nn.Module, x: Tensor, **attention: Tensor) -> Any:
    """Output of the module as it predicts; its mode is left as it was."""
    with _put_back(module):
        return module.eval()(x, **attention)


@torch.no_grad()
def _tried_training(module: nn.Module, x: Tensor, attention: dict[str, Tensor]) -> Any:
    """Output as it trains; running means and the global random state stay as well."""
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    with _put_back(module), forked([]):
        try:
            return module.train()(x, **attention)
        finally:
            for buffer, before in buffers:
                buffer.copy_(before)


@contextmanager
def _put_back(module: nn.Module) -> Iterator[None]:
    """Leave each part of a module in training or not, as it was."""
    training = [(part, part.training) for part in module.modules()]
    try:
        yield
    finally:
        for part, before in training:
            part.training = before
