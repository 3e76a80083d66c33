"""The training loop. The net is skorch's, the epochs are ours.

All data of an epoch is in memory, drawn at once, sliced in whole batches, and
nothing is read back from the device before the epoch ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import itemgetter
from typing import TypeVar

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from torch import Generator, Tensor, nn
from tqdm.auto import tqdm

from sklearn_emma._optim.interrupts import asks_to_stop
from sklearn_emma._optim.net import Options, logits_of
from sklearn_emma._optim.torch_state import threads_for
from sklearn_emma._validation import noting


class Progress(tqdm):
    """A progress bar without the thread that tqdm starts, and leaves, shown or not."""

    monitor_interval = 0


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

    def first(self, n_samples: int) -> Samples:
        """Some of the samples, without any order."""
        return self.map(itemgetter(slice(n_samples)))

    def map(self, function: Callable[[Tensor], Tensor]) -> Samples:
        """Apply ``function`` to every tensor."""
        return Samples(
            {name: function(t) for name, t in self.inputs.items()},
            {name: function(t) for name, t in self.targets.items()},
            function(self.weight),
        )


Output = TypeVar("Output")


def train(
    net: NeuralNet,
    draw: Callable[[], Samples],
    options: Options,
    generator: Generator,
    part: str,
    *,
    validation: Samples | None = None,
    after_step: Callable[[], None] | None = None,
) -> None:
    """Train for ``max_iter`` epochs, or until a callback stops it.

    Parameters
    ----------
    net : NeuralNet
        From :func:`~sklearn_emma._optim.net.make_net`. Losses go into its history.
    draw : callable
        Returns the data of the next epoch.
    options : Options
        Number of epochs and whether to show a progress bar; the net was made with
        the same.
    generator : torch.Generator
        Shuffles.
    part : str
        What is being trained, for messages.
    validation : Samples, default=None
        Scored after each epoch, as ``valid_loss``.
    after_step : callable, default=None
        Called after each optimiser step.

    Raises
    ------
    FloatingPointError
        If the loss stops being finite, be it by the last step.
    """
    batch_size = net.batch_size
    noted = noting(f"That was during the training of the {part}.")
    with threads_for(net.module_, batch_size, net.device), noted:
        net.notify("on_train_begin", X=None, y=None)
        n_epochs, hidden = options.max_iter, not options.verbose
        epochs = Progress(range(n_epochs), desc=part, disable=hidden)
        with epochs:
            for _ in epochs:
                data = draw()
                sets = {
                    "dataset_train": _as_dataset(data),
                    "dataset_valid": _as_dataset(validation),
                }
                net.notify("on_epoch_begin", **sets)
                batches = data.batches(batch_size, generator)
                _record(net, "train_loss", _train_epoch(net, batches, after_step), part)
                if validation is not None:
                    _record(net, "valid_loss", _evaluate(net, validation), part)
                loss = net.history[-1, "train_loss"]
                epochs.set_postfix_str(f"loss {loss:.4g}", refresh=False)
                if asks_to_stop(partial(net.notify, "on_epoch_end", **sets)):
                    break
        net.notify("on_train_end", X=None, y=None)
    net.module_.eval()
    _check_last_step(net, data, part)


def batch_loss(
    module: Callable[..., Output], criterion: Callable[..., Tensor], batch: Samples
) -> tuple[Tensor, Output]:
    """Weighted mean loss of a batch, a scalar tensor, and the module's output."""
    output = module(**batch.inputs)
    per_sample = criterion(output, **batch.targets)
    return weighted_mean(per_sample, batch.weight), output


def weighted_mean(losses: Tensor, weight: Tensor) -> Tensor:
    """Mean along the first axis of losses (n, ...) weighed by ``weight``, as them."""
    # A batch may be all of a class that weighs nothing.
    mass = weight.sum(0).clamp_min(torch.finfo(weight.dtype).tiny)
    return (losses * weight).sum(0) / mass


