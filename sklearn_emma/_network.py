"""The EMMA gate in front of a predictor, and the default predictor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from sklearn_emma._gate import EMMAGate, GateScores


class EMMAOutput(NamedTuple):
    """Logits (n, n_outputs), the scores of the gate, and its capacity term C."""

    logits: Tensor
    scores: GateScores
    capacity_penalty: Tensor


class EMMANetwork(nn.Module):
    """Gate the columns of a matrix mode by mode, then predict.

    Parameters
    ----------
    gate : EMMAGate
        Turns potential energies into attention.
    predictor : nn.Module
        From (n, d) to logits (n, n_outputs).
    mode_index : Tensor of shape (d,)
        Mode of each column.
    """

    mode_index: Tensor

    def __init__(
        self, gate: EMMAGate, predictor: nn.Module, mode_index: Tensor
    ) -> None:
        super().__init__()
        self.gate = gate
        self.predictor = predictor
        self.register_buffer("mode_index", mode_index)

    def forward(self, x: Tensor, potential: Tensor, present: Tensor) -> EMMAOutput:
        """Return logits and scores.

        ``x`` (n, d) is standardised, 0 where missing; ``potential`` and ``present`` (n, M).
        """
        scores = self.gate.scores(potential, present)
        gated = x * scores.attention[:, self.mode_index]
        return EMMAOutput(self.predictor(gated), scores, self.gate.capacity_penalty())


class MLP(nn.Sequential):
    """Fully connected layers with ReLU between them; no hidden layer is a linear model.

    Parameters
    ----------
    n_features_in : int
        Number of input features.
    n_outputs : int
        Number of logits.
    hidden_layer_sizes : sequence of int
        Units of each hidden layer.
    """

    def __init__(
        self, n_features_in: int, n_outputs: int, hidden_layer_sizes: Sequence[int]
    ) -> None:
        sizes = [n_features_in, *hidden_layer_sizes]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        super().__init__(*layers, nn.Linear(sizes[-1], n_outputs))
