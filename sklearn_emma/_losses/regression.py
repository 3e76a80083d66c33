"""Losses of a regressor: energies of the right values, given what was predicted.

All of them sum over targets. Values come standardised, so that options are in units of
a target's training standard deviation.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

# softplus(_UNIT) = 1: a spread starts at the standard deviation of the target.
_UNIT = math.log(math.e - 1)


def squared_error_loss(predicted: Tensor, y: Tensor) -> Tensor:
    """Squared error, ½ ‖y − g(x)‖²: the best prediction is the mean.

    The energy itself is the loss. It cannot collapse, since its scale is fixed: raising
    the energy of all wrong values is the same as lowering that of the right one.

    Parameters
    ----------
    predicted, y : Tensor of shape (n, n_targets)
        Predictions g(x) and right values.

    Returns
    -------
    loss : Tensor of shape (n,)
        At least 0.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import squared_error_loss
    >>> squared_error_loss(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
    tensor([2.])
    """
    return (y - predicted).square().sum(1) / 2


def absolute_error_loss(predicted: Tensor, y: Tensor) -> Tensor:
    """Absolute error, abs(y − g(x)): the best prediction is the median.

    Values that are far off pull no more than others.

    Parameters
    ----------
    predicted, y : Tensor of shape (n, n_targets)
        Predictions g(x) and right values.

    Returns
    -------
    loss : Tensor of shape (n,)
        At least 0.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import absolute_error_loss
    >>> absolute_error_loss(torch.tensor([[3.0, 1.0]]), torch.tensor([[1.0, 1.0]]))
    tensor([2.])
    """
    return (y - predicted).abs().sum(1)


def huber_loss(predicted: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    """Robust loss of Huber: ½ r² up to a distance of δ, then linear.

    The best prediction is a mean that outliers cannot pull far.

    Parameters
    ----------
    predicted, y : Tensor of shape (n, n_targets)
        Predictions g(x) and right values; r is their difference.
    delta : float, default=1.0
        Where squares end, δ > 0.

    Returns
    -------
    loss : Tensor of shape (n,)
        At least 0.

    References
    ----------
    P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical
    Statistics 35, 1964.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import huber_loss
    >>> huber_loss(torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1))
    tensor([0.5000, 2.5000])
    """
    return functional.huber_loss(predicted, y, reduction="none", delta=delta).sum(1)


def quantile_loss(predicted: Tensor, y: Tensor, level: float = 0.5) -> Tensor:
    """Pinball loss, max(q r, (q − 1) r) with r = y − g(x), summed over targets.

    Its best prediction is the quantile of level q: with 0.9, nine of ten values lie
    below. At 0.5 it is half the absolute error.

    Parameters
    ----------
    predicted, y : Tensor of shape (n, n_targets)
        Predictions g(x) and right values.
    level : float, default=0.5
        Level q of the quantile, 0 < q < 1.

    Returns
    -------
    loss : Tensor of shape (n,)
        At least 0.

    See Also
    --------
    sklearn.metrics.mean_pinball_loss : The same as a score.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import quantile_loss
    >>> quantile_loss(torch.zeros(2, 1), torch.tensor([[1.0], [-1.0]]), level=0.9)
    tensor([0.9000, 0.1000])
    """
    short = y - predicted
    return (level * short.relu() + (1 - level) * (-short).relu()).sum(1)


def gaussian_loss(mean: Tensor, spread: Tensor, y: Tensor) -> Tensor:
    """Gaussian −log p but for a constant: ½ ((y − μ)/s)² + log s, summed over targets.

    The constant is ½ log 2π for each target. Where s is learnt it needs a floor: on a
    perfect fit, log s has no least value.

    Parameters
    ----------
    mean, spread : Tensor of shape (n, n_targets)
        Mean μ and spread s > 0.
    y : Tensor of shape (n, n_targets)
        Right values.

    Returns
    -------
    loss : Tensor of shape (n,)
        May be negative.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import gaussian_loss
    >>> one = torch.ones(1, 1)
    >>> gaussian_loss(one, one, 3 * one)
    tensor([2.])
    """
    return (((y - mean) / spread).square() / 2 + spread.log()).sum(1)


def spread_of(raw: Tensor, floor: float) -> Tensor:
    """Spread s ≥ ``floor`` from an output of any sign; about 1 where that is 0."""
    return floor + functional.softplus(raw + _UNIT)
