"""Losses of a classifier that look at differences between energies of classes.

E(y) is the energy of the right class, ȳ the most offending wrong one: of the wrong
classes the one of least energy.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from sklearn_emma._losses.offending import Margin, energy_of, margin_of, most_offending


def nll_loss(energies: Tensor, y: Tensor, tau: float | Tensor = 1.0) -> Tensor:
    """Negative log-likelihood, τ (E(y) − F_τ): minus log of the Gibbs probability of y.

    The cross-entropy of logits −τE. Its classifier is the one whose probabilities mean
    something. Adding the same to the energies of all classes changes nothing.

    Parameters
    ----------
    energies : Tensor of shape (n, n_classes)
        Energy of each class.
    y : Tensor of shape (n,)
        Indices of the right classes.
    tau : float or Tensor, default=1.0
        Inverse temperature τ > 0, which may be learnt: unlike E(y) − F_τ, this form has
        a minimum in it. It only sets the unit of energies that are learnt too.

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
    >>> from sklearn_emma.losses import nll_loss
    >>> nll_loss(torch.zeros(1, 2), torch.tensor([0]))
    tensor([0.6931])
    """
    return cross_entropy(-tau * energies, y, reduction="none")


def perceptron_loss(energies: Tensor, y: Tensor) -> Tensor:
    """Perceptron, E(y) − min E: how much lower than the right class another one is.

    It asks for no margin: once a sample is right it is forgotten, and energies that are
    the same for all classes are a minimum too. For baselines.

    Parameters
    ----------
    energies : Tensor of shape (n, n_classes)
        Energy of each class.
    y : Tensor of shape (n,)
        Indices of the right classes.

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
    >>> from sklearn_emma.losses import perceptron_loss
    >>> energies = torch.tensor([[2.0, 5.0], [2.0, 5.0]])
    >>> perceptron_loss(energies, torch.tensor([0, 1]))
    tensor([0., 3.])
    """
    return energy_of(energies, y) - energies.min(dim=1).values


def hinge_loss(energies: Tensor, y: Tensor, margin: Margin = 1.0) -> Tensor:
    """Hinge, max(0, m + E(y) − E(ȳ)): the right class must be lower by a margin.

    Samples beyond the margin are left alone, so that those near the border decide, as
    in a support vector machine.

    Parameters
    ----------
    energies : Tensor of shape (n, n_classes)
        Energy of each class.
    y : Tensor of shape (n,)
        Indices of the right classes.
    margin : float or array-like of shape (n_classes, n_classes), default=1.0
        Margin m > 0; an array has it by right class (rows) and by ȳ, so that confusing
        some classes can be made worse than confusing others.

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
    >>> from sklearn_emma.losses import hinge_loss
    >>> energies = torch.tensor([[2.0, 2.5], [2.0, 5.0]])
    >>> hinge_loss(energies, torch.tensor([0, 0]))
    tensor([0.5000, 0.0000])
    """
    wrong, which = most_offending(energies, y)
    lacking = margin_of(margin, y, which, energies) - wrong
    return (energy_of(energies, y) + lacking).relu()


def log_loss(energies: Tensor, y: Tensor) -> Tensor:
    """Soft hinge, log(1 + exp(E(y) − E(ȳ))).

    What :func:`nll_loss` is with two classes; with more, only the most offending one
    counts. It is not scikit-learn's loss of the same name, which is the former.

    Parameters
    ----------
    energies : Tensor of shape (n, n_classes)
        Energy of each class.
    y : Tensor of shape (n,)
        Indices of the right classes.

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
    >>> from sklearn_emma.losses import log_loss
    >>> log_loss(torch.tensor([[1.0, 1.0, 9.0]]), torch.tensor([0]))
    tensor([0.6931])
    """
    return softplus(energy_of(energies, y) - most_offending(energies, y)[0])


def mce_loss(energies: Tensor, y: Tensor) -> Tensor:
    """Minimum classification error, sigmoid(E(y) − E(ȳ)): a smooth count of errors.

    Bounded, so that labels that are wrong cannot pull far; but where it is nearly 1 its
    gradient is nearly 0, so it needs a start that is not all wrong.

    Parameters
    ----------
    energies : Tensor of shape (n, n_classes)
        Energy of each class.
    y : Tensor of shape (n,)
        Indices of the right classes.

    Returns
    -------
    loss : Tensor of shape (n,)
        Between 0 and 1.

    References
    ----------
    Y. LeCun et al., "A tutorial on energy-based learning", 2006.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.losses import mce_loss
    >>> mce_loss(torch.tensor([[0.0, 0.0], [0.0, 9.0]]), torch.tensor([0, 1]))
    tensor([0.5000, 0.9999])
    """
    return torch.sigmoid(energy_of(energies, y) - most_offending(energies, y)[0])
