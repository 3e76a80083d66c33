"""Losses of a regressor by name, and those that have options as objects."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TypeAlias

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from sklearn_emma._losses import regression
from sklearn_emma._losses.checking import probe, resolve_loss
from sklearn_emma._validation import Constraints, Interval

#: From outputs (n, n_parameters · n_targets) and standardised y (n, n_targets) to (n,).
ValueLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class Huber(BaseEstimator):
    """Squares up to δ, absolute values beyond: :func:`huber_loss` as an object.

    Parameters
    ----------
    delta : float, default=1.0
        Where squares end, δ > 0, in training standard deviations of the target.

    Examples
    --------
    >>> from sklearn_emma import EMMARegressor
    >>> from sklearn_emma.losses import Huber
    >>> EMMARegressor(loss=Huber(delta=0.5)).loss
    Huber(delta=0.5)
    """

    _parameter_constraints: Constraints = {
        "delta": [Interval(Real, 0, None, closed="neither")]
    }

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = delta

    def __call__(self, predicted: Tensor, y: Tensor) -> Tensor:
        return regression.huber_loss(predicted, y, self.delta)


class Quantile(BaseEstimator):
    """Pinball loss with its level: :func:`quantile_loss` as an object.

    Parameters
    ----------
    level : float, default=0.5
        Level of the quantile that is predicted, between 0 and 1.

    Examples
    --------
    >>> from sklearn_emma import EMMARegressor
    >>> from sklearn_emma.losses import Quantile
    >>> EMMARegressor(loss=Quantile()).set_params(loss__level=0.9).loss
    Quantile(level=0.9)
    """

    _parameter_constraints: Constraints = {
        "level": [Interval(Real, 0, 1, closed="neither")]
    }

    def __init__(self, level: float = 0.5) -> None:
        self.level = level

    def __call__(self, predicted: Tensor, y: Tensor) -> Tensor:
        return regression.quantile_loss(predicted, y, self.level)


class Gaussian(BaseEstimator):
    """Mean and spread of each target are learnt: :func:`gaussian_loss` as an object.

    The predictor has two outputs for each target; all means come first. ``predict(X,
    return_std=True)`` then returns both.

    Parameters
    ----------
    floor : float, default=1e-3
        Least spread, > 0, in training standard deviations of the target.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import Gaussian
    >>> Gaussian(floor=0.5).spread(torch.tensor([[7.0, -99.0]]))
    tensor([[0.5000]])
    """

    _parameter_constraints: Constraints = {
        "floor": [Interval(Real, 0, None, closed="neither")]
    }

    #: Outputs of the predictor for each target; the first is the answer.
    n_parameters = 2

    def __init__(self, floor: float = 1e-3) -> None:
        self.floor = floor

    def __call__(self, outputs: Tensor, y: Tensor) -> Tensor:
        mean, _ = outputs.chunk(2, dim=1)
        return regression.gaussian_loss(mean, self.spread(outputs), y)

    def spread(self, outputs: Tensor) -> Tensor:
        """Spread of each target, in its training standard deviations.

        Parameters
        ----------
        outputs : Tensor of shape (n, 2 * n_targets)
            What the predictor returns.

        Returns
        -------
        spread : Tensor of shape (n, n_targets)
            At least the floor.
        """
        return regression.spread_of(outputs.chunk(2, dim=1)[1], self.floor)


#: Losses by the name that ``EMMARegressor(loss=...)`` takes.
VALUE_LOSSES: dict[str, ValueLoss] = {
    "squared_error": regression.squared_error_loss,
    "absolute_error": regression.absolute_error_loss,
    "huber": Huber(),
    "quantile": Quantile(),
    "gaussian": Gaussian(),
}


def n_parameters(loss: ValueLoss) -> int:
    """Outputs that a loss wants for each target."""
    number: int = getattr(loss, "n_parameters", 1)
    return number


def predicts_mean(loss: ValueLoss) -> bool:
    """Whether the answer of least loss is the mean of y, whatever its distribution."""
    return loss is regression.squared_error_loss or isinstance(loss, Gaussian)


def value_loss(given: str | ValueLoss, n_targets: int) -> ValueLoss:
    """The function that ``EMMARegressor(loss=...)`` means, once it has been tried.

    Raises
    ------
    ValueError
        If the loss cannot be used; says why.
    """
    loss = VALUE_LOSSES.get(given) if isinstance(given, str) else given
    outputs = probe(n_parameters(loss) * n_targets) if loss is not None else probe(1)
    y = torch.linspace(-2, 2, len(outputs), dtype=outputs.dtype)
    return resolve_loss(
        given, VALUE_LOSSES, outputs, y.unsqueeze(1).repeat(1, n_targets)
    )
