"""
Use a variational autoencoder to detect failing modes
=====================================================

A variational autoencoder bounds −log p of a mode, and that bound is an energy like any
other: a class with ``fit`` and ``score_samples``. Claim to be tested: on tables of a
few hundred rows it finds failing modes, and lets the classifier keep its accuracy, as
well as the default does.

Run it with ``python examples/plot_20_variational_energy.py``; it prints the comparison
and saves ``variational_energy.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# The energy is the negative evidence lower bound,
#
# .. math:: E_q \frac{\lVert x - \hat x \rVert^2}{2 s^2} + \frac d2 \log 2 \pi s^2
#           + \mathrm{KL}(q(z|x) \,\|\, N(0, I)),
#
# with the spread s learnt. The expectation is a mean over a few z. Their noise comes
# from a seed and is the same for each row, so that scores can be repeated and depend on
# no other row.

import math
import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from torch import nn

from sklearn_emma import EMMAClassifier
from sklearn_emma.corruption import (
    Failures,
    GaussianNoise,
    StuckMode,
    UniformReplacement,
)
from sklearn_emma.datasets import load_breast_cancer_modes
from sklearn_emma.robustness import corrupt


class VariationalEnergy(BaseEstimator):
    """Minus the evidence lower bound of a small variational autoencoder."""

    def __init__(
        self, n_latent=3, n_hidden=32, max_iter=100, n_draws=8, random_state=0
    ):
        self.n_latent = n_latent
        self.n_hidden = n_hidden
        self.max_iter = max_iter
        self.n_draws = n_draws
        self.random_state = random_state

    def fit(self, X, y=None):
        """Train encoder, decoder and spread."""
        x = torch.as_tensor(X, dtype=torch.float32)
        d, hidden, latent = x.shape[1], self.n_hidden, self.n_latent
        with torch.random.fork_rng():
            torch.manual_seed(self.random_state)
            self.encoder_ = nn.Sequential(
                nn.Linear(d, hidden), nn.Tanh(), nn.Linear(hidden, 2 * latent)
            )
            self.decoder_ = nn.Sequential(
                nn.Linear(latent, hidden), nn.Tanh(), nn.Linear(hidden, d)
            )
            self.log_spread_ = nn.Parameter(torch.zeros(()))
            learnt = [*self.encoder_.parameters(), *self.decoder_.parameters()]
            optimizer = torch.optim.Adam([*learnt, self.log_spread_], lr=0.01)
            for _ in range(self.max_iter):
                for rows in torch.randperm(len(x)).split(64):
                    noise = torch.randn(1, len(rows), latent)
                    loss = self._energy(x[rows], noise).mean()
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
        return self

    def _energy(self, x, noise):
        """−ELBO of rows (n, d), by draws of noise (S, n or 1, n_latent)."""
        mean, log_sd = self.encoder_(x).chunk(2, dim=1)
        log_sd = log_sd.clamp(-6, 3)
        z = mean + log_sd.exp() * noise
        log_s = self.log_spread_.clamp(min=-5)  # a perfect fit would send it to −∞
        error = (x - self.decoder_(z)).square().sum(2).mean(0) / (2 * (2 * log_s).exp())
        kl = (mean.square() + (2 * log_sd).exp() - 1 - 2 * log_sd).sum(1) / 2
        return error + x.shape[1] * (log_s + math.log(2 * math.pi) / 2) + kl

    @torch.no_grad()
    def score_samples(self, X):
        """The bound, for each row by itself."""
        generator = torch.Generator().manual_seed(self.random_state)
        noise = torch.randn(self.n_draws, 1, self.n_latent, generator=generator)
        return -self._energy(torch.as_tensor(X, dtype=torch.float32), noise).numpy()


# %%
# The same classifier with the default energy, with this one, and without a gate.

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(3)
SHORT = {"max_iter": 2, "pretraining_max_iter": 2} if FAST else {}
FAILURES = {
    "noise σ = 0.5": GaussianNoise(0.5),
    "noise σ = 2": GaussianNoise(2.0),
    "uniform noise instead": UniformReplacement(),
    "stuck at one value": StuckMode(),
}
cancer = load_breast_cancer_modes()
shared = {"modes": cancer.modes, "corruption": Failures(n_draws=3), **SHORT}
variational = VariationalEnergy(max_iter=2 if FAST else 100)
models = {
    "default": EMMAClassifier(**shared),
    "variational": EMMAClassifier(energy_estimator=variational, **shared),
    "no gate": EMMAClassifier(attention_function="none", lambda_e=0, **shared),
}
records = []
for seed in SEEDS:
    X_train, X_test, y_train, y_test = train_test_split(
        cancer.data,
        cancer.target,
        test_size=0.3,
        stratify=cancer.target,
        random_state=seed,
    )
    fitted = {
        name: model.set_params(random_state=seed).fit(X_train, y_train)
        for name, model in models.items()
    }
    for failure, corruption in FAILURES.items():
        for i, (mode, columns) in enumerate(cancer.modes.items()):
            failed = corrupt(
                X_test, corruption, modes={mode: columns}, random_state=seed
            )
            is_failing = np.repeat([0, 1], len(X_test))
            for name, model in fitted.items():
                psi = [model.potential_energy(X)[:, i] for X in (X_test, failed)]
                found = roc_auc_score(is_failing, np.concatenate(psi))
                records.append(
                    (seed, name, failure, found, model.score(failed, y_test))
                )

columns = ["seed", "energy", "failure", "detection", "accuracy"]
data = pd.DataFrame(records, columns=columns)
data.loc[data["energy"] == "no gate", "detection"] = np.nan
by_failure = data.pivot_table(
    index="failure", columns="energy", values=columns[3:], sort=False
)
print("AUROC of Ψ, failing against clean, and accuracy with one mode failing")
print(by_failure.round(3).to_string())
by_seed = data.groupby(["energy", "seed"], sort=False)[columns[3:]].mean()
print("\nMean over failures, mean ± standard deviation over seeds")
for name in models:
    mean, sd = by_seed.loc[name].mean(), by_seed.loc[name].std(ddof=0)
    print(f"{name:12s} accuracy {mean['accuracy']:.3f} ± {sd['accuracy']:.3f}", end="")
    if name != "no gate":
        print(f", detection {mean['detection']:.3f} ± {sd['detection']:.3f}", end="")
    print()

# %%
# What both say of single failures.

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
names = {"detection": ["default", "variational"], "accuracy": list(models)}
for ax, (quantity, shown) in zip(axes, names.items(), strict=True):
    by_failure[quantity][shown].plot.barh(ax=ax, width=0.75)
    ax.invert_yaxis()
    ax.set(xlim=(0.5, 1.01), xlabel=quantity, ylabel="")
    ax.legend(loc="lower left", frameon=True)
figure.savefig("variational_energy.png", dpi=150)

# %%
# Conclusion, from the output above (three splits): for the classifier it makes no
# difference. With one mode failing accuracy is 0.955 ± 0.008 with the variational
# energy and 0.957 ± 0.008 with the default one, against 0.890 without a gate. As a
# detector it is behind: AUROC is 0.860 against 0.897 in the mean over failures. Large
# failures are found by both (0.99 and more); noise of half a standard deviation, with
# 0.803 against 0.962. A likely reason: whitening shows small noise as broken
# correlation, while the bound measures all directions by one spread s.
