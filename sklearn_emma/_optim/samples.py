"""The data of an epoch, in memory and cut into batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

import numpy as np
import torch
from torch import Generator, Tensor


@dataclass(frozen=True, slots=True)
class Samples:
    """One epoch's data; every tensor has the samples along its first axis.

    ``inputs`` are the keyword arguments of the module, ``targets`` those of the
    criterion, beside the output; ``weight`` (n,) weighs the samples. Where it is known
    that all weigh 1, they are ``alike``.
    """

    inputs: dict[str, Tensor]
    targets: dict[str, Tensor]
    weight: Tensor
    alike: bool = False

    def __len__(self) -> int:
        return len(self.weight)

    def batches(self, batch_size: int, generator: Generator) -> Iterator[Samples]:
        """Shuffle, then cut; a last batch of one row joins the one before."""
        n = len(self)
        starts = list(range(0, n, batch_size))
        if n % batch_size == 1 and n > 1:
            del starts[-1]  # layers that normalise a batch cannot do with one row
        lengths = [end - start for start, end in pairwise([*starts, n])]
        order = torch.randperm(n, generator=generator, device=self.weight.device)
        alike = bool((self.weight == 1).all())
        # All at once: a slice of each tensor for each batch takes as long as a layer.
        cut = [t.index_select(0, order).split(lengths) for t in self.tensors()]
        k = len(self.inputs)
        for *tensors, weight in zip(*cut, strict=True):
            inputs = dict(zip(self.inputs, tensors[:k], strict=True))
            targets = dict(zip(self.targets, tensors[k:], strict=True))
            yield Samples(inputs, targets, weight, alike)

    def first(self, n_samples: int) -> Samples:
        """Some of the samples, without any order."""
        return self.map(itemgetter(slice(n_samples)))

    def tensors(self) -> Iterator[Tensor]:
        """All tensors, in their order."""
        yield from self.inputs.values()
        yield from self.targets.values()
        yield self.weight

    def map(self, function: Callable[[Tensor], Tensor]) -> Samples:
        """Apply ``function`` to every tensor."""
        return Samples(
            {name: function(t) for name, t in self.inputs.items()},
            {name: function(t) for name, t in self.targets.items()},
            function(self.weight),
            self.alike,
        )


def masses(batches: Sequence[Samples]) -> Tensor:
    """What the samples of each batch weigh together, (n_batches,)."""
    if all(batch.alike for batch in batches):
        return batches[0].weight.new_tensor([b.weight.numel() for b in batches])
    return torch.stack([batch.weight.sum() for batch in batches])


def auto_batch_size(
    batch_size: int | str, n_samples: int, least: int | None = None
) -> int:
    """Resolve ``"auto"``: about 16 steps an epoch, of about ``least`` to 256 samples.

    If ``least`` is None, it is 64 where that leaves at least six steps in an epoch, and
    down to 32 where there are fewer samples. Steps are of about equal size, which may
    be somewhat less than the least, or more than the most.
    """
    if batch_size == "auto":
        if least is None:
            least = int(np.clip(n_samples // 6, 32, 64))
        n_steps = n_samples / int(np.clip(n_samples // 16, least, 256))
        # Of hardly more samples than fit into a step, two small steps teach more.
        n_steps = math.ceil(n_steps) if n_steps < 2 else round(n_steps)
        return math.ceil(n_samples / n_steps)
    return min(int(batch_size), n_samples)
