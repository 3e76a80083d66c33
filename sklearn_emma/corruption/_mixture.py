"""Several corruptions at once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._validation import Constraints
from sklearn_emma.corruption._faults import MissingMode
from sklearn_emma.corruption._interface import (
    BaseCorruption,
    Corruption,
    check_corruption,
    failed_by,
)
from sklearn_emma.corruption._noise import GaussianNoise


class Mixture(BaseCorruption):
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

    _parameter_constraints: Constraints = {
        "corruptions": [list, tuple, None],
        "weights": ["array-like", None],
    }

    def __init__(
        self,
        corruptions: list[Corruption] | None = None,
        weights: list[float] | None = None,
    ) -> None:
        self.corruptions = corruptions
        self.weights = weights

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` with each row under the corruption that it drew."""
        corruptions = self.corruptions
        if corruptions is None:
            corruptions = [GaussianNoise(), MissingMode()]
        for k, corruption in enumerate(corruptions):
            check_corruption(corruption, _name(k))
        weights = self._checked_weights(len(corruptions)).to(x.device)
        choice = weights.multinomial(len(x), replacement=True, generator=generator)
        result = x.clone()
        for k, corruption in enumerate(corruptions):
            rows = (choice == k).unsqueeze(1)
            failed = failed_by(corruption, x, layout, generator, _name(k))
            result = torch.where(rows, failed, result)
        return result

    def _checked_weights(self, n_corruptions: int) -> Tensor:
        if self.weights is None and n_corruptions:
            return torch.ones(n_corruptions)
        try:
            weights = np.array(self.weights, dtype=np.float32)
        except (TypeError, ValueError):
            weights = np.full(n_corruptions, np.nan, dtype=np.float32)
        if (
            not n_corruptions
            or not (np.isfinite(weights) & (weights >= 0)).all()
            or not weights.any()
        ):
            raise ValueError(
                "Mixture: needs at least one corruption, and finite weights >= 0 of "
                "which one is positive; got "
                f"{self.corruptions!r} and {self.weights!r}."
            )
        if weights.shape != (n_corruptions,):
            raise ValueError(
                f"Mixture: weights has {weights.size} entries for "
                f"{n_corruptions} corruptions; give one for each."
            )
        return torch.from_numpy(weights)


def _name(k: int) -> str:
    return f"Mixture: corruptions[{k}]"
