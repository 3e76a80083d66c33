"""Losses of a classifier by name, and those that have options as objects."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TypeAlias

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from sklearn_emma._losses import differences, levels
from sklearn_emma._losses.checking import probe, resolve_loss
from sklearn_emma._losses.offending import Margin
from sklearn_emma._validation import Constraints, Interval

#: From energies (n, n_classes) and class indices (n,) to the loss of each sample (n,).
EnergyLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]

_MARGIN: list[object] = [Interval(Real, 0, None, closed="neither"), "array-like"]


class Hinge(BaseEstimator):
    """Hinge max(0, m + E(y) − E(ȳ)) with its margin: :func:`hinge_loss` as an object.

    Parameters
    ----------
    margin : float or array-like of shape (n_classes, n_classes), default=1.0
        Margin m > 0; an array has it by right class (rows) and most offending wrong
        class (columns), in the order of ``classes_``. Its diagonal has no meaning.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.losses import Hinge
    >>> clf = EMMAClassifier(loss=Hinge(margin=2.0))
    >>> clf.set_params(loss__margin=0.5).loss
    Hinge(margin=0.5)
    """

    _parameter_constraints: Constraints = {"margin": _MARGIN}

    def __init__(self, margin: Margin = 1.0) -> None:
        self.margin = margin

    def __call__(self, energies: Tensor, y: Tensor) -> Tensor:
        return differences.hinge_loss(energies, y, self.margin)


class Simple(BaseEstimator):
    """Right below 0, wrong above a margin: :func:`simple_loss` as an object.

    Parameters
    ----------
    margin : float or array-like of shape (n_classes, n_classes), default=1.0
        As in :class:`Hinge`.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import Simple
    >>> Simple(margin=2.0)(torch.tensor([[0.5, 0.5]]), torch.tensor([0]))
    tensor([2.])
    """

    _parameter_constraints: Constraints = {"margin": _MARGIN}

    def __init__(self, margin: Margin = 1.0) -> None:
        self.margin = margin

    def __call__(self, energies: Tensor, y: Tensor) -> Tensor:
        return levels.simple_loss(energies, y, self.margin)


class SquareSquare(BaseEstimator):
    """Squares of what is amiss: :func:`square_square_loss` as an object.

    Parameters
    ----------
    margin : float or array-like of shape (n_classes, n_classes), default=1.0
        As in :class:`Hinge`.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import SquareSquare
    >>> SquareSquare(margin=2.0)(torch.tensor([[0.5, 0.5]]), torch.tensor([0]))
    tensor([2.5000])
    """

    _parameter_constraints: Constraints = {"margin": _MARGIN}

    def __init__(self, margin: Margin = 1.0) -> None:
        self.margin = margin

    def __call__(self, energies: Tensor, y: Tensor) -> Tensor:
        return levels.square_square_loss(energies, y, self.margin)


class SquareExp(BaseEstimator):
    """Square of E(y), exponential of E(ȳ): :func:`square_exp_loss` as an object.

    Parameters
    ----------
    tau : float, default=1.0
        How fast the push on wrong classes falls with their energy, τ > 0.
    kappa : float, default=1.0
        How strong it is, κ > 0.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import SquareExp
    >>> SquareExp(kappa=3.0)(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
    tensor([7.])
    """

    _parameter_constraints: Constraints = {
        "tau": [Interval(Real, 0, None, closed="neither")],
        "kappa": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, tau: float = 1.0, kappa: float = 1.0) -> None:
        self.tau = tau
        self.kappa = kappa

    def __call__(self, energies: Tensor, y: Tensor) -> Tensor:
        return levels.square_exp_loss(energies, y, self.tau, self.kappa)


#: Losses by the name that ``EMMAClassifier(loss=...)`` takes.
LOSSES: dict[str, EnergyLoss] = {
    "nll": differences.nll_loss,
    "perceptron": differences.perceptron_loss,
    "hinge": Hinge(),
    "log": differences.log_loss,
    "mce": differences.mce_loss,
    "simple": Simple(),
    "square_square": SquareSquare(),
    "square_exp": SquareExp(),
}


def class_loss(given: str | EnergyLoss, n_classes: int) -> EnergyLoss:
    """The function that ``EMMAClassifier(loss=...)`` means, once it has been tried.

    Raises
    ------
    ValueError
        If the loss cannot be used; says why.
    """
    energies = probe(n_classes)
    return resolve_loss(
        given, LOSSES, energies, torch.arange(len(energies)) % n_classes
    )
