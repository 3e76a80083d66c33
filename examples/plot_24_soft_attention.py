"""
Read a digit among fragments: soft attention over positions
===========================================================

A digit lies somewhere in an image four times its size, among fragments of other digits.
An encoder that averages its features over all positions has most of its embedding from
the fragments. Claim to be tested: soft attention, which weighs the positions before it
adds them up, reads the digit better for a handful of parameters more; and the gate
behind it keeps what it is there for, to look away from an image that fails.

Run it with ``python examples/plot_24_soft_attention.py``; it prints the table and saves
``soft_attention.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# Digits of 8 × 8 pixels, bundled with scikit-learn, at a random place of 16 × 16 pixels
# with four fragments of 4 × 4. A second sensor has the ink of each quarter of the
# digit: four numbers, which never fail.

import os
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from sklearn_emma import EMMAClassifier, pack_modes
from sklearn_emma.predictors import Encoders

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(3)
EPOCHS = {"max_iter": 2, "pretraining_max_iter": 2} if FAST else {"max_iter": 15}
SIDE, DIGIT, FRAGMENT = 16, 8, 4


def scatter(images, rng):
    """Each digit somewhere among fragments of others, and its corner."""
    corners = rng.integers(0, SIDE - DIGIT + 1, (len(images), 2))
    canvas = np.zeros((len(images), SIDE, SIDE))
    for scene, image, (i, j) in zip(canvas, images, corners, strict=True):
        scene[i : i + DIGIT, j : j + DIGIT] = image
        for other in rng.integers(len(images), size=4):
            r, s = rng.integers(0, SIDE - FRAGMENT + 1, 2)
            a, b = rng.integers(0, DIGIT - FRAGMENT + 1, 2)
            spot = scene[r : r + FRAGMENT, s : s + FRAGMENT]
            piece = images[other, a : a + FRAGMENT, b : b + FRAGMENT]
            np.maximum(spot, piece, out=spot)
    return canvas, corners


digits = load_digits()
scenes, corners = scatter(digits.images, np.random.default_rng(0))
quarters = digits.images.reshape(-1, 2, 4, 2, 4).sum(axis=(2, 4)).reshape(-1, 4)
X, modes = pack_modes({"camera": scenes[:, None], "quarters": quarters})
PIXELS = modes["camera"].columns

# %%
# Convolutions give a feature vector :math:`h_l` at each of 8 × 8 positions. Soft
# attention scores each, and the embedding is their weighted sum:
#
# .. math:: p_l = \frac{\exp v^\top h_l}{\sum_m \exp v^\top h_m},
#    \qquad e = \sum_l p_l h_l .
#
# The weights sum to one and are differentiable, so that they are trained with all the
# rest. With :math:`v = 0` this is the mean. Behind the encoder the gate multiplies e by
# the attention β of the mode: two attentions, of which the first says *where* in the
# image, the second *whether* the image.


class Pooled(nn.Module):
    """Features of an image, averaged over positions, by attention or evenly."""

    def __init__(self, shape, attends):
        super().__init__()
        self.read = nn.Sequential(
            nn.Conv2d(shape[0], 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
        )
        self.score = nn.Conv2d(64, 1, 1, bias=False) if attends else None
        self.normalise = nn.LayerNorm(64, elementwise_affine=False)

    def weigh(self, h):
        """Weights of the positions, (n, 1, positions)."""
        if self.score is None:
            return torch.ones_like(h[:, :1]).flatten(2) / h[0, 0].numel()
        return self.score(h).flatten(2).softmax(dim=2)

    def forward(self, x):
        """Embedding (n, 64) of images (n, 1, 16, 16)."""
        h = self.read(x)
        return self.normalise((h.flatten(2) * self.weigh(h)).sum(dim=2))


ENCODERS = {
    "mean": lambda shape: Pooled(shape, attends=False),
    "soft attention": lambda shape: Pooled(shape, attends=True),
    "default": None,  # convolutions, then a layer that sees all positions
}

# %%
# The same estimator with each of the three, on clean images and on failing ones.


def failing(X, how):
    """X, and its images failing."""
    X, rng = X.copy(), np.random.default_rng(1)
    images = X[:, PIXELS]
    if how == "noisy":
        X[:, PIXELS] = images + 4 * images.std() * rng.normal(size=images.shape)
    elif how == "missing":
        X[:, PIXELS] = np.nan
    return X


records = []
for seed in SEEDS:
    train, test = train_test_split(
        np.arange(len(X)), test_size=0.3, stratify=digits.target, random_state=seed
    )
    for name, encoder in ENCODERS.items():
        recipe = Encoders(None if encoder is None else {"camera": encoder})
        clf = EMMAClassifier(modes, predictor=recipe, random_state=seed, **EPOCHS)
        start = time.perf_counter()
        clf.fit(X[train], digits.target[train])
        seconds = time.perf_counter() - start
        n_weights = sum(p.numel() for p in clf.predictor_.encoders.parameters())
        for how in ("clean", "noisy", "missing"):
            rows = failing(X[test], how)
            accuracy = clf.score(rows, digits.target[test])
            beta = clf.attention(rows)[:, 0].mean()
            records.append((name, how, accuracy, beta, n_weights, seconds))
        if name == "soft attention":
            attending = clf

columns = ["encoder", "camera is", "accuracy", "β camera", "parameters", "seconds"]
data = pd.DataFrame(records, columns=columns)
groups = data.groupby(["encoder", "camera is"], sort=False)
table = groups["accuracy"].agg(["mean", "std"]).join(groups["β camera"].mean())
print(table.round(3).to_string())
costs = data.groupby("encoder", sort=False)[["parameters", "seconds"]].mean()
print("\n" + costs.round(0).to_string())

# %%
# Where does it look? The share of the weight on positions within the digit, which cover
# 16 of 64, and the weights themselves in three test images.

encoder = attending.predictor_.encoders[0].eval()
z = attending.scaler_.transform(X[test])[:, PIXELS].reshape(-1, 1, SIDE, SIDE)
with torch.no_grad():
    h = encoder.read(torch.from_numpy(z).to(next(encoder.parameters())))
    weights = encoder.weigh(h).reshape(-1, 8, 8).double().numpy()
inside = np.zeros(weights.shape, dtype=bool)
for cells, (i, j) in zip(inside, corners[test], strict=True):
    at = 2 * np.arange(8) + 0.5
    rows, cols = ((at >= c) & (at < c + DIGIT) for c in (i, j))
    cells[np.ix_(rows, cols)] = True
share = (weights * inside).sum(axis=(1, 2)).mean()
print(f"\nWeight on the digit: {share:.2f}, of evenly spread {inside.mean():.2f}")

# %%
figure = plt.figure(figsize=(6.5, 5.5), layout="constrained")
axes = figure.subplot_mosaic([[0, 1, 2], ["bars"] * 3], height_ratios=[1, 1.1])
extent = (0, SIDE, SIDE, 0)
for k in range(3):
    ax = axes[k]
    ax.imshow(scenes[test][k], cmap="gray", extent=extent)
    ax.imshow(weights[k], cmap="magma", alpha=0.55, extent=extent)
    i, j = corners[test][k]
    box = plt.Rectangle((j, i), DIGIT, DIGIT, fill=False, edgecolor="cyan", linewidth=2)
    ax.add_patch(box)
    ax.set(xticks=[], yticks=[], title=f"a {digits.target[test][k]}")
bars = axes["bars"]
means = table["mean"].unstack("camera is")
for k, (name, row) in enumerate(means.iterrows()):
    bars.bar(np.arange(3) + 0.27 * (k - 1), row, 0.25, label=name)
bars.set(xticks=range(3), xticklabels=means.columns, ylim=(0, 1), ylabel="accuracy")
bars.set_xlabel("the camera is")
bars.grid(alpha=0.3, axis="y")
bars.legend(fontsize=9, ncols=3, columnspacing=0.8, handlelength=1)
figure.savefig("soft_attention.png", dpi=120)
print("\nSaved soft_attention.png")

# %%
# Measured on three seeds, mean ± standard deviation. **The claim holds**: of clean
# images, soft attention reads 0.746 ± 0.043, the mean over positions 0.661 ± 0.007, for
# 64 parameters more, those of v, and no more steps. Nobody told it where digits are,
# and it does not always find out: of its weight, 83 % are on the digit with the first
# seed, which also reads best, but only 38 % and 36 % with the other two, where even
# weights would have 25 %. The figure shows the last: much of the weight is in corners.
# While the camera is noisy or missing both fall back on the quarters, 0.606 and 0.624,
# with β = 0: the gate does what it did.
#
# **The default encoder is the wrong one here.** It flattens its last layer, so that it
# has to learn each digit at each place: 0.506 ± 0.031 on clean images, which is less
# than 0.575 without any. The gate does not help it, β is 0.91: it turns down what is
# unlike the training data, and these images are like them. Images whose content has its
# place, as in ``plot_18_image_mode.py``, do not need any of this.
