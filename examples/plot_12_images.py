"""
Two images in torch: the gate in front of a network
===================================================

A torch user needs no estimator: :class:`~sklearn_emma.EMMAGate` stands in front of any
network and takes modes of any shape. Claim: in a plain torch loop, before a small
convolutional network over two images, it keeps most of the accuracy when one image is
lost in noise, where the network by itself loses it.

Run it with ``python examples/plot_12_images.py``; ``SKLEARN_EMMA_FAST=1`` shortens it.
"""

# %%
# The upper and the lower half of a digit are two images, (n, 1, 4, 8), standardised by
# pixel, so that 0 is the mean image. The gate multiplies each by its attention.

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
from sklearn_emma.attention import energy_alignment
from sklearn_emma.plotting import RobustnessCurveDisplay
from sklearn_emma.robustness import RobustnessCurve

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(3)
EPOCHS, ENERGY_EPOCHS = (2, 10) if FAST else (30, 60)
LAMBDA_E, FLOOR = 3e-3, 0.1
SIGMAS = np.array([0, 0.25, 0.5, 1, 2, 4, 8])
HALVES = ("upper", "lower")
NAMES = ("plain", "no gate", "EMMA")
X, y = load_digits(return_X_y=True)


class Network(nn.Module):
    """Gate, a convolutional branch for each half, one linear layer for both."""

    def __init__(self, attention_function):
        super().__init__()
        self.gate = EMMAGate(2, attention_function=attention_function)
        self.branches = nn.ModuleList(self.branch() for _ in HALVES)
        self.last = nn.Linear(2 * 256, 10)

    def branch(self):
        """From (n, 1, 4, 8) to (n, 256)."""
        first = nn.Conv2d(1, 16, 3, padding=1), nn.ReLU()
        second = nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()
        return nn.Sequential(*first, *second, nn.MaxPool2d(2), nn.Flatten())

    def forward(self, images, potential):
        """Logits (n, 10) of images (n, 2, 1, 4, 8), and the scores of the gate."""
        gated, scores = self.gate(images.unbind(1), potential)
        parts = [self.branches[i](image) for i, image in enumerate(gated)]
        return self.last(torch.cat(parts, 1)), scores


# %%
# The potential energy of a half comes from
# :class:`~sklearn_emma.PotentialEnergyTransformer` on its flattened pixels. Failing
# means Gaussian noise; σ is in units of each pixel's standard deviation.


def potential_of(images, energies):
    """Potential energy Ψ (n, 2) of images (n, 2, 1, 4, 8), of each half its own."""
    pixels = images.flatten(2).numpy()
    psi = [energy.transform(pixels[:, i]) for i, energy in enumerate(energies)]
    return torch.tensor(np.hstack(psi))


def fail(images, half, sigma, generator):
    """Add noise σ to the half of that number; both are numbers or of shape (n,)."""
    hit = torch.as_tensor(half).view(-1, 1) == torch.arange(2)
    level = torch.as_tensor(sigma).float().view(-1, 1) * hit
    noise = torch.randn(images.shape, generator=generator)
    return images + level.view(-1, 2, 1, 1, 1) * noise


# %%
# The loop. Every epoch draws fresh failures: half of the samples have one noisy image,
# σ from 0.1 to 2. The loss is cross-entropy minus λ_e Ω: Ω = Σ ξ log α rewards the
# importance α of clean images and punishes that of noisy ones, down to a floor of 0.1.
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
            logits, scores = network(inputs[rows], psi[rows])
            noisy = failing[rows].unsqueeze(1) == torch.arange(2)
            log_alpha, present = scores.log_importance, torch.ones_like(noisy)
            omega = energy_alignment(log_alpha, noisy, present, FLOOR)
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

accuracy = np.zeros((2, len(NAMES), len(SIGMAS), len(SEEDS)))
attention = np.zeros((2, len(SIGMAS), 2))  # mean β of each half, while one is noisy
for seed in SEEDS:
    X_train, X_test, y_train, y_test = train_test_split(
        X, torch.tensor(y), test_size=0.3, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(X_train)
    scaled = (torch.tensor(scaler.transform(x)).float() for x in (X_train, X_test))
    images, tests = (pixels.view(-1, 2, 1, 4, 8) for pixels in scaled)
    options = {"max_iter": ENERGY_EPOCHS, "random_state": seed}
    energies = [
        PotentialEnergyTransformer(**options).fit(half.flatten(1).numpy())
        for half in images.unbind(1)
    ]
    networks = []
    for name in NAMES:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = Network("soft" if name == "EMMA" else "none")
        data = (images, y_train, energies, seed, name != "plain")
        networks.append(train(network, *data))
    for half, k in np.ndindex(2, len(SIGMAS)):
        failed = fail(tests, half, SIGMAS[k], torch.Generator().manual_seed(seed))
        for i, network in enumerate(networks):
            with torch.no_grad():
                logits, scores = network(failed, potential_of(failed, energies))
            accuracy[half, i, k, seed] = (logits.argmax(1) == y_test).float().mean()
        attention[half, k] += scores.attention.mean(0).numpy() / len(SEEDS)  # of EMMA
    print(f"seed {seed} done")

for half in range(2):
    text = pd.DataFrame(index=pd.Index(SIGMAS, name="σ"))
    text[list(NAMES)] = accuracy[half].mean(axis=2).T
    text[[f"{name} sd" for name in NAMES]] = accuracy[half].std(axis=2).T
    text[["β upper", "β lower"]] = attention[half]
    print(f"\nNoise in the {HALVES[half]} half: accuracy over seeds; mean attention")
    print(text.to_string(float_format="{:.3f}".format))

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
for ax, half, scores in zip(axes, HALVES, accuracy, strict=True):
    curves = {
        name: RobustnessCurve(SIGMAS, scores[i], half, "GaussianNoise", "accuracy")
        for i, name in enumerate(NAMES)
    }
    RobustnessCurveDisplay.from_curves(curves, trained_level=(0.1, 2), ax=ax)
    ax.set(ylim=(0, 1))
figure.savefig("images.png", dpi=120)
print("\nSaved images.png")

# %%
# Measured on three seeds. On clean images the three are alike: 0.983 (EMMA), 0.977 (no
# gate), 0.985 (plain). At σ = 4, twice the largest noise of training, EMMA has an
# accuracy of 0.810 ± 0.021 with the upper half noisy and 0.825 ± 0.018 with the lower;
# no gate, trained on the same failures, 0.530 and 0.480; plain 0.410 and 0.360. Up to σ
# = 1 the gate gains little (0.936 against 0.933) or nothing (0.943 against 0.948).
