"""What single modes say of classes: probabilities of logistic regressions."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn.functional import log_softmax

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors.evidence import Evidence, Heads, Labelled

# What the frequencies of the classes count beside modes; so no probability is 0.
_PRIOR_TRUST = 1e-3

# How much a class that a linear model has not seen falls short of the others' mean.
_UNSEEN = 10.0


class ClassEvidence(Evidence):
    """Evidence of single modes, in log-probabilities of C classes.

    Probabilities p_i of the modes are averaged:

        p_pooled ∝ Σ_i β_i r_i p_i,    p ∝ p_joint ** a · p_pooled ** b,

    so 1 / (a + b) is the temperature of the mixture. Parameters as of
    :class:`Evidence`.
    """

    statistics = ("log_prior",)
    log_prior: Tensor

    @staticmethod
    def known(samples: Labelled, n_outputs: int) -> dict[str, np.ndarray]:
        """Logarithms of the frequencies of the classes, (C,)."""
        mass = np.bincount(samples.y, samples.weight, n_outputs)
        return {"log_prior": np.log(np.maximum(mass / mass.sum(), 1e-12))}

    @staticmethod
    def answers(outputs: Tensor) -> Tensor:
        """Log-probabilities."""
        return log_softmax(outputs, dim=-1)

    @staticmethod
    def loss(answers: Tensor, y: Tensor) -> Tensor:
        """Minus the log-probability of the right class."""
        right = y.expand(answers.shape[:-1]).unsqueeze(-1)
        return -answers.gather(-1, right).squeeze(-1)

    def default(self, n: int) -> Tensor:
        """The frequencies."""
        return self.log_prior.expand(n, -1)

    @property
    def temperature(self) -> float:
        """1 / (a + b)."""
        return 1.0 / max(float(self.powers.sum()), 1e-6)

    def pool(self, each: Tensor, attention: Tensor) -> Tensor:
        """The mean of probabilities, as logarithms."""
        trust = attention * self.reliability
        # Of probabilities, as the logarithm of attention 0 has no gradient.
        heard = (trust.unsqueeze(2) * each.exp()).sum(1)
        mixed = heard + _PRIOR_TRUST * self.log_prior.exp()
        return (mixed / (trust.sum(1, keepdim=True) + _PRIOR_TRUST)).log()

    @staticmethod
    def fit_heads(
        data: Labelled, layout: ModeLayout, n_outputs: int, strengths: list[float]
    ) -> Heads:
        """Fit a logistic regression on each mode, where it is present.

        Each has its own strength of regularisation, ``C`` of scikit-learn.
        """
        weight = np.zeros((data.x.shape[1], n_outputs))
        bias = np.zeros((layout.n_modes, n_outputs))
        for mode, (columns, strength) in enumerate(
            zip(layout.slices, strengths, strict=True)
        ):
            rows = data.present[:, mode] & (data.weight > 0)
            seen = np.unique(data.y[rows])
            if len(seen) < 2:
                continue  # says nothing
            x, y, counts = data.x[rows, columns], data.y[rows], data.weight[rows]
            model = LogisticRegression(C=strength, max_iter=50)
            # Of few samples, checks and weights would take nearly as long as the fit.
            checked = config_context(assume_finite=True, skip_parameter_validation=True)
            with checked, warnings.catch_warnings():
                # Nearly converged is as good: strengths differ by a factor of ten.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(x, y, None if (counts == 1).all() else counts)
            coef, intercept = model.coef_, model.intercept_
            if len(seen) == 2:  # scikit-learn gives the difference alone
                coef = np.concatenate([-coef, coef]) / 2
                intercept = np.concatenate([-intercept, intercept]) / 2
            bias[mode] = intercept.mean() - _UNSEEN
            weight[columns.start : columns.stop, seen] = coef.T
            bias[mode, seen] = intercept
        return Heads(weight, bias)
