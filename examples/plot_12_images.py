"""
Two image modes, and the gate by itself
=======================================

A torch user needs no estimator: :class:`~sklearn_emma.EMMAGate` stands in front of any
network and takes modes of any shape. Claim: in a plain torch loop, before a small
convolutional network over two images, it keeps most of the accuracy when one image is
lost in noise, where the network by itself loses it.

Run it with ``python examples/plot_12_images.py``; it prints the comparison and saves
``images.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# The upper and the lower half of a digit are two images, (n, 1, 4, 8). They are
# standardised pixel by pixel, so that 0 is the mean image. The gate multiplies each by
# its attention β.

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_emma import EMMAGate, PotentialEnergyTransformer
from sklearn_emma.plotting import RobustnessCurveDisplay
from sklearn_emma.robustness import RobustnessCurve

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(5)
EPOCHS, ENERGY_EPOCHS = (2, 10) if FAST else (30, 60)
LAMBDA_E, FLOOR = 1e-3, np.log(0.01)
SIGMAS = [0, 0.25, 0.5, 1, 2, 4, 8]
HALVES = ("upper", "lower")
NAMES = ("plain", "no gate", "EMMA")
X, y = load_digits(return_X_y=True)


class Network(nn.Module):
    """Gate, a convolutional branch for each half, one linear layer for both."""

    def __init__(self, attention):
        super().__init__()
        self.gate = EMMAGate(2, attention=attention)
        self.branches = nn.ModuleList(self.branch() for _ in HALVES)
        self.last = nn.Linear(2 * 256, 10)

    def branch(self):
        """From (n, 1, 4, 8) to (n, 256)."""
        first = nn.Conv2d(1, 16, 3, padding=1), nn.ReLU()
        second = nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()
        return nn.Sequential(*first, *second, nn.MaxPool2d(2), nn.Flatten())

    def forward(self, images, potential):
        """Logits (n, 10) of two images (n, 1, 4, 8), and the scores of the gate."""
        gated, scores = self.gate(images, potential)
        parts = [self.branches[i](image) for i, image in enumerate(gated)]
        return self.last(torch.cat(parts, 1)), scores


# %%
# The potential energy of a half comes from
# :class:`~sklearn_emma.PotentialEnergyTransformer` on its flattened pixels. Failing
# means Gaussian noise; σ is in units of each pixel's standard deviation.


def flat(image):
    """Pixels (n, 32) of an image (n, 1, 4, 8)."""
    return image.flatten(1).numpy()


def potential_of(images, energies):
    """Potential energy Ψ (n, 2) of two images, from the fitted energy of each."""
    psi = [e.transform(flat(image)) for e, image in zip(energies, images, strict=True)]
    return torch.tensor(np.hstack(psi))


def fail(images, half, sigma, generator):
    """Add noise σ (n,) to the image number ``half`` (n,) of each sample; −1: to none."""
    failed = []
    for i, image in enumerate(images):
        level = (sigma * (half == i)).view(-1, 1, 1, 1)
        failed.append(image + level * torch.randn(image.shape, generator=generator))
    return failed


# %%
# The loop. Every epoch draws fresh failures: half of the samples have one noisy image,
# σ from 0.1 to 2. The loss is cross-entropy minus λ_e Ω: Ω = Σ ξ log α rewards the
# importance α of clean images and punishes that of noisy ones, down to a floor of 0.01.
# After each step the gate is put back within its bounds.


def train(network, images, y, energies, seed, simulate):
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    inputs, failing = images, torch.full((len(y),), -1)
    psi = potential_of(images, energies)
    network.gate.calibrate(psi)
    for _ in range(EPOCHS):
        if simulate:
            failing = torch.randint(-2, 2, (len(y),), generator=generator)
            sigma = 0.1 * 20 ** torch.rand(len(y), generator=generator)
            inputs = fail(images, failing, sigma, generator)
            psi = potential_of(inputs, energies)
        for rows in torch.randperm(len(y), generator=generator).split(64):
            logits, scores = network([image[rows] for image in inputs], psi[rows])
            log_alpha = scores.log_importance
            noisy = failing[rows].unsqueeze(1) == torch.arange(2)
            omega = torch.where(noisy, -log_alpha.clamp_min(FLOOR), log_alpha).sum(1)
            loss = nn.functional.cross_entropy(logits, y[rows])
            loss = loss - LAMBDA_E * omega.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            network.gate.project()
    return network.eval()


# %%
# Three networks of one architecture: *plain* is trained on clean images, *no gate* on
# failing ones, *EMMA* on failing ones behind the gate. At test time each half fails in
# turn, up to far beyond the noise of training.

accuracy = {(half, name): [] for half in HALVES for name in NAMES}
attention = {half: [] for half in HALVES}
for seed in SEEDS:
    X_train, X_test, y_train, y_test = train_test_split(
        X, torch.tensor(y), test_size=0.3, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(X_train)
    images, tests = (
        torch.tensor(scaler.transform(part)).float().view(-1, 2, 1, 4, 8).unbind(1)
        for part in (X_train, X_test)
    )
    energy = PotentialEnergyTransformer(max_iter=ENERGY_EPOCHS, random_state=seed)
    energies = [clone(energy).fit(flat(image)) for image in images]
    networks = {}
    for name in NAMES:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = Network("soft" if name == "EMMA" else "none")
        simulate = name != "plain"
        networks[name] = train(network, images, y_train, energies, seed, simulate)
    for i, half in enumerate(HALVES):
        correct, beta = {name: [] for name in NAMES}, []
        for sigma in SIGMAS:
            generator = torch.Generator().manual_seed(seed)
            failed = fail(tests, torch.tensor(i), torch.tensor(sigma), generator)
            psi = potential_of(failed, energies)
            for name, network in networks.items():
                with torch.no_grad():
                    logits, scores = network(failed, psi)
                correct[name].append((logits.argmax(1) == y_test).float().mean())
            beta.append(scores.attention.mean(0).numpy())  # EMMA comes last
        attention[half].append(beta)
        for name in NAMES:
            accuracy[half, name].append(np.array(correct[name]))
    print(f"seed {seed} done")

curves = {
    key: RobustnessCurve(
        np.array(SIGMAS), np.array(runs).T, key[0], "GaussianNoise", "accuracy"
    )
    for key, runs in accuracy.items()
}
for half in HALVES:
    text = pd.DataFrame(index=pd.Index(SIGMAS, name="σ"))
    for name in NAMES:
        text[name] = curves[half, name].mean
        text[f"{name} sd"] = curves[half, name].std
    text[["β upper", "β lower"]] = np.mean(attention[half], axis=0)
    print(f"\nNoise in the {half} half: accuracy, mean ± sd over seeds; mean attention")
    print(text.to_string(float_format="{:.3f}".format))

# %%
# Accuracy against noise; and one digit with noise in its lower half, before the gate
# and behind it.

figure, axes = plt.subplots(
    1, 4, figsize=(14, 4.4), layout="constrained", width_ratios=[4, 4, 1.7, 1.7]
)
for ax, half in zip(axes[:2], HALVES, strict=True):
    RobustnessCurveDisplay.from_curves(
        {name: curves[half, name] for name in NAMES}, trained_level=(0.1, 2), ax=ax
    )
    ax.set(ylim=(0, 1), title=f"noise in the {half} half")
noisy = fail(
    tests, torch.tensor(1), torch.tensor(2.0), torch.Generator().manual_seed(0)
)
with torch.no_grad():
    gated, scores = networks["EMMA"].gate(noisy, potential_of(noisy, energies))
beta = scores.attention[0].numpy()
titles = {"before the gate": noisy, "behind the gate": gated}
for ax, (title, pair) in zip(axes[2:], titles.items(), strict=True):
    digit = torch.cat([image[0, 0] for image in pair]).numpy()
    ax.imshow(digit, cmap="gray", vmin=-3, vmax=3)
    ax.set(xticks=[], yticks=[], title=f"a {y_test[0]}, {title}")
axes[2].set_xlabel("σ = 2 in the lower half")
axes[3].set_xlabel(f"β = {beta[0]:.2f} (upper)\nβ = {beta[1]:.2f} (lower)")
figure.savefig("images.png", dpi=120)
print("\nSaved images.png")

# %%
# CONCLUSION
