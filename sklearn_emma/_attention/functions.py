"""From importance α to attention β.

An attention function is a recipe, an estimator without tensors, that builds a torch
module for a number of modes. To add one, write both here and name it in
``ATTENTION_FUNCTIONS``: gate, classifier and Display find it there.
"""

from __future__ import annotations

from numbers import Real

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from sklearn_emma._attention.bounds import Bounds
from sklearn_emma._attention.classical import ClassicalAttention
from sklearn_emma._attention.interface import (
    AttentionFunction,
    AttentionModule,
    log_cosh,
)
from sklearn_emma._validation import Constraints, Interval, StrOptions


class _Full(AttentionModule):
    """β = 1."""

    graded = False


class _Identity(AttentionModule):
    """β = α."""

    def forward(self, importance: Tensor) -> Tensor:
        return importance


class _Soft(AttentionModule):
    """β = max(0, tanh(g α − b_a))."""

    recordable = True

    gain: Tensor
    bias: Tensor

    def __init__(self, gain: float, penalty: str) -> None:
        super().__init__()
        self.penalty = penalty
        self.gain = nn.Parameter(torch.tensor(float(gain)))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, importance: Tensor) -> Tensor:
        return self.curve(importance).relu()

    def curve(self, importance: Tensor) -> Tensor:
        return torch.tanh(self.gain * importance - self.bias)

    def capacity(self) -> Tensor:
        """Equals (1/g) log(cosh(g − b_a) / cosh(b_a))."""
        return (log_cosh(self.gain - self.bias) - log_cosh(self.bias)) / self.gain

    def capacity_penalty(self) -> Tensor:
        """C = g − b_a, or g alone."""
        return self.gain if self.penalty == "gain" else self.gain - self.bias

    def bounds(self) -> Bounds:
        return [(self.gain.data, 1e-3, None), (self.bias.data, 0.0, 1.0)]


class _Hard(_Soft):
    """β = 1 where g α > b_a, else 0."""

    graded = False

    def forward(self, importance: Tensor) -> Tensor:
        soft = super().forward(importance)
        passes = (self.gain * importance > self.bias).to(soft.dtype)
        return soft + (passes - soft).detach()  # the gradient is that of the soft one


class SoftAttention(BaseEstimator):
    """Capacity-limited attention β = max(0, tanh(g α − b_a)).

    The function of the thesis. Gain g > 0 and bias b_a in [0, 1] are learnt. A mode
    passes where its importance exceeds b_a / g. The capacity ∫₀¹ tanh(g α − b_a) dα is
    (1/g) log(cosh(g − b_a) / cosh(b_a)), and λ_c multiplies g − b_a or g.

    Parameters
    ----------
    gain : float or None, default=None
        Initial gain g > 0. None is twice the number of modes: then modes of equal
        importance pass nearly unchanged.
    penalty : {"gain_minus_bias", "gain"}, default="gain_minus_bias"
        What λ_c multiplies. The thesis prints both, and argues for the first: g alone
        leaves the bias free, which limits what may pass as well.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.attention import SoftAttention
    >>> module = SoftAttention(gain=2.0).build(n_modes=2)
    >>> module(torch.tensor([[0.0, 1.0]])).detach().numpy().round(3)
    array([[0.   , 0.964]], dtype=float32)
    """

    _module: type[_Soft] = _Soft
    _parameter_constraints: Constraints = {
        "gain": [Interval(Real, 0, None, closed="neither"), None],
        "penalty": [StrOptions({"gain_minus_bias", "gain"})],
    }

    def __init__(
        self, gain: float | None = None, penalty: str = "gain_minus_bias"
    ) -> None:
        self.gain = gain
        self.penalty = penalty

    def build(self, n_modes: int) -> AttentionModule:
        """Make the torch module.

        Parameters
        ----------
        n_modes : int
            Number of modes M.

        Returns
        -------
        module : nn.Module
            From importance (n, M) to attention (n, M), with ``curve``, ``capacity``,
            ``capacity_penalty`` and ``bounds``.

        Raises
        ------
        ValueError
            If ``gain`` is not positive, or ``penalty`` unknown.
        """
        self._validate_params()
        gain = 2.0 * n_modes if self.gain is None else self.gain
        return self._module(gain, self.penalty)


class HardAttention(SoftAttention):
    """All or nothing at the threshold of the soft attention: β = 1 where g α > b_a.

    Its gradient is that of the soft attention (straight-through).

    Parameters
    ----------
    gain : float or None, default=None
        Initial gain g > 0. None is twice the number of modes.
    penalty : {"gain_minus_bias", "gain"}, default="gain_minus_bias"
        What λ_c multiplies.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.attention import HardAttention
    >>> module = HardAttention().build(n_modes=2)
    >>> module(torch.tensor([[0.0, 1.0]])).detach().numpy()
    array([[0., 1.]], dtype=float32)
    """

    _module = _Hard


class _WithoutOptions(BaseEstimator):
    """Recipe of a module that learns nothing."""

    _module: type[AttentionModule]

    def build(self, n_modes: int) -> AttentionModule:
        """Make the torch module, which learns nothing.

        Parameters
        ----------
        n_modes : int
            Number of modes M.

        Returns
        -------
        module : nn.Module
            From importance (n, M) to attention (n, M).
        """
        return self._module()


class ImportanceAttention(_WithoutOptions):
    """Attention without a capacity limit: β = α.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.attention import ImportanceAttention
    >>> ImportanceAttention().build(n_modes=2)(torch.tensor([[0.25, 0.75]]))
    tensor([[0.2500, 0.7500]])
    """

    _module = _Identity


class NoAttention(_WithoutOptions):
    """No attention at all: β = 1, for comparison.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.attention import NoAttention
    >>> NoAttention().build(n_modes=2)(torch.tensor([[0.25, 0.75]]))
    tensor([[1., 1.]])
    """

    _module = _Full


ATTENTION_FUNCTIONS: dict[str, type[AttentionFunction]] = {
    "soft": SoftAttention,
    "hard": HardAttention,
    "classical": ClassicalAttention,
    "importance": ImportanceAttention,
    "none": NoAttention,
}
