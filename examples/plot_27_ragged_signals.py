"""
Signals of different lengths: do not fill up with zeros
=======================================================

A machine is heard for as long as it runs, which is longer at some times than at others.
The usual way out is to fill short recordings with zeros. Claims to be tested, on
generated signals: as a *ragged* mode, whose energy is that of a position and whose
encoder sees nothing behind the end, the same signals are classified better, noise shows
alike in short and long ones, and recordings longer than any of the training data are no
cause for alarm.

Run it with ``python examples/plot_27_ragged_signals.py``; it prints the tables and
saves ``ragged_signals.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# A hum of random phase, whose pitch tells the class, but not much, in a little noise.
# Three temperatures tell it too, but poorly. In training, 15 to 60 positions are heard.

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from sklearn_emma import EMMAClassifier, Mode, pack_modes

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(3)
N_TRAIN, N_TEST = (120, 60) if FAST else (600, 400)
EPOCHS = {"max_iter": 2, "pretraining_max_iter": 2} if FAST else {"max_iter": 20}
LONGEST = 120


def generate(n, shortest, longest, seed):
    """Recordings, temperatures and classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    lengths = rng.integers(shortest, longest + 1, n)
    phases, pitches = rng.uniform(0, 2 * np.pi, n), rng.normal(0.55 + 0.15 * y, 0.05)
    sounds = [
        np.sin(phase + pitch * np.arange(k)) + 0.2 * rng.normal(size=k)
        for k, phase, pitch in zip(lengths, phases, pitches, strict=True)
    ]
    return sounds, 0.6 * y[:, np.newaxis] + rng.normal(size=(n, 3)), y


# %%
# ``pack_modes`` takes a list of arrays of different lengths for a ragged mode. Here the
# mode is said before, with room for recordings longer than those of the training data.
# The same matrix with zeros for NaN is what an ordinary signal would be.

RAGGED = {
    "sound": Mode(slice(0, LONGEST), shape=(1, LONGEST), ragged=True),
    "temperature": slice(LONGEST, LONGEST + 3),
}
PADDED = RAGGED | {"sound": Mode(slice(0, LONGEST), shape=(1, LONGEST))}


def pack(sounds, temperatures):
    """X with NaN behind the end of each recording."""
    X, _ = pack_modes({"sound": sounds, "temperature": temperatures}, like=RAGGED)
    return X


def noisy(sounds, seed):
    """Recordings through a broken microphone."""
    rng = np.random.default_rng(seed)
    return [sound + rng.normal(size=len(sound)) for sound in sounds]


TESTS = {"short, 15 to 30": (15, 30), "long, 45 to 60": (45, 60)}
TESTS["longer, 90 to 120"] = (90, 120)

records, energies = [], {}
for seed in SEEDS:
    *train, y_train = generate(N_TRAIN, 15, 60, 10 * seed)
    X_train = pack(*train)
    models = {
        "ragged": EMMAClassifier(RAGGED, random_state=seed, **EPOCHS),
        "zeros": EMMAClassifier(PADDED, random_state=seed, **EPOCHS),
        "zeros, forest": RandomForestClassifier(random_state=seed),
    }
    for name, model in models.items():
        prepare = np.asarray if name == "ragged" else np.nan_to_num
        model.fit(prepare(X_train), y_train)
        for k, (which, bounds) in enumerate(TESTS.items()):
            sounds, temperatures, y = generate(N_TEST, *bounds, 10 * seed + 1 + k)
            clean = prepare(pack(sounds, temperatures))
            broken = prepare(pack(noisy(sounds, seed), temperatures))
            record = {
                "model": name,
                "recordings": which,
                "clean": model.score(clean, y),
                "noisy": model.score(broken, y),
            }
            if name != "zeros, forest":
                found = [model.potential_energy(X)[:, 0] for X in (clean, broken)]
                energies[name, which] = found
                fails = np.repeat([0, 1], N_TEST)
                record["AUC of energy"] = roc_auc_score(fails, np.concatenate(found))
                record["β clean"] = model.attention(clean)[:, 0].mean()
                record["β noisy"] = model.attention(broken)[:, 0].mean()
            records.append(record)

groups = pd.DataFrame(records).groupby(["model", "recordings"], sort=False)
table = groups.mean().round(3)
print("Accuracy; how well the energy tells noise; attention to the sound")
print(table.to_string())
print("\nStandard deviation over seeds")
print(groups[["clean", "noisy"]].std().round(3).to_string())

# %%
# Energies of the sound in the last test sets, in units of the interquartile range of
# clean recordings of 45 to 60 positions.

figure, axes = plt.subplots(2, 1, figsize=(6, 6.5), layout="constrained", sharex=True)
for ax, name in zip(axes, ("ragged", "zeros"), strict=True):
    low, middle, high = np.quantile(
        energies[name, "long, 45 to 60"][0], [0.25, 0.5, 0.75]
    )
    places = np.arange(len(TESTS))[::-1]
    for shift, color, k in ((0.17, "C0", 0), (-0.17, "C3", 1)):
        values = [(energies[name, which][k] - middle) / (high - low) for which in TESTS]
        parts = ax.boxplot(
            values,
            positions=places + shift,
            orientation="horizontal",
            widths=0.28,
            showfliers=False,
            patch_artist=True,
            medianprops={"color": "black"},
        )
        for box in parts["boxes"]:
            box.set_facecolor(color)
        ax.plot([], [], "s", color=color, label=("clean", "noisy")[k])
    ax.set(yticks=places, yticklabels=list(TESTS), title=f"sound: {name}")
    ax.set_xscale("symlog", linthresh=3)
    ax.grid(alpha=0.3, axis="x")
axes[0].legend(loc="upper right")
axes[1].set_xlabel("energy, in interquartile ranges")
figure.savefig("ragged_signals.png", dpi=120)
print("\nSaved ragged_signals.png")

# %%
# Measured on three seeds of generated signals. **The claims hold, with one exception.**
# Through a broken microphone, accuracy is 0.877 ± 0.015 as a ragged mode and 0.798 ±
# 0.021 with zeros for recordings of 45 to 60 positions, 0.816 ± 0.026 and 0.752 ± 0.011
# for short ones; a forest on zeros has 0.812 and 0.771. Of clean recordings that are no
# longer than those of the training data all read about as many, 0.90 to 0.93.
# Recordings that are longer than any of these are as usual as others to the energy of a
# position (β 0.923, and 0.940 ± 0.016 are read); with zeros, where none of the training
# data had a value, they look odd themselves, β falls to 0.848 and accuracy to 0.882 ±
# 0.031.
#
# The exception: noise does not show quite alike. The energy is a mean over positions,
# and a mean of few spreads more, so that of short recordings 0.994 of pairs of a noisy
# and a clean one are told apart, where zeros, which are clean whatever happens, leave
# 0.999. And the gate looks away from noise less, β is 0.58 to 0.65: the encoder of the
# ragged mode still reads it, as the accuracies say.
