"""
Two image modes, and the gate by itself
=======================================

A torch user needs no estimator: :class:`~sklearn_emma.EMMAGate` stands in front of any
network and takes modes of any shape. Claim: in a plain torch loop, in front of a small
convolutional network over two images, it keeps the accuracy when one of them fails where the
network by itself loses it.

Run it with ``python examples/plot_12_images.py``; it prints the comparison and saves
``images.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# The upper and the lower half of a digit are two images, (n, 1, 4, 8). Each is standardised pixel
# by pixel, so that 0 is the mean image. The potential energy of a half comes from
# :class:`~sklearn_emma.PotentialEnergyTransformer` on its pixels.

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_emma import EMMAGate, PotentialEnergyTransformer
from sklearn_emma.plotting import RobustnessCurveDisplay
from sklearn_emma.robustness import RobustnessCurve

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(3)
EPOCHS = 3 if FAST else 30
LAMBDA_E, FLOOR = 1e-3, np.log(0.01)
SIGMAS = [0, 0.25, 0.5, 1, 2, 4, 8]
HALVES = ("upper", "lower")
X, y = load_digits(return_X_y=True)


class Network(nn.Module):
    """A convolutional branch for each half, then one linear layer for both."""

    def __init__(self, gate):
        super().__init__()
        self.gate = gate
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(1, 16, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(16, 32, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Flatten(),
            )
            for _ in HALVES
        )
        self.last = nn.Linear(2 * 32 * 2 * 4, 10)

    def forward(self, images, potential, present=None):
        """Logits (n, 10) of two images (n, 1, 4, 8), and the scores of the gate."""
        gated, scores = self.gate(images, potential, present)
        parts = [branch(x) for branch, x in zip(self.branches, gated, strict=True)]
        return self.last(torch.cat(parts, 1)), scores


def as_images(z):
    """Two images (n, 1, 4, 8) from standardised pixels (n, 64)."""
    return [half.reshape(-1, 1, 4, 8) for half in torch.tensor(z).float().split(32, 1)]


def potential_of(images, energies):
    """Potential energy Ψ (n, 2) of two images, by their fitted energies."""
    psi = [e.transform(x.flatten(1).numpy()) for e, x in zip(energies, images)]
    return torch.tensor(np.hstack(psi))


def fail(images, half, sigma, generator):
    """Noise σ, a number or one for each row, on one image, or on that of ``half`` (n,)."""
    noisy = []
    for i, x in enumerate(images):
        level = torch.as_tensor(sigma) * torch.as_tensor(half == i)
        noise = torch.randn(x.shape, generator=generator)
        noisy.append(x + level.float().reshape(-1, 1, 1, 1) * noise)
    return noisy


# %%
# The loop. Every epoch draws fresh failures: half of the samples have one noisy image, σ from
# 0.1 to 2. The loss is cross-entropy, minus λ_e Ω for the gate: Ω = Σ ξ log α rewards
# importance of clean images and lack of it of noisy ones. After each step the gate
# is put back within its bounds.


def train(network, images, y, energies, seed, simulate):
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    clean = potential_of(images, energies)
    network.gate.calibrate(clean)
    for _ in range(EPOCHS):
        inputs, psi, failing = images, clean, torch.full((len(y),), -1)
        if simulate:
            failing = torch.randint(-2, 2, (len(y),), generator=generator)
            sigma = 0.1 * 20 ** torch.rand(len(y), generator=generator)
            inputs = fail(images, failing, sigma, generator)
            psi = potential_of(inputs, energies)
        for rows in torch.randperm(len(y), generator=generator).split(64):
            logits, scores = network([x[rows] for x in inputs], psi[rows])
            loss = nn.functional.cross_entropy(logits, y[rows])
            log_alpha = scores.log_importance
            noisy = failing[rows].unsqueeze(1) == torch.arange(2)
            omega = torch.where(noisy, -log_alpha.clamp_min(FLOOR), log_alpha).sum(1)
            loss = loss - LAMBDA_E * omega.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            network.gate.project()
    return network.eval()


# %%
# Three networks of the same architecture and seed: *plain* trained on clean images, *no gate*
# on failing ones, *EMMA* on failing ones behind the gate. At test time each half fails in
# turn, in noise that grows far beyond that of training.

accuracy = {
    (half, name): [] for half in HALVES for name in ("plain", "no gate", "EMMA")
}
attention, missing = {half: [] for half in HALVES}, []
for seed in SEEDS:
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(X_train)
    images, tests = (as_images(scaler.transform(part)) for part in (X_train, X_test))
    y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)
    energies = [
        PotentialEnergyTransformer(random_state=seed).fit(x.flatten(1).numpy())
        for x in images
    ]
    networks = {}
    for name in ("plain", "no gate", "EMMA"):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            gate = EMMAGate(2, attention="soft" if name == "EMMA" else "none")
            network = Network(gate)
        simulate = name != "plain"
        networks[name] = train(network, images, y_train, energies, seed, simulate)
    with torch.no_grad():
        for i, half in enumerate(HALVES):
            lists = {name: [] for name in networks}
            beta = []
            for sigma in SIGMAS:
                generator = torch.Generator().manual_seed(seed)
                failed = fail(tests, torch.full((len(y_test),), i), sigma, generator)
                psi = potential_of(failed, energies)
                for name, network in networks.items():
                    logits, scores = network(failed, psi)
                    lists[name].append(
                        float((logits.argmax(1) == y_test).float().mean())
                    )
                beta.append(scores.attention.mean(0).numpy())  # of EMMA, the last
            attention[half].append(beta)
            for name, values in lists.items():
                accuracy[half, name].append(values)
            # A half that is known to be missing: say so, and its energy is not asked for.
            present = (torch.arange(2) != i).expand(len(y_test), 2)
            psi = potential_of(tests, energies)
            for name, network in networks.items():
                logits, _ = network(tests, psi, present)
                right = float((logits.argmax(1) == y_test).float().mean())
                missing.append((half, name, right))
    print(f"seed {seed} done")

curves = {
    half: {
        name: RobustnessCurve(
            np.array(SIGMAS),
            np.array(accuracy[half, name]).T,
            half,
            "GaussianNoise",
            "accuracy",
        )
        for name in ("plain", "no gate", "EMMA")
    }
    for half in HALVES
}
for half in HALVES:
    text = {
        name: [f"{m:.3f} ± {s:.3f}" for m, s in zip(curve.mean, curve.std)]
        for name, curve in curves[half].items()
    }
    beta = np.mean(attention[half], axis=0)
    text |= {f"β {name}": beta[:, i].round(3) for i, name in enumerate(HALVES)}
    print(f"\n{half} half noisy: accuracy, mean ± sd over seeds, and mean attention")
    print(pd.DataFrame(text, index=pd.Index(SIGMAS, name="σ")).to_string())
print("\nA half declared missing: accuracy, mean and sd over seeds")
known = pd.DataFrame(missing, columns=["half", "network", "accuracy"])
known = known.groupby(["half", "network"], sort=False)["accuracy"].agg(["mean", "std"])
print(known.fillna(0).to_string(float_format="{:.3f}".format))

# %%
# Accuracy against noise for both halves; and three digits as *EMMA* sees them, with the lower
# half in noise: below, what the gate lets through to the network.

figure = plt.figure(figsize=(13, 4.6), layout="constrained")
left, middle, right = figure.subfigures(1, 3, width_ratios=[1, 1, 0.8])
for part, half in ((left, "upper"), (middle, "lower")):
    ax = part.subplots()
    RobustnessCurveDisplay.from_curves(curves[half], trained_level=(0.1, 2), ax=ax)
    ax.set_ylim(0, 1)
axes = right.subplots(2, 3)
generator = torch.Generator().manual_seed(0)
lower = torch.full((len(y_test),), 1)
failed = fail(tests, lower, 2.0, generator)
with torch.no_grad():
    gated, scores = networks["EMMA"].gate(failed, potential_of(failed, energies))
for column in range(3):
    beta = scores.attention[column].numpy()
    for row, halves in enumerate((failed, gated)):
        digit = torch.cat([x[column, 0] for x in halves])
        axes[row, column].imshow(digit, cmap="gray", vmin=-3, vmax=3)
        axes[row, column].axhline(3.5, color="#D55E00", linewidth=1)
        axes[row, column].set_xticks([])
        axes[row, column].set_yticks([])
    axes[0, column].set_title(f"a {int(y_test[column])}")
    axes[1, column].set_xlabel(f"β {beta[0]:.2f} (upper)\nβ {beta[1]:.2f} (lower)")
axes[0, 0].set_ylabel("σ = 2 below")
axes[1, 0].set_ylabel("after the gate")
right.suptitle("standardised pixels")
figure.savefig("images.png", dpi=120)
print("\nSaved images.png")

# %%
# CONCLUSION
