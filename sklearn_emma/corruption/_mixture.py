"""Several corruptions at once."""

from __future__ import annotations

import torch
from sklearn.base import BaseEstimator
from torch import Generator, Tensor

from sklearn_emma.corruption._faults import MissingMode
from sklearn_emma.corruption._interface import Corruption
from sklearn_emma.corruption._noise import GaussianNoise


class Mixture(BaseEstimator):
    """Each row draws one of several corruptions.

    Parameters
    ----------
    corruptions : list of Corruption, default=None
        Between which a row draws. None: Gaussian noise with σ from 0.1 to 2, or the
        mode missing.
    weights : list of float, default=None
        Relative frequencies, one for each; None: equal.

    Examples
    --------
    >>> from sklearn_emma.corruption import GaussianNoise, MissingMode, Mixture
    >>> Mixture([GaussianNoise((0.1, 2.0)), MissingMode()], weights=[2, 1])
    Mixture(corruptions=[GaussianNoise(), MissingMode()], weights=[2, 1])
    """

    def __init__(
        self,
        corruptions: list[Corruption] | None = None,
        weights: list[float] | None = None,
    ) -> None:
        self.corruptions = corruptions
        self.weights = weights

    def corrupt(self, x: Tensor, mode_index: Tensor, generator: Generator) -> Tensor:
        """Return ``x`` with each row under the corruption that it drew."""
        corruptions = self.corruptions
        if corruptions is None:
            corruptions = [GaussianNoise(), MissingMode()]
        weights = torch.ones(len(corruptions), device=x.device)
        if self.weights is not None:
            weights = torch.as_tensor(
                self.weights, dtype=weights.dtype, device=x.device
            )
        if not corruptions or (weights < 0).any() or not weights.sum() > 0:
            raise ValueError(
                "Mixture: needs at least one corruption, and weights >= 0 of which one "
                f"is positive; got {self.corruptions!r} and {self.weights!r}."
            )
        if len(weights) != len(corruptions):
            raise ValueError(
                f"Mixture: weights has {len(weights)} entries for "
                f"{len(corruptions)} corruptions; give one for each."
            )
        choice = weights.multinomial(len(x), replacement=True, generator=generator)
        result = x.clone()
        for k, corruption in enumerate(corruptions):
            rows = (choice == k).unsqueeze(1)
            failed = corruption.corrupt(x, mode_index, generator)
            result = torch.where(rows, failed, result)
        return result
