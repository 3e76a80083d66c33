"""
Notice a frozen sensor in windows of a real watch
=================================================

A watch knows from its accelerometer and its gyroscope which exercise of the shoulder is
being done. Then one of the two freezes at a valid reading, or drifts slowly. Claim to
be tested: on real signals too, windows notice this where single readings do not, and
the exercise is still known. Two energies of windows are tried: the default one, of
octaves, and one of values, by convolutions.

Run it with ``python examples/plot_31_watch_windows.py``; it prints the tables and saves
``watch_windows.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training. The recordings, of
twenty people with seven exercises each, come with the package seglearn (``pip install
seglearn``; nothing else is downloaded).
"""

# %%
# Ten readings a second of two sensors of three axes each. Rows are in the order of
# time, all recordings side by side: what is learnt is the first 60 % of each, alarms
# are calibrated on the next 15 %, and the rest is new.

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from seglearn.datasets import load_watch
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import KFold, TimeSeriesSplit, cross_val_score

from sklearn_emma import ConvolutionalEnergy, EMMAClassifier
from sklearn_emma.windows import WindowSplit, sliding_windows

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
EPOCHS = {"max_iter": 2, "pretraining_max_iter": 2} if FAST else {}
LENGTH, STEP = 20, 40 if FAST else 10
MODES = {"accelerometer": [0, 1, 2], "gyroscope": [3, 4, 5]}

watch = load_watch()
recordings = [x[::5] for x in watch["X"]]
X = np.concatenate(recordings)
sizes = [len(x) for x in recordings]
recording = np.repeat(np.arange(len(sizes)), sizes)
y = np.array(watch["y_labels"])[watch["y"]][recording]
passed = np.concatenate([np.arange(n) / n for n in sizes])
order = np.lexsort((recording, passed))
X, y, recording, passed = X[order], y[order], recording[order], passed[order]
early, middle, late = passed < 0.6, (passed >= 0.6) & (passed < 0.75), passed >= 0.75


def stretches(part, step=1):
    """Windows of two seconds of a part of the rows."""
    return sliding_windows(
        X[part], LENGTH, modes=MODES, step=step, groups=recording[part]
    )


# %%
# The same classifier learns from single readings and from windows, and so does the same
# network without attention.

