"""Everything the model says of some rows, each quantity computed when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from sklearn_emma._attention.importance import energy_at
from sklearn_emma._attention.scores import GateScores, NestedScores
from sklearn_emma._caching import cached_property
from sklearn_emma._energies.joint import JointEnergy
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._model.network import AnyScores, EMMANetwork
from sklearn_emma._predictors.classifiers import ClassifierPredictor
from sklearn_emma._predictors.regressors import RegressorPredictor

# Rows that a predictor sees at a time on a CPU: at most this many values of x. What it
# makes of them is many times as large, and should stay in the processor's caches.
_PIECE_VALUES = 2**16


class Inputs(NamedTuple):
    """What the network is fed: x (n, d) without NaN, potential and present (n, M)."""

    x: Tensor
    potential: Tensor
    present: Tensor

    def rows(self, index: slice | Tensor) -> Inputs:
        """Some of the samples."""
        return Inputs(self.x[index], self.potential[index], self.present[index])


class OfModes(Protocol):
    """What is said of modes, or of their parts: arrays (n, M) each."""

    @property
    def attention(self) -> np.ndarray:
        """β, 0 where the mode is missing; what multiplies the mode in the end."""

    @property
    def importance(self) -> np.ndarray:
        """α, 0 where the mode is missing."""

    @property
    def modal_energy(self) -> np.ndarray:
        """E, without meaning where the mode is missing."""

    @property
    def trust(self) -> np.ndarray:
        """Probability that the mode belongs to the others, 1 without a joint energy."""

    @property
    def potential(self) -> np.ndarray:
        """Ψ, without meaning where the mode is missing."""

    @property
    def present(self) -> np.ndarray:
        """Whether the mode has any value."""


class Scores:
    """Scores of some rows as arrays, each computed when it is asked for.

    ``logits`` (n, n_outputs); the others (n, M), of the parts where modes have some.
    Asking for attention does not run the predictor; asking for energies does not
    compute the trust. ``normal_scores`` (n, d) are those that energies and joint energy
    have in common, if they have.
    """

    def __init__(
        self,
        network: EMMANetwork,
        inputs: Inputs,
        classifier: ClassifierPredictor | RegressorPredictor | None = None,
        joint: JointEnergy | None = None,
        normal_scores: Tensor | None = None,
    ) -> None:
        self._network, self._inputs = network, inputs
        self._classifier, self._joint = classifier, joint
        self._normal_scores = normal_scores

    @property
    def layout(self) -> ModeLayout:
        """Names of modes and parts."""
        return self._network.layout

    def at(self, level: str) -> OfModes:
        """The scores of "modes" or of their "parts"."""
        if level == "parts" or isinstance(self.gate, GateScores):
            return self
        return ScoresAbove(self, self.layout.n_parts)

    def by_level(self, quantity: Callable[[OfModes], np.ndarray]) -> np.ndarray:
        """A quantity of modes and, behind it, of parts if there are any, (n, M + P)."""
        found = [quantity(self.at(level)) for level in self.layout.levels]
        return np.concatenate(found, axis=1)

    @property
    def from_network(self) -> bool:
        """Whether the network predicts, not an estimator behind the gate."""
        return self._classifier is None

    @cached_property
    def logits(self) -> np.ndarray:
        """Output of the predictor."""
        x, attention = self._inputs.x, self.final.attention
        with torch.no_grad():
            if self._classifier is None:
                return as_array(self._predict(x, attention))
            gated = self._network.gated(x, attention)
            return as_array(self._classifier.logits(gated))

    def _predict(self, x: Tensor, attention: Tensor) -> Tensor:
        """Logits (n, n_outputs) of the network, computed for a few rows at a time."""
        n_rows = max(1, _PIECE_VALUES // max(x.shape[1], 64))
        if x.device.type != "cpu" or len(x) <= n_rows:
            return self._network.predict(x, attention)
        pieces = zip(x.split(n_rows), attention.split(n_rows), strict=True)
        return torch.cat([self._network.predict(*piece) for piece in pieces])

    @property
    def attention(self) -> np.ndarray:
        """β, 0 where the mode is missing; what multiplies the mode in the end."""
        return as_array(self.final.attention)

    @property
    def importance(self) -> np.ndarray:
        """α, 0 where the mode is missing."""
        return as_array(self.gate.importance)

    @property
    def modal_energy(self) -> np.ndarray:
        """E, without meaning where the mode is missing."""
        return as_array(self.gate.modal_energy)

    @property
    def energy_threshold(self) -> np.ndarray:
        """Modal energy below which a mode passes, (n,); NaN without any mode.

        That is of the outermost gate.
        """
        gate, scores = self._network.gate, self.gate
        if self.layout.outermost is not self.layout:
            scores = scores.of_modes
        with torch.no_grad():
            passing = gate.attention_function.threshold()
            assert passing is not None
            threshold = energy_at(
                passing.double(),
                scores.log_importance.double(),
                scores.modal_energy.double(),
                gate.rho,
            )
        there = self._inputs.present.any(1)
        return as_array(threshold.masked_fill(~there, torch.nan))

    @property
    def trust(self) -> np.ndarray:
        """Probability that the mode belongs to the others, 1 without a joint energy."""
        return as_array(self.trusted.attention)

    @property
    def potential(self) -> np.ndarray:
        """Ψ, without meaning where the mode is missing."""
        return as_array(self._inputs.potential)

    @property
    def values(self) -> np.ndarray:
        """Standardised values (n, d), modes side by side, 0 where one is missing."""
        return as_array(self._inputs.x)

    @property
    def present(self) -> np.ndarray:
        """Whether the mode has any value."""
        return as_array(self._inputs.present)

    @cached_property
    def gate(self) -> AnyScores:
        """What the gate says by itself."""
        _, potential, present = self._inputs
        with torch.no_grad():
            # The gate has less to do where all modes are there.
            known = None if present.all() else present
            return self._network.scores(potential, known)

    @cached_property
    def final(self) -> AnyScores:
        """Scores with the trust of the joint energy."""
        if self._trust is None:
            return self.gate
        return self._network.with_trust(self.gate, self._trust)

    @cached_property
    def trusted(self) -> AnyScores:
        """Scores of which attention is the trust alone."""
        if self._trust is None:
            return full_attention(self.gate)
        return self._network.with_trust(full_attention(self.gate), self._trust)

    @cached_property
    def _trust(self) -> Tensor | None:
        """What attention is multiplied by in the end."""
        if self._joint is None:
            return None
        with torch.no_grad():
            return self._joint.trust(*self._inputs, self._normal_scores)


class ScoresAbove:
    """The same scores of the modes, where others are of their parts.

    Parameters
    ----------
    of_parts : Scores
        Of a model whose modes have parts.
    n_parts : sequence of int
        Number of parts of each mode.
    """

    def __init__(self, of_parts: Scores, n_parts: Sequence[int]) -> None:
        self._parts = of_parts
        self._first = np.cumsum([0, *n_parts[:-1]])

    @property
    def attention(self) -> np.ndarray:
        """β of the modes, which multiplies that of their parts."""
        return as_array(self._parts.final.of_modes.attention)

    @property
    def importance(self) -> np.ndarray:
        """α of the modes."""
        return as_array(self._parts.gate.of_modes.importance)

    @property
    def modal_energy(self) -> np.ndarray:
        """E of the modes."""
        return as_array(self._parts.gate.of_modes.modal_energy)

    @property
    def trust(self) -> np.ndarray:
        """Probability that the mode belongs to the others."""
        return as_array(self._parts.trusted.of_modes.attention)

    @property
    def potential(self) -> np.ndarray:
        """Mean Ψ of the parts that are present, weighted by α within the mode."""
        parts = self._parts
        within = np.exp(as_array(parts.gate.log_importance)) * parts.present
        return np.add.reduceat(within * parts.potential, self._first, axis=1)

    @property
    def present(self) -> np.ndarray:
        """Whether any part is present."""
        return np.logical_or.reduceat(self._parts.present, self._first, axis=1)


def full_attention(scores: AnyScores) -> AnyScores:
    """The same scores with attention 1, present or not."""
    full = scores._replace(attention=torch.ones_like(scores.attention))
    if isinstance(full, NestedScores):
        ones = torch.ones_like(full.above.attention)
        full = full._replace(above=full.above._replace(attention=ones))
    return full


def as_array(tensor: Tensor) -> np.ndarray:
    """A tensor of any device as an array."""
    array: np.ndarray = tensor.cpu().numpy()
    return array
