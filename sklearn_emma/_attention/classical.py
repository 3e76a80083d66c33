"""Attention by a layer of a neural network, without any threshold: tanh(W α + b)."""

from __future__ import annotations

from numbers import Real

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from sklearn_emma._attention.bounds import Bounds
from sklearn_emma._attention.interface import AttentionModule, log_cosh
from sklearn_emma._validation import Constraints, Interval


class _Classical(AttentionModule):
    """β = max(0, tanh(W α + b)), with W (M, M) and b (M,)."""

    def __init__(self, n_modes: int, gain: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(gain * torch.eye(n_modes))
        self.offset = nn.Parameter(torch.zeros(n_modes))

    def forward(self, importance: Tensor) -> Tensor:
        return torch.tanh(importance @ self.weight.T + self.offset).clamp_min(0.0)

    def curve(self, importance: Tensor) -> Tensor:
        """Mean over the modes of what each gets before the cut, by its own α."""
        return self._before_cut(importance).mean(-1)

    def by_own_importance(self, importance: Tensor) -> Tensor:
        return self._before_cut(importance).clamp_min(0.0)

    def capacities(self) -> Tensor:
        """Capacity of each mode, (M,): (log cosh(s + t) − log cosh t) / s."""
        s, t = (part.double() for part in self._line())
        flat = s.abs() < 1e-4  # in the limit, the height of the curve in its middle
        slope = torch.where(flat, 1.0, s)
        area = (log_cosh(slope + t) - log_cosh(t)) / slope
        return torch.where(flat, torch.tanh(t + 0.5 * s), area)

    def capacity(self) -> Tensor:
        """Mean of the modes' capacities."""
        return self.capacities().mean()

    def capacity_penalty(self) -> Tensor:
        """C, the mean of W_ii + b_i: g − b_a, where all modes have the same."""
        return (self.weight.diagonal() + self.offset).mean()

    def bounds(self) -> Bounds:
        return []

    def _before_cut(self, importance: Tensor) -> Tensor:
        """What each mode gets where its own importance is this, (..., M)."""
        s, t = self._line()
        return torch.tanh(importance.unsqueeze(-1) * s + t)

    def _line(self) -> tuple[Tensor, Tensor]:
        """Slope and offset of the argument of tanh in a mode's own α, (M,) each.

        The other modes share what is left of importance equally.
        """
        own = self.weight.diagonal()
        others = (self.weight.sum(1) - own) / max(len(own) - 1, 1)
        return own - others, others + self.offset


class ClassicalAttention(BaseEstimator):
    """Attention as a network layer has it: β = max(0, tanh(W α + b)).

    The usual form, which the thesis sets its own function against. All of W (M, M) and
    b (M,) is learnt, and nothing is bounded: a mode may be let through because another
    one fails, and every mode has a capacity of its own. There is no common threshold,
    so ``attention_gain_`` and ``attention_bias_`` are NaN.

    Use it to see what the two numbers of :class:`SoftAttention`, shared by all modes,
    cost or spare.

    Parameters
    ----------
    gain : float or None, default=None
        Where the diagonal of W starts, above 0; all else starts at 0, so that it is the
        soft attention at first. None is twice the number of modes.

    Notes
    -----
    The capacity of mode i is the area under its curve as its own importance goes from 0
    to 1, the others sharing the rest equally. With w_i the mean of W_ij over j ≠ i, s =
    W_ii − w_i and t = w_i + b_i, it is (log cosh(s + t) − log cosh t) / s.
    ``capacities`` of the module has all of them; ``capacity_`` of an estimator is their
    mean, and λ_c multiplies the mean of W_ii + b_i.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.attention import ClassicalAttention
    >>> module = ClassicalAttention(gain=2.0).build(n_modes=2)
    >>> module(torch.tensor([[0.0, 1.0]])).detach().numpy().round(3)
    array([[0.   , 0.964]], dtype=float32)
    >>> module.capacities().shape
    torch.Size([2])
    """

    _parameter_constraints: Constraints = {
        "gain": [Interval(Real, 0, None, closed="neither"), None]
    }

    def __init__(self, gain: float | None = None) -> None:
        self.gain = gain

    def build(self, n_modes: int) -> AttentionModule:
        """Make the torch module.

        Parameters
        ----------
        n_modes : int
            Number of modes M.

        Returns
        -------
        module : nn.Module
            From importance (n, M) to attention (n, M).

        Raises
        ------
        ValueError
            If ``gain`` is not positive.
        """
        self._validate_params()
        return _Classical(n_modes, 2.0 * n_modes if self.gain is None else self.gain)
