"""Train many models of one architecture together, as if each were trained alone."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.optim.lr_scheduler import CosineAnnealingLR
from tqdm.auto import tqdm

from sklearn_emma._training import Samples, divergence, weighted_mean
from sklearn_emma.model_selection._stack import Member, Stack
from sklearn_emma.model_selection._streams import RandomStream

# Values that a stack computes with at a time. More models cost less each until their
# values no longer fit into the cache; and memory stays bounded.
_STACK_VALUES = 2**22


class CannotStackError(RuntimeError):
    """A module that ``torch.func`` cannot vectorise, or not with the same result."""


class Source(NamedTuple):
    """Samples of all models of one seed: ``draw`` returns those of the next epoch."""

    stream: RandomStream
    draw: Callable[[], Samples]


class _Traits(NamedTuple):
    random: bool
    written: frozenset[str]
    n_values: int


def train_together(
    members: Sequence[Member],
    sources: Sequence[Source],
    criterion: Callable[..., Callable[..., Tensor]],
    *,
    max_iter: int,
    batch_size: int,
    lr_schedule: str,
    constrain: Callable[[nn.Module], None],
    phase: str,
    verbose: bool | int = False,
) -> list[list[float] | FloatingPointError]:
    """Train every member in place.

    Parameters
    ----------
    members : list of Member
        Modules of one architecture.
    sources : list of Source
        Of equally many samples.
    criterion : callable
        Called with the terms of a member, it makes the criterion.
    max_iter, batch_size : int
        Epochs; samples in a step.
    lr_schedule : {"cosine", "constant"}
        Whether learning rates fall to 0 along a cosine.
    constrain : callable
        Called after each step with a module all of whose parameters are stacked.
    phase : str
        What is being trained, for messages.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    list of list of float or FloatingPointError
        Loss of each epoch, or the error if that stopped being finite; one of each
        member.

    Raises
    ------
    CannotStackError
        Before any training; members are then as they were.
    """
    epochs = [_draw(source, batch_size) for source in sources]
    source = members[0].source
    traits = _rehearse(
        members, epochs[source][0], sources[source].stream, criterion, constrain
    )
    order = sorted(
        range(len(members)), key=lambda i: (members[i].source, members[i].lr)
    )
    size = max(1, _STACK_VALUES // traits.n_values)
    stacks = [
        Stack(
            [members[i] for i in part],
            criterion,
            traits.random,
            traits.written,
            constrain,
        )
        for part in _cut(order, size)
    ]
    schedules = [
        CosineAnnealingLR(stack.optimizer, T_max=max_iter)
        for stack in stacks
        if lr_schedule == "cosine"
    ]
    streams = [source.stream for source in sources]
    curves: list[Tensor] = []
    for epoch in tqdm(range(max_iter), desc=phase, disable=not verbose):
        if epoch > 0:
            epochs = [_draw(source, batch_size) for source in sources]
        before = [stream.state for stream in streams]
        losses = []
        for stack in stacks:
            for source in {member.source for member in stack.members}:
                streams[source].state = before[source]  # every stack draws the same
            losses.append(_train_epoch(stack, epochs, streams))
        for schedule in schedules:
            schedule.step()
        curves.append(torch.cat(losses))
        if not torch.stack(curves).isfinite().all(0).any():
            break  # nothing is left to train
    for stack in stacks:
        stack.write_back()
    results = torch.stack(curves, dim=1).tolist()
    by_member = dict(zip(order, results, strict=True))
    return [_curve_or_error(by_member[i], phase) for i in range(len(members))]


def _draw(source: Source, batch_size: int) -> list[Samples]:
    with source.stream.running():
        data = source.draw()
        return list(data.batches(batch_size, source.stream.generator))


def _train_epoch(
    stack: Stack, epochs: list[list[Samples]], streams: list[RandomStream]
) -> Tensor:
    """One epoch of every model in the stack; their mean losses (S,)."""
    losses, masses = [], []
    for batches in zip(*epochs, strict=True):
        losses.append(stack.step(batches, streams))
        masses.append(torch.stack([batch.weight.sum() for batch in batches]))
    of_member = [member.source for member in stack.members]
    mass = torch.stack(masses)[:, of_member]
    return (torch.stack(losses) * mass).sum(0) / mass.sum(0)


def _curve_or_error(curve: list[float], phase: str) -> list[float] | FloatingPointError:
    for epoch, loss in enumerate(curve, start=1):
        if not math.isfinite(loss):
            return divergence("train_loss", loss, phase, epoch)
    return curve


def _cut(order: list[int], size: int) -> list[list[int]]:
    """Parts of at most ``size``, as equal as can be."""
    n_parts = math.ceil(len(order) / size)
    edges = [round(part * len(order) / n_parts) for part in range(n_parts + 1)]
    return [order[a:b] for a, b in pairwise(edges)]


def _rehearse(
    members: Sequence[Member],
    batch: Samples,
    stream: RandomStream,
    criterion: Callable[..., Callable[..., Tensor]],
    constrain: Callable[[nn.Module], None],
) -> _Traits:
    """See on a batch that a stack computes what its members compute alone."""
    before = stream.state
    stream = copy.copy(stream)
    pair = [member._replace(source=0) for member in (members[0], members[-1])]
    losses, n_values, random, written = [], 0, False, set()
    for member in pair:
        stream.state = before
        module = copy.deepcopy(member.module).train()
        with stream.running():
            loss, n_values = _loss_alone(module, criterion(**member.terms), batch)
        random |= not torch.equal(before[-1], stream.state[-1])
        was = dict(member.module.named_buffers())
        written |= {
            name
            for name, buffer in module.named_buffers()
            if not torch.equal(buffer, was[name])
        }
        losses.append(loss)
    stream.state = before
    try:
        stack = Stack(
            copy.deepcopy(pair), criterion, random, frozenset(written), constrain
        )
        found = stack.step([batch], [stream])
    except Exception as error:  # whatever it is, trained alone it shows itself
        raise CannotStackError(str(error)) from error
    expected = torch.stack(losses)
    tolerance = torch.finfo(expected.dtype).eps ** 0.5
    if not torch.allclose(found, expected, tolerance, tolerance, equal_nan=True):
        raise CannotStackError(f"Losses {found} instead of {expected}.")
    n_values += 4 * stack.values.shape[1]
    return _Traits(random, frozenset(written), n_values)


def _loss_alone(
    module: nn.Module, criterion: Callable[..., Tensor], batch: Samples
) -> tuple[Tensor, int]:
    """Loss of one model, and how many values its gradient needs."""
    n_values = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal n_values
        n_values += tensor.numel()
        return tensor

    with saved_tensors_hooks(count, lambda tensor: tensor):
        per_sample = criterion(module(**batch.inputs), **batch.targets)
        loss = weighted_mean(per_sample, batch.weight)
    return loss.detach(), n_values