learnt, clean = stretches(early, STEP), stretches(middle)
single = learnt.rows[:, [LENGTH // 2 - 1, -1]].ravel()
print(f"{len(learnt.X)} windows and {len(single)} readings to learn from")
y_windows = y[early][learnt.rows[:, -1]]
of_readings = MODES, X[early][single], y[early][single], X[middle]
of_windows = learnt.modes, learnt.X, y_windows, clean.X
KINDS = {
    "readings": (of_readings, None),
    "windows": (of_windows, None),
    "windows, convolutions": (of_windows, ConvolutionalEnergy()),
}
models = {}
for samples, ((modes, X_early, y_early, X_middle), energy) in KINDS.items():
    gated = EMMAClassifier(modes, energy_estimator=energy, random_state=0, **EPOCHS)
    gated.fit(X_early, y_early).calibrate_alarms(X_middle)
    plain = EMMAClassifier(modes, attention_function="none", random_state=0, **EPOCHS)
    models[samples] = gated, plain.fit(X_early, y_early)

# %%
# Two seconds after the new part of a recording has begun, one sensor freezes, or drifts
# by a fiftieth of its standard deviation a reading: a fifth of it a second.

X_late, y_late, of_late = X[late], y[late], recording[late]
age = pd.Series(of_late).groupby(of_late).cumcount().to_numpy() - LENGTH
last_valid = pd.Series(np.where(age == 0, np.arange(len(age)), -1))
last_valid = last_valid.groupby(of_late).transform("max").to_numpy()
unit = X[early].std(axis=0)


def frozen(columns):
    """The sensor repeats its reading of the moment at which it fails."""
    failed = X_late.copy()
    failed[np.ix_(age > 0, columns)] = X_late[np.ix_(last_valid[age > 0], columns)]
    return failed


def drifting(columns):
    """The sensor departs by a fiftieth of its standard deviation a reading."""
    failed = X_late.copy()
    failed[:, columns] += 0.02 * np.maximum(age, 0)[:, np.newaxis] * unit[columns]
    return failed


records, curves = [], {}
cases = [("clean", name, X_late) for name in MODES]
cases += [
    (how.__name__, name, how(columns))
    for how in (frozen, drifting)
    for name, columns in MODES.items()
]
for failure, sensor, readings in cases:
    i = list(MODES).index(sensor)
    found = sliding_windows(readings, LENGTH, modes=MODES, groups=of_late)
    for samples in KINDS:
        alone = samples == "readings"
        values = readings if alone else found.X
        now = np.arange(len(readings)) if alone else found.rows[:, -1]
        # Once a window holds nothing but the failure.
        gone = age[now] >= LENGTH
        gated, plain = models[samples]
        rings = gated.failing_modes(values, alpha=0.01)
        right = [m.predict(values)[gone] == y_late[now][gone] for m in (gated, plain)]
        row = (
            rings[gone, i].mean(),
            rings[gone, 1 - i].mean(),
            gated.attention(values)[gone, i].mean(),
            *np.mean(right, axis=1),
        )
        records.append((sensor, failure, samples, *row))
        curve = pd.Series(rings[:, i]).groupby(age[now] / 10).mean()
        curves[sensor, failure, samples] = curve.loc[-2:4]
names = ["sensor", "is", "samples", "alarms", "of the other", "β", "accuracy",
         "without attention"]  # fmt: skip
table = pd.DataFrame(records, columns=names).set_index(names[:3])
print("Share of samples with an alarm at 1 %, attention of that sensor, accuracy")
print(table.to_string(float_format="{:.3f}".format))

# %%
# What windows that overlap do to scores: a forest is scored on shuffled windows, and on
# windows that come later and share no reading with those that it has learnt from.

forest = RandomForestClassifier(100, random_state=0)
for name, cv in {
    "shuffled": KFold(4, shuffle=True, random_state=0),
    "in time order": WindowSplit(TimeSeriesSplit(4), learnt.rows),
}.items():
    scores = cross_val_score(forest, learnt.X, y_windows, cv=cv)
    print(f"Accuracy of a forest, {name}: {scores.round(3)}")

# %%
figure, axes = plt.subplots(2, 2, figsize=(8, 6), sharex=True, layout="constrained")
for row, sensor in zip(axes, MODES, strict=True):
    for ax, failure in zip(row, ("frozen", "drifting"), strict=True):
        for samples, style in zip(KINDS, (":", "-", "--"), strict=True):
            curve = curves[sensor, failure, samples]
            ax.plot(curve, style, color="black", label=samples)
        ax.axvline(0, color="0.5", linewidth=0.8)
        ax.set(title=f"{sensor} {failure}", ylim=(-0.03, 1.03))
        ax.grid(alpha=0.3)
    row[0].set_ylabel("share with an alarm")
for ax in axes[1]:
    ax.set_xlabel("seconds since the failure")
axes[0, 0].legend()
figure.savefig("watch_windows.png", dpi=120)
print("\nSaved watch_windows.png")

# %%
# Measured, of two seconds that hold nothing but the failure; one seed of training.
# **The claim holds for sensors that freeze**: alarms ring for every window of either
# (of readings in 0.6 % and 1.6 %), and in 0.9 % and 0.8 % of clean ones. The accuracy
# is then 0.808 without the accelerometer and 0.874 without the gyroscope, where no
# attention has 0.646 and 0.726, and 0.908 of clean windows (0.694 of readings).
#
# **Of a slow drift it holds for the gyroscope only**: 34 % of the windows ring, against
# 4 % of readings. Of the accelerometer it is the reverse, 4 % of the windows and 37 %
# of readings. The accuracy of windows is 0.829 and 0.797, and 0.780 and 0.751 without
# attention.
#
# **An energy of values notices neither**: people hold still, so that a frozen
# accelerometer is like one that rests. No window of it rings (0.000), and 1 % of a
# frozen gyroscope's.
#
# A forest is scored too well on shuffled windows: 0.83 to 0.88. In time order it has
# 0.76 after the first fifth, and 0.84 to 0.87 after that.
