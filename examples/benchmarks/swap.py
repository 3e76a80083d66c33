"""A valid mode of the wrong class: which energies see it, and what that is worth.

    python examples/benchmarks/swap.py [--smoke]

Prints two tables, measured on the validation part of the splits of `robustness.py`:
how well an energy of each mode detects and locates a swapped mode; and the scores of
`EMMAClassifier` without and with its joint energy, with one that is learnt by contrast
(`_contrastive.py`), and when told which mode is swapped.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable

import _scores
import numpy as np
import torch
from _contrastive import ContrastiveComparison
from _data import DATASETS, Dataset, load
from _evaluation import evaluate
from _peers import FULL, SMOKE
from _peers.emma import Emma
from _protocol import Task, conditions, layout_of, split
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from sklearn_emma import EMMAClassifier, PotentialEnergyTransformer
from sklearn_emma._energies.densities import (
    DensityRatio,
    JointSamples,
    fit_densities,
)
from sklearn_emma.corruption import ModeLayout

MAX_SAMPLES = {"htru2": 6000, "scene15": 2500}
SMOKE_SAMPLES = 300

# Energies (n, M) of samples (n, d), from training samples, classes and columns by mode.
Energy = Callable[[np.ndarray], np.ndarray]


def marginal(X: np.ndarray, y: np.ndarray, modes: list[list[int]], seed: int) -> Energy:
    """Potential energy of each mode, in interquartile ranges."""
    models = [_autoencoder(X[:, columns], seed) for columns in modes]

    def energy(X: np.ndarray) -> np.ndarray:
        columns = zip(models, modes, strict=True)
        return np.stack([-model.score_samples(X[:, c]) for model, c in columns], 1)

    low, middle, high = np.quantile(energy(X), [0.25, 0.5, 0.75], axis=0)
    return lambda X: (energy(X) - middle) / (high - low)


def autoencoders(
    X: np.ndarray, y: np.ndarray, modes: list[list[int]], seed: int
) -> Energy:
    """Potential energy of all modes, less those of the mode and of the others."""
    everything = _autoencoder(X, seed)
    own = [_autoencoder(X[:, columns], seed) for columns in modes]
    others = [_autoencoder(np.delete(X, columns, 1), seed) for columns in modes]

    def energy(X: np.ndarray) -> np.ndarray:
        parts = [
            one.score_samples(X[:, c]) + rest.score_samples(np.delete(X, c, 1))
            for one, rest, c in zip(own, others, modes, strict=True)
        ]
        return np.stack(parts, 1) - everything.score_samples(X)[:, np.newaxis]

    return energy


def classes(X: np.ndarray, y: np.ndarray, modes: list[list[int]], seed: int) -> Energy:
    """−log Σ_c p(c | mode) p(c | others) / p(c), from a classifier of each mode."""
    log_prior = np.log(np.bincount(y) / len(y))
    models = [
        LogisticRegression(C=0.1, max_iter=500).fit(X[:, columns], y)
        for columns in modes
    ]

    def energy(X: np.ndarray) -> np.ndarray:
        parts = [
            m.predict_log_proba(X[:, c]) for m, c in zip(models, modes, strict=True)
        ]
        votes = np.stack(parts, 1) - log_prior
        others = log_prior + votes.sum(1, keepdims=True) - votes
        others -= logsumexp(others, axis=2, keepdims=True)
        return -logsumexp(votes + others, axis=2)

    return energy


def joint(X: np.ndarray, y: np.ndarray, modes: list[list[int]], seed: int) -> Energy:
    """The package's joint energy; for two modes, which it leaves alone, none."""
    if len(modes) < 3:
        return lambda X: np.zeros((len(X), len(modes)))
    layout = ModeLayout.from_columns({str(i): c for i, c in enumerate(modes)})
    samples = JointSamples(X, y, np.zeros((len(X), len(modes))), np.ones(len(X)))
    ratio = DensityRatio(fit_densities(samples, layout, int(y.max()) + 1))
    return lambda X: ratio(torch.from_numpy(X)).numpy()


def contrastive(
    X: np.ndarray, y: np.ndarray, modes: list[list[int]], seed: int
) -> Energy:
    """Minus the log-density ratio of InfoNCE, for any number of modes."""
    named = {str(i): columns for i, columns in enumerate(modes)}
    learnt = ContrastiveComparison(random_state=seed).fit(X, named, y)
    return lambda X: -learnt.score_samples(X)


def _autoencoder(X: np.ndarray, seed: int) -> PotentialEnergyTransformer:
    return PotentialEnergyTransformer(random_state=seed).fit(X)


