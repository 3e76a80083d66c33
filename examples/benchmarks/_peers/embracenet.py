"""EmbraceNet: Choi & Lee, "EmbraceNet: A robust deep learning architecture for
multimodal classification", Information Fusion 2019.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .method import Effort, Method
from .network import HIDDEN, Batch, NeuralMethod


class EmbraceNet(nn.Module):
    """A docking layer for each mode; each hidden unit takes one present mode's value.

    The mode is drawn in training. In prediction the expectation replaces the draw, so
    that a prediction does not depend on chance.
    """

    def __init__(self, sizes: Sequence[int], n_classes: int, n_samples: int) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.docking = nn.ModuleList(
            nn.Sequential(nn.Linear(size, HIDDEN[0]), nn.ReLU()) for size in sizes
        )
        self.head = nn.Sequential(
            nn.Linear(HIDDEN[0], HIDDEN[1]), nn.ReLU(), nn.Linear(HIDDEN[1], n_classes)
        )
        seed = int(torch.randint(2**62, ()))  # torch is seeded while networks are built
        self.generator = torch.Generator().manual_seed(seed)

    def loss(self, batch: Batch, y: Tensor, progress: float) -> Tensor:
        """Cross-entropy of one draw."""
        docked = self._dock(batch)
        chances = self._chances(batch.present)
        drawn = chances.multinomial(HIDDEN[0], True, generator=self.generator)
        embraced = docked.gather(1, drawn.unsqueeze(1)).squeeze(1)
        return nn.functional.cross_entropy(self.head(embraced), y)

    def log_proba(self, batch: Batch) -> Tensor:
        """Log-softmax of the expected embracement."""
        chances = self._chances(batch.present)
        embraced = (chances.unsqueeze(2) * self._dock(batch)).sum(1)
        return self.head(embraced).log_softmax(1)

    def _dock(self, batch: Batch) -> Tensor:
        """Docked modes (b, M, h)."""
        parts = batch.x.split(self.sizes, dim=1)
        return torch.stack(
            [dock(x) for dock, x in zip(self.docking, parts, strict=True)], dim=1
        )

    @staticmethod
    def _chances(present: Tensor) -> Tensor:
        # A sample without any mode draws among all, which are at their mean.
        weights = torch.where(present.any(1, keepdim=True), present, True).float()
        return weights / weights.sum(1, keepdim=True)


def methods(effort: Effort) -> dict[str, Method]:
    """EmbraceNet."""
    return {"embracenet": NeuralMethod(EmbraceNet, effort)}
