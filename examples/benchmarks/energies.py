"""Energies in place of the default one, behind the same gate.

    python examples/benchmarks/energies.py [--smoke]

Prints a table, measured on the validation part of the splits of `robustness.py`: how
well the scaled energy of a mode tells its failing samples from clean ones and finds the
failing mode, over all failures; the scores of `EMMAClassifier`; and seconds of a fit.
Objectives and regularisers of the autoencoder come first, then other kinds.
"""

from __future__ import annotations

import argparse

import _scores
import numpy as np
import torch
from _data import DATASETS, load
from _evaluation import evaluate
from _peers import FULL, SMOKE
from _peers.emma import Emma
from _protocol import split
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest

from sklearn_emma import EMMAClassifier
from sklearn_emma.energies import (
    ContrastiveDivergence,
    MixtureEnergy,
    NeighborsEnergy,
    OutlierEnergy,
    PotentialEnergyTransformer,
    PrototypeEnergy,
    ReconstructionEnergy,
)

SMOKE_SAMPLES = 200
ENERGIES: dict[str, BaseEstimator] = {
    "autoencoder": PotentialEnergyTransformer(),
    "score matching": PotentialEnergyTransformer(objective="score_matching"),
    "contrastive divergence": PotentialEnergyTransformer(
        objective=ContrastiveDivergence()
    ),
    "contractive": PotentialEnergyTransformer(regularizer="contractive"),
    "sparse": PotentialEnergyTransformer(regularizer="sparse"),
    "contractive, 10 times": PotentialEnergyTransformer(
        regularizer="contractive", alpha=0.1
    ),
    "sparse, 10 times": PotentialEnergyTransformer(regularizer="sparse", alpha=0.1),
    "reconstruction": ReconstructionEnergy(PCA(0.9, svd_solver="full")),
    "prototypes": PrototypeEnergy(),
    "neighbours": NeighborsEnergy(),
    "mixture": MixtureEnergy(),
    "isolation forest": OutlierEnergy(IsolationForest(n_estimators=50)),
}
COLUMNS = ["AUROC", "top-1", "clean", "RAUC", "U5", "s"]


def measure(energy: BaseEstimator, dataset: str, seed: int, smoke: bool) -> list[float]:
    """Numbers of :data:`COLUMNS` for one split."""
    task = split(load(dataset), seed, SMOKE_SAMPLES if smoke else None)
    short = {"max_iter": 2, "pretraining_max_iter": 2} if smoke else {}
    classifier = EMMAClassifier(
        task.modes, energy_estimator=clone(energy), random_state=seed, **short
    )
    method = Emma(lambda *_: [classifier], SMOKE if smoke else FULL)
    result = evaluate(method, task, seed, "validation")
    found = result["conditions"]
    scores = {condition: values["score"] for condition, values in found.items()}
    places = [
        values["localisation"]["energy"]
        for values in found.values()
        if "localisation" in values
    ]
    return [
        float(np.nanmean([place["auroc"] for place in places])),
        float(np.mean([place["top1"] for place in places])),
        scores["gauss_0"],
        _scores.rauc(scores),
        _scores.u5(scores),
        result["seconds_fit"],
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="a minute, for CI")
    parser.add_argument(
        "--datasets",
        nargs="+",
        choices=sorted(DATASETS),
        default=["breast_cancer", "digits_small"],
    )
    parser.add_argument("--energies", nargs="+", choices=[*ENERGIES], default=[])
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0")
    options = parser.parse_args()
    datasets = ["breast_cancer"] if options.smoke else options.datasets
    print(f"\n| data set | energy | {' | '.join(COLUMNS)} |")
    print("|---" * (2 + len(COLUMNS)) + "|")
    for dataset in datasets:
        for name in options.energies or ENERGIES:
            values = [
                measure(ENERGIES[name], dataset, seed, options.smoke)
                for seed in range(1 if options.smoke else options.seeds)
            ]
            *cells, seconds = np.mean(values, axis=0)
            texts = [dataset, name, *(f"{cell:.3f}" for cell in cells)]
            print("| " + " | ".join([*texts, f"{seconds:.1f}"]) + " |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
