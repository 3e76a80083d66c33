"""
Which sensor is failing, and since when?
========================================

Four sensors are read row after row. One of them drifts, is repaired, and later freezes;
another becomes noisy. Alarms of single rows, at a share of false ones that one can
promise, show the worst of it. A monitor that adds up evidence finds all of it, says
when it began and when it was over, and rings for nothing once in ten thousand rows or
less.

Run it with ``python examples/plot_14_sensor_health.py``; it prints alarms and failures,
and saves ``sensor_health.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# Train on one part of the data. Keep another part, of clean rows, for the alarms: what
# is promised holds if nothing was learnt from these.

import os

import numpy as np
import pandas as pd

from sklearn_emma import EMMAClassifier
from sklearn_emma.datasets import make_multimodal_classification
from sklearn_emma.monitoring import SensorHealthMonitor
from sklearn_emma.plotting import SensorHealthDisplay

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
EPOCHS = {"max_iter": 3, "pretraining_max_iter": 3} if FAST else {}
X, y, modes = make_multimodal_classification(4000, 4, redundancy=0.8, random_state=0)
X_train, X_clean, stream = X[:1500], X[1500:3400], X[3400:].copy()
clf = EMMAClassifier(modes, random_state=0, **EPOCHS).fit(X_train, y[:1500])
clf = clf.calibrate_alarms(X_clean)

# %%
# What happens to the sensors in 600 rows.

spread = X_train.std(axis=0)
drifting, noisy, frozen = modes["mode_1"], modes["mode_2"], modes["mode_3"]
ramp = np.linspace(0, 3, 150)[:, np.newaxis]
stream[100:250, drifting] += ramp * spread[drifting]  # repaired in row 250
noise = np.random.default_rng(0).normal(size=(300, len(noisy)))
stream[300:, noisy] += 0.7 * noise * spread[noisy]
stream[450:, frozen] = stream[450, frozen]

# %%
# Single rows: at 1 %, six alarms of each healthy sensor are to be expected.

alarms = pd.DataFrame(clf.failing_modes(stream, alpha=0.01), columns=list(modes))
parts = {"healthy": slice(0, 100), "drift": slice(100, 250), "noise": slice(300, 450)}
parts["noise, frozen"] = slice(450, 600)
shares = {name: alarms[rows].mean() for name, rows in parts.items()}
print("Share of rows with an alarm:")
print(pd.DataFrame(shares).T.round(2).to_string())

# %%
# The monitor, fed as rows come, here in batches of fifty. It rings once for each
# failure.

monitor = SensorHealthMonitor(clf)
for start in range(0, len(stream), 50):
    states = monitor.update(stream[start : start + 50])
    rings = states.xs("failing", axis=1, level="quantity")
    for mode in rings.columns[rings.any()]:
        found = monitor.report().loc[mode]
        if found["found"] >= start and found["status"] == "failing":
            print(f"Row {found['found']}: {mode} fails, since row {found['since']}")
print("\nAt the end:")
print(monitor.report().round(1).to_string())

# %%
# The same in a figure: p-values, what attention made of them, and evidence. Bars below
# the evidence show when a sensor was failing (full) or frozen (hatched).

display = SensorHealthDisplay.from_estimator(clf, stream)
display.figure_.savefig("sensor_health.png", dpi=150)

# %%
# A frozen sensor has ordinary p-values, since it repeats a reading that was one. So
# repeated values are watched by themselves.
