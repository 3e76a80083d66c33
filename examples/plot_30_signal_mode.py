"""
Keep predicting while a signal fails: which energy notices?
===========================================================

A microphone that is noisy, dead or stuck should not mislead a model that has a second
sensor to rely on. Claim to be tested: with a signal as a mode, the classifier keeps
more of its accuracy while the signal fails than the same network without attention, and
than a gate that compares flattened values with their nearest neighbours in the training
data, which is what one would build by hand. Two energies are tried: the default one, of
octaves, and one of values, by convolutions.

Run it with ``python examples/plot_30_signal_mode.py``; it prints the table and saves
``signal_mode.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# Two channels of a microphone, 128 values each, hear a wave whose frequency depends on
# the class, loud or quiet, and a good deal of noise. A table of four columns knows the
# class less well, and fails never.

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from sklearn_emma import ConvolutionalEnergy, EMMAClassifier, pack_modes

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(3)
N_TRAIN, N_TEST, LENGTH = (200, 200, 128) if FAST else (1000, 600, 128)
EPOCHS = {"max_iter": 2, "pretraining_max_iter": 2} if FAST else {}
CENTRES = np.random.default_rng(7).normal(size=(4, 4))


def draw(n, rng):
    """Signals (n, 2, 128), tables (n, 4) and classes (n,)."""
    y = rng.integers(0, 4, n)
    frequency = 3 + 1.3 * y[:, None, None] + 0.35 * rng.normal(size=(n, 1, 1))
    phase, size = rng.uniform(0, 2 * np.pi, (n, 2, 1)), rng.lognormal(0, 0.3, (n, 2, 1))
    waves = size * np.sin(2 * np.pi * frequency * np.linspace(0, 1, LENGTH) + phase)
    noise = 0.5 * rng.normal(size=waves.shape)
    return waves + noise, CENTRES[y] + rng.normal(size=(n, 4)), y


# %%
# The gate that one would build by hand: a mode is taken for missing where its distance
# to its five nearest neighbours among training rows is beyond the 99 % quantile of what
# clean rows that were held out have. Behind it is the network without attention,
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
# What happens to the microphone, in units of the standard deviation of its values.
# Training simulates Gaussian noise up to 2 of them, and missing modes, for all methods;
# nothing else here is known to any.

UNIT = draw(2000, np.random.default_rng(0))[0].std()


def noisy(sigma):
    """Gaussian noise."""
    return lambda signals, rng: signals + sigma * UNIT * rng.normal(size=signals.shape)


def cut(signals, rng):
    """Half of the stretch is lost, and reads zero."""
    start = rng.integers(0, LENGTH // 2, (len(signals), 1, 1))
    t = np.arange(LENGTH)
    return np.where((t >= start) & (t < start + LENGTH // 2), 0, signals)


def stuck(signals, rng):
    """Each channel reads one value throughout."""
    shape = (*signals.shape[:2], 1)
    return np.zeros_like(signals) + UNIT * rng.normal(size=shape)


def salt(signals, rng):
    """Three values in ten jump to one end."""
    jumps = rng.choice([-5 * UNIT, 5 * UNIT], signals.shape)
    return np.where(rng.random(signals.shape) < 0.3, jumps, signals)


FAILURES = {
    "clean": lambda signals, rng: signals,
    "noise σ = 1": noisy(1),
    "noise σ = 2": noisy(2),
    "noise σ = 4": noisy(4),
    "noise σ = 8": noisy(8),
    "missing": lambda signals, rng: np.full_like(signals, np.nan),
    "dead (all 0)": lambda signals, rng: np.zeros_like(signals),
    "stuck at a value": stuck,
    "cut in half": cut,
    "salt and pepper": salt,
    "too loud (× 4)": lambda signals, rng: 4 * signals,
    "frozen, valid": lambda signals, rng: np.repeat(signals[:1], len(signals), axis=0),
}

# %%
# Networks of the same parts. By default a signal is read by a small convolutional
# network, whose embedding attention multiplies; its energy is that of octaves.

scores, attention = [], []
for seed in SEEDS:
    rng = np.random.default_rng(seed)
    (mic, table, y), (new_mic, new_table, y_new) = draw(N_TRAIN, rng), draw(N_TEST, rng)
    X, modes = pack_modes({"mic": mic, "table": table})
    options = {"random_state": seed, **EPOCHS}
    plain = EMMAClassifier(modes, attention_function="none", **options).fit(X, y)
    methods = {
        "EMMA": EMMAClassifier(modes, **options).fit(X, y),
        "EMMA, convolutions": EMMAClassifier(
            modes, energy_estimator={"mic": ConvolutionalEnergy()}, **options
        ).fit(X, y),
        "no attention": plain,
        "neighbour gate": NeighbourGate(plain, modes).fit(X, y),
    }
    for failure, how in FAILURES.items():
        failed = how(new_mic, np.random.default_rng(seed))
        X_new, _ = pack_modes({"mic": failed, "table": new_table}, like=modes)
        for name, method in methods.items():
            scores.append((name, failure, seed, method.score(X_new, y_new)))
        for name in ("EMMA", "EMMA, convolutions"):
            beta = methods[name].attention(X_new)[:, 0].mean()
            attention.append((f"β of mic, {name}", failure, beta))

found = pd.DataFrame(scores, columns=["method", "mic is", "seed", "accuracy"])
means = found.pivot_table("accuracy", "mic is", "method", sort=False)
betas = pd.DataFrame(attention, columns=["method", "mic is", "β"])
betas = betas.pivot_table("β", "mic is", "method", sort=False)
print(means.join(betas).to_string(float_format="{:.3f}".format))
failing = found[found["mic is"] != "clean"]
over_all = failing.pivot_table("accuracy", "seed", "method", sort=False)
print("\nMean over failures, by seed")
print(over_all.to_string(float_format="{:.3f}".format))
spread = found.pivot_table("accuracy", "mic is", "method", aggfunc="std", sort=False)
print("\nStandard deviation over seeds")
print(spread.to_string(float_format="{:.3f}".format))

# %%
figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
rows = np.arange(len(means))[::-1]
for name, marker in zip(means, "osx+", strict=True):
    ax.plot(means[name], rows, marker, markersize=9, label=name, alpha=0.8)
ax.set(yticks=rows, yticklabels=means.index, xlabel="accuracy", title="The signal is")
ax.tick_params(labelsize=12)
ax.grid(alpha=0.3)
ax.legend(loc="center right")
figure.savefig("signal_mode.png", dpi=120)
print("\nSaved signal_mode.png")

# %%
# Measured on three seeds. **The claim holds in the mean over failures**: 0.657 with
# attention, 0.636 without, 0.535 with the neighbour gate, and EMMA is ahead of both on
# each seed. The gate takes noise of any size for a failure, and a loud signal too.
#
# Attention gains where the signal is of no use: 0.552 against 0.458 with noise of
# σ = 8, 0.518 against 0.423 where it is stuck. The convolutional encoder still reads a
# signal at σ = 2, the most that training simulates, so that there is little to gain
# from looking away (0.952 against 0.947 where it is too loud), and something to lose:
# cut in half, 0.821 against 0.831 (and 0.824 with the neighbour gate). A valid signal
# of another moment misleads all alike.
#
# **With an energy of values** a dead or stuck signal passes for usual, as a flat line
# lies in the middle of all signals: β is 0.56 and 0.74, and a stuck signal costs more
# than without attention: 0.401. Strengths in octaves notice both, β is 0.13.