def divergence(name: str, loss: float, part: str, epoch: int) -> FloatingPointError:
    """Error for a loss that is not finite; epochs are counted from 1."""
    return FloatingPointError(
        f"Training diverged: the {name} of the {part} is {loss} in epoch {epoch}. "
        "Lower `lr`, or look for extreme values in X."
    )


def auto_batch_size(batch_size: int | str, n_samples: int, least: int = 32) -> int:
    """Resolve ``"auto"``: about 16 steps an epoch, of ``least`` to 256 samples."""
    if batch_size == "auto":
        return int(np.clip(n_samples // 16, least, 256))
    return min(int(batch_size), n_samples)


def _train_epoch(
    net: NeuralNet,
    batches: Iterator[Samples],
    after_step: Callable[[], None] | None,
) -> float:
    # Listing the parameters in each step is done only if a callback looks at them.
    sees_gradients = any(
        type(callback).on_grad_computed is not Callback.on_grad_computed
        for _, callback in net.callbacks_
    )
    net.module_.train()
    losses, masses = [], []
    for batch in batches:
        pair, step = (batch.inputs, batch.targets["y"]), dict[str, Tensor]()
        net.notify("on_batch_begin", batch=pair, training=True)
        net.optimizer_.step(partial(_backward, net, batch, step, sees_gradients))
        if after_step is not None:
            after_step()
        losses.append(step["loss"])
        masses.append(batch.weight.sum())
        net.history.record_batch("train_batch_size", len(batch))
        net.notify("on_batch_end", batch=pair, training=True, **step)
    return float(weighted_mean(torch.stack(losses), torch.stack(masses)))


def _backward(
    net: NeuralNet, batch: Samples, step: dict[str, Tensor], sees_gradients: bool
) -> Tensor:
    """Gradients of a batch's loss; loss and logits go into ``step`` for callbacks."""
    net.optimizer_.zero_grad(set_to_none=True)
    loss, output = batch_loss(net.module_, net.criterion_, batch)
    if loss.requires_grad:  # a frozen predictor may leave nothing to learn
        loss.backward()
    step.update(loss=loss.detach(), y_pred=logits_of(output))
    if sees_gradients:
        net.notify(
            "on_grad_computed",
            named_parameters=list(net.module_.named_parameters()),
            batch=(batch.inputs, batch.targets["y"]),
            training=True,
        )
    return loss


@torch.no_grad()
def _evaluate(net: NeuralNet, data: Samples) -> float:
    module: nn.Module = net.module_
    module.eval()
    pair = (data.inputs, data.targets["y"])
    net.notify("on_batch_begin", batch=pair, training=False)
    loss, output = batch_loss(module, net.criterion_, data)
    net.history.record_batch("valid_batch_size", len(data))
    step = {"loss": loss, "y_pred": logits_of(output)}
    net.notify("on_batch_end", batch=pair, training=False, **step)
    return float(loss)


@torch.no_grad()
def _check_last_step(net: NeuralNet, data: Samples, part: str) -> None:
    """Raise if what has been learnt is not finite: a loss tells of the step before."""
    loss, _ = batch_loss(net.module_, net.criterion_, data.first(net.batch_size))
    if not all(p.isfinite().all() for p in net.module_.parameters()):
        loss = loss * math.nan
    if not loss.isfinite():
        raise divergence("train_loss", float(loss), part, len(net.history))


def _record(net: NeuralNet, name: str, loss: float, part: str) -> None:
    if not math.isfinite(loss):
        raise divergence(name, loss, part, len(net.history))
    best = loss < min((row[name] for row in net.history[:-1]), default=math.inf)
    net.history.record(name, loss)
    net.history.record(f"{name}_best", best)


def _as_dataset(data: Samples | None) -> Dataset | None:
    return None if data is None else Dataset(data.inputs, data.targets["y"])
