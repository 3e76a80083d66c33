"""A learnt joint energy: does this mode go with the others?

InfoNCE over modes: an encoder of each mode is trained to tell the other modes of its
own sample from those of other samples. A. van den Oord, Y. Li and O. Vinyals,
"Representation learning with contrastive predictive coding", 2018.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class ContrastiveComparison(BaseEstimator):
    """Log-density ratios of modes, learnt by contrast with modes of other samples.

    With e_k and c_k encoders of mode k, s_k(i, j) = e_k(x_k of sample i) · Σ_{l ≠ k}
    c_l(x_l of sample j) is made large for i = j by cross-entropy over a batch, in both
    directions. At the optimum it is log p(x_k | others) / p(x_k) up to a term that the
    others decide; what a bank of training samples gives in place of x_k removes that.

    Parameters
    ----------
    n_components : int, default=16
        Size of what encoders return.
    n_hidden : int, default=64
        Hidden units of an encoder.
    noise : float, default=0.2
        Standard deviation of noise that is added in training, against learning samples
        by heart.
    max_iter : int, default=60
        Number of epochs.
    batch_size : int, default=128
        Samples that are told from each other.
    lr : float, default=0.003
        Learning rate.
    bank_size : int, default=512
        Training samples that are kept.
    random_state : int, default=None
        Decides all that is random.
    """

    def __init__(
        self,
        n_components: int = 16,
        n_hidden: int = 64,
        noise: float = 0.2,
        max_iter: int = 60,
        batch_size: int = 128,
        lr: float = 0.003,
        bank_size: int = 512,
        random_state: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.n_hidden = n_hidden
        self.noise = noise
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.lr = lr
        self.bank_size = bank_size
        self.random_state = random_state

    def fit(self, X: np.ndarray, modes: dict[str, list[int]], y: np.ndarray) -> Any:
        """Train the encoders; classes y are not used."""
        x = torch.from_numpy(X).float()
        with torch.random.fork_rng(), torch.enable_grad():
            if self.random_state is not None:
                torch.manual_seed(self.random_state)
            self.encoders_ = _Encoders(modes, self.n_hidden, self.n_components)
            optimizer = torch.optim.AdamW(
                self.encoders_.parameters(), lr=self.lr, weight_decay=0.1
            )
            for _ in range(self.max_iter):
                for rows in torch.randperm(len(x)).split(self.batch_size):
                    seen = x[rows] + self.noise * torch.randn(len(rows), x.shape[1])
                    loss = _info_nce(self.encoders_.similarity(seen, seen))
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
            kept = torch.randperm(len(x))[: self.bank_size]
        self.bank_ = x[kept]
        return self

    @torch.no_grad()
    def score_samples(self, X: np.ndarray) -> np.ndarray:
        """Log p(x_k | others) / p(x_k), (n, M)."""
        x = torch.from_numpy(X).float()
        own, context = self.encoders_.own(x), self.encoders_.context(x)
        instead = torch.einsum(
            "bmh,nmh->nmb", self.encoders_.own(self.bank_), context
        ).logsumexp(2)
        scores = (own * context).sum(2) - (instead - np.log(len(self.bank_)))
        return scores.double().numpy()


class _Encoders(nn.Module):
    def __init__(self, modes: dict[str, list[int]], hidden: int, out: int) -> None:
        super().__init__()
        self.columns = list(modes.values())

        def encoders() -> nn.ModuleList:
            return nn.ModuleList(
                nn.Sequential(
                    nn.Linear(len(c), hidden), nn.ReLU(), nn.Linear(hidden, out)
                )
                for c in self.columns
            )

        self.query, self.key = encoders(), encoders()
        self.size = out**0.5

    def own(self, x: Tensor) -> Tensor:
        """What each mode says of itself, (n, M, h)."""
        return self._encoded(self.query, x)

    def context(self, x: Tensor) -> Tensor:
        """What the other modes say, for each mode, (n, M, h)."""
        said = self._encoded(self.key, x)
        return (said.sum(1, keepdim=True) - said) / self.size

    def similarity(self, own: Tensor, others: Tensor) -> Tensor:
        """S of each mode (M, n, n), rows by the mode, columns by the others."""
        return torch.einsum("imh,jmh->mij", self.own(own), self.context(others))

    def _encoded(self, encoders: nn.ModuleList, x: Tensor) -> Tensor:
        pairs = zip(encoders, self.columns, strict=True)
        return torch.stack([encode(x[:, c]) for encode, c in pairs], dim=1)


def _info_nce(similarity: Tensor) -> Tensor:
    """Mean cross-entropy of finding the sample's own row, and its own column."""
    right = torch.arange(similarity.shape[1]).expand(len(similarity), -1)
    by_row = cross_entropy(similarity.transpose(1, 2), right)
    return by_row + cross_entropy(similarity, right)
