"""
Classify pulsars with a broken telescope: robustness on HTRU2
=============================================================

Experiment III of the thesis, on the HTRU2 pulsar candidates: noise on one of two modes,
the integrated profile (IP) or the dispersion-measure curve (DM). Claim: at any noise,
EMMA does as well as a network with the healthy mode alone, and the same network without
EMMA does not. That holds at the threshold of best F1, not at the ROC curve's corner.

Run ``python examples/plot_04_robustness_htru2.py``, with ``SKLEARN_EMMA_FAST=1`` fast.
"""

# %%
# Models
# ------
# All have the same hidden layers and as many epochs. *IP alone*, *DM alone* and *base*,
# which sees both modes, train on clean data; *without* and *with*, which is EMMA, on
# simulated failures, too: noise with σ from 0.1 to 2, or the mode missing. *Classical*
# is EMMA with attention as a network layer has it, tanh(Wα + b); it stands beside the
# thesis's row of another attention module, which is one from the literature. 12,000
# rows want little dropout and many epochs, 0.1 and 200 by validation data. Beside each
# network, linear models of single modes are heard.

import os
import warnings
from dataclasses import replace
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split
from sklearn.preprocessing import StandardScaler

from sklearn_emma import EMMAClassifier, PotentialEnergyTransformer
from sklearn_emma.corruption import Mixture
from sklearn_emma.datasets import fetch_htru2
from sklearn_emma.exceptions import ModesWarning
from sklearn_emma.metrics import roc_corner_scorer
from sklearn_emma.plotting import RobustnessCurveDisplay
from sklearn_emma.predictors import MLP
from sklearn_emma.robustness import corrupt, robustness_curve

warnings.simplefilter("ignore", ModesWarning)  # one mode alone is what is meant
FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
N_SEEDS = 1 if FAST else 5
SIGMAS = np.sort(np.r_[0, 0.5, 10 ** (np.arange(-20, 21, 20 if FAST else 5) / 20)])
RULES = {"ROC corner": roc_corner_scorer, "best F1": "f1"}

X, y = fetch_htru2(return_X_y=True, as_frame=True)
MODES = {"ip": X.columns[:4].tolist(), "dm": X.columns[4:].tolist()}
EPOCHS = {"max_iter": 3, "pretraining_max_iter": 2} if FAST else {"max_iter": 200}
SHARED = {"predictor": MLP(dropout=0.1)} | EPOCHS
CLEAN = {"attention_function": "none", "corruption": None, "lambda_e": 0}
# A single mode needs no attention, and so no energy worth its training.
ALONE = CLEAN | {"energy_estimator": PotentialEnergyTransformer(max_iter=1)}
MODELS = {
    "ip alone": (ALONE, MODES["ip"]),
    "dm alone": (ALONE, MODES["dm"]),
    "base": (CLEAN, X.columns),
    "without": ({"attention_function": "none", "lambda_e": 0}, X.columns),
    "classical": ({"attention_function": "classical"}, X.columns),
    "with": ({}, X.columns),
}

# %%
# Measuring
# ---------
# Splits 67/16.5/16.5. Thresholds come from validation data, half with a failing mode:
# the thesis's, nearest to the corner of the ROC curve, which cares little for precision
# where one sample in eleven is a pulsar, and that of best F1. Noise is in training
# standard deviations; in dB, 10 log₁₀ σ², up to +5 in the thesis and +20 (σ = 10) here.


def run(seed, memory):
    """Curves of F1 by threshold rule, noisy mode and model."""
    parts = train_test_split(X, y, test_size=0.33, stratify=y, random_state=seed)
    X_train, X_rest, y_train, y_rest = parts
    X_val, X_test, y_val, y_test = train_test_split(
        X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=seed
    )
    X_val = corrupt(
        X_val, Mixture(), reference=X_train, clean_fraction=0.5, random_state=seed
    )
    options = {"levels": SIGMAS, "scoring": "f1", "n_repeats": 1, "random_state": seed}
    curves = {}
    for name, (parameters, columns) in MODELS.items():
        model = EMMAClassifier(random_state=seed, memory=memory, **parameters, **SHARED)
        model.fit(X_train[columns], y_train)
        for rule, scoring in RULES.items():
            tuned = TunedThresholdClassifierCV(
                model, scoring=scoring, cv="prefit", refit=False
            ).fit(X_val[columns], y_val)
            for mode in model.modes_:
                curves[rule, mode, name] = robustness_curve(
                    tuned, X_test[columns], y_test, mode=mode, **options
                )
    return curves


runs = []
for seed in range(N_SEEDS):
    # Models of one seed share a cache, and so pretraining.
    with TemporaryDirectory() as memory:
        runs.append(run(seed, memory))
    print(f"Seed {seed} done")
