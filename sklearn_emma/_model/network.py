"""The EMMA gate in front of a predictor."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from torch import Tensor, nn

from sklearn_emma._attention.gate import EMMAGate
from sklearn_emma._attention.nested import NestedGate
from sklearn_emma._attention.prepared import Prepared
from sklearn_emma._attention.scores import GateScores, NestedScores
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors.evidence import Evidence
from sklearn_emma._predictors.modules import takes_attention

#: Of modes, or of their parts.
AnyScores: TypeAlias = GateScores | NestedScores


class EMMAOutput(NamedTuple):
    """Logits (n, n_outputs), the scores of the gate, and its capacity term C.

    ``scores.attention`` is what multiplied the modes, trust included.
    """

    logits: Tensor
    scores: AnyScores
    capacity_penalty: Tensor


class EMMANetwork(nn.Module):
    """Gate the columns of a matrix mode by mode, then predict.

    Where modes have parts, M counts parts, and the scores of modes are ``above``.

    Parameters
    ----------
    gate : EMMAGate or NestedGate
        Turns potential energies into attention.
    predictor : nn.Module
        From (n, d) to logits (n, n_outputs). If its ``forward`` takes an argument
        ``attention``, that is β of each feature (n, d), and multiplying by it is left
        to the predictor.
    layout : ModeLayout
        Which columns belong to which mode.
    evidence : Evidence, default=None
        What single modes say, mixed with the predictor's answer once it has been
        trained.
    """

    recordable = True

    mode_index: Tensor

    def __init__(
        self,
        gate: EMMAGate | NestedGate,
        predictor: nn.Module,
        layout: ModeLayout,
        evidence: Evidence | None = None,
    ) -> None:
        super().__init__()
        self.evidence = evidence
        self.gate = gate
        self.predictor = predictor
        self.layout = layout
        self.register_buffer("mode_index", layout.index_on(gate.weight.device))
        self._gated_within = takes_attention(predictor)

    def forward(
        self,
        x: Tensor,
        potential: Tensor | None = None,
        present: Tensor | None = None,
        trust: Tensor | None = None,
        *,
        scaled: Tensor | None = None,
        there: Tensor | None = None,
        shut_out: Tensor | None = None,
    ) -> EMMAOutput:
        """Return logits and scores.

        ``x`` (n, d) is standardised, 0 where missing; ``potential`` and ``present``
        (n, M), None: all modes are. Attention is multiplied by ``trust`` in the end,
        one for each mode of the outermost level. It comes from the joint energy when
        samples are scored; in training there is none, so the predictor has never seen
        inputs that it attenuates. In place of ``potential`` and ``present`` there may
        be what the gate has made of them, :class:`Prepared`.
        """
        if scaled is None and potential is not None:
            scores = self.scores(potential, present, trust)
        elif scaled is not None and potential is None and present is None:
            scores = self.gate.weigh(Prepared(scaled, there, shut_out))
            scores = scores if trust is None else self.with_trust(scores, trust)
        else:
            raise TypeError("Give either `potential`, or `scaled` energies.")
        return EMMAOutput(
            self.predict(x, scores.attention), scores, self.gate.capacity_penalty()
        )

    def scores(
        self,
        potential: Tensor,
        present: Tensor | None = None,
        trust: Tensor | None = None,
    ) -> AnyScores:
        """What the gate knows, attention multiplied by trust; arguments as above."""
        scores = self.gate.scores(potential, present)
        return scores if trust is None else self.with_trust(scores, trust)

    def with_trust(self, scores: AnyScores, trust: Tensor) -> AnyScores:
        """The same scores with the attention that multiplies the modes in the end."""
        if (
            isinstance(scores, NestedScores)
            and self.layout.outermost is not self.layout
        ):
            assert isinstance(self.gate, NestedGate)
            above = scores.above._replace(attention=scores.above.attention * trust)
            scores, trust = scores._replace(above=above), self.gate.spread(trust)
        return scores._replace(attention=scores.attention * trust)

    def predict(self, x: Tensor, attention: Tensor) -> Tensor:
        """Logits (n, n_outputs) of ``x`` (n, d) under ``attention`` (n, M)."""
        logits: Tensor
        if self._gated_within:
            logits = self.predictor(x, attention=self._of_columns(attention))
        else:
            logits = self.predictor(self.gated(x, attention))
        if self.evidence is not None and not self.training:
            logits = self.evidence(logits, x, attention)
        return logits

    def gated(self, x: Tensor, attention: Tensor) -> Tensor:
        """Multiply each mode of ``x`` by its ``attention`` (n, M), (n, d)."""
        return x * self._of_columns(attention)

    def _of_columns(self, attention: Tensor) -> Tensor:
        return self.layout.spread(attention, self.mode_index)
