"""What training minimises, per sample: supervised loss, capacity and energy terms."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from sklearn_emma._attention.importance import Signs, alignment_by_level
from sklearn_emma._model.network import EMMAOutput

#: Supervised loss of each sample, (n,), from outputs (n, n_outputs) and encoded y (n,).
Supervised = Callable[[Tensor, Tensor], Tensor]


class _SupervisedLoss(nn.Module):
    """A loss of which there is a supervised part, L."""

    def __init__(self, supervised: Supervised) -> None:
        super().__init__()
        self.supervised = supervised

    @property
    def recordable(self) -> bool:
        """Whether it is cross-entropy: others may look at values, or bring some."""
        target = getattr(self.supervised, "__self__", None)
        return bool(getattr(target, "gives_probabilities", False))


class PretrainingLoss(_SupervisedLoss):
    """Supervised loss of each sample, (n,), of the predictor by itself.

    Of outputs (n, K, n_outputs) of predictors side by side, (n, K).
    """

    def forward(self, output: Tensor, y: Tensor) -> Tensor:
        last = output.ndim - 2
        losses = self.supervised(output.flatten(0, last), y.flatten(0, last))
        return losses.view(output.shape[:-1])


class JointLoss(_SupervisedLoss):
    """L(y, ŷ) + λ_c C − λ_e Ω of each sample, (n,).

    C is the capacity penalty of the attention function; Ω pushes the energy of clean
    modes down and that of corrupted modes up.

    Parameters
    ----------
    supervised : callable
        L, from logits and y.
    lambda_c, lambda_e : float or scalar Tensor
        Weights of the two terms; a term whose weight is the number 0 is not computed.
    """

    def __init__(
        self,
        supervised: Supervised,
        lambda_c: float | Tensor,
        lambda_e: float | Tensor,
    ) -> None:
        super().__init__(supervised)
        self.lambda_c = lambda_c
        self.lambda_e = lambda_e

    def forward(
        self,
        output: EMMAOutput,
        y: Tensor,
        xi: Tensor,
        least: Tensor,
    ) -> Tensor:
        """Losses; ``xi`` and ``least`` are :class:`Signs` of the modes."""
        loss = self.supervised(output.logits, y)
        if _counts(self.lambda_c):
            loss = loss + self.lambda_c * output.capacity_penalty
        if _counts(self.lambda_e):
            omega = alignment_by_level(output.scores, Signs(xi, least))
            loss = loss - self.lambda_e * omega
        return loss


def _counts(weight: float | Tensor) -> bool:
    # What a tensor holds is unknown where many models are computed as one.
    return isinstance(weight, Tensor) or weight != 0
