"""
Keep predicting while a camera fails: an image beside other sensors
===================================================================

A camera that is noisy, blank or occluded should not mislead a model that has a second
sensor to rely on. Claim to be tested: with an image as a mode, the classifier keeps
more of its accuracy while the image fails than the same network without attention, and
than a gate that compares flattened pixels with their nearest neighbours in the training
data, which is what one would build by hand.

Run it with ``python examples/plot_18_image_mode.py``; it prints the table and saves
``image_mode.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# Digits, bundled with scikit-learn. The camera sees the image of 8 × 8 pixels; a second
# sensor sees how much ink is in each row and in each column, and fails never. X is one
# matrix, and the image is a mode with a shape.

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from sklearn_emma import EMMAClassifier, pack_modes

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(3)
EPOCHS = {"max_iter": 2, "pretraining_max_iter": 2} if FAST else {}

digits = load_digits()
profiles = np.hstack([digits.images.sum(axis=1), digits.images.sum(axis=2)])
X, modes = pack_modes({"camera": digits.images[:, None], "profile": profiles})
PIXELS = modes["camera"].columns
print(f"X has the shape {X.shape}; modes:", modes)

# %%
# The gate that one would build by hand: the distance of a mode to its five nearest
# neighbours among training rows, and a mode is taken for missing beyond the 99 %
# quantile of what clean rows that were held out have. Behind it is the same network,
# trained on the same failures, missing modes among them.


class NeighbourGate:
    """A trained classifier in front of which modes far from all training rows go."""

    def __init__(self, classifier, modes):
        self.classifier = classifier
        self.columns = [getattr(mode, "columns", mode) for mode in modes.values()]

    def fit(self, X, y):
        """Learn neighbours and limits; the classifier is trained."""
        self.scaler = StandardScaler().fit(X)
        seen, held = train_test_split(X, test_size=0.2, random_state=0)
        z = self.scaler.transform(seen)
        self.neighbours = [NearestNeighbors().fit(z[:, c]) for c in self.columns]
        self.limits = [np.quantile(d, 0.99) for d in self.distances(held)]
        return self

    def distances(self, X):
        """Mean distance to five neighbours, of one mode after another."""
        z = np.nan_to_num(self.scaler.transform(X))
        for columns, neighbours in zip(self.columns, self.neighbours, strict=True):
            yield neighbours.kneighbors(z[:, columns])[0].mean(axis=1)

    def score(self, X, y):
        """Accuracy, modes beyond their limit taken for missing."""
        distances, X = list(self.distances(X)), X.copy()
        for columns, limit, d in zip(self.columns, self.limits, distances, strict=True):
            X[d > limit, columns] = np.nan
        return self.classifier.score(X, y)


# %%
# What happens to the camera, in units of the standard deviation of its pixels. Training
# simulates Gaussian noise up to 2 of them, and missing modes, for all methods; nothing
# else here is known to any.


def occluded(images, rng):
    """A black square of 6 × 6 pixels somewhere."""
    images = images.reshape(-1, 8, 8).copy()
    for image, (i, j) in zip(images, rng.integers(0, 3, (len(images), 2)), strict=True):
        image[i : i + 6, j : j + 6] = 0
    return images.reshape(-1, 64)


unit = digits.images.std()


def frozen(images, rng):
    """The same image, a valid one, in all rows."""
    return np.repeat(images[rng.integers(len(images))][np.newaxis], len(images), axis=0)


def noisy(sigma):
    """Gaussian noise."""
    return lambda images, rng: images + sigma * unit * rng.normal(size=images.shape)


FAILURES = {
    "clean": lambda images, rng: images,
    "noise σ = 1": noisy(1),
    "noise σ = 4": noisy(4),
    "noise σ = 8": noisy(8),
    "missing": lambda images, rng: np.full_like(images, np.nan),
    "blank": lambda images, rng: np.zeros_like(images),
    "grey": lambda images, rng: np.repeat(rng.uniform(0, 16, (len(images), 1)), 64, 1),
    "salt and pepper": lambda images, rng: np.where(
        rng.random(images.shape) < 0.3, rng.choice([-16, 32], images.shape), images
    ),
    "overexposed (× 4)": lambda images, rng: 4 * images,
    "occluded": occluded,
    "frozen, valid": frozen,
}


def failing(X, how, seed):
    """X, its images failing."""
    X = X.copy()
    X[:, PIXELS] = how(X[:, PIXELS], np.random.default_rng(seed))
    return X


# %%
# Three networks of the same parts. By default an image is read by a small convolutional
# network, whose embedding attention multiplies.

scores, attention = [], []
for seed in SEEDS:
    X_train, X_test, y_train, y_test = train_test_split(
        X, digits.target, test_size=0.3, stratify=digits.target, random_state=seed
    )
    options = {"random_state": seed, **EPOCHS}
    plain = EMMAClassifier(modes, attention_function="none", **options)
    methods = {
        "EMMA": EMMAClassifier(modes, **options),
        "no attention": plain,
        "neighbour gate": NeighbourGate(plain, modes),
    }
    for name, method in methods.items():
        method.fit(X_train, y_train)
        for failure, how in FAILURES.items():
            found = method.score(failing(X_test, how, seed), y_test)
            scores.append((name, failure, seed, found))
    for failure, how in FAILURES.items():
        beta = methods["EMMA"].attention(failing(X_test, how, seed))
        attention.append((failure, beta[:, 0].mean(), beta[:, 1].mean()))

table = pd.DataFrame(scores, columns=["method", "camera is", "seed", "accuracy"])
means = table.pivot_table("accuracy", "camera is", "method", sort=False)
betas = pd.DataFrame(attention, columns=["camera is", "β camera", "β profile"])
text = means.join(betas.groupby("camera is", sort=False).mean())
print(text.to_string(float_format="{:.3f}".format))
spread = table.pivot_table("accuracy", "camera is", "method", aggfunc="std", sort=False)
print("\nStandard deviation over seeds")
print(spread.to_string(float_format="{:.3f}".format))

# %%
figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 5), width_ratios=[3, 1.2], sharey=True, layout="constrained"
)
rows = np.arange(len(means))[::-1]
for name, marker in zip(means, "osx", strict=True):
    left.plot(means[name], rows, marker, label=name, alpha=0.8)
left.set(yticks=rows, yticklabels=means.index, xlabel="accuracy", title="The camera is")
left.grid(alpha=0.3)
left.legend(loc="lower left")
right.barh(rows + 0.2, text["β camera"], 0.35, label="camera")
right.barh(rows - 0.2, text["β profile"], 0.35, label="profile")
right.set(xlabel="mean attention β", title="EMMA looks at")
right.legend(loc="lower right")
figure.savefig("image_mode.png", dpi=120)
print("\nSaved image_mode.png")

# %%
# Measured on three seeds. The claim holds for what looks unlike any digit: at σ = 8
# EMMA has an accuracy of 0.946 ± 0.006, no attention 0.913, the neighbour gate 0.938;
# with salt and pepper, 0.947 against 0.916 and 0.938; grey, 0.935 against 0.835, but
# the neighbour gate has 0.936; blank, 0.898 against 0.869 and 0.874, which is within
# the spread of these. It does not hold throughout. On clean images and at σ = 1 all are
# within 0.021 of each other. Overexposed images are still legible, and to look away
# from them costs: 0.949 against 0.977 without attention. An occluded image is smooth
# and black like many others, so β is 0.829, and nothing is gained (0.792, 0.815 and
# 0.811). A valid image of another moment misleads all (0.228 ± 0.057, 0.108 and 0.108):
# two modes cannot tell which of them is wrong.
