"""Splits and corruptions: what every method is given, and what it is tested on.

All of it is decided by the seed alone, never by the method, so that any two methods see
the same samples and the same corrupted matrices.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from _data import Dataset
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Generator, Tensor

from sklearn_emma.corruption import (
    Bias,
    Clipping,
    Corruption,
    DeadColumns,
    Drift,
    FrozenMode,
    Gain,
    GaussianNoise,
    MissingMode,
    Mixture,
    ModeLayout,
    SaltAndPepper,
    Sentinel,
    Shift,
    StuckMode,
    StudentNoise,
    UniformReplacement,
    ZeroedMode,
    fail_modes,
)

SIGMAS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
UNSEEN = ("zeros", "uniform", "stuck", "salt_pepper", "gain")  # averaged in U5
# What happens to sensors in service, averaged beside it.
SERVICE = (
    *("frozen", "sentinel", "raw_zero", "drift", "clipping"),
    *("dead_columns", "dead_column", "shift"),
)
MIN_SCORED = 300  # rows; fewer are scored several times, corrupted afresh

# Kind of training corruption: what happens, and the share of samples left clean.
TRAINING: dict[str, tuple[Corruption, float]] = {
    "clean": (MissingMode(), 1.0),
    "noise": (GaussianNoise((0.1, 2.0)), 1 / 2),
    "dropout": (MissingMode(), 1 / 2),
    "both": (Mixture([GaussianNoise((0.1, 2.0)), MissingMode()]), 1 / 3),
}


@dataclass(frozen=True)
class Task:
    """One data set split by one seed, in units of each feature's training sd.

    ``X_val`` is what methods are given to validate on, ``X_dev`` what is scored instead
    of the test part; they differ only where few samples of a class are trained on.
    ``raw_zero`` (d,) is what a feature is where its raw value is 0.
    """

    name: str
    modes: dict[str, list[int]]
    X_train: np.ndarray
    y_train: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    X_dev: np.ndarray
    y_dev: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    rare_class: int | None
    raw_zero: np.ndarray

    def scored(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """X and y of the "validation" or the "test" part, repeated if they are few.

        So that a score of few rows depends less on how they were corrupted.
        """
        X, y = {
            "validation": (self.X_dev, self.y_dev),
            "test": (self.X_test, self.y_test),
        }[part]
        n_copies = math.ceil(MIN_SCORED / len(X))
        return np.tile(X, (n_copies, 1)), np.tile(y, n_copies)


def split(dataset: Dataset, seed: int, max_samples: int | None = None) -> Task:
    """Split 60/20/20, stratified, and standardise by the training part alone.

    ``max_samples`` keeps a stratified part of the data, for smoke runs.
    """
    rows = np.arange(len(dataset.y))
    if max_samples is not None and max_samples < len(rows):
        rows = _part(rows, dataset.y, max_samples, seed)[0]
    rest, test = _part(rows, dataset.y, 0.8, seed)
    train, dev = _part(rest, dataset.y, 0.75, seed)
    val = dev
    if (most := dataset.train_per_class) is not None:
        train = _first_of_each_class(train, dataset.y, most)
        # Who has few samples to train on has few to validate on.
        val = _first_of_each_class(dev, dataset.y, math.ceil(most / 3))
    scaler = StandardScaler().fit(dataset.X[train])
    parts = (
        part
        for rows in (train, val, dev, test)
        for part in (scaler.transform(dataset.X[rows]), dataset.y[rows])
    )
    raw_zero = scaler.transform(np.zeros((1, dataset.X.shape[1])))[0]
    return Task(dataset.name, dataset.modes, *parts, dataset.rare_class, raw_zero)


@dataclass(frozen=True)
class Condition:
    """One way to corrupt a matrix: in one drawn mode of each row, unless said else.

    ``n_failing`` modes fail in each row; ``mode`` is the one that always fails.
    """

    name: str
    corruption: Corruption
    n_failing: int = 1
    mode: int | None = None

    def apply(
        self, X: np.ndarray, layout: ModeLayout, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the corrupted X (n, d) and which modes were hit, boolean (n, M)."""
        generator = make_generator(seed, self.name)
        x = torch.as_tensor(X)
        if self.mode is None:
            x, hit = fail_modes(
                x, layout, self.corruption, generator, n_failing=self.n_failing
            )
        else:
            failed = self.corruption.corrupt(x, layout, generator)
            hit = torch.zeros(len(x), layout.n_modes, dtype=torch.bool)
            hit[:, self.mode] = True
            x = torch.where(layout.spread(hit), failed, x)
        return x.numpy(), hit.numpy()


