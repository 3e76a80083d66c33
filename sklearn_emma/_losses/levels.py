"""Losses of a classifier that look at how high the energies of classes are.

E(y) is the energy of the right class, ȳ the most offending wrong one. They fix where
zero is, so that an energy means the same in all samples.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sklearn_emma._losses.offending import Margin, energy_of, margin_of, most_offending


def simple_loss(energies: Tensor, y: Tensor, margin: Margin = 1.0) -> Tensor:
    """Simple loss, max(0, E(y)) + max(0, m − E(ȳ)): right below 0, wrong above m.

    Unlike a hinge it looks at energies, not at their differences, so that the height of
    an energy means the same in all samples.

    Parameters
    ----------
    energies : Tensor of shape (n, n_classes)
        Energy of each class.
    y : Tensor of shape (n,)
        Indices of the right classes.
    margin : float or array-like of shape (n_classes, n_classes), default=1.0
        Margin m > 0, as in :func:`hinge_loss`.

    Returns
    -------
    loss : Tensor of shape (n,)
        At least 0.

    References
    ----------
    Y. LeCun et al., "A tutorial on energy-based learning", 2006.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import simple_loss
    >>> simple_loss(torch.tensor([[0.5, 0.5], [-3.0, 3.0]]), torch.tensor([0, 0]))
    tensor([1., 0.])
    """
    wrong, which = most_offending(energies, y)
    short = (margin_of(margin, y, which, energies) - wrong).relu()
    return energy_of(energies, y).relu() + short


def square_square_loss(energies: Tensor, y: Tensor, margin: Margin = 1.0) -> Tensor:
    """Squares, max(0, E(y))² + max(0, m − E(ȳ))²: as :func:`simple_loss`, but squared.

    Large errors count more and small ones less. The square of E(y) is one-sided, since
    energies of classes may be negative.

    Parameters
    ----------
    energies : Tensor of shape (n, n_classes)
        Energy of each class.
    y : Tensor of shape (n,)
        Indices of the right classes.
    margin : float or array-like of shape (n_classes, n_classes), default=1.0
        Margin m > 0, as in :func:`hinge_loss`.

    Returns
    -------
    loss : Tensor of shape (n,)
        At least 0.

    References
    ----------
    Y. LeCun et al., "A tutorial on energy-based learning", 2006.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import square_square_loss
    >>> square_square_loss(torch.tensor([[0.5, 0.5]]), torch.tensor([0]))
    tensor([0.5000])
    """
    wrong, which = most_offending(energies, y)
    short = (margin_of(margin, y, which, energies) - wrong).relu()
    return energy_of(energies, y).relu().square() + short.square()


def square_exp_loss(
    energies: Tensor, y: Tensor, tau: float | Tensor = 1.0, kappa: float = 1.0
) -> Tensor:
    """Square–exponential, E(y)² + κ exp(−τ E(ȳ)): right at 0, wrong as high as can be.

    The exponential never lets go of wrong classes, and grows without bound where their
    energy is negative: keep to a small learning rate.

    Parameters
    ----------
    energies : Tensor of shape (n, n_classes)
        Energy of each class.
    y : Tensor of shape (n,)
        Indices of the right classes.
    tau : float or Tensor, default=1.0
        How fast the push on wrong classes falls with their energy, τ > 0.
    kappa : float, default=1.0
        How strong it is, κ > 0.

    Returns
    -------
    loss : Tensor of shape (n,)
        Above 0.

    References
    ----------
    Y. LeCun et al., "A tutorial on energy-based learning", 2006.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import square_exp_loss
    >>> square_exp_loss(torch.tensor([[2.0, 0.0]]), torch.tensor([0]))
    tensor([5.])
    """
    wrong, _ = most_offending(energies, y)
    return energy_of(energies, y).square() + kappa * torch.exp(-tau * wrong)
