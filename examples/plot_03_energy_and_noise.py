"""
Detect noisy sensors from clean data alone: energy rises with noise
===================================================================

Experiment II of the thesis, on the HTRU2 pulsar candidates: 17,898 radio signals, each
in two modes of four features, the integrated profile (IP) and the dispersion-measure
curve (DM). Claim: the potential energy Ψ of each mode, learnt from clean samples alone,
rises monotonically with the noise on it. Trained on pulsars alone, it tells pulsars
from background, although it has seen no background.

Run it with ``python examples/plot_03_energy_and_noise.py``; it prints what it measures.
``SKLEARN_EMMA_FAST=1`` shortens it.
"""

# %%
# Training
# --------
# One energy a mode, for each of five splits into training and test samples, which are
# also five random states of everything else. Two set-ups: the package's defaults, and
# that of the thesis (12 hidden units, 30 epochs of batches of 64, training noise 0.01).

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.corruption import GaussianNoise
from sklearn_emma.datasets import fetch_htru2
from sklearn_emma.plotting import DistributionCurveDisplay
from sklearn_emma.robustness import corrupt, energy_curve

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
N_SEEDS = 2 if FAST else 5
SIGMAS = np.linspace(0, 2, 9)
THESIS = {
    "n_components": 12,
    "sigma": 0.01,
    "preprocessing": "standardize",
    "batch_size": 64,
    "max_iter": 30,
    "lr": 1e-3,
    "lr_schedule": "constant",
}
SETUPS = {"defaults": {}, "thesis": THESIS}

X, y = fetch_htru2(return_X_y=True, as_frame=True)
MODES = {"ip": X.columns[:4].tolist(), "dm": X.columns[4:].tolist()}


def learn(X_mode, seed, **setup):
    """Energy of the samples' density."""
    if FAST:
        setup["max_iter"] = 5
    return PotentialEnergyTransformer(random_state=seed, **setup).fit(X_mode)


# %%
# Energy against noise
# --------------------
# Noise on the test samples, σ in units of each feature's standard deviation in
# training. Beside the curve, we measure how well Ψ tells a noisy from a clean sample:
# the area under the ROC curve (AUROC), 0.5 for guessing.

curves, auroc = {}, {}
for seed in range(N_SEEDS):
    X_train, X_test = train_test_split(X, test_size=0.33, stratify=y, random_state=seed)
    for mode, columns in MODES.items():
        clean, reference = X_test[columns], X_train[columns]
        for setup, parameters in SETUPS.items():
            energy = learn(reference, seed, **parameters)
            curves[setup, mode, seed] = curve = energy_curve(
                energy,
                clean,
                levels=SIGMAS,
                quantity="potential_energy",
                reference=reference,
                n_repeats=1,
                random_state=seed,
            )
            for sigma in (0.5, 1.0):
                noisy = corrupt(
                    clean, GaussianNoise(sigma), reference=reference, random_state=seed
                )
                both = np.r_[energy.transform(clean), energy.transform(noisy)]
                is_noisy = np.repeat([0, 1], len(clean))
                auroc[setup, mode, sigma, seed] = roc_auc_score(is_noisy, both)
    print(f"Seed {seed} done")

means = pd.DataFrame({key: curve.mean[:, 0] for key, curve in curves.items()})
means.index = pd.Index(SIGMAS, name="σ")
by_seed = (means - means.iloc[0]).T.groupby(level=[0, 1])
print("\nMean Ψ of the test samples, less that without noise: mean ± sd over the seeds")
print(
    (by_seed.mean().T.map("{:.2f}".format) + " ± ")
    + by_seed.std().T.map("{:.2f}".format)
)
rises = (means.diff().iloc[1:] > 0).all().groupby(level=[0, 1]).sum()
print(f"\nSeeds of {N_SEEDS} in which it rises at every step")
print(rises.unstack())
found = pd.Series(auroc).groupby(level=[0, 1, 2]).agg(["mean", "std"])
print("\nAUROC of noisy against clean samples")
print(found.unstack().to_string(float_format="{:.3f}".format))

# %%
# The figure: above, mean ± 2 standard deviations over the test samples, as in the
# thesis, for the defaults and the first of the seeds; below, the range of 90 % of the
# samples. The mean rises, and so does the spread; the energies are skewed, few samples
# being far above most.

figure, axes = plt.subplots(2, 2, figsize=(11, 9.5), layout="constrained")
for row, band in zip(axes, (2.0, (0.05, 0.95)), strict=True):
    for ax, mode in zip(row, MODES, strict=True):
        DistributionCurveDisplay.from_curve(
            curves["defaults", mode, 0], ax=ax, band=band, x_scale="linear"
        )
        ax.set_xlabel(f"noise σ on mode {mode!r} (training standard deviations)")

# %%
# Pulsars only
# ------------
# Now the energies learn from the pulsars of the training samples (one in eleven). Each
# panel has Ψ of the test samples of both classes, without the lowest 2 % and the
# highest 5 % of all.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
of_classes = {}
for seed in range(N_SEEDS):
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.33, stratify=y, random_state=seed
    )
    for ax, (mode, columns) in zip(axes, MODES.items(), strict=True):
        energy = learn(X_train.loc[y_train == 1, columns], seed)
        psi = energy.transform(X_test[columns])[:, 0]
        of_classes[mode, seed] = {
            "difference of means": psi[y_test == 0].mean() - psi[y_test == 1].mean(),
            "difference of medians": (
                np.median(psi[y_test == 0]) - np.median(psi[y_test == 1])
            ),
            "AUROC": roc_auc_score(y_test == 0, psi),
        }
        if seed > 0:
            continue
        bins = np.linspace(*np.quantile(psi, (0.02, 0.95)), 60)
        for label, name, colour in (
            (1, "pulsars", "#0072B2"),
            (0, "background", "0.5"),
        ):
            values = psi[y_test == label]
            share = np.full(len(values), 100 / len(values))
            ax.hist(values, bins, weights=share, color=colour, alpha=0.6, label=name)
        ax.set(
            xlabel=f"potential energy Ψ of mode {mode!r}",
            ylabel="test samples of the class (%)",
        )
        ax.locator_params(axis="x", nbins=6)
        ax.legend()
found = pd.DataFrame(of_classes).T.groupby(level=0, sort=False).agg(["mean", "std"])
print("\nTrained on pulsars alone, background less pulsars: mean and sd over the seeds")
print(found.T.to_string(float_format="{:.3f}".format))

# %%
# Conclusion, from the output above. The mean of Ψ rises at every step from σ = 0 to 2,
# for both modes and in five of five seeds: by 4.33 ± 0.06 for IP and 17.4 ± 0.3 for DM,
# in units in which Ψ is about −0.09 log p. Of single samples it tells noise of σ = 1
# with an AUROC of 0.970 and 0.994, and of σ = 0.5 of 0.924 and 0.982. The thesis's
# set-up rises in five of five, too, and tells less: 0.904 and 0.927, 0.831 and 0.864.
# Its narrow bands do not come back: with energies by sample some noisy samples stay as
# low as clean ones, at any σ.
#
# Trained on pulsars alone, Ψ is higher for background: AUROC 0.89 ± 0.01 for IP, 0.81 ±
# 0.03 for DM. The classes overlap, most of all in DM.
