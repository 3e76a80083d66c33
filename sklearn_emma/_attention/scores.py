"""What the gate says of samples, and what it has learnt."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import Tensor


class GateScores(NamedTuple):
    """What the gate knows of each sample and mode.

    Parameters
    ----------
    attention : Tensor of shape (n, M)
        Attention β in [0, 1], which multiplies the mode.
    importance : Tensor of shape (n, M)
        Importance α, which sums to 1 over the modes that are present.
    log_importance : Tensor of shape (n, M)
        Its stable logarithm, a very negative number where a mode is missing.
    modal_energy : Tensor of shape (n, M)
        E, low for a mode that looks right.
    """

    attention: Tensor
    importance: Tensor
    log_importance: Tensor
    modal_energy: Tensor

    @property
    def of_modes(self) -> GateScores:
        """Scores of the modes, whether they have parts or not."""
        return self


class NestedScores(NamedTuple):
    """What a gate of gates knows of each sample and part of a mode.

    ``attention`` β_i β_ip, which multiplies the part; ``importance`` α_i α_ip, which
    sums to 1 over all parts; ``log_importance`` log α_ip, within the mode;
    ``modal_energy`` E_ip, or E_i of what is alone in its mode: (n, P) each. ``above``
    are the scores of the modes.
    """

    attention: Tensor
    importance: Tensor
    log_importance: Tensor
    modal_energy: Tensor
    above: GateScores

    @property
    def of_modes(self) -> GateScores:
        """Scores of the modes."""
        return self.above


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
