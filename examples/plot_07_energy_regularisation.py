"""
Does energy regularisation sharpen attention?
=============================================

λ_e weighs Ω = Σ ξ log α, which pushes the energies of clean modes down and those of
corrupted modes up. The thesis finds that it sharpens attention and helps the score.
Claims to be tested on HTRU2: does F1 depend on λ_e? Do modal energies E tell failing
modes from clean ones better than the potential energies Ψ they are made of? And why is
Ω bounded here, by ``importance_floor``, when it is not in the thesis?

Run it with ``python examples/plot_07_energy_regularisation.py``; it prints the tables
and saves ``energy_regularisation.png``. ``SKLEARN_EMMA_FAST=1`` shortens the training.
"""

# %%
# The data, pulsar candidates in two modes, ``ip`` and ``dm``. A callback keeps the
# coldness ρ of every epoch, which is learnt.

import os
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split
from skorch.callbacks import Callback

from sklearn_emma import EMMAClassifier
from sklearn_emma.corruption import Failures, GaussianNoise, Mixture
from sklearn_emma.datasets import fetch_htru2
from sklearn_emma.robustness import corrupt, robustness_curve

FAST = bool(os.environ.get("SKLEARN_EMMA_FAST"))
SEEDS = range(1) if FAST else range(3)
EPOCHS = {"max_iter": 2, "pretraining_max_iter": 2} if FAST else {"max_iter": 25}
LAMBDA_E = [0, 0.003, 0.03, 0.3, 3]
FLOOR = 0.1  # the default
SIGMAS = [0, 1, 4]
X, y = fetch_htru2(return_X_y=True, as_frame=True)
MODES = {mode: [c for c in X if c.startswith(mode)] for mode in ("ip", "dm")}
coldness = {}


class Coldness(Callback):
    """Notes ρ after every epoch, by weight λ_e and floor."""

    def __init__(self, *key):
        self.key = key

    def on_epoch_end(self, net, **_):
        """Append ρ to the list of this key."""
        coldness.setdefault(self.key, []).append(net.module_.gate.rho.item())


# %%
# One classifier for each λ_e and seed; ``memory`` caches what does not depend on it.
# For the first seed also with ``importance_floor=0``, which is Ω as in the thesis.

rows, fitted = {}, {}
for seed in SEEDS:
    X_train, X_rest, y_train, y_rest = train_test_split(
        X, y, test_size=0.33, stratify=y, random_state=seed
    )
    X_val, X_test, y_val, y_test = train_test_split(
        X_rest, y_rest, test_size=0.5, stratify=y_rest, random_state=seed
    )
    units = {"reference": X_train, "random_state": seed}
    X_val = corrupt(X_val, Mixture(), clean_fraction=0.5, **units)
    noisy = {
        mode: corrupt(X_test, GaussianNoise(0.5), modes={mode: columns}, **units)
        for mode, columns in MODES.items()
    }
    is_noisy = np.repeat([0, 1], len(X_test))
    settings = [(FLOOR, lambda_e) for lambda_e in LAMBDA_E]
    settings += [(0.0, lambda_e) for lambda_e in LAMBDA_E[1:]] if seed == 0 else []
    with TemporaryDirectory() as cache:
        for floor, lambda_e in settings:
            options = {"corruption": Failures(importance_floor=floor), **EPOCHS}
            watch = [Coldness(lambda_e, floor)] if seed == 0 else None
            emma = EMMAClassifier(memory=cache, random_state=seed, **options)
            emma.set_params(lambda_e=lambda_e, callbacks=watch).fit(X_train, y_train)
            tuned = TunedThresholdClassifierCV(
                FrozenEstimator(emma), scoring="f1", cv="prefit", refit=False
            ).fit(X_val, y_val)
            row = rows[floor, seed, lambda_e] = {"rho": emma.rho_}
            beta = emma.attention(X_test)
            row["clean: one mode shut out (β < 0.1)"] = (beta < 0.1).any(axis=1).mean()
            psi, modal = emma.potential_energy(X_test), emma.modal_energy(X_test)
            for i, (mode, X_noisy) in enumerate(noisy.items()):
                options = {"mode": mode, "levels": SIGMAS, "n_repeats": 1}
                options |= {"scoring": "f1", "random_state": seed}
                curve = robustness_curve(tuned, X_test, y_test, **options)
                row["F1 clean"] = curve.mean[0]
                for sigma, score in zip(SIGMAS[1:], curve.mean[1:], strict=True):
                    row[f"F1 {mode} σ={sigma}"] = score
                row[f"β {mode} clean"] = beta[:, i].mean()
                row[f"β {mode} when noisy"] = emma.attention(X_noisy)[:, i].mean()
                pairs = {
                    "Ψ": np.r_[psi[:, i], emma.potential_energy(X_noisy)[:, i]],
                    "E": np.r_[modal[:, i], emma.modal_energy(X_noisy)[:, i]],
                }
                for name, values in pairs.items():
                    row[f"AUROC {name} {mode}"] = roc_auc_score(is_noisy, values)
                row[f"ranks of E, Ψ {mode}"] = spearmanr(*pairs.values()).statistic
                fitted.setdefault((floor, lambda_e, mode), pairs)
    print(f"seed {seed} done")

