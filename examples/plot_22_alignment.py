"""
Align sensors whose clocks disagree
===================================

Two sensors watch the same machine. One is fast and on time. The other has two channels,
samples at half the rate, and its readings come late, each time by another delay of up
to a fifth of the record. A fault shows only in the late sensor, and only by *when* it
happens. Claim to be tested: bringing the late sensor onto the clock of the fast one, by
what both see of the machine's vibration, gives back most of the accuracy that the delay
takes.

Run it with ``python examples/plot_22_alignment.py``; it prints accuracies and saves
``alignment.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# Vibration is random, and seen by both: alone by the fast sensor, mixed with pressure
# in both channels of the late one. A pulse of pressure comes early in one class and a
# tenth of the record later in the other. A few temperatures tell the classes apart too,
# but poorly.

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

from sklearn_emma import EMMAClassifier
from sklearn_emma.alignment import SequenceAligner
from sklearn_emma.corruption import GaussianNoise
from sklearn_emma.robustness import corrupt

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(3)
N_TRAIN, N_TEST, N_TREES = (120, 120, 20) if FAST else (600, 1000, 200)
EPOCHS = {"max_iter": 2, "pretraining_max_iter": 2} if FAST else {}
FAST_STEPS, LATE_STEPS, NOISE = 40, 20, 0.2


def generate(n, seed, latency=0.2):
    """Samples, classes, and the delay of each sample as a share of the record."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    waves = rng.normal(size=(n, 10, 1))
    places = np.linspace(-0.1, 1.1, 10)[:, np.newaxis]

    def vibration(t):
        bumps = np.exp(-(((t[:, np.newaxis] - places) / 0.1) ** 2))
        return (waves * bumps).sum(axis=1)

    delay = latency * rng.uniform(size=(n, 1))
    on_time = np.tile(np.linspace(0, 1, FAST_STEPS), (n, 1))
    late = np.linspace(0, 1, LATE_STEPS) - delay
    when = np.where(y, 0.42, 0.52)[:, np.newaxis]
    pressure = 1.5 * np.exp(-(((late - when) / 0.06) ** 2))
    shaking = vibration(late)
    parts = [
        vibration(on_time),
        shaking + 0.5 * pressure,
        pressure - 0.5 * shaking,
    ]
    X = np.hstack(parts)
    X = X + NOISE * rng.normal(size=X.shape)
    temperatures = 0.6 * y[:, np.newaxis] + rng.normal(size=(n, 3))
    return np.hstack([X, temperatures]), y, delay[:, 0]


END = FAST_STEPS + 2 * LATE_STEPS
MODES = {
    "fast": (slice(0, FAST_STEPS), (1, FAST_STEPS)),
    "late": (slice(FAST_STEPS, END), (2, LATE_STEPS)),
}
PLAIN = {
    "fast": slice(0, FAST_STEPS),
    "late": slice(FAST_STEPS, END),
    "temperature": slice(END, END + 3),
}

# %%
# The aligner learns the projections in which both sensors agree, and warps each sample
# by itself. The window, 5 steps of the late sensor, is a little more than its largest
# delay. Frames keep the names by which the classifier finds the modes.

COLUMNS = [
    f"{name}__{i}"
    for name, part in PLAIN.items()
    for i in range(part.stop - part.start)
]


def frame(X):
    return pd.DataFrame(X, columns=COLUMNS)


def fronts(seed):
    """What stands in front of the classifier, by name; None is nothing."""
    yield "as it comes", None
    for method in ("ctw", "gctw") if FAST else ("ctw", "gctw", "dctw"):
        aligner = SequenceAligner(MODES, method=method, window=5, random_state=seed)
        yield method, aligner.set_output(transform="pandas")


# %%
# Accuracy on test samples: clean, with noise in the late sensor, and with noise in the
# fast one, which is the clock of both. Without a delay there is nothing to align: that
# is the most that an alignment can give back. The aligner could stand in a pipeline;
# here it is fitted once for both classifiers.


def tests(X, seed):
    """Clean test samples, and such in which a sensor fails."""
    yield "clean", frame(X)
    for name in MODES:
        sensor = {name: list(range(*PLAIN[name].indices(X.shape[1])))}
        units = {"reference": X, "random_state": seed}
        yield (
            f"{name} noisy",
            frame(corrupt(X, GaussianNoise(2.0), modes=sensor, **units)),
        )


