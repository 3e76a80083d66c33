"""What the estimator costs beside the same computation written as bare torch.

Prints ratios, each the median over pairs measured in turn in this run, on one thread.

    python examples/benchmarks/speed.py [--pairs 7] [--smoke]

Data: HTRU2 where it is there, else data of the same shape drawn at random: timing does
not depend on the values.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from sklearn_emma import EMMAClassifier, EMMAGate
from sklearn_emma._autoencoder import AutoencoderStack
from sklearn_emma._loss import EMMALoss
from sklearn_emma._mode_energies import ModeEnergies
from sklearn_emma._model import fill_missing
from sklearn_emma._network import MLP, EMMANetwork
from sklearn_emma._training import auto_batch_size
from sklearn_emma.corruption import Mixture, fail_modes
from sklearn_emma.datasets import fetch_htru2

MODES = {"ip": [0, 1, 2, 3], "dm": [4, 5, 6, 7]}


def load(n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Standardised HTRU2, or noise of its shape."""
    try:
        X, y = fetch_htru2(return_X_y=True, download_if_missing=False)
    except OSError:
        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(17_898, 8)), rng.integers(0, 2, size=17_898)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X[:n_samples], y[:n_samples]


def optimise(module: nn.Module, lr: float, epochs: int, batch_size: int, draw, loss):
    """Train as anyone would by hand: fused Adam, cosine schedule, whole batches."""
    optimizer = torch.optim.Adam(module.parameters(), lr=lr, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        tensors = draw()
        order = torch.randperm(len(tensors[0]))
        for batch in zip(*(t[order].split(batch_size) for t in tensors), strict=True):
            optimizer.zero_grad()
            loss(*batch).backward()
            optimizer.step()
        schedule.step()


def bare_fit(X: np.ndarray, y: np.ndarray, clf: EMMAClassifier) -> EMMANetwork:
    """Do the computation of ``EMMAClassifier.fit`` without its machinery."""
    x, target = torch.from_numpy(X), torch.from_numpy(y)
    index = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    generator = torch.Generator().manual_seed(0)
    batch_size = auto_batch_size("auto", len(X))
    energy = clf.energies_["ip"]  # its parameters and coordinates
    stack = AutoencoderStack([4, 4], energy.n_components, x.dtype)
    z = torch.stack([x[:, :4], x[:, 4:]], dim=1)

    def denoising(noisy, clean):
        return (stack(noisy) - clean).square().sum((1, 2)).mean()

    optimise(
        stack,
        energy.lr,
        energy.max_iter,
        batch_size,
        lambda: (z + energy.sigma * torch.randn_like(z), z),
        denoising,
    )
    mlp = MLP(8, 2, clf.hidden_layer_sizes, clf.dropout).to(x.dtype)
    optimise(
        mlp,
        clf.lr,
        clf.base_max_iter,
        batch_size,
        lambda: (x, target),
        lambda a, b: cross_entropy(mlp(a), b),
    )
    network = EMMANetwork(EMMAGate(2), mlp, index).to(x.dtype)
    energies = ModeEnergies(list(clf.energies_.values()), [4, 4], x.dtype)
    criterion = EMMALoss(clf.lambda_c, clf.lambda_e, clf.importance_floor)

    def draw():
        failed, fails = fail_modes(
            x, index, Mixture(), generator, clean_fraction=clf.clean_fraction
        )
        filled, present = fill_missing(failed, index, 2)
        return filled, energies.potential(filled, present), present, target, fails

    def loss(xb, potential, present, yb, fails):
        network.gate.project()
        return criterion(network(xb, potential, present), yb, fails, present).mean()

    optimise(network, clf.lr, clf.max_iter, batch_size, draw, loss)
    return network


class SkorchModule(nn.Module):
    """The network, fed with what skorch's default loader collates."""

    def __init__(self, network: EMMANetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x, potential, present):
        """Return logits."""
        return self.network(x, potential, present).logits


def skorch_epochs(clf: EMMAClassifier, X: np.ndarray, y: np.ndarray, epochs: int):
    """Train the same network with skorch as it comes, on inputs made beforehand."""
    model = copy.deepcopy(clf._model)
    inputs = model.inputs(model.standardise(X))
    net = NeuralNetClassifier(
        SkorchModule(model.network),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=clf.lr,
        max_epochs=epochs,
        batch_size=auto_batch_size("auto", len(X)),
        train_split=None,
        verbose=0,
    ).initialize()
    return lambda: net.partial_fit(inputs._asdict(), y)


def ratio(ours: Callable, theirs: Callable, pairs: int, label: str) -> float:
    """Median over pairs of our seconds by theirs, and the medians themselves."""
    ours(), theirs()
    times = []
    for _ in tqdm(range(pairs), desc=label, leave=False):
        times.append((_seconds(ours), _seconds(theirs)))
    value = statistics.median(a / b for a, b in times)
    a, b = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        f"| {label} | {a * 1e3:.3g} ms | {b * 1e3:.3g} ms | {value:.2f} |", flush=True
    )
    return value


def _seconds(function: Callable) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--smoke", action="store_true", help="few rows and epochs")
    args = parser.parse_args()
    torch.set_num_threads(1)
    pairs = 1 if args.smoke else args.pairs
    X, y = load(1_000 if args.smoke else 12_000)
    options = {"max_iter": 2, "base_max_iter": 2} if args.smoke else {}
    clf = EMMAClassifier(MODES, random_state=0, **options).fit(X, y)

    print("| measure | sklearn_emma | bare | ratio |\n|---|---|---|---|")
    fit = EMMAClassifier(MODES, random_state=0, **options).fit
    ratio(
        lambda: fit(X, y), lambda: bare_fit(X, y, clf), pairs, "fit, against bare torch"
    )
    epochs = 2
    short = EMMAClassifier(MODES, max_iter=epochs, warm_start=True, random_state=0)
    short.fit(X, y)
    ratio(
        lambda: short.fit(X, y),
        skorch_epochs(clf, X, y, epochs),
        pairs,
        f"{epochs} epochs, against skorch's default loaders",
    )
    model = clf._model
    for rows in (1, len(X), 20_000 if args.smoke else 1_000_000):
        data = np.resize(X, (rows, X.shape[1]))
        x = model.standardise(data)
        present = torch.ones(rows, 2, dtype=torch.bool)

        @torch.no_grad()
        def forward(x=x, present=present):
            energies = model.energies.potential(x, present)
            return torch.softmax(model.network(x, energies, present).logits, dim=1)

        repeats = 200 if rows == 1 else 1
        ratio(
            lambda data=data, n=repeats: [clf.predict_proba(data) for _ in range(n)],
            lambda f=forward, n=repeats: [f() for _ in range(n)],
            pairs,
            f"predict_proba, {rows:,} rows" + (" (200 times)" if rows == 1 else ""),
        )


if __name__ == "__main__":
    main()
