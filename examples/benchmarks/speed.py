"""What training, searching and scoring cost, each beside a peer measured in this run.

    OMP_NUM_THREADS=1 python examples/benchmarks/speed.py [--rows NAME ...] [--smoke]
        [--against PYTHON]

Prints a Markdown table. Ratios are medians over pairs measured in turn, on one thread:
of CPU time, which other programs on the machine disturb little, and of wall time. The
search runs in two processes, so that there only wall time is known.

Data: HTRU2 where it is there, else noise of the same shape, as is said above the table.
The networks take as long on either; the forest takes longer to learn noise by heart.
``--against`` names the Python of an environment that holds another version.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from _memory import peak_memory
from _search_speed import search_times, shortened
from _speed_alone import growth, import_times
from _speed_before import fits_before, scoring_before
from _speed_peers import (
    Parts,
    bare_fit,
    forest_fit,
    mlp_fit,
    skorch_fit,
    skorch_joint_training,
)
from _speed_small import cross_validation, first_fit, small_mlp
from _speed_step import steps
from _speed_timing import HEADER, Line, compare, seconds

from sklearn_emma import EMMAClassifier, PotentialEnergyTransformer
from sklearn_emma.datasets import fetch_htru2
from sklearn_emma.predictors import MLP

MODES = {"ip": [0, 1, 2, 3], "dm": [4, 5, 6, 7]}
N_TREES = 300
SMALL_GRID = {"rho": [0.1, 1.0], "lambda_c": [0.0, 0.1]}


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    ``share`` cuts the default epochs of the predictor, and the trees of the forest;
    ``search_share`` is the same for the search.
    """

    pairs: int
    share: float
    samples: int
    search_samples: int
    search_share: float
    memory_rows: int
    smoke: bool
    against: str | None

    def classifier(self, **params: Any) -> EMMAClassifier:
        """Build a classifier with defaults, apart from the number of epochs."""
        clf = EMMAClassifier(MODES, random_state=0, **params)
        return shortened(clf, self.share, self.samples)


def source() -> tuple[str, np.ndarray, np.ndarray]:
    """HTRU2, or noise of its shape, and which of them it is."""
    try:
        X, y = fetch_htru2(return_X_y=True, download_if_missing=False)
    except OSError:
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(17_898, 8)), rng.integers(0, 2, size=17_898)
        return "noise of the shape of HTRU2", X, y
    return "HTRU2", X, y


