"""The coldness ρ: a number, learnt, or annealed from one number to another."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from sklearn_emma._validation import Constraints, Interval


class Annealed(BaseEstimator):
    """Coldness that changes by the same factor from each epoch to the next.

    In epoch t = 0, ..., T of the joint training it is start · (end / start)^(t / T).
    With ``start`` far below ``end``, modes are nearly equally important at first, and
    the gate decides more and more between them. Where ``fit`` goes on with a model,
    ``rho_`` stays as it is.

    ``rho="learn"``, the default, needs no schedule. Anneal to arrive at a coldness of
    your choice without starting there, as the thesis proposes.

    Parameters
    ----------
    start : float, default=0.1
        Coldness ρ > 0 of the first epoch.
    end : float, default=10.0
        Coldness ρ > 0 of the last epoch, and of a training of one epoch.

    References
    ----------
    A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.attention import Annealed
    >>> round(Annealed(0.1, 10.0).at(0.5), 6)
    1.0
    >>> EMMAClassifier(rho=Annealed(0.1, 10.0)).get_params()["rho__end"]
    10.0
    """

    _parameter_constraints: Constraints = {
        "start": [Interval(Real, 0, None, closed="neither")],
        "end": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, start: float = 0.1, end: float = 10.0) -> None:
        self.start = start
        self.end = end

    def at(self, progress: float) -> float:
        """Return the coldness when a share of the training is over.

        Parameters
        ----------
        progress : float
            From 0, in the first epoch, to 1, in the last one.

        Returns
        -------
        rho : float
            Exactly ``start`` and ``end`` at 0 and 1.
        """
        if progress in (0, 1):
            return float(self.end if progress else self.start)
        start, end = math.log(self.start), math.log(self.end)
        return math.exp(start + progress * (end - start))


class HasColdness(nn.Module):
    """For a gate with a coldness: a number, learnt, or annealed."""

    log_rho: nn.Parameter
    annealed: Annealed | None

    def set_coldness(self, rho: float | str | Annealed) -> None:
        """Start with a coldness.

        Parameters
        ----------
        rho : float, "learn" or Annealed
            As :class:`~sklearn_emma.EMMAGate` takes it.

        Raises
        ------
        ValueError
            If it is none of these.
        """
        self.log_rho = log_rho(rho)
        self.annealed = rho if isinstance(rho, Annealed) else None

    @property
    def rho(self) -> Tensor:
        """Coldness ρ, a scalar tensor in double precision."""
        return self.log_rho.exp()

    @torch.no_grad()
    def anneal(self, progress: float) -> None:
        """Set the coldness for a share of the training, if it is annealed at all.

        Parameters
        ----------
        progress : float
            From 0, in the first epoch, to 1, in the last one.
        """
        if self.annealed is not None:
            self.log_rho.fill_(math.log(self.annealed.at(progress)))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # ρ stays in double precision.
        exact = self.log_rho.detach().clone()
        super()._apply(fn, recurse)
        self.log_rho.data = exact.to(self.log_rho.device)
        return self


def log_rho(rho: float | str | Annealed) -> nn.Parameter:
    """Logarithm of the coldness in double precision, learnt or not.

    Raises
    ------
    ValueError
        If ``rho`` is neither "learn", nor a finite number above 0, nor annealed between
        two such numbers.
    """
    if isinstance(rho, str) and rho == "learn":
        return nn.Parameter(torch.zeros((), dtype=torch.float64))
    value = rho
    if isinstance(rho, Annealed):
        rho._validate_params()
        value = rho.start
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not 0 < float(value) < math.inf:
        raise ValueError(
            "rho must be a finite number > 0, 'learn' or Annealed(start, end), got "
            f"{rho!r}."
        )
    logarithm = torch.tensor(math.log(float(value)), dtype=torch.float64)
    return nn.Parameter(logarithm, requires_grad=False)
