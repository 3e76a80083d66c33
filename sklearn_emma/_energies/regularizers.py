"""What may be added to the objective of tied-weight autoencoders.

Sources: Rifai et al., "Contractive auto-encoders", ICML 2011; Lee, Ekanadham and Ng,
"Sparse deep belief net model for visual area V2", NIPS 2007.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TypeAlias

import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from sklearn_emma._energies.autoencoder import AutoencoderStack
from sklearn_emma._validation import Constraints, Interval

#: From hidden units (n, G, K), weights (G, K, d) and what each sample counts in each
#: mode (n, G) to a penalty, (n, G) or (G,).
Regularizer: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]


def contractive(hidden: Tensor, weight: Tensor, mode_weight: Tensor) -> Tensor:
    """‖∂u/∂x‖² = Σ_k (u_k (1 − u_k))² ‖w_k‖² of each sample in each mode, (n, G)."""
    return ((hidden * (1 - hidden)).square() * squared_lengths(weight)).sum(2)


class Sparse(BaseEstimator):
    """Penalty on hidden units that are not off most of the time.

    Σ_k KL(target ‖ mean of u_k), the mean over a batch: the divergence of two
    distributions of a unit that is on or off.

    Parameters
    ----------
    target : float, default=0.1
        Share of the time in (0, 1) that a unit should be on.

    Examples
    --------
    >>> from sklearn_emma.energies import PotentialEnergyTransformer, Sparse
    >>> energy = PotentialEnergyTransformer(regularizer=Sparse(target=0.05))
    >>> energy.set_params(regularizer__target=0.2).regularizer
    Sparse(target=0.2)
    """

    _parameter_constraints: Constraints = {
        "target": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(self, target: float = 0.1) -> None:
        self.target = target

    def __call__(self, hidden: Tensor, weight: Tensor, mode_weight: Tensor) -> Tensor:
        share = mode_weight / mode_weight.sum(0).clamp_min(
            torch.finfo(mode_weight.dtype).tiny
        )
        least = torch.finfo(hidden.dtype).eps
        mean = (hidden * share.unsqueeze(2)).sum(0).clamp(least, 1 - least)
        wanted = torch.full_like(mean, self.target)
        on = wanted * (wanted / mean).log()
        off = (1 - wanted) * ((1 - wanted) / (1 - mean)).log()
        return (on + off).sum(1)


#: What ``PotentialEnergyTransformer(regularizer=...)`` takes by name.
REGULARIZERS: dict[str, Regularizer] = {
    "contractive": contractive,
    "sparse": Sparse(),
}


def hidden_units(stack: AutoencoderStack, x: Tensor) -> Tensor:
    """u(x) = sigmoid(W x + c) of ``x`` (n, G, d), (n, G, K)."""
    activation = torch.einsum("ngd,gkd->ngk", x, stack.weight) + stack.hidden_bias
    return torch.sigmoid(activation)


def squared_lengths(weight: Tensor) -> Tensor:
    """‖w_k‖² of weights (G, K, d), (G, K)."""
    return weight.square().sum(2)
