"""What training minimises, per sample: supervised loss, capacity and energy terms."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sklearn_emma._network import EMMAOutput


class BaseLoss(nn.Module):
    """Cross-entropy of each sample, (n,), for the predictor by itself."""

    def forward(self, logits: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(logits, y, reduction="none")


class EMMALoss(nn.Module):
    """L(y, ŷ) + λ_c C − λ_e Ω of each sample, (n,).

    C = g − b_a. Ω = Σ_k ξ_k log α_k over the modes present, with ξ_k = −1 if mode k
    is corrupted and +1 otherwise: it pushes the energy of clean modes down and
    that of corrupted modes up.

    Parameters
    ----------
    lambda_c, lambda_e : float or scalar Tensor
        Weights of the two terms; a term whose weight is the number 0 is not computed.
    importance_floor : float, default=0.0
        Floor of :func:`energy_alignment`.
    """

    def __init__(
        self,
        lambda_c: float | Tensor,
        lambda_e: float | Tensor,
        importance_floor: float = 0.0,
    ) -> None:
        super().__init__()
        self.lambda_c = lambda_c
        self.lambda_e = lambda_e
        self.importance_floor = importance_floor

    def forward(
        self, output: EMMAOutput, y: Tensor, corrupted: Tensor, present: Tensor
    ) -> Tensor:
        loss = cross_entropy(output.logits, y, reduction="none")
        if _counts(self.lambda_c):
            loss = loss + self.lambda_c * output.capacity_penalty
        if _counts(self.lambda_e):
            omega = energy_alignment(
                output.scores.log_importance, corrupted, present, self.importance_floor
            )
            loss = loss - self.lambda_e * omega
        return loss


def _counts(weight: float | Tensor) -> bool:
    # What a tensor holds is unknown where many models are computed as one.
    return isinstance(weight, Tensor) or weight != 0


def energy_alignment(
    log_importance: Tensor, corrupted: Tensor, present: Tensor, floor: float = 0.0
) -> Tensor:
    """Ω = Σ_k ξ_k log α_k over the modes present; all arguments (n, M), returns (n,).

    As it stands Ω grows without bound as the α of a corrupted mode goes to 0: with a
    learnt ρ the coldness runs away and clean modes are shut out with it. With ``floor``
    > 0, a corrupted mode counts as max(α, floor), and gains nothing by falling further.
    """
    pushed_down = log_importance.clamp_min(math.log(floor)) if floor else log_importance
    signed = torch.where(corrupted, -pushed_down, log_importance)
    return signed.masked_fill(~present, 0.0).sum(1)
