"""One MLP on all features side by side, and the oracle that uses it.

Modality dropout (training on whole modes set to their mean): Neverova et al.,
"ModDrop", TPAMI 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .method import Effort, Method
from .network import HIDDEN, Batch, NeuralMethod, backbone


class ConcatenationMLP(nn.Module):
    """Backbone and a linear layer; a missing mode is its mean."""

    def __init__(self, sizes: Sequence[int], n_classes: int, n_samples: int) -> None:
        super().__init__()
        self.logits = nn.Sequential(
            backbone(sum(sizes)), nn.Linear(HIDDEN[-1], n_classes)
        )

    def loss(self, batch: Batch, y: Tensor, progress: float) -> Tensor:
        """Cross-entropy."""
        return nn.functional.cross_entropy(self.logits(batch.x), y)

    def log_proba(self, batch: Batch) -> Tensor:
        """Log-softmax."""
        return self.logits(batch.x).log_softmax(1)


def methods(effort: Effort) -> dict[str, Method]:
    """MLPs by training corruption; one that is told which mode is corrupted."""
    mlps = {
        f"mlp-{kind}": NeuralMethod(ConcatenationMLP, effort, kind)
        for kind in ("clean", "noise", "dropout", "both")
    }
    oracle = NeuralMethod(ConcatenationMLP, effort, "dropout", is_oracle=True)
    return mlps | {"drop-oracle": oracle}
