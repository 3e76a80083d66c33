"""What a corruption is, and how it meets a matrix."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Generator, Tensor


@runtime_checkable
class Corruption(Protocol):
    """What :class:`~sklearn_emma.EMMAClassifier` asks of a corruption."""

    def corrupt(self, x: Tensor, mode_index: Tensor, generator: Generator) -> Tensor:
        """Return ``x`` (n, d) as it would be if every mode failed."""
        ...


def fail_modes(
    x: Tensor,
    mode_index: Tensor,
    corruption: Corruption,
    generator: Generator,
    *,
    clean_fraction: float = 0.0,
    n_failing: int = 1,
) -> tuple[Tensor, Tensor]:
    """Let ``n_failing`` modes, drawn uniformly, fail in each row that is not clean.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_features)
        Values in units of the training standard deviation; NaN where missing.
    mode_index : Tensor of shape (n_features,)
        Mode of each column, from 0.
    corruption : Corruption
        What happens to a mode that fails.
    generator : torch.Generator
        Decides everything.
    clean_fraction : float in [0, 1], default=0.0
        Probability that a row is left as it is.
    n_failing : int, default=1
        Number of failing modes in a row that is not clean (all, where there are fewer).

    Returns
    -------
    x_failed : Tensor of shape (n_samples, n_features)
        A new tensor.
    corrupted : Tensor of shape (n_samples, n_modes)
        Boolean; True where a mode failed.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.corruption import MissingMode, fail_modes
    >>> x, generator = torch.ones(2, 4), torch.Generator().manual_seed(0)
    >>> x_failed, corrupted = fail_modes(
    ...     x, torch.tensor([0, 0, 1, 1]), MissingMode(), generator
    ... )
    >>> bool((x_failed.isnan() == corrupted[:, [0, 0, 1, 1]]).all())
    True
    """
    n, n_modes = len(x), int(mode_index.max()) + 1
    lottery = torch.rand(n, n_modes, generator=generator, device=x.device)
    ranks = lottery.argsort(dim=1).argsort(dim=1)
    fails = torch.rand(n, 1, generator=generator, device=x.device) >= clean_fraction
    corrupted = (ranks < n_failing) & fails
    # A copy: a corruption that writes to what it is given must not spoil clean rows.
    failed = corruption.corrupt(x.clone(), mode_index, generator)
    return torch.where(corrupted[:, mode_index], failed, x), corrupted
