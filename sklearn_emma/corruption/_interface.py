"""What a corruption is."""

from __future__ import annotations

import inspect
from typing import Protocol, runtime_checkable

from torch import Generator, Tensor

from sklearn_emma._inputs.layout import ModeLayout


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
