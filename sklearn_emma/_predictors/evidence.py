"""What each mode says by itself, heard beside the predictor of all modes."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from sklearn_emma._inputs.layout import ModeLayout

#: Strengths of regularisation that are compared; ``C`` of scikit-learn.
STRENGTHS = (1e-3, 1e-2, 0.1, 1.0)

# What the frequencies of the classes count beside modes; so no probability is 0.
_PRIOR_TRUST = 1e-3

# How much a class that a linear model has not seen falls short of the others' mean.
_UNSEEN = 10.0


class Labelled(NamedTuple):
    """Samples of known classes: ``x`` (n, d), ``present`` (n, M), ``y`` (n,).

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

    def log_proba(self, x: np.ndarray, layout: ModeLayout) -> np.ndarray:
        """Log-probabilities of the classes by each mode, (n, M, C)."""
        weight, bias = (torch.from_numpy(array) for array in self)
        found = _by_mode(torch.from_numpy(x).double(), weight, bias, [*layout.widths])
        array: np.ndarray = found.numpy()
        return array


class HeldOutAnswers(NamedTuple):
    """What was said of samples that were not seen.

    ``joint`` (r, C) are log-probabilities of the predictor, ``each`` (S, r, M, C) those
    of the modes' linear models, at each strength; ``samples`` (r rows) say which modes
    were there and what would have been right.
    """

    joint: np.ndarray
    each: np.ndarray
    samples: Labelled

    @classmethod
    def joined(cls, parts: list[HeldOutAnswers]) -> HeldOutAnswers:
        """All parts, one after another."""
        samples = zip(*(part.samples for part in parts), strict=True)
        return cls(
            np.concatenate([part.joint for part in parts]),
            np.concatenate([part.each for part in parts], axis=1),
            Labelled(*(np.concatenate(arrays) for arrays in samples)),
        )

    def joint_loss(self) -> float:
        """Log-loss of the predictor."""
        said = np.take_along_axis(self.joint, self.samples.y[:, None], axis=1)[:, 0]
        return -float(np.average(said, weights=self.samples.weight))

    def losses(self) -> np.ndarray:
        """Log-loss of each mode at each strength, where the mode is present, (S, M).

        Infinite for a mode that is nowhere: it has shown nothing.
        """
        y = self.samples.y[None, :, None, None]
        said = np.take_along_axis(self.each, y, axis=3)[..., 0]
        weight = self.samples.weight[:, None] * self.samples.present
        total: np.ndarray = -(said * weight).sum(axis=1)
        mass = np.broadcast_to(weight.sum(axis=0), total.shape)
        return np.divide(total, mass, out=np.full_like(total, np.inf), where=mass > 0)

    def best_strengths(self) -> list[float]:
        """The strength of regularisation with the least loss, for each mode."""
        return [STRENGTHS[i] for i in self.losses().argmin(axis=0)]


