"""Where the time of a step of the joint training goes, and what the floor is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from _data import load
from _speed_timing import Line
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sklearn_emma import EMMAClassifier
from sklearn_emma._attention.bounds import project
from sklearn_emma._attention.importance import Signs
from sklearn_emma._model.model import EMMAModel
from sklearn_emma._optim.fast_adam import fast_adam
from sklearn_emma._optim.samples import auto_batch_size
from sklearn_emma._predictors.linear_by_mode import LinearByMode
from sklearn_emma._training.loss import JointLoss

DATASETS = ("breast_cancer", "digits", "htru2", "scene15", "rosmap")


def steps(n_samples: int, repeats: int) -> Iterator[Line]:
    """Microseconds of the parts of a step, one line for each data set."""
    for name in DATASETS:
        try:
            data = load(name)
        except OSError:
            continue  # not at hand
        X, y = data.X[:n_samples], data.y[:n_samples]
        modes = {mode: list(map(int, cols)) for mode, cols in data.modes.items()}
        clf = EMMAClassifier(modes, max_iter=1, pretraining_max_iter=1, random_state=0)
        clf.fit(X, y)
        found = _parts(clf, X, y, repeats)
        whole = found.pop("whole")
        text = ", ".join(
            f"{part} {1e6 * seconds:.0f}" for part, seconds in found.items()
        )
        size = auto_batch_size("auto", len(X))
        yield Line(
            f"a step on {name}, {size} × {X.shape[1]}: {text} (µs)",
            f"{1e6 * whole:.0f} µs",
        )


def _parts(clf: EMMAClassifier, X, y, repeats: int) -> dict[str, float]:
    """Seconds of each part of a step, and of the whole."""
    model: EMMAModel = clf._model.train_in(torch.float32)
    network = model.network.train()
    rows = slice(auto_batch_size("auto", len(X)))
    # Row by row in memory, as batches are.
    inputs = model.inputs(model.standardise(np.ascontiguousarray(X[rows])))
    target = torch.from_numpy(np.searchsorted(clf.classes_, y[rows]))
    fails = torch.rand(inputs.potential.shape) < 0.3
    criterion = JointLoss(
        lambda logits, y: cross_entropy(logits, y, reduction="none"),
        clf.lambda_c,
        clf.lambda_e,
    )
    energies = network.gate.prepare(inputs.potential)
    given = {"scaled": energies.scaled}
    signs = Signs.of(fails, None, 0.1, torch.float32)
    optimizer = torch.optim.Adam(network.parameters(), lr=clf.lr, fused=True)
    bounds = network.gate.bounds()

    def forward() -> Tensor:
        output = network(inputs.x, **given)
        return criterion(output, target, *signs).mean()

    def both() -> None:
        optimizer.zero_grad()
        forward().backward()

    both()
    optimizer.step()
    advance = fast_adam(optimizer)
    assert advance is not None

    def optimise() -> None:
        advance()
        project(bounds)

    def step() -> None:
        both()
        optimise()

    def gate() -> None:
        """Scores of the gate and their gradients, without a predictor."""
        scores = network.gate.weigh(energies)
        (scores.attention.sum() + scores.log_importance.sum()).backward()

    return {
        "whole": _seconds(step, repeats),
        "forward": _seconds(forward, repeats),
        "forward and backward": _seconds(both, repeats),
        "of which the gate": _seconds(gate, repeats),
        "optimiser and bounds": _seconds(optimise, repeats),
        "matrix products alone": _seconds(_products(network, len(inputs.x)), repeats),
    }


def _products(network: nn.Module, n: int) -> Callable[[], None]:
    """What the linear layers multiply forwards and backwards, and nothing else."""
    whole = [m.weight.data for m in network.modules() if isinstance(m, nn.Linear)]
    # Inputs of modes that are weighed behind the layer have no gradient.
    of_modes = [
        weight.data
        for m in network.modules()
        if isinstance(m, LinearByMode)
        for weight in m.weights
    ]
    made = [
        (torch.randn(n, weight.shape[1]), torch.randn(n, weight.shape[0]), weight)
        for weight in whole + of_modes
    ]

    @torch.no_grad()
    def multiply() -> None:
        for k, (x, gradient, weight) in enumerate(made):
            torch.mm(x, weight.T)
            torch.mm(gradient.T, x)
            if k < len(whole):
                torch.mm(gradient, weight)

    return multiply


def _seconds(function: Callable[[], object], repeats: int) -> float:
    """The least of three means over many calls."""
    for _ in range(repeats // 10 + 1):
        function()
    found = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(repeats):
            function()
        found.append((time.perf_counter() - start) / repeats)
    return min(found)
