"""What single modes say of numbers: values that ridge regressions predict."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import Ridge
from torch import Tensor

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors.evidence import Evidence, Heads, Labelled

# What the mean of y counts beside modes.
_PRIOR_TRUST = 1e-3


class NumberEvidence(Evidence):
    """Evidence of single modes, in standardised values of T targets.

    Values f_i of the modes are averaged:

        pooled = Σ_i β_i r_i f_i / Σ_i β_i r_i,

    with a little of the mean of y, which is the answer where nothing is let through.
    No mode says less than the least or more than the largest y of training, however
    far from usual its values are. Parameters as of :class:`Evidence`.
    """

    statistics = ("lowest", "highest")
    lowest: Tensor
    highest: Tensor

    @staticmethod
    def known(samples: Labelled, n_outputs: int) -> dict[str, np.ndarray]:
        """The range of each target, (T,)."""
        counts = samples.y[samples.weight > 0]
        return {"lowest": counts.min(axis=0), "highest": counts.max(axis=0)}

    @staticmethod
    def answers(outputs: Tensor) -> Tensor:
        """The values themselves."""
        return outputs

    @staticmethod
    def loss(answers: Tensor, y: Tensor) -> Tensor:
        """Half the squared distance."""
        return (answers - y).square().sum(-1) / 2

    def default(self, n: int) -> Tensor:
        """The mean."""
        return torch.zeros_like(self.lowest).expand(n, -1)

    def pool(self, each: Tensor, attention: Tensor) -> Tensor:
        """The mean of values; that of y is 0."""
        trust = attention * self.reliability
        total = (trust.unsqueeze(2) * each.clamp(self.lowest, self.highest)).sum(1)
        return total / (trust.sum(1, keepdim=True) + _PRIOR_TRUST)

    def forward(self, outputs: Tensor, x: Tensor, attention: Tensor) -> Tensor:
        """Outputs of the mixture; what comes after the T answers stays as it is."""
        n_targets = self.bias.shape[1]
        mixed = super().forward(outputs[:, :n_targets], x, attention)
        return torch.cat((mixed, outputs[:, n_targets:]), dim=1)

    @staticmethod
    def fit_heads(
        data: Labelled, layout: ModeLayout, n_outputs: int, strengths: list[float]
    ) -> Heads:
        """Fit a ridge regression on each mode, where it is present.

        Each has its own strength of regularisation, 1 / ``alpha`` of scikit-learn.
        """
        weight = np.zeros((data.x.shape[1], n_outputs))
        bias = np.zeros((layout.n_modes, n_outputs))
        for mode, (columns, strength) in enumerate(
            zip(layout.slices, strengths, strict=True)
        ):
            rows = data.present[:, mode] & (data.weight > 0)
            if not rows.any():
                continue  # says nothing
            model = Ridge(alpha=1 / strength)
            model.fit(data.x[rows, columns], data.y[rows], data.weight[rows])
            weight[columns.start : columns.stop] = model.coef_.reshape(n_outputs, -1).T
            bias[mode] = model.intercept_
        return Heads(weight, bias)
