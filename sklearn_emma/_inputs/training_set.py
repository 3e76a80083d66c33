"""Distinct training samples, ready to learn from."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from sklearn.model_selection import train_test_split

from sklearn_emma._inputs.layout import ModeLayout


class TrainingSet(NamedTuple):
    """Distinct training samples, columns side by side in the order of the modes.

    ``X`` (n, d) with NaN where missing, ``y`` (n,) encoded by the target, ``weight``
    (n,) counts samples, ``loss_weight`` (n,) is that times the weight of the class,
    ``corrupted`` (n, M) is True where the user knows that a mode failed.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    loss_weight: np.ndarray
    corrupted: np.ndarray

    def clean(self, layout: ModeLayout) -> np.ndarray:
        """X with modes known to be corrupted as missing."""
        return np.where(self.corrupted[:, layout.index], np.nan, self.X)

    def present(self, layout: ModeLayout) -> np.ndarray:
        """Whether a mode has any clean value, (n, M)."""
        known = ~np.isnan(self.clean(layout))
        return np.stack([known[:, s].any(axis=1) for s in layout.slices], axis=1)

    def rows(self, index: np.ndarray) -> Self:
        """Some of the samples."""
        return type(self)(*(array[index] for array in self))


def split_validation(
    n_samples: int, labels: np.ndarray | None, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows that are kept and rows that are held out, stratified by ``labels`` (n,).

    Raises
    ------
    ValueError
        If a class cannot be in both parts; names those with a single sample.
    """
    refused = (
        f"early_stopping=True cannot hold out validation_fraction={fraction} of "
        f"{n_samples} distinct samples with every class in both parts"
    )
    if labels is not None:
        found, counts = np.unique(labels, return_counts=True)
        if (counts < 2).any():
            rare = found[counts < 2].tolist()
            raise ValueError(f"{refused}: a single sample each of {rare}.")
    try:
        kept, held = train_test_split(
            np.arange(n_samples),
            test_size=fraction,
            stratify=labels,
            random_state=seed,
        )
    except ValueError as error:
        raise ValueError(f"{refused}: {error}") from error
    return np.sort(kept), np.sort(held)