ENERGIES = {
    f.__name__: f for f in (marginal, autoencoders, classes, joint, contrastive)
}


def detection(task: Task, seed: int) -> dict[str, list[float]]:
    """AUROC of a swapped row, top-1 localisation, rows found, false alarms.

    An alarm is an energy above the 99 % quantile of a held-out fifth of the training
    samples.
    """
    modes = list(task.modes.values())
    X, held_out, y, _ = train_test_split(
        task.X_train,
        task.y_train,
        test_size=0.2,
        stratify=task.y_train,
        random_state=seed,
    )
    swapped, hit = _swap(task).apply(task.X_val, layout_of(task.modes), seed)
    measured = {}
    for name, fit in ENERGIES.items():
        energy = fit(X, y, modes, seed)
        before, after = energy(task.X_val).max(1), energy(swapped).max(1)
        limit = np.quantile(energy(held_out).max(1), 0.99)
        is_swapped = np.repeat([False, True], len(before))
        measured[name] = [
            _scores.auroc(is_swapped, np.concatenate([before, after])),
            _scores.localisation(hit, energy(swapped))["top1"],
            (after > limit).mean(),
            (before > limit).mean(),
        ]
    return measured


def worth(task: Task, seed: int, smoke: bool) -> dict[str, list[float]]:
    """Score under swap, clean score, RAUC and U5 by joint energy.

    Training does not depend on it: what differs is how samples are scored.
    """
    effort = SMOKE if smoke else FULL
    short = {"max_iter": 5, "pretraining_max_iter": 5} if smoke else {}
    fits = {}
    for name, how in (("with", True), ("contrastive", ContrastiveComparison())):
        classifier = EMMAClassifier(
            task.modes, joint_energy=how, random_state=seed, **short
        )
        fits[name] = classifier.fit(task.X_train, task.y_train)
    plain = copy.deepcopy(fits["with"])
    plain._model.joint = None
    measured = {}
    for name, fitted in ({"without": plain} | fits | {"told": plain}).items():
        method = _Fitted(lambda *_, fitted=fitted: [fitted], effort)
        method.is_oracle = name == "told"
        result = evaluate(method, task, seed, "validation")["conditions"]
        scores = {condition: found["score"] for condition, found in result.items()}
        measured[name] = [
            scores["swap"],
            scores["gauss_0"],
            _scores.rauc(scores),
            _scores.u5(scores),
        ]
    return measured


class _Fitted(Emma):
    """A classifier that comes fitted."""

    def fit(self, X_train, y_train, X_val, y_val, modes, seed) -> _Fitted:
        """Take the classifier as it is."""
        self.estimator_ = self.candidates(modes, seed, self.effort)[0]
        return self


def _swap(task: Task):
    listed = conditions(len(task.modes), task.y_val, task.raw_zero)
    return next(condition for condition in listed if condition.name == "swap")


def _print(title: str, columns: str, rows: dict[tuple[str, str], list[list[float]]]):
    """Table of means over seeds, in Markdown."""
    print(f"\n{title}\n\n| data set | {columns} |")
    print("|---" * (columns.count("|") + 2) + "|")
    for names, values in rows.items():
        cells = [f"{mean:.3f}" for mean in np.mean(values, axis=0)]
        print("| " + " | ".join([*names, *cells]) + " |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="a minute, for CI")
    parser.add_argument("--datasets", nargs="+", choices=sorted(DATASETS))
    parser.add_argument("--seeds", type=int, default=2, help="how many, from 0")
    options = parser.parse_args()
    names = ["breast_cancer"] if options.smoke else [*MAX_SAMPLES, "digits"]
    if not options.smoke:
        names.append("breast_cancer")
    found: dict[tuple[str, str], list[list[float]]] = {}
    scored: dict[tuple[str, str], list[list[float]]] = {}
    for dataset in map(load, options.datasets or names):
        for seed in range(1 if options.smoke else options.seeds):
            task = _split(dataset, seed, options.smoke)
            for energy, values in detection(task, seed).items():
                found.setdefault((task.name, energy), []).append(values)
            for use, values in worth(task, seed, options.smoke).items():
                scored.setdefault((task.name, use), []).append(values)
    _print("Detection", "energy | AUROC | top-1 | found | false alarms", found)
    _print("Score", "joint energy | swap | clean | RAUC | U5", scored)


def _split(dataset: Dataset, seed: int, smoke: bool) -> Task:
    most = SMOKE_SAMPLES if smoke else MAX_SAMPLES.get(dataset.name)
    return split(dataset, seed, most)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
