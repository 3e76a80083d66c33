"""
Find failing signals and images: convolutional or dense energy?
===============================================================

The energy of a mode says how unlikely its values are. A dense energy learns how each
value goes with each other, which takes many samples once there are hundreds of values;
a convolutional one learns how neighbours go together anywhere. Claim to be tested: from
few signals, or patches of images, ``ConvolutionalEnergy`` tells failing ones from new
ones better than the dense energy does, and at less cost; of small images in which each
pixel has its place, it does not.

Run it with ``python examples/plot_19_signal_energy.py``; it prints the table and saves
``signal_energy.png``. ``SKLEARN_EMMA_FAST=1`` shortens it.
"""

# %%
# Three kinds of values: generated signals, two noisy waves of random frequency and
# phase; patches of 3 × 16 × 16 pixels of the two photographs that come with
# scikit-learn, the left half for training and the right half as new; and its digits at
# 8 × 8.

import os
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits, load_sample_images
from sklearn.metrics import roc_auc_score

from sklearn_emma import ConvolutionalEnergy, PotentialEnergyTransformer

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(3)
N_TRAIN = [60, 120] if FAST else [100, 300, 1000]
N_NEW = 100 if FAST else 400


def signals(n, rng, new):
    t = np.linspace(0, 1, 128)
    frequency = rng.uniform(3, 8, (n, 1, 1))
    phase, size = rng.uniform(0, 2 * np.pi, (n, 2, 1)), rng.lognormal(0, 0.3, (n, 2, 1))
    waves = size * np.sin(2 * np.pi * frequency * t + phase)
    return waves + 0.1 * rng.normal(size=waves.shape)


photographs = np.stack(load_sample_images().images).transpose(0, 3, 1, 2) / 255


def patches(n, rng, new):
    side, (_, _, height, width) = 16, photographs.shape
    rows = rng.integers(0, height - side, n)
    columns = rng.integers(0, width // 2 - side, n) + (width // 2 if new else 0)
    return np.stack([
        photographs[k % 2, :, i : i + side, j : j + side]
        for k, (i, j) in enumerate(zip(rows, columns, strict=True))
    ])  # fmt: skip


images = load_digits().images[:, np.newaxis]


def digits(n, rng, new):
    half = rng.permutation(len(images) // 2)[:n] * 2 + new
    return images[half]


KINDS = {"signals": signals, "photographs": patches, "digits": digits}

# %%
# How they fail, in units of their standard deviation. An energy is compared with its
# median on clean new values, as too low an energy is as odd as one too high.


def occluded(x, rng):
    """The middle half of each direction reads as the darkest value."""
    x = x.copy()
    middle = tuple(slice(n // 4, n // 4 + (n + 1) // 2) for n in x.shape[2:])
    x[(slice(None), slice(None), *middle)] = x.min()
    return x


FAILURES = {
    "noise σ = 0.1": lambda x, rng: x + 0.1 * rng.normal(size=x.shape),
    "noise σ = 0.25": lambda x, rng: x + 0.25 * rng.normal(size=x.shape),
    "noise σ = 1": lambda x, rng: x + rng.normal(size=x.shape),
    "blank": lambda x, rng: np.zeros_like(x) + rng.normal(size=(len(x), 1, 1, 1)),
    "occluded": occluded,
    "gain × 3": lambda x, rng: 3 * x,
}


def found(energy, clean, failed):
    """Area under the ROC curve of |Ψ − median|."""
    psi, psi_failed = -energy.score_samples(clean), -energy.score_samples(failed)
    oddity = np.abs(np.concatenate([psi, psi_failed]) - np.median(psi))
    return roc_auc_score(np.repeat([0, 1], [len(clean), len(failed)]), oddity)


results = []
for kind, draw in KINDS.items():
    for seed, n in ((seed, n) for seed in SEEDS for n in N_TRAIN):
        rng = np.random.default_rng(seed)
        train, new = draw(n, rng, False), draw(N_NEW, rng, True)
        mean, unit = train.mean(), train.std()
        train, new = (train - mean) / unit, (new - mean) / unit
        shape = train.shape[1:]
        energies = {
            "dense": PotentialEnergyTransformer(random_state=seed),
            "convolutional": ConvolutionalEnergy(shape, random_state=seed),
        }
        rows = new.reshape(len(new), -1)
        for name, energy in energies.items():
            start = time.perf_counter()
            energy.fit(train.reshape(len(train), -1))
            seconds = time.perf_counter() - start
            for failure, fail in FAILURES.items():
                values = new if new.ndim == 4 else new[..., np.newaxis]
                failed = fail(values, np.random.default_rng(seed)).reshape(rows.shape)
                area = found(energy, rows, failed)
                results.append((kind, n, name, failure, area, seconds))

names = ["values", "rows", "energy", "failure", "AUROC", "seconds"]
table = pd.DataFrame(results, columns=names)
means = table.pivot_table("AUROC", ["values", "rows", "failure"], "energy", sort=False)
print(means.unstack("rows").to_string(float_format="{:.3f}".format))
over_all = table.pivot_table(["AUROC", "seconds"], ["values", "rows"], "energy",
                             sort=False)  # fmt: skip
print("\nOver all failures, and seconds to fit")
print(over_all.to_string(float_format="{:.3f}".format))

# %%
figure, axes = plt.subplots(
    1, len(KINDS), figsize=(11, 4.2), sharey=True, layout="constrained"
)
for ax, kind in zip(axes, KINDS, strict=True):
    part = table[table["values"] == kind]
    for name, line in (("dense", "--o"), ("convolutional", "-s")):
        curve = part[part["energy"] == name].groupby("rows")["AUROC"].mean()
        ax.plot(curve.index, curve, line, label=name)
    width = int(np.prod(KINDS[kind](2, np.random.default_rng(0), False).shape[1:]))
    ax.set(title=f"{kind}: {width} values", xlabel="training rows", xscale="log")
    ax.grid(alpha=0.3)
axes[0].set_ylabel("AUROC, mean over failures")
axes[0].legend()
figure.savefig("signal_energy.png", dpi=120)
print("\nSaved signal_energy.png")

# %%
# Measured on three seeds. The convolutional energy notices small noise in signals and
# photographs, from few rows already: at σ = 0.1 and with 100 rows its AUROC is 0.930
# and 0.947, that of the dense energy 0.501 and 0.699; with 1,000 rows it is 0.951 and
# 0.952 against 0.538 and 0.776. Fitting 1,000 patches took a third of the time. The
# claim fails for what is smooth: a blank or occluded photograph has no frequency too
# many, and the dense energy finds it more often (0.935 against 0.884 when occluded). Of
# the digits, at 8 × 8, the dense energy knows more: 0.968 against 0.514 at σ = 0.1.
