"""The training loop. The net is skorch's, the epochs are ours.

All data of an epoch is in memory, drawn at once, sliced in whole batches, and
nothing is read back from the device between the steps of an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from skorch import NeuralNet
from skorch.dataset import Dataset
from torch import Generator, nn
from tqdm.auto import tqdm

from sklearn_emma._optim.interrupts import asks_to_stop
from sklearn_emma._optim.net import Options, logits_of
from sklearn_emma._optim.samples import Samples, masses
from sklearn_emma._optim.steps import Taken, batch_loss, steps_of, weighted_mean
from sklearn_emma._optim.torch_state import threads_for
from sklearn_emma._validation import noting


class Progress(tqdm):
    """A progress bar without the thread that tqdm starts, and leaves, shown or not."""

    monitor_interval = 0


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
        watched = bool(options.callbacks)
        # Telling Ctrl-C from a callback that stops takes longer than all callbacks do.
        may_stop = watched or options.patience is not None
        take_step = steps_of(net, after_step, watched=watched)
        if watched:
            take_step = partial(_heard_step, net, take_step)
        n_epochs, hidden = options.max_iter, not options.verbose
        epochs = Progress(range(n_epochs), desc=part, disable=hidden)
        with epochs:
            for _ in epochs:
                data = draw()
                sets = _as_datasets(data, validation) if watched else {}
                net.notify("on_epoch_begin", **sets)
                batches = data.batches(batch_size, generator)
                loss = _train_epoch(net, batches, take_step)
                _record(net, "train_loss", loss, part)
                if validation is not None:
                    _record(net, "valid_loss", _evaluate(net, validation), part)
                epochs.set_postfix_str(f"loss {loss:.4g}", refresh=False)
                end_epoch = partial(net.notify, "on_epoch_end", **sets)
                if not may_stop:
                    end_epoch()
                elif asks_to_stop(end_epoch):
                    break
        net.notify("on_train_end", X=None, y=None)
    net.module_.eval()
    _check_last_step(net, data, part)


def divergence(name: str, loss: float, part: str, epoch: int) -> FloatingPointError:
    """Error for a loss that is not finite; epochs are counted from 1."""
    return FloatingPointError(
        f"Training diverged: the {name} of the {part} is {loss} in epoch {epoch}. "
        "Lower `lr`, or look for extreme values in X."
    )


def _train_epoch(
    net: NeuralNet, batches: Iterator[Samples], take_step: Callable[[Samples], Taken]
) -> float:
    net.module_.train()
    losses, taken = [], []
    for batch in batches:
        losses.append(take_step(batch).loss)
        taken.append(batch)
    return float(weighted_mean(torch.stack(losses), masses(taken)))


def _heard_step(
    net: NeuralNet, take_step: Callable[[Samples], Taken], batch: Samples
) -> Taken:
    """Take a step of which callbacks hear."""
    pair = (batch.inputs, batch.targets["y"])
    net.notify("on_batch_begin", batch=pair, training=True)
    taken = take_step(batch)
    net.history.record_batch("train_batch_size", len(batch))
    net.notify("on_batch_end", batch=pair, training=True, **taken._asdict())
    return taken


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


def _as_datasets(data: Samples, validation: Samples | None) -> dict[str, object]:
    sets = {"dataset_train": data, "dataset_valid": validation}
    return {
        name: None if samples is None else Dataset(samples.inputs, samples.targets["y"])
        for name, samples in sets.items()
    }
