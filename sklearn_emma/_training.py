"""The training loop. The net is skorch's, the epochs are ours.

All data of an epoch is in memory, drawn at once, sliced in whole batches, and
nothing is read back from the device before the epoch ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from torch import Generator, Tensor
from tqdm.auto import tqdm

from sklearn_emma._net import logits_of
from sklearn_emma._torch_state import threads_for


@dataclass(frozen=True, slots=True)
class Samples:
    """One epoch's data; every tensor has the samples along its first axis.

    ``inputs`` are the keyword arguments of the module, ``targets`` those of the
    criterion, beside the output; ``weight`` (n,) weighs the samples.
    """

    inputs: dict[str, Tensor]
    targets: dict[str, Tensor]
    weight: Tensor

    def __len__(self) -> int:
        return len(self.weight)

    def batches(self, batch_size: int, generator: Generator) -> Iterator[Samples]:
        """Shuffle, then cut; a last batch of one row joins the one before."""
        n = len(self)
        starts = list(range(0, n, batch_size))
        if n % batch_size == 1 and n > 1:
            del starts[-1]  # layers that normalise a batch cannot do with one row
        order = torch.randperm(n, generator=generator, device=self.weight.device)
        shuffled = self.map(lambda tensor: tensor[order])
        for start, end in pairwise([*starts, n]):
            yield shuffled.map(itemgetter(slice(start, end)))

    def map(self, function: Callable[[Tensor], Tensor]) -> Samples:
        """Apply ``function`` to every tensor."""
        return Samples(
            {name: function(t) for name, t in self.inputs.items()},
            {name: function(t) for name, t in self.targets.items()},
            function(self.weight),
        )


def train(
    net: NeuralNetClassifier,
    draw: Callable[[], Samples],
    *,
    max_iter: int,
    batch_size: int,
    generator: Generator,
    phase: str,
    validation: Samples | None = None,
    after_step: Callable[[], None] | None = None,
    verbose: bool | int = False,
) -> None:
    """Train for ``max_iter`` epochs, or until a callback stops it.

    Parameters
    ----------
    net : NeuralNetClassifier
        From :func:`~sklearn_emma._net.make_net`. Losses go into its history.
    draw : callable
        Returns the data of the next epoch.
    max_iter, batch_size : int
        Epochs; samples in a step.
    generator : torch.Generator
        Shuffles.
    phase : str
        What is being trained, for messages.
    validation : Samples, default=None
        Scored after each epoch, as ``valid_loss``.
    after_step : callable, default=None
        Called after each optimiser step.
    verbose : bool, default=False
        Whether to show a progress bar.

    Raises
    ------
    FloatingPointError
        If the loss stops being finite.
    """
    with threads_for(net.module_, batch_size, net.device):
        net.notify("on_train_begin", X=None, y=None)
        epochs = tqdm(range(max_iter), desc=phase, disable=not verbose, leave=True)
        with epochs:
            for _ in epochs:
                data = draw()
                sets = {
                    "dataset_train": _as_dataset(data),
                    "dataset_valid": _as_dataset(validation),
                }
                net.notify("on_epoch_begin", **sets)
                loss = _train_epoch(net, data, batch_size, generator, after_step)
                _record(net, "train_loss", loss, phase)
                if validation is not None:
                    _record(net, "valid_loss", _evaluate(net, validation), phase)
                epochs.set_postfix_str(f"loss {loss:.4g}", refresh=False)
                try:
                    net.notify("on_epoch_end", **sets)
                except KeyboardInterrupt:  # how a skorch callback says "stop"
                    break
        net.notify("on_train_end", X=None, y=None)
    net.module_.eval()


def _train_epoch(
    net: NeuralNetClassifier,
    data: Samples,
    batch_size: int,
    generator: Generator,
    after_step: Callable[[], None] | None,
) -> float:
    module, criterion, optimizer = net.module_, net.criterion_, net.optimizer_
    # Listing the parameters in each step is worth it only if somebody looks at them.
    sees_gradients = any(
        type(callback).on_grad_computed is not Callback.on_grad_computed
        for _, callback in net.callbacks_
    )
    batch: Samples
    step: dict[str, Tensor]

    def closure() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        output = module(**batch.inputs)
        per_sample = criterion(output, **batch.targets)
        loss = weighted_mean(per_sample, batch.weight)
        loss.backward()
        step.update(loss=loss.detach(), y_pred=logits_of(output))
        if sees_gradients:
            parameters = list(module.named_parameters())
            pair = (batch.inputs, batch.targets["y"])
            net.notify(
                "on_grad_computed",
                named_parameters=parameters,
                batch=pair,
                training=True,
            )
        return loss

    module.train()
    losses, masses = [], []
    for batch in data.batches(batch_size, generator):
        pair, step = (batch.inputs, batch.targets["y"]), {}
        net.notify("on_batch_begin", batch=pair, training=True)
        optimizer.step(closure)
        if after_step is not None:
            after_step()
        losses.append(step["loss"])
        masses.append(batch.weight.sum())
        net.history.record_batch("train_batch_size", len(batch))
        net.notify("on_batch_end", batch=pair, training=True, **step)
    return float(weighted_mean(torch.stack(losses), torch.stack(masses)))


@torch.no_grad()
def _evaluate(net: NeuralNetClassifier, data: Samples) -> float:
    net.module_.eval()
    pair = (data.inputs, data.targets["y"])
    net.notify("on_batch_begin", batch=pair, training=False)
    output = net.module_(**data.inputs)
    per_sample = net.criterion_(output, **data.targets)
    loss = weighted_mean(per_sample, data.weight)
    net.history.record_batch("valid_batch_size", len(data))
    step = {"loss": loss, "y_pred": logits_of(output)}
    net.notify("on_batch_end", batch=pair, training=False, **step)
    return float(loss)


def weighted_mean(per_sample: Tensor, weight: Tensor) -> Tensor:
    """Mean of the losses (n,) of a batch, its samples weighed by ``weight`` (n,)."""
    # A batch may be all of a class that weighs nothing.
    mass = weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
    return torch.dot(per_sample, weight) / mass


def _record(net: NeuralNetClassifier, name: str, loss: float, phase: str) -> None:
    if not math.isfinite(loss):
        raise divergence(name, loss, phase, len(net.history))
    best = loss < min((row[name] for row in net.history[:-1]), default=math.inf)
    net.history.record(name, loss)
    net.history.record(f"{name}_best", best)


def divergence(name: str, loss: float, phase: str, epoch: int) -> FloatingPointError:
    """Error for a loss that is not finite; epochs are counted from 1."""
    return FloatingPointError(
        f"Training diverged: the {name} of the {phase} is {loss} in epoch {epoch}. "
        "Lower `lr`, or look for extreme values in X."
    )


def _as_dataset(data: Samples | None) -> Dataset | None:
    return None if data is None else Dataset(data.inputs, data.targets["y"])


def auto_batch_size(batch_size: int | str, n_samples: int) -> int:
    """Resolve ``"auto"``: about 16 steps an epoch, between 32 and 256 samples."""
    if batch_size == "auto":
        return int(np.clip(n_samples // 16, 32, 256))
    return min(int(batch_size), n_samples)