class Evidence(nn.Module):
    """Mix the answer of the predictor with those of linear models of single modes.

    Each mode's linear model is right, or wrong, whatever happens to the others. Their
    probabilities p_i are averaged, weighed by attention β_i and by what each was worth
    on held-out samples, r_i:

        p_late ∝ Σ_i β_i r_i p_i,    log p = a log p_joint + b log p_late + constant.

    a and b are learnt from samples that neither has seen, so that 1 / (a + b) is the
    temperature of the mixture.

    Parameters
    ----------
    heads : Heads
        Fitted on all samples.
    layout : ModeLayout
        Columns of each mode.
    prior : ndarray of shape (C,)
        Frequencies of the classes, the answer where no mode is there.
    dtype : torch.dtype
        In which everything is computed.
    """

    weight: Tensor
    bias: Tensor
    log_prior: Tensor
    reliability: Tensor
    powers: Tensor

    def __init__(
        self, heads: Heads, layout: ModeLayout, prior: np.ndarray, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.widths = list(layout.widths)
        arrays = {
            "weight": heads.weight,
            "bias": heads.bias,
            "log_prior": np.log(np.maximum(prior, 1e-12)),
            "reliability": np.ones(layout.n_modes),
            "powers": np.array([1.0, 0.0]),
        }
        for name, array in arrays.items():
            self.register_buffer(name, torch.as_tensor(array, dtype=dtype))

    @property
    def temperature(self) -> float:
        """1 / (a + b)."""
        return 1.0 / max(float(self.powers.sum()), 1e-6)

    def learn(self, held_out: HeldOutAnswers) -> None:
        """Learn r, a and b, in place."""
        y, weight = held_out.samples.y, held_out.samples.weight
        losses = held_out.losses()
        uncertain = -np.average(self.log_prior.numpy()[y], weights=weight)
        worth = 1 - losses.min(axis=0) / max(uncertain, 1e-12)
        self.reliability.copy_(torch.from_numpy(worth.clip(0.0, 1.0)))
        modes = np.arange(len(self.widths))
        each = held_out.each[losses.argmin(axis=0), :, modes].swapaxes(0, 1)
        there = torch.as_tensor(held_out.samples.present, dtype=self.bias.dtype)
        late = self._average(torch.as_tensor(each, dtype=self.bias.dtype), there)
        powers = mixing_powers(held_out.joint, late.numpy(), y, weight)
        self.powers.copy_(torch.from_numpy(powers))

    def forward(self, logits: Tensor, x: Tensor, attention: Tensor) -> Tensor:
        """Logits (n, C) of the mixture, from those of the predictor.

        ``x`` (n, d) as it was before attention (n, M) multiplied it.
        """
        joint = log_softmax(logits, dim=1) * self.powers[0]
        each = _by_mode(x, self.weight, self.bias, self.widths)
        return joint + self.powers[1] * self._average(each, attention)

    def _average(self, each: Tensor, attention: Tensor) -> Tensor:
        """Log-probabilities (n, C) from those of each mode (n, M, C)."""
        trust = attention * self.reliability
        trust = torch.cat((trust, torch.full_like(trust[:, :1], _PRIOR_TRUST)), dim=1)
        # len(each) would be a constant of an exported program.
        prior = self.log_prior.expand(each.shape[0], 1, -1)
        proba = torch.cat((each, prior), dim=1).exp()
        # Of probabilities, as the logarithm of attention 0 has no gradient.
        mixed = (trust.unsqueeze(2) * proba).sum(1) / trust.sum(1, keepdim=True)
        return mixed.log()


def relevance(reliability: Tensor) -> Tensor:
    """Shares of attention for modes that are worth r_i ≥ 0 by themselves, (M,).

    Half as much again for the best mode as for one that says nothing: enough to be
    seen, and little enough for the best mode to be shut out quickly when it fails.
    """
    best = reliability.max()
    return 1 + reliability / (2 * best) if best > 0 else torch.ones_like(reliability)


def fit_heads(
    data: Labelled, layout: ModeLayout, n_classes: int, strengths: list[float]
) -> Heads:
    """Fit a linear model on each mode, where it is present, with its own strength."""
    weight = np.zeros((data.x.shape[1], n_classes))
    bias = np.zeros((layout.n_modes, n_classes))
    for mode, (columns, strength) in enumerate(
        zip(layout.slices, strengths, strict=True)
    ):
        rows = data.present[:, mode] & (data.weight > 0)
        seen = np.unique(data.y[rows])
        if len(seen) < 2:
            continue  # says nothing
        model = LogisticRegression(C=strength, max_iter=50)
        with warnings.catch_warnings():
            # Nearly converged is as good: strengths differ by a factor of ten.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(data.x[rows, columns], data.y[rows], data.weight[rows])
        coef, intercept = model.coef_, model.intercept_
        if len(seen) == 2:  # scikit-learn gives the difference alone
            coef = np.concatenate([-coef, coef]) / 2
            intercept = np.concatenate([-intercept, intercept]) / 2
        bias[mode] = intercept.mean() - _UNSEEN
        weight[columns.start : columns.stop, seen] = coef.T
        bias[mode, seen] = intercept
    return Heads(weight, bias)


def mixing_powers(
    joint: np.ndarray, late: np.ndarray, y: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """(a, b) ≥ 0 with which a·``joint`` + b·``late`` (n, C) are the best logits for y.

    By the log-loss of samples that were seen by neither; a few samples more speak for
    halves, which decide where there are hardly any.
    """
    parts = torch.from_numpy(np.stack([joint, late])).double()
    target = torch.from_numpy(y)
    counts = torch.from_numpy(weight).double()

    def loss(powers: np.ndarray) -> tuple[float, np.ndarray]:
        p = torch.tensor(powers, requires_grad=True)
        logits = (p[:, None, None] * parts).sum(0)
        said = nn.functional.cross_entropy(logits, target, reduction="none")
        total = (said * counts).sum() + (p - 0.5).square().sum()
        total.backward()
        assert p.grad is not None
        return float(total.detach()), p.grad.numpy()

    found = minimize(
        loss, np.array([0.5, 0.5]), jac=True, method="L-BFGS-B", bounds=[(0.0, 3.0)] * 2
    )
    powers: np.ndarray = found.x
    return powers


def _by_mode(x: Tensor, weight: Tensor, bias: Tensor, widths: list[int]) -> Tensor:
    """Log-probabilities (n, M, C) by each mode."""
    logits = [
        part @ rows
        for part, rows in zip(x.split(widths, 1), weight.split(widths), strict=True)
    ]
    return log_softmax(torch.stack(logits, dim=1) + bias, dim=2)
