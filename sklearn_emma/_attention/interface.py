"""What the gate asks of an attention function, and of a coupling."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor, nn

from sklearn_emma._attention.bounds import Bounds


class AttentionModule(nn.Module):
    """What the gate asks of an attention function; this one lets everything through.

    Subclasses override what differs. ``gain`` and ``bias`` are tensors where the
    function has a threshold, at ``bias / gain``, and None where it has none. ``graded``
    is whether attention may take any value in [0, 1], so that the joint energy can turn
    a mode down: ``joint_energy="auto"`` compares modes only then.
    """

    graded: bool = True
    gain: Tensor | None
    bias: Tensor | None

    def __init__(self) -> None:
        super().__init__()
        self.register_parameter("gain", None)
        self.register_parameter("bias", None)

    def forward(self, importance: Tensor) -> Tensor:
        """Return the attention of each mode.

        Parameters
        ----------
        importance : Tensor of shape (n, M)
            Importance α.

        Returns
        -------
        attention : Tensor of shape (n, M)
            Attention β in [0, 1].
        """
        return torch.ones_like(importance)

    def threshold(self) -> Tensor | None:
        """Return the importance above which a mode passes, b_a / g.

        Returns
        -------
        threshold : Tensor or None
            A scalar; None for a function without gain and bias.
        """
        if self.gain is None or self.bias is None:
            return None
        return self.bias / self.gain

    def curve(self, importance: Tensor) -> Tensor:
        """Return the function before anything is cut off at 0, for Displays.

        Its integral is the capacity.

        Parameters
        ----------
        importance : Tensor of any shape
            Importance α.

        Returns
        -------
        curve : Tensor of the same shape
            May be negative.
        """
        return self(importance)

    def by_own_importance(self, importance: Tensor) -> Tensor:
        """Return what modes get as their own importance goes, for Displays.

        The other modes share what is left of importance equally; that matters only
        where the attention of a mode depends on the importance of others.

        Parameters
        ----------
        importance : Tensor of shape (n,)
            Importance α of the mode itself.

        Returns
        -------
        attention : Tensor of shape (n, 1) or (n, M)
            Of any mode, or of each of them.
        """
        return self(importance.unsqueeze(1))

    def capacity(self) -> Tensor:
        """Return the area under the curve for α from 0 to 1, here by its trapezoids.

        Returns
        -------
        capacity : Tensor
            A scalar.
        """
        alpha = torch.linspace(0.0, 1.0, 1001)
        return torch.trapezoid(self.curve(alpha), alpha)

    def capacity_penalty(self) -> Tensor:
        """Return C, what λ_c multiplies in the loss.

        Returns
        -------
        penalty : Tensor
            A scalar.
        """
        return torch.zeros(())

    def bounds(self) -> Bounds:
        """Return the parameters with the box that each must stay in.

        Returns
        -------
        bounds : list of tuple of (Tensor, float or None, float or None)
            Data of a parameter, its lower and its upper bound; None is no bound.
        """
        return []


class AttentionFunction(Protocol):
    """What may be passed as ``attention_function``."""

    def build(self, n_modes: int) -> AttentionModule:
        """Make the torch module."""
        ...


class Coupling(nn.Module, ABC):
    """What the gate asks of a coupling; subclasses give the formula.

    Parameters
    ----------
    n_modes : int
        Number of modes M.
    """

    def __init__(self, n_modes: int) -> None:
        super().__init__()
        self.n_modes = n_modes

    @abstractmethod
    def forward(self, self_energies: Tensor, present: Tensor | None = None) -> Tensor:
        """Return the energy that each mode shares with the others.

        Parameters
        ----------
        self_energies : Tensor of shape (n, M)
            Energies e of the modes by themselves, at least 0.
        present : Tensor of shape (n, M), default=None
            Boolean, False where a mode is missing; None: all are present.

        Returns
        -------
        shared : Tensor of shape (n, M)
            Without meaning where the mode is missing.
        """

    def weights(self) -> Tensor:
        """Return the weights w of the modes in each other's energy.

        Returns
        -------
        weights : Tensor of shape (M, M)
            0 on the diagonal; here NaN, of a coupling that has none.
        """
        return torch.full((self.n_modes, self.n_modes), math.nan)

    def exponents(self) -> Tensor:
        """Return the exponents γ.

        Returns
        -------
        exponents : Tensor of shape (M, M)
            The diagonal has no meaning; here NaN, of a coupling that has none.
        """
        return torch.full((self.n_modes, self.n_modes), math.nan)

    def bounds(self) -> Bounds:
        """Return the parameters with the box that each must stay in.

        Returns
        -------
        bounds : list of tuple of (Tensor, float or None, float or None)
            Data of a parameter, its lower and its upper bound; None is no bound.
        """
        return []


def log_cosh(x: Tensor) -> Tensor:
    """Logarithm of cosh without overflow."""
    return x.abs() + torch.log1p(torch.exp(-2.0 * x.abs())) - math.log(2.0)
