"""Samples whose modes fail, drawn anew for each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

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
) -> Callable[[], Samples]:
    """Return a function that gives the samples of the next epoch, modes failing.

    It is called ``n_epochs`` times at most. If ``n_draws`` is given, that many copies
    are drawn now and reused in turn.
    """

    def draw(n: int) -> list[Samples]:
        """Of n epochs, scored at once."""
        (x, potential, present), corrupted = data.inputs, data.corrupted
        if not failures.simulates:
            return [_samples(data, Inputs(x, potential, present), corrupted)] * n
        drawn = [failures.simulate(data.x, model.layout, generator) for _ in range(n)]
        failed, fails = (torch.cat(parts) for parts in zip(*drawn, strict=True))
        x, present = fill_missing(failed, model.layout)
        known, fold = potential.repeat(n, 1), data.fold.repeat(n)
        inputs = Inputs(x, score(model, x, present & fails, known, fold), present)
        corrupted = corrupted.repeat(n, 1) | fails
        pieces = [slice(k * len(data.y), (k + 1) * len(data.y)) for k in range(n)]
        return [_samples(data, inputs.rows(rows), corrupted[rows]) for rows in pieces]

    def epochs() -> Iterator[Samples]:
        wanted = n_epochs if n_draws is None else n_draws
        at_once = int(np.clip(_SCORED_ROWS // len(data.y), 1, wanted))
        while True:
            yield from draw(at_once)

    if n_draws is None:
        return partial(next, epochs())
    return partial(next, cycle([*islice(epochs(), n_draws)]))


def spared(samples: Samples) -> Samples:
    """The same without ``present``, if all modes are: a gate has less to do then."""
    if not samples.inputs["present"].all():
        return samples
    return Samples(
        {name: t for name, t in samples.inputs.items() if name != "present"},
        {name: t for name, t in samples.targets.items() if name != "present"},
        samples.weight,
    )


def _samples(data: ScoredSet, inputs: Inputs, corrupted: Tensor) -> Samples:
    x, potential, present = inputs
    return Samples(
        {"x": x, "potential": potential, "present": present},
        {"y": data.y, "corrupted": corrupted, "present": present},
        data.loss_weight,
    )


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
            copies.append(model.network.gated(inputs.x, scores))
    array: np.ndarray = torch.cat(copies).cpu().numpy()
    return array
