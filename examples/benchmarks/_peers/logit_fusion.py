"""One classifier a mode, and a weighted mean of their logits.

Late fusion; QMF: Zhang et al., "Provable Dynamic Fusion for Low-Quality Multimodal
Data", ICML 2023; PDF: Cao et al., "Predictive Dynamic Fusion", ICML 2024. Both papers
add the losses of the single classifiers to that of the fused one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from .method import Effort, Method
from .network import HIDDEN, Batch, NeuralMethod, backbone


class LogitFusion(nn.Module):
    """Classifiers by mode, fused with the weights that ``weighting`` gives."""

    def __init__(
        self,
        sizes: Sequence[int],
        n_classes: int,
        n_samples: int,
        weighting: type[nn.Module],
    ) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.backbones = nn.ModuleList(backbone(size) for size in sizes)
        self.heads = nn.ModuleList(nn.Linear(HIDDEN[-1], n_classes) for _ in sizes)
        self.weighting = weighting(len(sizes), n_samples)

    def loss(self, batch: Batch, y: Tensor, progress: float) -> Tensor:
        """Cross-entropy of fused and single logits, and the weighting's own loss."""
        hidden, logits = self._by_mode(batch)
        fused = self._fuse(hidden, logits, batch.present)
        single = mode_cross_entropy(logits, y) * batch.present
        own = self.weighting.loss(hidden, logits, batch, y, single.detach())
        return cross_entropy(fused, y) + single.sum(1).mean() + own

    def log_proba(self, batch: Batch) -> Tensor:
        """Log-softmax of the fused logits."""
        return self._fuse(*self._by_mode(batch), batch.present).log_softmax(1)

    def _by_mode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Hidden layers (b, M, h) and logits (b, M, n_classes)."""
        parts = batch.x.split(self.sizes, dim=1)
        hidden = [net(x) for net, x in zip(self.backbones, parts, strict=True)]
        logits = [head(h) for head, h in zip(self.heads, hidden, strict=True)]
        return torch.stack(hidden, 1), torch.stack(logits, 1)

    def _fuse(self, hidden: Tensor, logits: Tensor, present: Tensor) -> Tensor:
        # Weights are no way to lower the loss of the logits, in either paper.
        weights = self.weighting(hidden, logits, present).detach()
        return (weights.unsqueeze(2) * logits).sum(1)


class EqualWeights(nn.Module):
    """Every present mode counts the same."""

    def __init__(self, n_modes: int, n_samples: int) -> None:
        super().__init__()

    def forward(self, hidden: Tensor, logits: Tensor, present: Tensor) -> Tensor:
        """Weights (b, M)."""
        return present / present.sum(1, keepdim=True).clamp_min(1)

    def loss(self, hidden, logits, batch, y, single) -> float:
        """Nothing to learn."""
        return 0.0


class EnergyConfidence(nn.Module):
    """QMF: weight = confidence = negative free energy of a mode's logits.

    A ranking loss asks for a confidence that falls as the mode's mean past loss κ on
    the sample rises: max(0, sign(κ_i − κ_j) (c_i − c_j) + |κ_i − κ_j|) for pairs.
    """

    # The confidences of many classes would otherwise blow the fused logits up.
    TEMPERATURE = 10.0

    def __init__(self, n_modes: int, n_samples: int) -> None:
        super().__init__()
        self.past_loss = torch.zeros(n_samples, n_modes)
        self.n_seen = torch.zeros(n_samples, 1)

    def forward(self, hidden: Tensor, logits: Tensor, present: Tensor) -> Tensor:
        """Weights (b, M), not normalised."""
        return logits.logsumexp(2) / self.TEMPERATURE * present

    def loss(self, hidden, logits, batch, y, single) -> Tensor:
        """Ranking loss of neighbours in the shuffled batch."""
        self.past_loss[batch.rows] += single
        self.n_seen[batch.rows] += 1
        mean = self.past_loss / self.n_seen.clamp_min(1)
        low, high = mean.amin(0), mean.amax(0)
        history = ((mean - low) / (high - low).clamp_min(1e-8))[batch.rows]
        confidence = self(hidden, logits, batch.present)
        gap = history - history.roll(-1, 0)
        rank = gap.sign() * (confidence - confidence.roll(-1, 0)) + gap.abs()
        both = batch.present & batch.present.roll(-1, 0)
        return (rank.relu() * both).sum(1).mean()


class PredictedConfidence(nn.Module):
    """PDF: weight = softmax of the calibrated Co-Belief (mono- + holo-confidence).

    Mono: the predicted probability p_m of the true class. Holo: the others' share
    Σ_{j≠m} log p_j / Σ_j log p_j. In prediction both are multiplied by a relative
    calibration: the mode's distance from uniformity over that of the others, at most 1.
    """

    def __init__(self, n_modes: int, n_samples: int) -> None:
        super().__init__()
        width = HIDDEN[-1]
        self.confidence = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))
            for _ in range(n_modes)
        )

    def forward(self, hidden: Tensor, logits: Tensor, present: Tensor) -> Tensor:
        """Weights (b, M), adding up to 1."""
        mono = self._mono(hidden)
        doubt = mono.clamp_min(1e-6).log() * present
        holo = 1 - doubt / doubt.sum(1, keepdim=True).clamp_max(-1e-8)
        belief = mono + holo
        if not self.training:
            belief = belief * self._calibration(logits, present)
        weights = belief.masked_fill(~present, -torch.inf).softmax(1)
        return weights.nan_to_num(0.0)  # a sample without any mode

    def loss(self, hidden, logits, batch, y, single) -> Tensor:
        """Mean absolute error of the predicted probability of the true class."""
        proba = logits.detach().softmax(2)
        truth = (proba * one_hot(y, logits.shape[2]).unsqueeze(1)).sum(2)
        error = (self._mono(hidden.detach()) - truth).abs()
        return (error * batch.present).sum(1).mean()

    def _mono(self, hidden: Tensor) -> Tensor:
        parts = [net(hidden[:, m]) for m, net in enumerate(self.confidence)]
        return torch.cat(parts, 1).sigmoid()

    @staticmethod
    def _calibration(logits: Tensor, present: Tensor) -> Tensor:
        sureness = (logits.softmax(2) - 1 / logits.shape[2]).abs().mean(2) * present
        n_others = (present.sum(1, keepdim=True) - 1).clamp_min(1)
        others = (sureness.sum(1, keepdim=True) - sureness) / n_others
        return (sureness / others.clamp_min(1e-8)).clamp_max(1.0)


def mode_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy (b, M) of each mode's logits (b, M, n_classes)."""
    targets = y.unsqueeze(1).expand(logits.shape[:2])
    return cross_entropy(logits.transpose(1, 2), targets, reduction="none")


def methods(effort: Effort) -> dict[str, Method]:
    """Late fusion, QMF and PDF."""
    weightings = {
        "late-fusion": EqualWeights,
        "qmf": EnergyConfidence,
        "pdf": PredictedConfidence,
    }
    return {
        name: NeuralMethod(partial(LogitFusion, weighting=weighting), effort)
        for name, weighting in weightings.items()
    }