records = []
for seed in SEEDS:
    for latency in (0.2, 0.0):
        X_train, y_train, _ = generate(N_TRAIN, 2 * seed, latency)
        X_test, y_test, _ = generate(N_TEST, 2 * seed + 1, latency)
        for front, aligner in fronts(seed):
            if latency == 0 and aligner is not None:
                continue
            label = front if latency else "no delay"
            models = {
                "EMMA": EMMAClassifier(random_state=seed, **EPOCHS),
                "forest": RandomForestClassifier(N_TREES, random_state=seed),
            }
            train, test = frame(X_train), dict(tests(X_test, seed))
            if aligner is not None:
                train = aligner.fit_transform(train)
                test = {name: aligner.transform(X) for name, X in test.items()}
            for kind, model in models.items():
                model.fit(train, y_train)
                for failing, X in test.items():
                    records.append((label, kind, failing, model.score(X, y_test)))
            print(f"seed {seed}, {label}: done", flush=True)

data = pd.DataFrame(records, columns=["clock", "model", "failing", "accuracy"])
table = data.groupby(["clock", "model", "failing"], sort=False)["accuracy"]
table = table.agg(["mean", "std"]).fillna(0).round(3)
print("\nAccuracy, mean and standard deviation over seeds")
print(table.unstack("failing").to_string())

# %%
# How well are the delays undone? The middle of the record of the late sensor happened a
# delay earlier. The cost of the alignment says, in a number for each sample, whether
# the two still tell the same story.

X_train, y_train, _ = generate(N_TRAIN, 0)
X, y, delay = generate(N_TEST, 1)
aligner = SequenceAligner(MODES, method="ctw", window=5).fit(X_train)
ctw = aligner.methods_["late"]
sequences = [X[:, PLAIN["fast"]].reshape(len(X), 1, -1)]
sequences.append(X[:, PLAIN["late"]].reshape(len(X), 2, -1))
found = np.array(
    [
        np.median(late / (LATE_STEPS - 1) - fast / (FAST_STEPS - 1))
        for fast, late in (alignment.path.T for alignment in ctw.align(sequences))
    ]
)
agreement = np.corrcoef(found, delay)[0, 1]
print(f"\nDelay found: correlation with the true one {agreement:.3f}")
noisy = corrupt(
    X,
    GaussianNoise(1.0),
    modes={"late": list(range(FAST_STEPS, END))},
    reference=X_train,
    random_state=0,
)
costs = [aligner.alignment_cost(rows)[:, 1] for rows in (X, noisy)]
print(
    "Cost of alignment, median: clean {:.2f}, noisy {:.2f}".format(
        *map(np.median, costs)
    )
)

# %%
# One channel of the late sensor in forty samples, sorted by class, before and after.

order = np.argsort(y[:40], kind="stable")
before = X[:40, FAST_STEPS + LATE_STEPS : END][order]
after = aligner.transform(X[:40])[:, 2 * FAST_STEPS : 3 * FAST_STEPS][order]
figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
for ax, values, title in zip(
    axes, (before, after), ("as it comes", "on the clock of the fast one"), strict=False
):
    ax.imshow(
        values, aspect="auto", cmap="RdBu_r", vmin=-2, vmax=2, extent=(0, 1, 40, 0)
    )
    ax.axhline((y[:40] == 0).sum(), color="black")
    ax.set(title=title, xlabel="time, share of the record", ylabel="sample")
bars = table["mean"].xs("clean", level="failing").unstack("model")
bars.plot.bar(ax=axes[2], color=["#0072B2", "0.7"], rot=30, width=0.75)
axes[2].set(ylim=(0.5, 1), xlabel="", title="accuracy", ylabel="clean test samples")
axes[2].legend(loc="lower right", title=None)
figure.savefig("alignment.png", dpi=120)
print("\nSaved alignment.png")

# %%
# Measured on three seeds, mean ± standard deviation. **The claim holds while both
# sensors work**: of clean samples, EMMA classifies 0.882 ± 0.017 as they come, 0.957 ±
# 0.008 aligned by ``"ctw"``, and all of them without a delay, so that aligning gives
# back 64 % of what the delay takes; with a forest, 0.822, 0.941 and 0.997, it is 68 %.
# The other two methods are within 0.005 of ``"ctw"``: a linear projection of two
# sensors is all that is needed here. The delays that were found have a correlation of
# 0.93 with the true ones.
#
# **It costs robustness when one of them fails.** With noise in the fast sensor, which
# carries no information on the class but is the clock, accuracy falls to 0.753, below
# the 0.822 of the sensors as they come; with noise in the late one, to 0.616 against
# 0.697. Noise is warped until it looks like the other sensor, and the gate sees only
# what comes out. The cost of the alignment tells: its median is 0.08 for clean samples,
# and 0.35 for noisy ones.