def conditions(n_modes: int, y: np.ndarray, raw_zero: np.ndarray) -> list[Condition]:
    """Everything that a method is tested on.

    ``y`` (n,) are the classes of the rows, ``raw_zero`` (d,) that of the task.
    """
    listed = [
        Condition("missing", MissingMode()),
        Condition("zeros", ZeroedMode()),
        Condition("uniform", UniformReplacement(3.0)),
        Condition("stuck", StuckMode(3.0)),
        Condition("salt_pepper", SaltAndPepper(4.0, 0.3)),
        Condition("gain", Gain(4.0)),
        Condition("bias", Bias(3.0)),
        Condition("student", StudentNoise(1.0, 3)),
        Condition("swap", OtherClass(y)),
        Condition("drift", Drift(3.0)),
        Condition("frozen", FrozenMode(10)),
        Condition("sentinel", Sentinel(5.0, 100.0)),
        Condition("raw_zero", AlwaysReads(raw_zero)),
        Condition("clipping", Clipping(1.0)),
        Condition("dead_columns", DeadColumns(0.3, 3.0)),
        Condition("dead_column", DeadColumns(0.0, 10.0)),
        Condition("shift", Shift(0.5), n_failing=n_modes),
    ]
    if n_modes >= 3:
        listed.append(Condition("two_modes", GaussianNoise(2.0), n_failing=2))
        listed.append(Condition("two_zeros", ZeroedMode(), n_failing=2))
    noisy = [Condition(f"gauss_{sigma:g}", GaussianNoise(sigma)) for sigma in SIGMAS]
    # One mode in every row, for the score of the worst mode.
    single = [
        Condition(f"mode_{m}", GaussianNoise(2.0), mode=m) for m in range(n_modes)
    ]
    return noisy + listed + single


class AlwaysReads:
    """Every row becomes the same one."""

    def __init__(self, row: np.ndarray) -> None:
        self.row = row

    def corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return the row for each row of ``x``."""
        return torch.as_tensor(self.row, dtype=x.dtype).expand_as(x)


class OtherClass:
    """Every row becomes that of a sample of another class (modes drawn together)."""

    def __init__(self, y: np.ndarray) -> None:
        self.y = y

    def corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return, for each row of ``x``, a row of another class."""
        donors = torch.empty(len(x), dtype=torch.long)
        for label in np.unique(self.y):
            own = torch.as_tensor(self.y == label)
            others = (~own).nonzero().squeeze(1)
            draw = torch.randint(len(others), (int(own.sum()),), generator=generator)
            donors[own] = others[draw]
        return x[donors]


def corrupt_like_training(
    X: np.ndarray, layout: ModeLayout, generator: Generator, kind: str = "both"
) -> tuple[Tensor, Tensor]:
    """Draw one corrupted copy of X (n, d), of a kind in :data:`TRAINING`.

    Returns it as float32, and which modes were hit, boolean (n, M).
    """
    corruption, clean_fraction = TRAINING[kind]
    x = torch.as_tensor(X, dtype=torch.float32)
    return fail_modes(x, layout, corruption, generator, clean_fraction=clean_fraction)


def layout_of(modes: dict[str, list[int]]) -> ModeLayout:
    """Layout of modes whose columns lie side by side, as all data sets here have."""
    return ModeLayout.from_columns(modes)


def make_generator(seed: int, purpose: str) -> Generator:
    """Make a torch generator that depends on seed and purpose alone."""
    entropy = [seed, zlib.crc32(purpose.encode())]
    state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
    return Generator().manual_seed(int(state[0] >> np.uint64(1)))


def _part(
    rows: np.ndarray, y: np.ndarray, size: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    return tuple(
        train_test_split(rows, train_size=size, stratify=y[rows], random_state=seed)
    )


def _first_of_each_class(rows: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    return np.concatenate([rows[y[rows] == k][:n] for k in np.unique(y[rows])])
