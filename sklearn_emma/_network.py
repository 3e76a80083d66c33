"""The EMMA gate in front of a predictor, and the default predictor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sklearn_emma._dropout import Dropout
from sklearn_emma._encoding import PiecewiseLinearEncoding
from sklearn_emma._gate import EMMAGate, GateScores
from sklearn_emma._predictor import takes_attention


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
        From (n, d) to logits (n, n_outputs). If its ``forward`` takes an argument
        ``attention``, that is β of each feature (n, d), and multiplying by it is the
        predictor's affair.
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
        self._gated_within = takes_attention(predictor)

    def forward(
        self,
        x: Tensor,
        potential: Tensor,
        present: Tensor,
        trust: Tensor | None = None,
    ) -> EMMAOutput:
        """Return logits and scores.

        ``x`` (n, d) is standardised, 0 where missing; ``potential`` and ``present`` (n,
        M), and so is ``trust``, by which attention is multiplied in the end.
        """
        scores = self.gate.scores(potential, present)
        attention = self._of_features(scores, trust)
        if self._gated_within:
            logits = self.predictor(x, attention=attention)
        else:
            logits = self.predictor(x * attention)
        return EMMAOutput(logits, scores, self.gate.capacity_penalty())

    def gated(
        self,
        x: Tensor,
        potential: Tensor,
        present: Tensor,
        trust: Tensor | None = None,
    ) -> Tensor:
        """Multiply each mode by its attention, (n, d); arguments as above."""
        return x * self._of_features(self.gate.scores(potential, present), trust)

    def _of_features(self, scores: GateScores, trust: Tensor | None) -> Tensor:
        attention = scores.attention
        if trust is not None:
            attention = attention * trust
        # Several times faster backwards than indexing with a tensor.
        return attention.index_select(1, self.mode_index)


class BaseModel(nn.Module):
    """The predictor by itself, whatever it calls its argument."""

    def __init__(self, predictor: nn.Module) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, n_outputs) of ``x`` (n, d)."""
        return self.predictor(x)


class MLP(nn.Module):
    """Fully connected ReLU layers with a linear path beside them.

    The layers see each feature and its position among the training data's quantiles,
    which lets them compete with trees on skewed features. Attention multiplies both:
    were the position that of the gated value, a feature of which little is let through
    would look like one of another value. The linear path lets it hold
    its own on small wide data, where linear models are hard to beat; dropout keeps the
    layers from learning such data by heart.

    Parameters
    ----------
    n_features_in : int
        Number of input features.
    n_outputs : int
        Number of logits.
    hidden_layer_sizes : sequence of int
        Units of each hidden layer; empty is the linear model alone.
    dropout : float
        Probability that a hidden unit is left out of a training step.
    n_bins : int, default=8
        Quantile bins of each feature.
    """

    def __init__(
        self,
        n_features_in: int,
        n_outputs: int,
        hidden_layer_sizes: Sequence[int],
        dropout: float,
        n_bins: int = 8,
    ) -> None:
        super().__init__()
        self.encoding = PiecewiseLinearEncoding(n_features_in, n_bins)
        sizes = [n_features_in * (1 + n_bins), *hidden_layer_sizes]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), nn.ReLU(), Dropout(dropout)]
        self.linear = nn.Linear(n_features_in, n_outputs)
        if layers:
            layers.append(nn.Linear(sizes[-1], n_outputs, bias=False))
        self.layers = nn.Sequential(*layers)

    def calibrate(self, x: Tensor, weight: Tensor) -> None:
        """See the training data (n, n_features_in), rows of ``weight`` (n,), once."""
        self.encoding.calibrate(x, weight)

    def forward(self, x: Tensor, attention: Tensor | None = None) -> Tensor:
        """Return logits (n, n_outputs).

        ``x`` and ``attention`` (n, n_features_in); None: all is let through.
        """
        logits = self.linear(x if attention is None else x * attention)
        if not len(self.layers):
            return logits
        seen = torch.cat((x.unsqueeze(2), self.encoding(x)), dim=2)
        if attention is not None:
            seen = seen * attention.unsqueeze(2)
        return logits + self.layers(seen.flatten(1))
