"""
A spatial transformer that turns images back
============================================

A camera that may be mounted at any angle sees digits turned by up to 75° to either
side. A spatial transformer in front of the encoder predicts how an image is turned and
turns it back. Claims to be tested: trained end to end, it gains some of what an upright
camera would have; and where the angle of training images is known, a network that has
learnt it from these gains more.

Run it with ``python examples/plot_26_spatial_transformer.py``; it prints the table and
saves ``spatial_transformer.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# Digits of 8 × 8 pixels, bundled with scikit-learn, with a margin of two pixels, turned
# by a random angle. A second sensor has the ink of each quarter of the upright digit:
# four numbers, which never fail.

import copy
import os
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy.ndimage import rotate
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.functional import affine_grid, grid_sample

from sklearn_emma import EMMAClassifier, pack_modes
from sklearn_emma.predictors import Encoders

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
EPOCHS = {"max_iter": 2, "pretraining_max_iter": 2} if FAST else {"max_iter": 15}
SEEDS = range(1) if FAST else range(3)
LOCALISING_EPOCHS = 3 if FAST else 40
LARGEST = 75.0
torch.set_num_threads(1)

digits = load_digits()
upright = np.pad(digits.images, ((0, 0), (2, 2), (2, 2)))
angles = np.random.default_rng(0).uniform(-LARGEST, LARGEST, len(upright))
turned = np.stack(
    [
        rotate(image, angle, reshape=False, order=1)
        for image, angle in zip(upright, angles, strict=True)
    ]
)
quarters = digits.images.reshape(-1, 2, 4, 2, 4).sum(axis=(2, 4)).reshape(-1, 4)

# %%
# A spatial transformer predicts, from the image itself, a matrix θ that says where the
# value of each pixel (x, y) of the result comes from,
#
# .. math:: \begin{pmatrix} x_s \\ y_s \end{pmatrix}
#    = \theta \begin{pmatrix} x_t \\ y_t \\ 1 \end{pmatrix}, \qquad
#    \theta = \begin{pmatrix} \cos a & \sin a & 0 \\ -\sin a & \cos a & 0 \end{pmatrix}
#
# in coordinates from −1 to 1. Values between pixels are interpolated bilinearly, which
# is differentiable in θ. This one is held to rotations, by one angle a.


def turn_back(x, angle):
    """Images (n, 1, 12, 12) turned back by angles (n,) in radians."""
    c, s = torch.cos(angle), torch.sin(angle)
    nothing = torch.zeros_like(c)
    theta = torch.stack([c, s, nothing, -s, c, nothing], dim=1).reshape(-1, 2, 3)
    grid = affine_grid(theta, list(x.shape), align_corners=False)
    return grid_sample(x, grid, padding_mode="border", align_corners=False)


def as_tensor(images):
    return torch.from_numpy(images).float().unsqueeze(1)


known = torch.deg2rad(torch.from_numpy(angles).float())
back = turn_back(as_tensor(turned), known)[:, 0].numpy()
for name, images in {"turned": turned, "turned back": back}.items():
    error = np.sqrt(np.mean((images - upright) ** 2)) / upright.std()
    print(
        f"Distance to the upright images, in standard deviations, {name}: {error:.2f}"
    )

# %%
# What predicts the angle is small. Its last layer starts at 0: the transformer starts
# by leaving images as they are.


def localiser():
    """From an image to its angle, in radians."""
    last = nn.Linear(32, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 36, 32),
        nn.ReLU(),
        last,
    )


class Reader(nn.Module):
    """Embedding (n, 64) of images (n, 1, 12, 12), turned back first if so wanted."""

    def __init__(self, localise=None):
        super().__init__()
        self.localise = localise
        self.read = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 36, 64),
            nn.LayerNorm(64, elementwise_affine=False),
        )

    def forward(self, x):
        """Turn back, then read."""
        if self.localise is not None:
            x = turn_back(x, self.localise(x)[:, 0])
        return self.read(x)


def knowing(z, angle, seed):
    """A localiser that has learnt known angles, in training images (n, 1, 12, 12)."""
    torch.manual_seed(seed)
    network = localiser()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(LOCALISING_EPOCHS):
        for rows in torch.randperm(len(z)).split(64):
            optimizer.zero_grad()
            (network(z[rows])[:, 0] - angle[rows]).square().mean().backward()
            optimizer.step()
    return network.requires_grad_(False)


# %%
# The same classifier with four encoders: without a transformer; with one that is
# trained with all the rest, by the loss of the classes alone; with one that knows
# angles, and stays as it is; and the most that can be gained, images that have been
# turned back by their true angle before.


def failing(X, pixels, how):
    """X, and its images failing."""
    X, rng = X.copy(), np.random.default_rng(1)
    if how == "noisy":
        size = X[:, pixels].shape
        X[:, pixels] += 4 * X[:, pixels].std() * rng.normal(size=size)
    elif how == "missing":
        X[:, pixels] = np.nan
    return X


def spread(found, true):
    """Standard deviation of the error of angles, in degrees."""
    return np.std(np.rad2deg(found) - true)


records, errors = [], []
for seed in SEEDS:
    train, test = train_test_split(
        np.arange(len(turned)), test_size=0.3, stratify=digits.target, random_state=seed
    )
    z = as_tensor((turned - turned[train].mean()) / turned[train].std())
    start = time.perf_counter()
    knows = knowing(z[train], known[train], seed)
    learning = time.perf_counter() - start
    for name in ("none", "end to end", "known angles", "true angle"):
        images = back if name == "true angle" else turned
        X, modes = pack_modes({"camera": images[:, None], "quarters": quarters})
        pixels = modes["camera"].columns

        def encoder(shape, name=name, knows=knows):
            if name == "end to end":
                return Reader(localiser())
            return Reader(copy.deepcopy(knows) if name == "known angles" else None)

        recipe = Encoders({"camera": encoder})
        clf = EMMAClassifier(modes, predictor=recipe, random_state=seed, **EPOCHS)
        start = time.perf_counter()
        clf.fit(X[train], digits.target[train])
        seconds = time.perf_counter() - start + learning * (name == "known angles")
        fitted = clf.predictor_.encoders[0]
        n_weights = sum(p.numel() for p in fitted.parameters())
        for how in ("clean", "noisy", "missing"):
            rows = failing(X[test], pixels, how)
            accuracy = clf.score(rows, digits.target[test])
            beta = clf.attention(rows)[:, 0].mean()
            records.append((name, how, accuracy, beta, n_weights, seconds))
        if fitted.localise is not None:
            with torch.no_grad():
                network = fitted.localise.eval()
                found = network(z[test].to(next(network.parameters())))[:, 0]
            found = found.double().numpy()
            r = np.corrcoef(found, angles[test])[0, 1] if found.std() else 0.0
            errors.append((name, spread(found, angles[test]), r))
            if name == "known angles":
                turned_back = turn_back(z[test], torch.from_numpy(found).float())
            else:
                by_classes = turn_back(z[test], torch.from_numpy(found).float())

columns = ["transformer", "camera is", "accuracy", "β camera", "parameters", "seconds"]
data = pd.DataFrame(records, columns=columns)
groups = data.groupby(["transformer", "camera is"], sort=False)
table = groups["accuracy"].agg(["mean", "std"]).join(groups["β camera"].mean())
print("\n" + table.round(3).to_string())
costs = data.groupby("transformer", sort=False)[["parameters", "seconds"]].mean()
print("\n" + costs.round(0).to_string())
columns = ["transformer", "sd of the error, degrees", "correlation"]
errors = pd.DataFrame(errors, columns=columns).groupby("transformer", sort=False).mean()
print(f"\nAngles; their own standard deviation is {np.std(angles[test]):.0f} degrees")
print(errors.round(2).to_string())

# %%
figure, (above, below) = plt.subplots(
    2, 1, figsize=(6, 6), height_ratios=[1.9, 1], layout="constrained"
)
rows = [turned[test], by_classes[:, 0], turned_back[:, 0], upright[test]]
strips = []
for images in rows:
    tiles = [np.asarray(image, dtype=float) for image in images[:7]]
    scaled = [(t - t.min()) / (np.ptp(t) or 1.0) for t in tiles]
    strips.append(np.hstack([np.pad(t, 1, constant_values=0.5) for t in scaled]))
above.imshow(np.vstack(strips), cmap="gray")
above.set(xticks=[], yticks=6.5 + 14 * np.arange(4))
above.set_yticklabels(["as it comes", "end to end", "known\nangles", "upright"])
means = table["mean"].xs("clean", level="camera is")
spreads = table["std"].xs("clean", level="camera is").fillna(0)
below.errorbar(means, np.arange(4)[::-1], xerr=spreads, fmt="o", capsize=3)
below.set(yticks=np.arange(4)[::-1], yticklabels=means.index, ylim=(-0.5, 3.5))
below.set(xlabel="accuracy, mean and standard deviation over seeds")
below.grid(alpha=0.3)
figure.savefig("spatial_transformer.png", dpi=120)
print("\nSaved spatial_transformer.png")

# %%
# Measured on three seeds, mean ± standard deviation. **The first claim holds**, of what
# little there is to gain: an encoder without transformer reads 0.948 ± 0.005 of turned
# digits, and 0.979 ± 0.001 of those that were turned back by their true angle. Trained
# end to end, by the classes alone, the transformer reaches 0.967 ± 0.010: nobody told
# it what upright is, and still the angles that it finds have a correlation of 0.96 with
# the true ones, and are 13 degrees off. **The second is open**: where angles of the
# training images are known, learning them first finds better ones, 5 degrees off, and
# reads 0.980 ± 0.006, as many as with true angles; end to end is 0.013 behind, hardly
# more than seeds differ.
#
# It costs half as many parameters again, and takes half as long again, or 1.8 times as
# long where angles are learnt first. It gains nothing where the camera fails: noise or
# a lost image is for the gate, which turns the camera down to 0.08 or less with any of
# the encoders. And it turns back only what it was built to turn back.
