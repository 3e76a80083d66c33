"""One Dirichlet distribution a mode, combined as opinions of subjective logic.

TMC: Han et al., "Trusted Multi-View Classification", ICLR 2021. ECML: Xu et al.,
"Reliable Conflictive Multi-View Learning", AAAI 2024. Evidence e ≥ 0 gives α = e + 1,
strength S = Σ α, belief b = e / S and uncertainty u = K / S for K classes. A missing
mode has no evidence: an opinion that changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softplus

from .method import Effort, Method
from .network import HIDDEN, Batch, NeuralMethod, backbone

ANNEALING = 0.5  # share of training over which the divergence gains its full weight


class EvidentialFusion(nn.Module):
    """Evidence by mode; ``combine`` and ``penalty`` make it TMC or ECML."""

    def __init__(
        self,
        sizes: Sequence[int],
        n_classes: int,
        n_samples: int,
        combine: Callable[[Tensor, Tensor], Tensor],
        penalty: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.sizes, self.combine, self.penalty = list(sizes), combine, penalty
        self.networks = nn.ModuleList(
            nn.Sequential(backbone(size), nn.Linear(HIDDEN[-1], n_classes))
            for size in sizes
        )

    def loss(self, batch: Batch, y: Tensor, progress: float) -> Tensor:
        """Evidential loss of every mode and of the whole, and the penalty."""
        evidence = self._evidence(batch)
        every = torch.cat(
            [evidence, self.combine(evidence, batch.present).unsqueeze(1)], dim=1
        )
        weight = min(1.0, progress / ANNEALING)
        loss = evidential_loss(every + 1, y, weight).sum(1).mean()
        if self.penalty is not None:
            loss = loss + self.penalty(evidence, batch.present).mean()
        return loss

    def log_proba(self, batch: Batch) -> Tensor:
        """Log of the mean of the combined Dirichlet distribution."""
        alpha = self.combine(self._evidence(batch), batch.present) + 1
        return (alpha / alpha.sum(1, keepdim=True)).log()

    def _evidence(self, batch: Batch) -> Tensor:
        """Evidence (b, M, n_classes)."""
        parts = batch.x.split(self.sizes, dim=1)
        logits = [net(x) for net, x in zip(self.networks, parts, strict=True)]
        return softplus(torch.stack(logits, 1)) * batch.present.unsqueeze(2)


def dempster(evidence: Tensor, present: Tensor) -> Tensor:
    """TMC: Dempster's rule over the modes of evidence (b, M, K); evidence (b, K)."""
    n_classes = evidence.shape[2]
    strength = evidence.sum(2, keepdim=True) + n_classes
    beliefs, doubts = evidence / strength, n_classes / strength
    belief, doubt = beliefs[:, 0], doubts[:, 0]
    for other, other_doubt in zip(
        beliefs.unbind(1)[1:], doubts.unbind(1)[1:], strict=True
    ):
        agreement = belief * other
        product = belief.sum(1, keepdim=True) * other.sum(1, keepdim=True)
        kept = 1 - (product - agreement.sum(1, keepdim=True))  # 1 − conflict
        belief = (agreement + belief * other_doubt + other * doubt) / kept
        doubt = doubt * other_doubt / kept
    return belief * n_classes / doubt


def average(evidence: Tensor, present: Tensor) -> Tensor:
    """ECML: conflictive aggregation, the mean evidence of the present modes."""
    return evidence.sum(1) / present.sum(1, keepdim=True).clamp_min(1)


def conflict(evidence: Tensor, present: Tensor) -> Tensor:
    """ECML: mean conflictive degree (b,) of the pairs of modes, M times.

    Projected distance times conjunctive certainty, ½ Σ |p_i − p_j| (1 − u_i)(1 − u_j).
    The certainty of a missing mode is 0.
    """
    n_modes, n_classes = evidence.shape[1:]
    alpha = evidence + 1
    strength = alpha.sum(2, keepdim=True)
    p, certainty = alpha / strength, 1 - n_classes / strength.squeeze(2)
    distance = (p.unsqueeze(1) - p.unsqueeze(2)).abs().sum(3) / 2
    degree = distance * certainty.unsqueeze(1) * certainty.unsqueeze(2)
    return degree.sum((1, 2)) / max(n_modes - 1, 1)


def evidential_loss(alpha: Tensor, y: Tensor, weight: float) -> Tensor:
    """Expected cross-entropy (b, V) under Dirichlet(alpha (b, V, K)), regularised.

    The divergence from the uniform Dirichlet, after the true class's evidence is
    taken away, counts with ``weight``.
    """
    truth = one_hot(y, alpha.shape[2]).unsqueeze(1)
    strength = alpha.sum(2)
    fit = strength.digamma() - (truth * alpha.digamma()).sum(2)
    return fit + weight * _divergence_from_uniform(truth + (1 - truth) * alpha)


def _divergence_from_uniform(alpha: Tensor) -> Tensor:
    strength = alpha.sum(-1, keepdim=True)
    n_classes = torch.tensor(float(alpha.shape[-1]))
    return (
        strength.squeeze(-1).lgamma()
        - n_classes.lgamma()
        - alpha.lgamma().sum(-1)
        + ((alpha - 1) * (alpha.digamma() - strength.digamma())).sum(-1)
    )


def methods(effort: Effort) -> dict[str, Method]:
    """TMC and ECML."""
    tmc = partial(EvidentialFusion, combine=dempster)
    ecml = partial(EvidentialFusion, combine=average, penalty=conflict)
    return {"tmc": NeuralMethod(tmc, effort), "ecml": NeuralMethod(ecml, effort)}
