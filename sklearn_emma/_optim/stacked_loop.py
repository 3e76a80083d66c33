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

from sklearn_emma._optim.loop import Progress, divergence
from sklearn_emma._optim.members import MakeCriterion, Member, Traits
from sklearn_emma._optim.net import Options
from sklearn_emma._optim.samples import Samples, auto_batch_size, masses
from sklearn_emma._optim.stack import Stack
from sklearn_emma._optim.steps import batch_loss, weighted_mean
from sklearn_emma._optim.streams import RandomStream

# Number of values that a stack computes with at a time. The more models there are, the
# less each costs, until their values no longer fit into the cache.
_STACK_VALUES = 2**22


class CannotStackError(RuntimeError):
    """Raised if ``torch.func`` cannot vectorise a module with the same result."""


class Source(NamedTuple):
    """Samples of all models of one seed: ``draw`` returns those of the next epoch."""

    stream: RandomStream
    draw: Callable[[], Samples]


def train_together(
    members: Sequence[Member],
    sources: Sequence[Source],
    criterion: MakeCriterion,
    options: Options,
    *,
    constrain: Callable[[nn.Module], None],
    part: str,
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
    options : Options
        Number of epochs, samples in a step, schedule of the learning rates, and whether
        to show a progress bar. Learning rates are the members' own.
    constrain : callable
        Called after each step with a module all of whose parameters are stacked.
    part : str
        What is being trained, for messages.

    Returns
    -------
    list of list of float or FloatingPointError
        Loss of each epoch, or the error if that stopped being finite, be it by the last
        step; one of each member.

    Raises
    ------
    CannotStackError
        Before any training; members are then as they were.
    """
    epochs = [_draw(source, options) for source in sources]
    source = members[0].source
    traits = _rehearse(
        members, epochs[source][0], sources[source].stream, criterion, constrain
    )
    order = sorted(
        range(len(members)), key=lambda i: (members[i].source, members[i].lr)
    )
    size = max(1, _STACK_VALUES // traits.n_values)
    stacks = [
        Stack([members[i] for i in some], criterion, traits, constrain)
        for some in _cut(order, size)
    ]
    schedules = [
        CosineAnnealingLR(stack.optimizer, T_max=options.max_iter)
        for stack in stacks
        if options.lr_schedule == "cosine"
    ]
    streams = [source.stream for source in sources]
    curves: list[Tensor] = []
    n_epochs, hidden = options.max_iter, not options.verbose
    for epoch in Progress(range(n_epochs), desc=part, disable=hidden):
        if epoch > 0:
            epochs = [_draw(source, options) for source in sources]
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
            break  # all have diverged
    batches = [epoch[0] for epoch in epochs]
    last = torch.cat([stack.losses_of_result(batches, streams) for stack in stacks])
    curves[-1] = torch.where(last.isfinite(), curves[-1], last)
    for stack in stacks:
        stack.write_back()
    results = torch.stack(curves, dim=1).tolist()
    by_member = dict(zip(order, results, strict=True))
    return [_curve_or_error(by_member[i], part) for i in range(len(members))]


def _draw(source: Source, options: Options) -> list[Samples]:
    with source.stream.running():
        data = source.draw()
        batch_size = auto_batch_size(options.batch_size, len(data))
        return list(data.batches(batch_size, source.stream.generator))


def _train_epoch(
    stack: Stack, epochs: list[list[Samples]], streams: list[RandomStream]
) -> Tensor:
    """One epoch of every model in the stack; their mean losses (S,)."""
    losses = [stack.step(batches, streams) for batches in zip(*epochs, strict=True)]
    of_source = torch.stack([masses(batches) for batches in epochs], dim=1)
    of_member = [member.source for member in stack.members]
    return weighted_mean(torch.stack(losses), of_source[:, of_member])


def _curve_or_error(curve: list[float], part: str) -> list[float] | FloatingPointError:
    for epoch, loss in enumerate(curve, start=1):
        if not math.isfinite(loss):
            return divergence("train_loss", loss, part, epoch)
    return curve


def _cut(order: list[int], size: int) -> list[list[int]]:
    """Cut into parts of at most ``size``, as equal as possible."""
    n_parts = math.ceil(len(order) / size)
    edges = [round(part * len(order) / n_parts) for part in range(n_parts + 1)]
    return [order[a:b] for a, b in pairwise(edges)]


def _rehearse(
    members: Sequence[Member],
    batch: Samples,
    stream: RandomStream,
    criterion: MakeCriterion,
    constrain: Callable[[nn.Module], None],
) -> Traits:
    """Check on a batch that a stack computes what its members compute alone."""
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
        traits = Traits(random, frozenset(written))
        stack = Stack(copy.deepcopy(pair), criterion, traits, constrain)
        found = stack.step([batch], [stream])
        stack.losses_of_result([batch], [stream])
    except Exception as error:  # whatever it is, training alone will raise it too
        raise CannotStackError(str(error)) from error
    expected = torch.stack(losses)
    tolerance = torch.finfo(expected.dtype).eps ** 0.5
    if not torch.allclose(found, expected, tolerance, tolerance, equal_nan=True):
        raise CannotStackError(f"Losses {found} instead of {expected}.")
    return traits._replace(n_values=n_values + 4 * stack.values.shape[1])


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
        loss, _ = batch_loss(module, criterion, batch)
    return loss.detach(), n_values
