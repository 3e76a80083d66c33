"""Everything the model says of some rows, each quantity computed when asked for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sklearn_emma._attention.importance import energy_at
from sklearn_emma._attention.scores import GateScores
from sklearn_emma._caching import cached_property
from sklearn_emma._energies.joint import JointEnergy
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma._predictors.classifiers import ClassifierPredictor
from sklearn_emma._predictors.regressors import RegressorPredictor


class Inputs(NamedTuple):
    """What the network is fed: x (n, d) without NaN, potential and present (n, M)."""

    x: Tensor
    potential: Tensor
    present: Tensor

    def rows(self, index: slice | Tensor) -> Inputs:
        """Some of the samples."""
        return Inputs(self.x[index], self.potential[index], self.present[index])


class Scores:
    """Scores of some rows as arrays, each computed when it is asked for.

    ``logits`` (n, n_outputs); the others (n, M). Asking for attention does not run the
    predictor; asking for energies does not compute the trust.
    """

    def __init__(
        self,
        network: EMMANetwork,
        inputs: Inputs,
        classifier: ClassifierPredictor | RegressorPredictor | None = None,
        joint: JointEnergy | None = None,
    ) -> None:
        self._network, self._inputs = network, inputs
        self._classifier, self._joint = classifier, joint

    @property
    def from_network(self) -> bool:
        """Whether the network predicts, not an estimator behind the gate."""
        return self._classifier is None

    @cached_property
    def logits(self) -> np.ndarray:
        """Output of the predictor."""
        x = self._inputs.x
        with torch.no_grad():
            if self._classifier is None:
                return as_array(self._network.predict(x, self._final))
            gated = self._network.gated(x, self._final)
            return as_array(self._classifier.logits(gated))

    @property
    def attention(self) -> np.ndarray:
        """β, 0 where the mode is missing; what multiplies the mode in the end."""
        return as_array(self._final.attention)

    @property
    def importance(self) -> np.ndarray:
        """α, 0 where the mode is missing."""
        return as_array(self._gate.importance)

    @property
    def modal_energy(self) -> np.ndarray:
        """E, without meaning where the mode is missing."""
        return as_array(self._gate.modal_energy)

    @property
    def energy_threshold(self) -> np.ndarray:
        """Modal energy below which a mode passes, (n,); NaN without any mode."""
        gate, scores = self._network.gate, self._gate
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
        if self._trust is None:
            return np.ones(self._inputs.present.shape, dtype=self.attention.dtype)
        return as_array(self._trust)

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
    def _gate(self) -> GateScores:
        with torch.no_grad():
            return self._network.scores(*self._inputs[1:])

    @cached_property
    def _final(self) -> GateScores:
        """Scores with the trust of the joint energy."""
        if self._trust is None:
            return self._gate
        return self._network.with_trust(self._gate, self._trust)

    @cached_property
    def _trust(self) -> Tensor | None:
        """What attention is multiplied by in the end; the most expensive part."""
        if self._joint is None:
            return None
        with torch.no_grad():
            return self._joint.trust(*self._inputs)


def as_array(tensor: Tensor) -> np.ndarray:
    """A tensor of any device as an array."""
    array: np.ndarray = tensor.cpu().numpy()
    return array
