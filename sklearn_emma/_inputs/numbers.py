"""Numbers as a target: one for each sample, or several."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from sklearn_emma._losses.regression import squared_error_loss
from sklearn_emma._losses.regression_recipes import (
    ValueLoss,
    n_parameters,
    predicts_mean,
    value_loss,
)


class Numbers:
    """Values of one target or several; losses are those of standardised values.

    Parameters
    ----------
    n_targets : int or None
        Number of columns of y; None where y has one axis.
    value_loss : callable, default=squared_error_loss
        Loss of the predictor's outputs for standardised values.
    location, scale : ndarray of shape (n_targets,) or None, default=None
        Mean and standard deviation of each target, once :meth:`learn` knows them. The
        scale of a target that never changes is 0.
    """

    #: Samples are of one kind.
    n_groups = 1
    n_classes = None

    def __init__(
        self,
        n_targets: int | None,
        value_loss: ValueLoss = squared_error_loss,
        location: np.ndarray | None = None,
        scale: np.ndarray | None = None,
    ) -> None:
        self.n_targets = n_targets
        self.value_loss = value_loss
        self.location = location
        self.scale = scale

    @classmethod
    def from_values(cls, y: np.ndarray, loss: str | ValueLoss) -> Self:
        """Learn the number of targets.

        Raises
        ------
        ValueError
            If y does not hold numbers, or the loss cannot be used.
        """
        _check_numbers(y)
        n_targets = None if y.ndim == 1 else y.shape[1]
        return cls(n_targets, value_loss(loss, n_targets or 1))

    @property
    def n_outputs(self) -> int:
        """Outputs of the predictor: one for each target and parameter of the loss."""
        return n_parameters(self.value_loss) * self.n_columns

    @property
    def n_columns(self) -> int:
        """Number of targets, also where y has one axis."""
        return self.n_targets or 1

    @property
    def predicts_mean(self) -> bool:
        """Whether the answer is the mean of y, and not a quantile, say."""
        return predicts_mean(self.value_loss)

    def accept(self, y: np.ndarray, loss: str | ValueLoss) -> Self:
        """The same target with another loss, if y and loss fit what has been learnt.

        Raises
        ------
        ValueError
            If y has another shape than before, or a loss other outputs.
        """
        given = self.from_values(y, loss)
        if given.n_targets != self.n_targets:
            raise ValueError(
                f"y must have the shape of the first fit, {_shape(self.n_targets)}; "
                f"got {_shape(given.n_targets)}."
            )
        if given.n_outputs != self.n_outputs:
            raise ValueError(
                f"`loss` must have as many outputs for each target as that of the "
                f"first fit, {n_parameters(self.value_loss)}; {loss!r} has "
                f"{n_parameters(given.value_loss)}."
            )
        return type(self)(self.n_targets, given.value_loss, self.location, self.scale)

    def learn(self, y: np.ndarray, weight: np.ndarray) -> Self:
        """The target with location and scale of weighted values, unless it has them."""
        if self.location is not None:
            return self
        table = self._table(y)
        # In units of the largest, or squares might overflow.
        unit = np.abs(table).max(axis=0)
        unit[unit == 0] = 1.0
        mean = np.average(table / unit, axis=0, weights=weight)
        variance = np.average((table / unit - mean) ** 2, axis=0, weights=weight)
        scale = np.sqrt(variance)
        scale[scale <= 10 * np.finfo(np.float64).eps] = 0.0  # nothing but rounding
        return type(self)(self.n_targets, self.value_loss, mean * unit, scale * unit)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """The values themselves, as floats."""
        return np.asarray(y, dtype=np.float64)

    def decode(self, output: np.ndarray) -> np.ndarray:
        """Answers in the units of y, (n,) or (n, n_targets)."""
        location, scale = self._statistics()
        return self._shaped(output[:, : self.n_columns] * scale + location)

    def spread(self, output: np.ndarray) -> np.ndarray:
        """Spread of the answers in the units of y, (n,) or (n, n_targets).

        Raises
        ------
        ValueError
            If the loss learns none.
        """
        spread = getattr(self.value_loss, "spread", None)
        if spread is None:
            raise ValueError('return_std=True needs loss="gaussian", which learns it.')
        found: np.ndarray = spread(torch.from_numpy(output)).numpy()
        return self._shaped(found * self._statistics()[1])

    def standardise(self, y: Tensor) -> Tensor:
        """Values (n,) or (n, n_targets) in training standard deviations, as columns."""
        location, scale = self._statistics()
        inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        shift, slope = (
            torch.from_numpy(array).to(y.device) for array in (location, inverse)
        )
        # Each times the slope, as their difference might overflow.
        return y.double().reshape(len(y), -1) * slope - shift * slope

    def loss(self, output: Tensor, y: Tensor) -> Tensor:
        """Loss of outputs (n, n_outputs) for values y, (n,)."""
        return self.value_loss(output, self.standardise(y).to(output.dtype))

    def factors(self, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """All samples count alike, (n,)."""
        return np.ones(len(y))

    def stratify(self, y: np.ndarray) -> None:
        """Any split will do."""

    def groups(self, y: np.ndarray) -> np.ndarray:
        """All samples are of one group, (n,)."""
        return np.zeros(len(y), dtype=np.intp)

    def baseline(self, y: np.ndarray, weight: np.ndarray) -> float:
        """Mean loss where the mean is the answer for all samples."""
        outputs = torch.zeros(len(y), self.n_outputs, dtype=torch.float64)
        losses = self.loss(outputs, torch.from_numpy(y)).numpy()
        return float(np.average(losses, weights=weight))

    def _statistics(self) -> tuple[np.ndarray, np.ndarray]:
        assert self.location is not None and self.scale is not None
        return self.location, self.scale

    def _table(self, y: np.ndarray) -> np.ndarray:
        return y.reshape(len(y), self.n_columns)

    def _shaped(self, table: np.ndarray) -> np.ndarray:
        return table[:, 0] if self.n_targets is None else table


def _shape(n_targets: int | None) -> str:
    return "(n_samples,)" if n_targets is None else f"(n_samples, {n_targets})"


def _check_numbers(y: np.ndarray) -> None:
    if issparse(y):
        raise ValueError("y must be dense; write y.toarray().")
    if y.dtype.kind not in "biuf":
        raise ValueError(
            f"y must hold numbers, got the type {y.dtype}. To predict classes, use "
            "EMMAClassifier."
        )
    if y.ndim > 1 and y.shape[1] == 0:
        raise ValueError(f"y must have a column at least, got the shape {y.shape}.")
