"""From potential energy to attention: pure functions, differentiable, per sample.

Shapes: ``n`` samples, ``M`` modes. Everything is dimensionless. Equation numbers
in brackets are sections of the mathematics page in the documentation.

``present`` is a boolean tensor of shape (n, M): a missing mode (False) takes no part
in the partition function nor in any shared energy.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

EULER = math.e


def finite_energy(potential: Tensor) -> Tensor:
    """Potential energies of any shape, those without bound at the largest usable.

    A density of exactly 0, or a value whose square overflows, has infinite energy or
    none at all. What is put in its place has a finite square.
    """
    largest = torch.finfo(potential.dtype).max ** 0.5
    return potential.nan_to_num(nan=largest).clamp(-largest, largest)


def shift_energy(potential: Tensor, minimum: Tensor) -> Tensor:
    """Shift so that training energies start at e: max(e, Ψ − min Ψ + e).

    ``potential`` (n, M), ``minimum`` (M,) over the training samples. Returns (n, M).
    """
    return (potential - minimum + EULER).clamp_min(EULER)


def robust_energy(potential: Tensor, median: Tensor, iqr: Tensor) -> Tensor:
    """Make modes comparable: e + log(1 + softplus(z)), z = (Ψ − median) / IQR.

    Rises strictly with Ψ, never falls below e, and grows like log Ψ, so that a mode
    with hundreds of features does not drown one with four. ``median`` and ``iqr`` (M,)
    are those of the training energies. Returns (n, M).
    """
    return EULER + torch.log1p(softplus((potential - median) / iqr))


def self_energy(scaled: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Relevance of each mode by itself: e_i = w_i Ψ'_i + b_i, (n, M)."""
    return scaled * weight + bias


def log_importance(
    modal: Tensor, rho: Tensor | float, present: Tensor | None = None
) -> Tensor:
    """Logarithm of the Gibbs distribution α_i = exp(−ρ E_i) / Z, (n, M).

    Missing modes get a very negative finite number (no NaN in a row without any
    mode); multiply α by ``present`` to make them exactly 0.
    """
    logits = -rho * modal
    if present is not None:
        logits = logits.masked_fill(~present, torch.finfo(logits.dtype).min / 4)
    return torch.log_softmax(logits, dim=1)


def soft_attention(importance: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """Capacity-limited attention β = max(0, tanh(g α − b_a)), (n, M)."""
    return torch.tanh(gain * importance - bias).clamp_min(0.0)


def hard_attention(importance: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """All or nothing at the same threshold: β = 1 where g α > b_a, else 0.

    The gradient is that of the soft attention (straight through).
    """
    soft = soft_attention(importance, gain, bias)
    return soft + ((gain * importance > bias).to(soft.dtype) - soft).detach()


def plain_importance(importance: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """No capacity limit: β = α; ``gain`` and ``bias`` have no part in it."""
    return importance


def full_attention(importance: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """No attention: β = 1."""
    return torch.ones_like(importance)


def capacity(gain: Tensor, bias: Tensor) -> Tensor:
    """Area under the attention curve: ∫₀¹ tanh(g α − b_a) dα.

    Equals (1/g) log(cosh(g − b_a) / cosh(b_a)); log cosh is written without overflow.
    """
    return (_log_cosh(gain - bias) - _log_cosh(bias)) / gain


def _log_cosh(x: Tensor) -> Tensor:
    return x.abs() + torch.log1p(torch.exp(-2.0 * x.abs())) - math.log(2.0)
