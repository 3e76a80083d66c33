"""What a corruption is."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from typing import Protocol, runtime_checkable

from sklearn.base import BaseEstimator
from torch import Generator, Tensor

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._validation import Constraints


@runtime_checkable
class Corruption(Protocol):
    """What :class:`~sklearn_emma.EMMAClassifier` asks of a corruption."""

    def corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` as it would be if every mode failed.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Values in units of each feature's training standard deviation, NaN where
            missing. Must not be written to.
        layout : ModeLayout
            Which columns belong to which mode.
        generator : torch.Generator
            Every draw must use it.

        Returns
        -------
        x_failed : Tensor of shape (n_samples, n_features)
            Of the type and on the device of ``x``; NaN where values are missing.
        """
        ...


class BaseCorruption(BaseEstimator):
    """Base of the corruptions of this package: checks parameters, then corrupts.

    A subclass declares ``_parameter_constraints`` and defines ``_corrupt``.
    """

    _parameter_constraints: Constraints = {}

    def corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` as it would be if every mode failed.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Values in units of each feature's training standard deviation, NaN where
            missing. They are not written to.
        layout : ModeLayout
            Which columns belong to which mode.
        generator : torch.Generator
            Decides everything random.

        Returns
        -------
        x_failed : Tensor of shape (n_samples, n_features)
            A new tensor, of the type and on the device of ``x``.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        self._validate_params()
        return self._corrupt(x, layout, generator)

    @abstractmethod
    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return failed values; the parameters are valid."""


def check_corruption(corruption: object, name: str) -> None:
    """Check that something is a corruption; ``name`` is what the message calls it.

    Those of a mixture are checked by the mixture, and parameters by their corruption,
    when they are asked to corrupt.

    Raises
    ------
    ValueError
        Says what it is instead.
    """
    if inspect.isclass(corruption):
        raise ValueError(
            f"{name} must be an instance, got the class {corruption.__name__}; write "
            f"{corruption.__name__}()."
        )
    if not isinstance(corruption, Corruption):
        raise ValueError(f"{name} must have a method `corrupt`, got {corruption!r}.")


def failed_by(
    corruption: Corruption,
    x: Tensor,
    layout: ModeLayout,
    generator: Generator,
    name: str,
) -> Tensor:
    """What a corruption makes of ``x``, checked to stand in its place.

    Raises
    ------
    ValueError
        Says what it is instead; ``name`` is what the message calls the corruption.
    """
    try:
        # A copy: one that writes to what it is given must spoil nothing else.
        failed: object = corruption.corrupt(x.clone(), layout, generator)
    except Exception as error:
        error.add_note(
            f"{name}: {corruption!r}, called as corrupt(x, layout, generator)."
        )
        raise
    if not isinstance(failed, Tensor) or failed.shape != x.shape:
        got = tuple(failed.shape) if hasattr(failed, "shape") else repr(failed)
        raise ValueError(
            f"{name} must return a tensor of the shape of x; {corruption!r} made "
            f"{got} of {tuple(x.shape)}."
        )
    if (failed.dtype, failed.device) != (x.dtype, x.device):
        raise ValueError(
            f"{name} must return a tensor of the type and on the device of x; "
            f"{corruption!r} made {failed.dtype} on {failed.device} of {x.dtype} on "
            f"{x.device}. End it with `.to(x)`."
        )
    return failed


def check_values(x: object, layout: ModeLayout) -> None:
    """Check that ``x`` is what a corruption is given.

    Raises
    ------
    ValueError
        Says what it is instead.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"`x` must be a tensor of floating-point type, got {got}.")
    if x.dim() != 2 or x.shape[1] != layout.n_features:
        raise ValueError(
            f"`x` must have shape (n_samples, {layout.n_features}): the columns of the "
            f"modes of `layout` side by side, and no others; got {tuple(x.shape)}."
        )
