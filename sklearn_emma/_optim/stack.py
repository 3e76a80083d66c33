"""Models of one architecture, side by side: their parameters in one tensor."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from itertools import groupby
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from sklearn_emma._optim.members import MakeCriterion, Member, Terms, Traits
from sklearn_emma._optim.samples import Samples
from sklearn_emma._optim.steps import batch_loss
from sklearn_emma._optim.streams import RandomStream

Key = TypeVar("Key")


class Stack:
    """Steps of many models at the price of a few.

    Row s of ``values`` (S, n_parameters) holds all parameters of model s. A forward
    pass is that of one module, vectorised over the rows by ``torch.func``. The gradient
    of the summed losses holds the gradient of each, and Adam works element by element,
    so no row influences another.

    Parameters
    ----------
    members : list of Member
        Those of one source next to each other.
    criterion : callable
        Called with the terms of a member, it makes the criterion.
    traits : Traits
        Of a forward pass.
    constrain : callable
        Called after each step with a module all of whose parameters are stacked.
    """

    def __init__(
        self,
        members: Sequence[Member],
        criterion: MakeCriterion,
        traits: Traits,
        constrain: Callable[[nn.Module], None],
    ) -> None:
        self.members, self.criterion, self.constrain = members, criterion, constrain
        self.random = traits.random
        self.template = copy.deepcopy(members[0].module).train()
        modules = [member.module for member in members]
        # What one member learns is stacked for all; where it is constant, it is held.
        names = _learnt_by_any(modules)
        learnt = [{n: m.get_parameter(n) for n in names} for m in modules]
        self.shapes = {name: p.shape for name, p in learnt[0].items()}
        self.sizes = [p.numel() for p in learnt[0].values()]
        # One type for all values, that of the largest parameter: log ρ alone is always
        # in double precision.
        dtype = max(learnt[0].values(), key=Tensor.numel).dtype
        rows = [
            torch.cat([p.detach().flatten().to(dtype) for p in row.values()])
            for row in learnt
        ]
        self.values = torch.stack(rows).requires_grad_()
        self.rest, self.rest_dims = _stack_rest(modules, names, traits.written)
        self.held = self._held()
        self.terms, self.term_dims = _stack_terms(members, self.values)
        self.blocks = self._blocks()
        self.stacked = self._stacked_module()
        self.optimizer = self._optimizer()

    def step(
        self, batches: Sequence[Samples], streams: Sequence[RandomStream]
    ) -> Tensor:
        """Take one step of every model; return their losses (S,).

        ``batches`` and ``streams`` are one of each source.
        """
        self.values.grad = None
        losses = self.losses(batches, streams)
        losses.sum().backward()
        gradient = self.values.grad
        assert gradient is not None
        for columns, free in self.held:
            gradient[:, columns] *= free
        for group in self.optimizer.param_groups:
            for rows, view in zip(group["rows"], group["params"], strict=True):
                view.grad = gradient[rows]
        self.optimizer.step()
        self.constrain(self.stacked)
        return losses.detach()

    def losses(
        self, batches: Sequence[Samples], streams: Sequence[RandomStream]
    ) -> Tensor:
        """Loss of every model on the batch of its source, (S,)."""
        losses = []
        for rows, sources, which in self.blocks:
            terms = {
                name: term[rows] if isinstance(term, Tensor) else term
                for name, term in self.terms.items()
            }
            rest = {
                name: tensor[rows] if self.rest_dims[name] == 0 else tensor
                for name, tensor in self.rest.items()
            }
            batch = _side_by_side([batches[i] for i in sources], which)
            values = self.values if len(self.blocks) == 1 else self.values[rows]
            dims = (0, self.rest_dims, {n: self.term_dims.get(n) for n in terms})
            of_each = vmap(
                self._loss,
                in_dims=(*dims, None if which is None else 0),
                randomness="same",
            )
            drawing = streams[sources[0]].running() if self.random else nullcontext()
            with drawing:
                losses.append(of_each(values, rest, terms, _as_dicts(batch)))
        return torch.cat(losses)

    @torch.no_grad()
    def losses_of_result(
        self, batches: Sequence[Samples], streams: Sequence[RandomStream]
    ) -> Tensor:
        """Loss of every model after the last step, (S,); NaN if a value is not finite.

        A step returns the loss before it. No step may follow.
        """
        self.template.eval()
        losses = self.losses(batches, streams)
        return losses.where(self.values.isfinite().all(1), math.nan)

    def write_back(self) -> None:
        """Give each member's module what it has learnt."""
        with torch.no_grad():
            for row, member in enumerate(self.members):
                state = self._unflatten(self.values[row])
                state |= {
                    name: tensor if self.rest_dims[name] is None else tensor[row]
                    for name, tensor in self.rest.items()
                }
                tensors: dict[str, Tensor] = {
                    **dict(member.module.named_parameters()),
                    **dict(member.module.named_buffers()),
                }
                for name, value in state.items():
                    if not _is_constant(tensors[name]):
                        tensors[name].copy_(value)

    def _loss(
        self,
        values: Tensor,
        rest: dict[str, Tensor],
        terms: Terms,
        batch: tuple[dict[str, Tensor], dict[str, Tensor], Tensor],
    ) -> Tensor:
        state = {**self._unflatten(values), **rest}

        def module(**inputs: Tensor) -> object:
            return functional_call(self.template, state, kwargs=inputs)

        return batch_loss(module, self.criterion(**terms), Samples(*batch))[0]

    def _unflatten(self, values: Tensor) -> dict[str, Tensor]:
        # Split, not sliced: its gradient is one concatenation.
        parts = values.split(self.sizes, dim=-1)
        return {
            name: part.view((*values.shape[:-1], *shape))
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def _held(self) -> list[tuple[slice, Tensor]]:
        """Columns of parameters that are constant in some members, and in which."""
        found, start = [], 0
        for name, size in zip(self.shapes, self.sizes, strict=True):
            free = [m.module.get_parameter(name).requires_grad for m in self.members]
            if not all(free):
                mask = self.values.new_tensor(free).unsqueeze(1)
                found.append((slice(start, start + size), mask))
            start += size
        return found

    def _blocks(self) -> list[tuple[slice, list[int], Tensor | None]]:
        """Rows computed in one go, their sources, and which of these each row has.

        Where a forward pass draws at random, each source has a block of its own, for
        all models of a source share their draws.
        """
        of_row = [member.source for member in self.members]
        sources = sorted(set(of_row))
        if len(sources) == 1 or not self.random:
            which = [sources.index(source) for source in of_row]
            index = torch.tensor(which, device=self.values.device)
            return [(slice(None), sources, index if len(sources) > 1 else None)]
        return [(rows, [source], None) for source, rows in _runs(of_row)]

    def _stacked_module(self) -> nn.Module:
        module = copy.deepcopy(self.template)
        views = self._unflatten(self.values.detach())
        for name, view in views.items():
            module.get_parameter(name).data = view
        return module

    def _optimizer(self) -> torch.optim.Adam:
        """Make torch's Adam, with a group of rows for each learning rate."""
        groups: dict[float, dict[str, Any]] = {}
        for lr, rows in _runs([member.lr for member in self.members]):
            group = groups.setdefault(lr, {"lr": lr, "params": [], "rows": []})
            group["params"].append(self.values.detach()[rows])
            group["rows"].append(rows)
        fused = self.values.device.type in ("cpu", "cuda")
        return torch.optim.Adam(list(groups.values()), fused=fused)


def _learnt_by_any(modules: list[nn.Module]) -> list[str]:
    """Names of the parameters that at least one module learns, in their order."""
    learnt = {n for m in modules for n, p in m.named_parameters() if p.requires_grad}
    return [name for name, _ in modules[0].named_parameters() if name in learnt]


def _is_constant(tensor: Tensor) -> bool:
    return isinstance(tensor, nn.Parameter) and not tensor.requires_grad


def _stack_rest(
    modules: list[nn.Module], learnt: list[str], written: frozenset[str]
) -> tuple[dict[str, Tensor], dict[str, int | None]]:
    """Buffers and parameters that are not learnt, stacked, or one for all if equal.

    What is computed from a shared tensor is computed once. A buffer that is ``written``
    (running statistics, for example) is never shared.
    """
    rest: dict[str, Tensor] = {}
    dims: dict[str, int | None] = {}
    for name, first in _rest(modules[0], learnt).items():
        tensors = [_rest(module, learnt)[name] for module in modules]
        equal = all(torch.equal(first, other) for other in tensors)
        shared = equal and name not in written
        rest[name] = first.clone() if shared else torch.stack(tensors)
        dims[name] = None if shared else 0
    return rest, dims


def _rest(module: nn.Module, learnt: list[str]) -> dict[str, Tensor]:
    fixed = {n: p.detach() for n, p in module.named_parameters() if n not in learnt}
    return fixed | dict(module.named_buffers())


def _stack_terms(
    members: Sequence[Member], like: Tensor
) -> tuple[Terms, dict[str, int]]:
    """Terms as numbers where all members agree, so that one of weight 0 is free."""
    terms: Terms = {}
    dims: dict[str, int] = {}
    for name, value in members[0].terms.items():
        values = [member.terms[name] for member in members]
        if all(other == value for other in values):
            terms[name] = value
        else:
            terms[name], dims[name] = like.new_tensor(values), 0
    return terms, dims


def _runs(keys: list[Key]) -> list[tuple[Key, slice]]:
    """Stretches of equal keys."""
    runs, start = [], 0
    for key, group in groupby(keys):
        length = len(list(group))
        runs.append((key, slice(start, start + length)))
        start += length
    return runs


def _side_by_side(batches: list[Samples], which: Tensor | None) -> Samples:
    """One batch for all models, or the batch of each along a new first axis."""
    if which is None:
        return batches[0]
    dicts = [_as_dicts(batch) for batch in batches]

    def stack(tensors: Iterable[Tensor]) -> Tensor:
        return torch.stack(tuple(tensors)).index_select(0, which)

    inputs, targets, weights = zip(*dicts, strict=True)
    return Samples(
        {name: stack(d[name] for d in inputs) for name in inputs[0]},
        {name: stack(d[name] for d in targets) for name in targets[0]},
        stack(weights),
    )


def _as_dicts(batch: Samples) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    return batch.inputs, batch.targets, batch.weight
