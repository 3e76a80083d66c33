"""What ``EMMAClassifier.fit`` is compared with: the same networks, trained otherwise.

Modules and their sizes are copied from a fitted classifier, so that both sides always
train the same thing.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _peers.copies import CorruptedCopies
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNet, NeuralNetClassifier
from torch import nn
from torch.nn.functional import cross_entropy

from sklearn_emma import EMMAClassifier
from sklearn_emma._attention.importance import Signs
from sklearn_emma._energies.autoencoder import AutoencoderStack
from sklearn_emma._inputs.missing import fill_missing
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma._optim.samples import auto_batch_size
from sklearn_emma._training.loss import JointLoss
from sklearn_emma.corruption import Failures, ZeroedMode, fail_modes


class Parts:
    """Fresh copies of the networks of a fitted classifier, and their training data."""

    def __init__(self, clf: EMMAClassifier, X: np.ndarray, y: np.ndarray) -> None:
        self.clf, self.y = clf, torch.from_numpy(y)
        # Training is in single precision, whatever scores.
        self.model = copy.deepcopy(clf._model).train_in(torch.float32)
        self.x = self.model.standardise(X)
        self.layout = self.model.layout
        energies = list(clf.energies_.values())
        self.energy = energies[0]
        # One energy of all rows, and one of each fold: two where there are many rows.
        many = len(X) > 1000 * max(self.layout.widths)
        widths = [len(energy.mean_) for energy in energies] * (3 if many else 6)
        self.z = torch.zeros(len(X), len(widths), max(widths), dtype=self.x.dtype)
        for mode, width in enumerate(widths):
            # Coordinates of its autoencoder are as many, whatever their values.
            self.z[:, mode, :width] = torch.randn(len(X), width, dtype=self.x.dtype)
        self.stack = AutoencoderStack(widths, self.energy.n_components, self.x.dtype)
        self.batch_size = auto_batch_size(clf.batch_size, len(X))


def bare_fit(parts: Parts) -> None:
    """Do the computation of ``EMMAClassifier.fit`` without its machinery.

    What single modes say is left out, and so is the joint energy.
    """
    clf, x, z, y = parts.clf, parts.x, parts.z, parts.y
    generator = torch.Generator().manual_seed(0)

    def denoising(noisy, clean):
        return (parts.stack(noisy) - clean).square().sum((1, 2)).mean()

    def noisy():
        return z + parts.energy.sigma * torch.randn_like(z), z

    energy = parts.energy
    _optimise(
        parts.stack, energy.lr, energy.max_iter, parts.batch_size, noisy, denoising
    )

    network = parts.model.network
    predictor = network.predictor
    rows = slice(len(x) // 10, None)  # a tenth is held out

    def without_a_mode():
        seen = x[rows]
        gone, _ = fail_modes(
            seen, parts.layout, ZeroedMode(), generator, clean_fraction=0.5
        )
        return gone, y[rows]

    _optimise(
        predictor,
        clf.lr,
        len(clf.pretraining_loss_curve_),
        parts.batch_size,
        without_a_mode,
        lambda a, b: cross_entropy(predictor(a), b),
    )
    failures = Failures.from_parameter(clf.corruption)
    criterion = JointLoss(
        lambda logits, y: cross_entropy(logits, y, reduction="none"),
        clf.lambda_c,
        clf.lambda_e,
    )
    given = parts.model.inputs(x).potential

    def failing():
        failed, fails = failures.simulate(x, parts.layout, generator)
        filled, present = fill_missing(failed, parts.layout)
        potential = parts.model.energies.potential(filled, present & fails, given)
        signs = Signs.of(fails, present, failures.importance_floor, x.dtype)
        with torch.no_grad():
            energies = network.gate.prepare(potential, present)
        return filled, y, *energies, *signs

    def loss(xb, yb, scaled, there, shut_out, xi, least):
        network.gate.project()
        output = network(xb, scaled=scaled, there=there, shut_out=shut_out)
        return criterion(output, yb, xi, least).mean()

    _optimise(network, clf.lr, clf.max_iter, parts.batch_size, failing, loss)


def _optimise(module: nn.Module, lr: float, epochs: int, batch_size: int, draw, loss):
    """Train as anyone would by hand: fused Adam, cosine schedule, whole batches."""
    module.train()
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


def skorch_fit(parts: Parts) -> None:
    """Train the same three networks with skorch as it comes.

    Its default loaders, callbacks and Adam; only the number of samples in a step is
    ours, and none are held out. Inputs are made beforehand and not drawn afresh, which
    spares it what we do in each epoch.
    """
    clf = parts.clf
    options = _as_it_comes(parts, parts.energy.lr, parts.energy.max_iter)
    NeuralNet(parts.stack, nn.MSELoss, **options).fit(parts.z, parts.z)
    options = _as_it_comes(parts, clf.lr, len(clf.pretraining_loss_curve_))
    predictor = parts.model.network.predictor
    net = NeuralNetClassifier(predictor, criterion=nn.CrossEntropyLoss, **options)
    net.fit(parts.x, parts.y)
    skorch_joint_training(parts, clf.max_iter)()


def skorch_joint_training(parts: Parts, epochs: int) -> Callable[[], object]:
    """Return what trains gate and predictor for some epochs each time it is called."""
    inputs = parts.model.inputs(parts.x)._asdict()
    net = NeuralNetClassifier(
        _LogitsOnly(parts.model.network),
        criterion=nn.CrossEntropyLoss,
        **_as_it_comes(parts, parts.clf.lr, epochs),
    ).initialize()
    return lambda: net.partial_fit(inputs, parts.y)


def _as_it_comes(parts: Parts, lr: float, epochs: int) -> dict[str, Any]:
    return {
        "optimizer": torch.optim.Adam,
        "lr": lr,
        "max_epochs": epochs,
        "batch_size": parts.batch_size,
        "train_split": None,
        "verbose": 0,
    }


class _LogitsOnly(nn.Module):
    """The network as skorch wants it: one output, fed with what its loader collates."""

    def __init__(self, network: EMMANetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x, potential, present):
        """Return logits."""
        return self.network(x, potential, present).logits


def forest_fit(
    X: np.ndarray, y: np.ndarray, modes: dict[str, list[int]], n_trees: int
) -> None:
    """Fit a random forest on five corrupted copies, as in the robustness benchmark."""
    forest = RandomForestClassifier(n_trees, n_jobs=1)
    CorruptedCopies(forest).fit(X, y, None, None, modes, seed=0)


def mlp_fit(
    X: np.ndarray, y: np.ndarray, modes: dict[str, list[int]], max_iter: int
) -> None:
    """Fit scikit-learn's network of the default sizes on five corrupted copies."""
    network = MLPClassifier((128, 64), early_stopping=True, max_iter=max_iter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        CorruptedCopies(network, fill=True).fit(X, y, None, None, modes, seed=0)