def load(n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Some of the samples, standardised."""
    _, X, y = source()
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    order = np.random.default_rng(0).permutation(len(X))[:n_samples]
    return X[order], y[order]


def training(
    settings: Settings,
    measure: str,
    theirs: Callable[[EMMAClassifier, np.ndarray, np.ndarray], object],
    must_reach: str,
    **params: Any,
) -> Line:
    """Training beside that of a peer, which may look at a fitted classifier."""
    X, y = load(settings.samples)
    clf = settings.classifier(**params).fit(X, y)
    return compare(
        f"`fit`, against {measure}",
        lambda: settings.classifier(**params).fit(X, y),
        lambda: theirs(clf, X, y),
        pairs=settings.pairs,
        must_reach=must_reach,
        warm_up=False,
    )


def fit(settings: Settings) -> Iterator[Line]:
    """Training, against the same in bare torch."""
    yield training(
        settings,
        "a bare torch loop with fused Adam (autoencoders as energies)",
        lambda clf, X, y: bare_fit(Parts(clf, X, y)),
        "≤ 1.1",
        energy_estimator=PotentialEnergyTransformer(),
    )


def skorch(settings: Settings) -> Iterator[Line]:
    """Training, against skorch with its default loaders."""
    yield training(
        settings,
        "skorch with default loaders (autoencoders as energies)",
        lambda clf, X, y: skorch_fit(Parts(clf, X, y)),
        "≤ 0.35",
        energy_estimator=PotentialEnergyTransformer(),
    )
    X, y = load(settings.samples)
    params = {"energy_estimator": PotentialEnergyTransformer()}
    clf = settings.classifier(**params).fit(X, y)
    epochs = 2
    short = settings.classifier(**params, warm_start=True).fit(X, y)
    short.set_params(max_iter=epochs)
    yield compare(
        f"{epochs} epochs of the joint training alone, against the same",
        lambda: short.fit(X, y),
        skorch_joint_training(Parts(clf, X, y), epochs),
        pairs=settings.pairs,
        must_reach="–",
    )


def predict(settings: Settings) -> Iterator[Line]:
    """Scoring, against the bare forward pass; one row is the latency."""
    X, y = load(settings.samples)
    clf = EMMAClassifier(MODES, max_iter=1, pretraining_max_iter=1, random_state=0).fit(
        X, y
    )
    model = clf._model
    for rows in (1, len(X), 20_000 if settings.smoke else 1_000_000):
        data = np.resize(X, (rows, X.shape[1]))
        x = model.standardise(data)
        present = torch.ones(rows, len(MODES), dtype=torch.bool)

        @torch.no_grad()
        def forward(x=x, present=present):
            energies = model.energies.potential(x, present)
            return torch.softmax(model.network(x, energies, present).logits, dim=1)

        calls = 200 if rows == 1 else 1
        yield compare(
            f"`predict_proba`, {rows:,} row(s), against the forward pass",
            lambda data=data, n=calls: [clf.predict_proba(data) for _ in range(n)],
            lambda f=forward, n=calls: [f() for _ in range(n)],
            pairs=settings.pairs,
            must_reach="≤ 4, and < 1 ms" if rows == 1 else "≤ 1.2",
            calls=calls,
        )


def search(settings: Settings) -> Iterator[Line]:
    """125 configurations × 3 folds, together and one by one."""
    X, y = load(settings.search_samples)
    grid = SMALL_GRID if settings.smoke else None
    for name, params in (
        ("default predictor", {}),
        ("hidden_layer_sizes=(16,)", {"predictor": MLP(hidden_layer_sizes=(16,))}),
    ):
        times = search_times(
            X, y, MODES, grid=grid, share=settings.search_share, **params
        )
        yield Line(
            f"`EMMAGridSearchCV`, against `GridSearchCV(n_jobs=2)`, {name} "
            f"(scores differ by {times.difference:.1g})",
            seconds(times.together),
            seconds(times.one_by_one),
            wall=f"{times.together / times.one_by_one:.2f}",
            must_reach="≤ 0.15" if not params else "≤ 0.08",
        )


def forest(settings: Settings) -> Iterator[Line]:
    """Training, against a random forest on five corrupted copies."""
    trees = max(1, round(settings.share * N_TREES))
    yield training(
        settings,
        f"RandomForest({trees}) on five corrupted copies",
        lambda clf, X, y: forest_fit(X, y, MODES, trees),
        "≤ 0.2",
    )


def mlp(settings: Settings) -> Iterator[Line]:
    """Training, against scikit-learn's network that stops early."""
    yield training(
        settings,
        "MLPClassifier(early_stopping=True) on five corrupted copies",
        lambda clf, X, y: mlp_fit(X, y, MODES, max(1, round(200 * settings.share))),
        "≤ 3",
    )


def small(settings: Settings) -> Iterator[Line]:
    """What small data cost."""
    yield first_fit(settings.pairs)
    yield small_mlp(settings.pairs, max(1, round(200 * settings.share)))
    yield cross_validation(settings.pairs, max(1, round(N_TREES * settings.share)))


def step(settings: Settings) -> Iterator[Line]:
    """Where the time of a step goes."""
    yield from steps(settings.samples, 10 if settings.smoke else 500)


def before(settings: Settings) -> Iterator[Line]:
    """Training and scoring, against another version of this package."""
    if settings.against is None:
        return
    yield from fits_before(settings.against, settings.pairs, settings.samples)
    many = 20_000 if settings.smoke else 1_000_000
    sizes = {1: "≤ 2.0", 12_000: "≤ 0.85", many: "≤ 0.32"}
    yield from scoring_before(settings.against, settings.pairs, settings.samples, sizes)


def memory(settings: Settings) -> Iterator[Line]:
    """Peak memory of scoring a file."""
    found = peak_memory(settings.memory_rows)
    yield Line(
        f"peak memory, scoring {settings.memory_rows:,} rows × 32 columns",
        f"{found['peak']:.0f} MB (result: {found['result']:.0f} MB)",
        must_reach="≤ 500 MB",
    )


def modes(settings: Settings) -> Iterator[Line]:
    """Training with many modes."""
    few, many = (4, 16) if settings.smoke else (16, 256)
    low, high, ratio = growth(few, many, settings.pairs)
    yield Line(
        f"`fit`, {many} modes, against {few}, by sample and feature",
        seconds(high),
        seconds(low),
        cpu=f"{ratio:.2f}",
        must_reach="≤ 2",
    )


def imports(settings: Settings) -> Iterator[Line]:
    """Import of the package."""
    times = import_times(settings.pairs)
    yield Line(
        "import, above torch, skorch and scikit-learn",
        f"{seconds(times.cpu)} (wall {seconds(times.wall)})",
        must_reach="≤ 0.1 s",
    )


ROWS: dict[str, Callable[[Settings], Iterator[Line]]] = {
    "fit": fit,
    "skorch": skorch,
    "predict": predict,
    "search": search,
    "forest": forest,
    "mlp": mlp,
    "small": small,
    "step": step,
    "before": before,
    "memory": memory,
    "modes": modes,
    "import": imports,
}


def main() -> None:
    """Measure and print the table, line by line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the default epochs, and of trees"
    )
    parser.add_argument("--samples", type=int, default=12_000)
    parser.add_argument("--search-samples", type=int, default=12_000)
    parser.add_argument("--search-share", type=float, default=0.03)
    parser.add_argument("--memory-rows", type=int, default=10_000_000)
    parser.add_argument("--smoke", action="store_true", help="little of everything")
    parser.add_argument(
        "--against", metavar="PYTHON", help="of an environment with another version"
    )
    args = parser.parse_args()
    if args.smoke:
        settings = Settings(1, 0.02, 600, 300, 0.02, 20_000, True, args.against)
    else:
        numbers = (args.search_samples, args.search_share, args.memory_rows)
        settings = Settings(
            args.pairs, args.share, args.samples, *numbers, False, args.against
        )
    torch.set_num_threads(1)
    print(f"Data: {source()[0]}.\n")
    print(HEADER, flush=True)
    for name in args.rows:
        for line in ROWS[name](settings):
            print(line, flush=True)


if __name__ == "__main__":
    main()
