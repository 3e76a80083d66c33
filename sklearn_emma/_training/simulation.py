"""Samples whose modes fail, drawn anew for each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from sklearn_emma._attention.gate import EMMAGate
from sklearn_emma._attention.importance import signs_by_level
from sklearn_emma._attention.nested import NestedGate
from sklearn_emma._energies.finite import narrowed
from sklearn_emma._inputs.missing import fill_missing
from sklearn_emma._inputs.standardisation import standardise
from sklearn_emma._inputs.training_set import TrainingSet
from sklearn_emma._model.model import EMMAModel
from sklearn_emma._model.scores import Inputs
from sklearn_emma._optim.samples import Samples
from sklearn_emma._optim.torch_state import seeded
from sklearn_emma.corruption import Failures

# Rows scored at a time, of several epochs where there are few: what a call costs by
# itself would be most of the time.
_SCORED_ROWS = 4096


class ScoredSet(NamedTuple):
    """Training samples as tensors, with the energies of their values.

    ``x`` (n, d) is standardised, NaN where missing; ``inputs`` are the same without
    NaN, with energies and presence of the modes; ``fold`` (n,) says which energies have
    not seen a sample, −1: none have; the rest is that of the training set.
    """

    x: Tensor
    inputs: Inputs
    fold: Tensor
    y: Tensor
    corrupted: Tensor
    loss_weight: Tensor

    def rows(self, index: np.ndarray) -> ScoredSet:
        """Some of the samples."""
        at = torch.from_numpy(index).to(self.x.device)
        x, inputs, *rest = self
        return ScoredSet(x[at], inputs.rows(at), *(tensor[at] for tensor in rest))


def score_set(
    model: EMMAModel, data: TrainingSet, known: np.ndarray | None = None
) -> ScoredSet:
    """Standardise and score samples, modes known to be corrupted included.

    ``known`` (n, M) are energies from before, NaN where there are none. Each sample is
    scored by energies that have not seen it, as far as the model still has them.
    """

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(model.device)

    x = model.standardise(data.X)
    filled, present = fill_missing(x, model.layout)
    fold = torch.full((len(x),), -1, device=model.device)
    if model.held_out is not None:
        # Told apart as when they were put into folds, before any rounding.
        clean = standardise(data.clean(model.layout), model.scaler)
        clean_x, _ = fill_missing(torch.from_numpy(clean), model.layout)
        fold = tensor(model.held_out.fold_of(clean_x.numpy()))
    potential = torch.full_like(present, torch.nan, dtype=x.dtype)
    if known is not None:
        potential = narrowed(tensor(known), x.dtype)
    potential = score(model, filled, present & potential.isnan(), potential, fold)
    return ScoredSet(
        x,
        Inputs(filled, potential.nan_to_num(), present),
        fold,
        tensor(data.y),
        tensor(data.corrupted),
        tensor(data.loss_weight).to(x.dtype),
    )


def score(
    model: EMMAModel, x: Tensor, needed: Tensor, known: Tensor, fold: Tensor
) -> Tensor:
    """Ψ (n, M) where ``needed``, else what is ``known``; by what has not seen a row."""
    if model.held_out is not None:
        known = model.held_out.potential(x, needed, known, fold)
        needed = needed & (fold < 0).unsqueeze(1)
    return model.energies.potential(x, needed, known)


def simulated_epochs(
    model: EMMAModel,
    data: ScoredSet,
    failures: Failures,
    generator: Generator,
    n_epochs: int,
    n_draws: int | None = None,
    prepare: Callable[[Samples], Samples] | None = None,
) -> Callable[[], Samples]:
    """Return a function that gives the samples of the next epoch, modes failing.

    It is called ``n_epochs`` times at most. If ``n_draws`` is given, that many copies
    are drawn now and reused in turn. What ``prepare`` makes of samples is given in
    their place; it is called for some epochs at once.
    """
    if not failures.simulates:
        n_draws = 1  # every epoch is the same
    size = len(data.y)

    def draw(n: int) -> Iterator[Samples]:
        samples = _of_epochs(model, data, failures, generator, n)
        if prepare is not None:
            samples = prepare(samples)
        for k in range(n):
            yield samples.map(itemgetter(slice(k * size, (k + 1) * size)))

    def epochs() -> Iterator[Samples]:
        wanted = n_epochs if n_draws is None else n_draws
        at_once = int(np.clip(_SCORED_ROWS // size, 1, wanted))
        while True:
            yield from draw(at_once)

    if n_draws is None:
        return partial(next, epochs())
    return partial(next, cycle([*islice(epochs(), n_draws)]))


def _of_epochs(
    model: EMMAModel, data: ScoredSet, failures: Failures, generator: Generator, n: int
) -> Samples:
    """Samples of n epochs, one behind the other, whose modes fail apart."""
    drawn = [failures.simulate(data.x, model.layout, generator) for _ in range(n)]
    failed, fails = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    x, present = fill_missing(failed, model.layout)
    known, fold = data.inputs.potential.repeat(n, 1), data.fold.repeat(n)
    potential = score(model, x, present & fails, known, fold)
    gate = model.network.gate
    signs = signs_by_level(
        data.corrupted.repeat(n, 1) | fails,
        present,
        gate.n_parts if isinstance(gate, NestedGate) else (),
        failures.importance_floor,
        potential.dtype,
    )
    return Samples(
        Inputs(x, potential, present)._asdict(),
        {"y": torch.cat([data.y] * n), **signs._asdict()},
        data.loss_weight.repeat(n),
    )


def prepared(gate: EMMAGate | NestedGate, samples: Samples) -> Samples:
    """The same with energies scaled already, and ``present`` left out if all modes are.

    The gate then has less to do in each step. One that learns how to scale gets the
    energies as they are.
    """
    x, potential, present = Inputs(**samples.inputs)
    known = None if present.all() else present
    if any(p.requires_grad for p in gate.scaling.parameters()):
        inputs = {"potential": potential, "present": known}
    else:
        with torch.no_grad():
            inputs = gate.prepare(potential, known)._asdict()
    given = {name: tensor for name, tensor in inputs.items() if tensor is not None}
    return Samples({"x": x, **given}, samples.targets, samples.weight)


def gated_copies(
    model: EMMAModel, data: ScoredSet, failures: Failures, n_copies: int, seed: int
) -> np.ndarray:
    """Draw samples as joint training does, and gate them.

    Returns what a predictor is to see, (n_copies · n, d), one copy after another.
    """
    copies = []
    with seeded(seed, model.device) as generator, torch.no_grad():
        draw = simulated_epochs(model, data, failures, generator, n_copies)
        for _ in range(n_copies):
            inputs = Inputs(**draw().inputs)
            scores = model.network.scores(inputs.potential, inputs.present)
            copies.append(model.network.gated(inputs.x, scores.attention))
    array: np.ndarray = torch.cat(copies).cpu().numpy()
    return array
