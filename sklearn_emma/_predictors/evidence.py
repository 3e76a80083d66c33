"""What each mode says by itself, heard beside the predictor of all modes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from sklearn_emma._inputs.layout import ModeLayout

#: Strengths of regularisation that are compared; ``C`` of scikit-learn.
STRENGTHS = (1e-3, 1e-2, 0.1, 1.0)

#: From answers (..., n, C) and what would be right, (n, ...), to losses (..., n).
AnswerLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class Labelled(NamedTuple):
    """Samples whose answer is known: ``x`` (n, d), ``present`` (n, M), ``y`` (n, ...).

    ``weight`` (n,) is what each counts.
    """

    x: np.ndarray
    present: np.ndarray
    y: np.ndarray
    weight: np.ndarray

    def rows(self, index: np.ndarray) -> Labelled:
        """Some of the samples."""
        return Labelled(*(array[index] for array in self))


class Heads(NamedTuple):
    """A linear model of each mode: ``weight`` (d, C), ``bias`` (M, C)."""

    weight: np.ndarray
    bias: np.ndarray

    def outputs(self, x: np.ndarray, layout: ModeLayout) -> Tensor:
        """What the linear models make of x (n, d): (n, M, C)."""
        weight, bias = (torch.from_numpy(array) for array in self)
        return _by_mode(torch.from_numpy(x).double(), weight, bias, [*layout.widths])


class HeldOutAnswers(NamedTuple):
    """What was said of samples that were not seen.

    ``joint`` (r, C) are answers of the predictor, ``each`` (S, r, M, C) those of the
    modes' linear models, at each strength; ``samples`` (r rows) say which modes were
    there and what would have been right, ``loss`` how wrong an answer is.
    """

    joint: np.ndarray
    each: np.ndarray
    samples: Labelled
    loss: AnswerLoss

    @classmethod
    def joined(cls, parts: list[HeldOutAnswers]) -> HeldOutAnswers:
        """All parts, one after another."""
        samples = zip(*(part.samples for part in parts), strict=True)
        return cls(
            np.concatenate([part.joint for part in parts]),
            np.concatenate([part.each for part in parts], axis=1),
            Labelled(*(np.concatenate(arrays) for arrays in samples)),
            parts[0].loss,
        )

    def losses(self) -> np.ndarray:
        """Mean loss of each mode at each strength, where the mode is present, (S, M).

        Infinite for a mode that is nowhere: it has shown nothing.
        """
        lost = self._lost(self.each.swapaxes(1, 2)).swapaxes(1, 2)
        weight = self.samples.weight[:, None] * self.samples.present
        total: np.ndarray = (lost * weight).sum(axis=1)
        mass = np.broadcast_to(weight.sum(axis=0), total.shape)
        return np.divide(total, mass, out=np.full_like(total, np.inf), where=mass > 0)

    def best_strengths(self) -> list[float]:
        """The strength of regularisation with the least loss, for each mode."""
        return [STRENGTHS[i] for i in self.losses().argmin(axis=0)]

    def _lost(self, answers: np.ndarray) -> np.ndarray:
        """Losses (..., r) of answers (..., r, C)."""
        y = torch.from_numpy(self.samples.y)
        found: np.ndarray = self.loss(torch.from_numpy(answers), y).numpy()
        return found


class Evidence(nn.Module):
    """Mix the answer of the predictor with those of linear models of single modes.

    Each mode's linear model is right, or wrong, whatever happens to the others. Their
    answers are pooled, weighed by attention β_i and by what each was worth on held-out
    samples, r_i; then

        answer = a · joint answer + b · pooled answer,

    with a and b learnt from samples that neither has seen. A kind of answer says how
    linear models are fitted, what outputs mean, how wrong an answer is, and how answers
    are pooled.

    Parameters
    ----------
    strengths : list of float
        Regularisation of each mode's linear model, ``C`` of scikit-learn.
    n_answers : int
        Outputs C of a linear model.
    layout : ModeLayout
        Columns of each mode.
    dtype : torch.dtype
        In which everything is computed.
    """

    recordable = True  # it takes no part in training

    #: Names of what is kept of all samples, one number for each output.
    statistics: ClassVar[tuple[str, ...]] = ()

    weight: Tensor
    bias: Tensor
    reliability: Tensor
    powers: Tensor

    def __init__(
        self,
        strengths: list[float],
        n_answers: int,
        layout: ModeLayout,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.strengths, self.layout = strengths, layout
        self.widths = list(layout.widths)
        shapes = {
            "weight": (layout.n_features, n_answers),
            "bias": (layout.n_modes, n_answers),
            **dict.fromkeys(self.statistics, (n_answers,)),
        }
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape, dtype=dtype))
        self.register_buffer("reliability", torch.ones(layout.n_modes, dtype=dtype))
        self.register_buffer("powers", torch.tensor([1.0, 0.0], dtype=dtype))

    def fit(self, samples: Labelled) -> None:
        """Fit the linear models, in place, and note what else is kept of samples."""
        n_answers = self.bias.shape[1]
        heads = self.fit_heads(samples, self.layout, n_answers, self.strengths)
        kept = {**heads._asdict(), **self.known(samples, n_answers)}
        for name, array in kept.items():
            self.get_buffer(name).copy_(torch.from_numpy(array))

    @staticmethod
    @abstractmethod
    def fit_heads(
        data: Labelled, layout: ModeLayout, n_outputs: int, strengths: list[float]
    ) -> Heads:
        """Fit a linear model on each mode, where it is present."""

    @staticmethod
    @abstractmethod
    def known(samples: Labelled, n_outputs: int) -> dict[str, np.ndarray]:
        """The statistics, by name."""

    @staticmethod
    @abstractmethod
    def answers(outputs: Tensor) -> Tensor:
        """What outputs (..., C) of the predictor or of linear models say."""

    @staticmethod
    @abstractmethod
    def loss(answers: Tensor, y: Tensor) -> Tensor:
        """How wrong answers (..., n, C) are, (..., n), where y (n, ...) is right."""

    @abstractmethod
    def default(self, n: int) -> Tensor:
        """Answers (n, C) to samples of which nothing is known."""

    @abstractmethod
    def pool(self, each: Tensor, attention: Tensor) -> Tensor:
        """One answer (n, C) of those of each mode (n, M, C)."""

    @property
    def temperature(self) -> float:
        """By which outputs of the mixture are divided; 1 where they are not scores."""
        return 1.0

    def learn(self, held_out: HeldOutAnswers) -> None:
        """Learn r, a and b, in place."""
        y, weight = held_out.samples.y, held_out.samples.weight
        losses = held_out.losses()
        nothing = self.loss(self.default(len(y)), torch.from_numpy(y)).numpy()
        uncertain = np.average(nothing, weights=weight)
        worth = 1 - losses.min(axis=0) / max(uncertain, 1e-12)
        self.reliability.copy_(torch.from_numpy(worth.clip(0.0, 1.0)))
        modes = np.arange(len(self.widths))
        each = held_out.each[losses.argmin(axis=0), :, modes].swapaxes(0, 1)
        there = torch.as_tensor(held_out.samples.present, dtype=self.bias.dtype)
        pooled = self.pool(torch.as_tensor(each, dtype=self.bias.dtype), there)
        powers = mixing_powers(
            held_out.joint,
            pooled.numpy(),
            lambda mixed: self.loss(self.answers(mixed), torch.from_numpy(y)),
            weight,
        )
        self.powers.copy_(torch.from_numpy(powers))

    def forward(self, outputs: Tensor, x: Tensor, attention: Tensor) -> Tensor:
        """Outputs (n, C) of the mixture, from those of the predictor.

        ``x`` (n, d) as it was before attention (n, M) multiplied it.
        """
        joint = self.answers(outputs) * self.powers[0]
        each = self.answers(_by_mode(x, self.weight, self.bias, self.widths))
        return joint + self.powers[1] * self.pool(each, attention)


def relevance(reliability: Tensor) -> Tensor:
    """Shares of attention for modes that are worth r_i ≥ 0 by themselves, (M,).

    Half as much again for the best mode as for one that says nothing: enough to be
    seen, and little enough for the best mode to be shut out quickly when it fails.
    """
    best = reliability.max()
    return 1 + reliability / (2 * best) if best > 0 else torch.ones_like(reliability)


def mixing_powers(
    joint: np.ndarray,
    pooled: np.ndarray,
    loss: Callable[[Tensor], Tensor],
    weight: np.ndarray,
) -> np.ndarray:
    """(a, b) ≥ 0 with which a·``joint`` + b·``pooled`` (n, C) has the least loss.

    ``loss`` is that of each sample (n,), which counts by its ``weight``. It should be
    of samples that were seen by neither; a few more speak for halves, which decide
    where there are hardly any.
    """
    parts = torch.from_numpy(np.stack([joint, pooled])).double()
    counts = torch.from_numpy(weight).double()

    def total_loss(powers: np.ndarray) -> tuple[float, np.ndarray]:
        p = torch.tensor(powers, requires_grad=True)
        lost = loss((p[:, None, None] * parts).sum(0))
        total = (lost * counts).sum() + (p - 0.5).square().sum()
        total.backward()
        assert p.grad is not None
        return float(total.detach()), p.grad.numpy()

    start, bounds = np.array([0.5, 0.5]), [(0.0, 3.0)] * 2
    found = minimize(total_loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    powers: np.ndarray = found.x
    return powers


def _by_mode(x: Tensor, weight: Tensor, bias: Tensor, widths: list[int]) -> Tensor:
    """Outputs (n, M, C) of linear models of each mode."""
    outputs = [
        part @ rows
        for part, rows in zip(x.split(widths, 1), weight.split(widths), strict=True)
    ]
    return torch.stack(outputs, dim=1) + bias