scores = {key: np.hstack([run[key].scores for run in runs]) for key in runs[0]}
pooled = {key: replace(runs[0][key], scores=scores[key]) for key in scores}

# %%
# F1 against noise
# ----------------
# Mean ± sd over the seeds. No model should fall below the healthy mode alone.

HEALTHY = {"ip": "dm", "dm": "ip"}
figure, axes = plt.subplots(2, 2, figsize=(10, 9), sharey=True, layout="constrained")
for row, rule in zip(axes, RULES, strict=True):
    for ax, (mode, other) in zip(row, HEALTHY.items(), strict=True):
        curves = {n: pooled[rule, mode, n] for n in ("base", "without", "with")}
        floors = {f"{other!r} alone": pooled[rule, other, f"{other} alone"].mean[0]}
        display = RobustnessCurveDisplay(curves, floors=floors, trained_level=(0.1, 2))
        display.plot(ax, x_scale="dB")
        ax.set(title=f"{mode!r} noisy, threshold: {rule}", ylabel="F1", ylim=(0, 1))

for rule in RULES:
    print(f"\nLowest F1 less F1 of the healthy mode alone, threshold: {rule}")
    for mode, other in HEALTHY.items():
        healthy = scores[rule, other, f"{other} alone"][0]
        for name in ("with", "without", "base"):
            gap = scores[rule, mode, name] - healthy
            worst = gap.mean(axis=1).argmin()
            low = f"{gap[worst].mean():+.3f} ± {gap[worst].std():.3f}"
            held = f"within 0.03: {gap[worst].mean() >= -0.03}"
            print(f"{mode} noisy, {name:7}: {low} at σ = {SIGMAS[worst]:.3g}, {held}")

# %%
# The thesis's table
# ------------------

THESIS = {
    "clean": (0.8235, 0.6612, 0.8830, 0.8671, 0.7726, 0.8881),
    "ip noisy": (0.5926, np.nan, 0.6441, 0.7097, 0.6129, 0.7333),
    "dm noisy": (np.nan, 0.3920, 0.6569, 0.7683, 0.6882, 0.8077),
}
table = {}
for title, printed in THESIS.items():
    for name, f1 in zip(MODELS, printed, strict=True):
        table[title, "thesis", name] = f"{f1:.3f}"
        for rule in RULES:
            mode = name[:2] if "alone" in name else title[:2].replace("cl", "ip")
            level = 0 if title == "clean" else 0.5
            f1 = scores[rule, mode, name][level == SIGMAS]
            text = f"{f1.mean():.3f} ± {f1.std():.3f}"
            table[title, rule, name] = text if title[:2] in ("cl", mode) else ""
print("\nF1 at σ = 0.5; ours as mean ± sd, at either threshold")
print(pd.Series(table).unstack()[list(MODELS)].to_string())

# %%
# In the thesis's code the quadratic term of Ψ is summed over the batch, and all samples
# of a test set had the same mode corrupted. How well does Ψ tell noise (σ = 0.5),
# summed over one sample (as it should be), over batches, and over all?

rng = np.random.default_rng(0)
for mode, columns in MODES.items():
    z = StandardScaler().fit_transform(X[columns])
    train, test = train_test_split(z, test_size=46 * 64, random_state=0)
    energy = PotentialEnergyTransformer(
        preprocessing=None, max_iter=60, random_state=0
    ).fit(train)
    both = np.vstack([test, test + 0.5 * rng.normal(size=test.shape)])
    is_noisy = np.repeat([0, 1], len(test))
    psi = energy.transform(both)[:, 0]
    quadratic = 0.5 * np.square(both - energy.intercept_visible_).sum(axis=1)
    for size in (1, 64, len(test)):
        summed = psi - quadratic + quadratic.reshape(-1, size).sum(axis=1).repeat(size)
        clean, auroc = summed[: len(test)], roc_auc_score(is_noisy, summed)
        text = f"clean Ψ {clean.mean():.0f} ± {clean.std():.1f}, AUROC {auroc:.3f}"
        print(f"{mode}, {size} samples summed: {text}")

# %%
# Conclusion, from the output above, mean ± sd over five seeds. At best F1, EMMA does
# not fall below the healthy mode alone up to σ = 10, on average: at worst it is 0.002 ±
# 0.009 above IP with DM noisy and 0.032 ± 0.049 above DM with IP noisy; *without* falls
# 0.26 and 0.37 below. At the ROC corner EMMA is 0.06 ± 0.05 and 0.16 ± 0.02 below,
# *without* 0.24 and 0.36. At the thesis's σ = 0.5 *without* does as well as EMMA, and
# so does *classical*. The thesis's numbers are those of batches: summed over 64, Ψ of
# clean samples is above 100, as it prints. It tells noise with an AUROC of 0.73 and
# 0.81 so, of 0.85 and 0.89 by sample, 1.0 by all.
