"""The models that are trained together, and what is known of all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from torch import Tensor, nn

#: Makes a criterion of the terms of a member: called with a module's output and the
#: targets, it returns the loss of each sample.
MakeCriterion: TypeAlias = Callable[..., Callable[..., Tensor]]


#: Numbers that a criterion is made with; a tensor holds those of many members.
Terms: TypeAlias = dict[str, float | Tensor]


class Member(NamedTuple):
    """One of the models that are trained together.

    ``module`` is trained in place, except for parameters without ``requires_grad``;
    ``source`` is the index of the source of its samples; ``terms`` are the numbers that
    its criterion is made with.
    """

    module: nn.Module
    source: int
    lr: float
    terms: dict[str, float]


class Traits(NamedTuple):
    """What a forward pass does beside computing an output.

    ``random`` is whether it draws from torch's global random state, ``written`` are the
    names of the buffers that it writes to, ``n_values`` is how many values its gradient
    needs.
    """

    random: bool
    written: frozenset[str]
    n_values: int = 0
