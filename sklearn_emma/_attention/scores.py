"""What the gate says of samples, and what it has learnt."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor


class GateScores(NamedTuple):
    """What the gate knows of each sample and mode, or part of a mode.

    Parameters
    ----------
    attention : Tensor of shape (n, M)
        Attention β in [0, 1], which multiplies the mode.
    importance : Tensor of shape (n, M)
        Importance α, which sums to 1 over the modes that are present.
    log_importance : Tensor of shape (n, M)
        Its stable logarithm, a very negative number where a mode is missing. Of parts:
        of the importance that a part has within its mode.
    modal_energy : Tensor of shape (n, M)
        E, low for a mode that looks right.
    above : tuple of GateScores, default=()
        If the others are of parts, those of the modes that these are parts of.
    """

    attention: Tensor
    importance: Tensor
    log_importance: Tensor
    modal_energy: Tensor
    above: tuple[GateScores, ...] = ()

    @property
    def of_modes(self) -> GateScores:
        """Scores of the modes, whether they have parts or not."""
        return self.above[0] if self.above else self


class GateSummary(NamedTuple):
    """What a gate has learnt, under the names that the estimators give it.

    Arrays are of shape (M,) or (M, M). Without coupling its weights are 0 and its
    exponents 1; an attention function without gain and bias has NaN for them.
    """

    rho: float
    capacity: float
    attention_gain: float
    attention_bias: float
    energy_weights: np.ndarray
    energy_biases: np.ndarray
    coupling_weights: np.ndarray
    coupling_exponents: np.ndarray