table = pd.DataFrame(rows).T.rename_axis(["floor", "seed", "λ_e"])
f1 = [c for c in table if c.startswith("F1")]
table["F1 mean"] = table[f1].mean(axis=1)
bounded = table.xs(FLOOR, level="floor")


def summary(columns):
    """Mean ± standard deviation over the seeds, a column for each λ_e."""
    groups = bounded[columns].groupby("λ_e")
    mean, sd = groups.mean().T, groups.std().fillna(0).T
    return (mean.map("{:.3f}".format) + " ± " + sd.map("{:.3f}".format)).to_string()


print("\nF1 on test data by λ_e, mean ± sd over seeds")
print(summary([*f1, "F1 mean"]))
zero = bounded["F1 mean"].xs(0, level="λ_e")
print("\nMean F1 minus that at λ_e = 0, by seed")
print((bounded["F1 mean"].unstack("λ_e").sub(zero, axis=0)).round(3).to_string())
print("\nAttention β, AUROC of noise σ = 0.5 against clean, ranks of E and Ψ")
print(summary([c for c in table if c[0] in "βAr"]))
print("\nWith and without the floor, first seed")
runaway = table.xs(0, level="seed")[["rho", "clean: one mode shut out (β < 0.1)", *f1]]
print(runaway.T.to_string(float_format="{:.3g}".format))

# %%
# F1 by λ_e; E against Ψ; the coldness over the epochs with and without the floor.

figure, axes = plt.subplots(1, 3, figsize=(15, 5.6), layout="constrained")
ax, x = axes[0], range(len(LAMBDA_E))
colours = {"clean": "0.4", "ip": "#0072B2", "dm": "#D55E00", "mean": "black"}
for name in [*f1, "F1 mean"]:
    groups, label = bounded[name].groupby("λ_e"), name[3:].replace("=", " = ")
    style = {"color": colours[label.split()[0]], "marker": "o", "capsize": 3}
    style |= {"linestyle": "--" if "4" in label else "-", "label": label}
    ax.errorbar(x, groups.mean(), groups.std().fillna(0), **style)
ax.set_xticks(x, [f"{value:g}" for value in LAMBDA_E])
ax.set(xlabel="λ_e", ylabel="F1 (mean ± sd over seeds)", title="F1, one mode noisy")
hues = ["0.5", "#E69F00", "#009E73", "#0072B2", "#D55E00"]
colours = dict(zip(LAMBDA_E, hues, strict=True))
for lambda_e in (0, 0.03, 3):
    psi, modal = (fitted[FLOOR, lambda_e, "ip"][name] for name in ("Ψ", "E"))
    axes[1].plot(psi, modal, ".", color=colours[lambda_e], label=f"λ_e = {lambda_e}")
axes[1].set(xlim=(psi.min() - 0.5, np.quantile(psi, 0.98)))
axes[1].set(xlabel="potential energy Ψ of ip", ylabel="modal energy E of ip")
axes[1].set_title("E against Ψ, clean and σ = 0.5 (98 % of the samples)")
for lambda_e in LAMBDA_E[1:]:
    for floor, line in ((0.0, "-"), (FLOOR, "--")):
        rho, label = coldness[lambda_e, floor], f"λ_e = {lambda_e}, floor {floor:g}"
        axes[2].plot(rho, line, color=colours[lambda_e], label=label)
axes[2].set(xlabel="epoch (from 0)", ylabel="learnt coldness ρ", yscale="log")
for ax in axes:
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False)
figure.savefig("energy_regularisation.png", dpi=120)
print("\nSaved energy_regularisation.png")

# %%
# Measured on three seeds with 25 epochs, mean ± standard deviation. **A larger λ_e does
# not help F1.** Over the five conditions it is 0.817 ± 0.021 at λ_e = 0, 0.815 ± 0.018
# at 0.003 (the default), 0.817 at 0.03, 0.813 and 0.806 beyond, where seeds differ by
# 0.02: but for one of them, at the last, no seed moves by more than 0.005. What λ_e
# does is to sharpen attention: β of ``ip`` under noise σ = 0.5 goes from 0.584 ± 0.008
# to 0.346 ± 0.007. E does not detect better than Ψ: its AUROC is the same (0.944
# ``ip``, 0.985 ``dm``), for it rises with Ψ.
#
# Without the floor, **coldness runs away** from λ_e = 0.03 on: there it ends at 484
# (first seed; 1.5 with the floor), 99.5 % of the clean samples have a mode shut out
# (none with the floor), and F1 falls from 0.900 to 0.814 on clean data and from 0.780
# to 0.667 with ``ip`` at σ = 1. Where ``ip`` is far off (σ = 4) nothing changes (0.66).
