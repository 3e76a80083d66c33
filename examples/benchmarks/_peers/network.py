"""What all neural peers share: the backbone, and one training loop."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from _protocol import corrupt_like_training, layout_of, make_generator
from torch import Generator, Tensor, nn

from .method import Effort

HIDDEN = (64, 32)
LEARNING_RATE = 1e-3
BATCH_SIZE = 128
PATIENCE = 0.15  # of the largest number of epochs


def backbone(n_inputs: int) -> nn.Sequential:
    """Build the ReLU network (64, 32) up to its last hidden layer."""
    sizes = (n_inputs, *HIDDEN)
    layers = [
        layer
        for n_in, n_out in zip(sizes, HIDDEN, strict=False)
        for layer in (nn.Linear(n_in, n_out), nn.ReLU())
    ]
    return nn.Sequential(*layers)


@dataclass(frozen=True)
class Batch:
    """Samples as a network sees them.

    ``x`` (b, d), 0 where missing; ``present`` (b, M), False where a whole mode is
    missing; ``rows`` (b,), their places in the training data, None in prediction.
    """

    x: Tensor
    present: Tensor
    rows: Tensor | None = None

    def __getitem__(self, rows: Tensor) -> Batch:
        return Batch(self.x[rows], self.present[rows], rows)


class Network(Protocol):
    """A torch module with a loss and log-probabilities of its own."""

    def loss(self, batch: Batch, y: Tensor, progress: float) -> Tensor:
        """Mean loss of a batch with classes y (b,); progress from 0 to 1."""
        ...

    def log_proba(self, batch: Batch) -> Tensor:
        """Log-probabilities (b, n_classes)."""
        ...


@dataclass
class NeuralMethod:
    """A network trained on fresh corruption each epoch, stopped early.

    ``build(sizes, n_classes, n_samples)`` makes the network, ``sizes`` being the
    number of features of each mode; ``kind`` is that of the training corruption.
    """

    build: Callable[[Sequence[int], int, int], nn.Module]
    effort: Effort
    kind: str = "both"
    is_oracle: bool = False

    def fit(self, X_train, y_train, X_val, y_val, modes, seed) -> NeuralMethod:
        """Train; see :class:`~_peers.method.Method`."""
        self.layout_ = layout_of(modes)
        generator = make_generator(seed, "network")
        # A validation set that is the same for every network of this kind.
        validation = self._corrupted(X_val, make_generator(seed, "validation"))
        sizes = [len(columns) for columns in modes.values()]
        n_classes = int(y_train.max()) + 1
        # Initialisation knows only torch's global state, so it is forked.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator.initial_seed())
            self.network_ = self.build(sizes, n_classes, len(X_train))
        self._train(
            X_train,
            torch.as_tensor(y_train),
            validation,
            torch.as_tensor(y_val),
            generator,
        )
        return self

    @torch.no_grad()
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, n_classes)."""
        batch = self._batch(torch.as_tensor(X, dtype=torch.float32))
        return self.network_.log_proba(batch).double().softmax(1).numpy()

    def _corrupted(self, X: np.ndarray, generator: Generator) -> Batch:
        return self._batch(
            corrupt_like_training(X, self.layout_, generator, self.kind)[0]
        )

    def _batch(self, x: Tensor) -> Batch:
        return Batch(x.nan_to_num(0.0), self.layout_.any_of_mode(~x.isnan()))

    def _train(
        self,
        X: np.ndarray,
        y: Tensor,
        validation: Batch,
        y_val: Tensor,
        generator: Generator,
    ) -> None:
        network, n = self.network_, len(X)
        steps = math.ceil(n / BATCH_SIZE)
        n_epochs = max(self.effort.max_epochs, math.ceil(self.effort.min_steps / steps))
        patience = math.ceil(PATIENCE * n_epochs)
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
        best_loss, best_epoch, best_state = math.inf, 0, None
        for epoch in range(n_epochs):
            data = self._corrupted(X, generator)
            network.train()
            for rows in torch.randperm(n, generator=generator).split(BATCH_SIZE):
                optimizer.zero_grad(set_to_none=True)
                network.loss(data[rows], y[rows], epoch / n_epochs).backward()
                optimizer.step()
            network.eval()
            with torch.no_grad():
                log_proba = network.log_proba(validation)
                loss = float(nn.functional.nll_loss(log_proba, y_val))
            if loss < best_loss:
                best_loss, best_epoch = loss, epoch
                best_state = copy.deepcopy(network.state_dict())
            elif epoch - best_epoch >= patience:
                break
        if best_state is None:
            raise FloatingPointError("Training diverged: no finite validation loss.")
        network.load_state_dict(best_state)
