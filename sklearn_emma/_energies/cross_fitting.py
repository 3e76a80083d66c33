"""Energies of training rows by models that have not seen them.

A model finds the rows that it was fitted on more usual than rows it has never seen. All
that is learnt from energies, what is usual among them, how to weigh them, how to
predict with what they let through, must therefore be learnt from energies as new rows
will have them. New rows themselves are scored by one model of all rows: it knows more
than the models of the folds, and costs a fraction of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from sklearn_emma._energies.interface import Energy
from sklearn_emma._energies.per_mode import (
    CleanRows,
    ModeEnergies,
    ModeFit,
    fit_mode_energies,
)
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._optim.storage import StoresTensors
from sklearn_emma._statistics.quantiles import weighted_quantiles

# The more rows there are, the less a fold's models suffer from those that they lack. So
# there are fewer folds beyond so many rows, and two where each feature of a mode has so
# many. Beyond so many values two must do: models of all folds are in memory at once.
_FEW_ROWS_FOLDS, _MANY_ROWS_FOLDS = 5, 3
_MANY_ROWS, _MANY_VALUES = 1000, 2e7

# On so many rows models are compared; their energies differ by little but a constant.
_COMPARED_ROWS = 1000

# A mode of which fewer rows are left without a fold is taken as its model sees it.
_FEWEST_ROWS = 8


class CrossFit(NamedTuple):
    """Models that have not seen the rows of one fold, for each fold.

    ``estimators`` is a list of folds, each a list of one energy for each mode;
    ``shift`` (K, M) is what to add to the energies of each; ``fold`` (n,) is the fold
    of each training row, ``key`` (n,) recognises it.
    """

    estimators: list[list[Energy]]
    shift: np.ndarray
    fold: np.ndarray
    key: np.ndarray


def cross_fit(
    estimators: list[Energy], rows: CleanRows, seed: int, verbose: bool | int = False
) -> CrossFit:
    """Fit energies, in place, on all rows, and clones of them without each fold.

    Parameters
    ----------
    estimators : list of estimators
        One for each mode, unfitted.
    rows : CleanRows
        What they are fitted on, in an order that has nothing to do with classes.
    seed : int
        For every estimator whose ``random_state`` is None.
    verbose : bool, default=False
        Whether energies that are trained together show their progress.
    """
    n_folds = _n_folds(rows)
    key = row_keys(rows.x)
    fold = folds(key, n_folds)
    fits = [
        ModeFit(energy, mode, rows.weight * rows.present[:, mode])
        for mode, energy in enumerate(estimators)
    ]
    without: list[list[Energy]] = []
    for k in range(n_folds):
        without.append(list(estimators))
        for mode, (energy, _, weight) in enumerate(fits[: len(estimators)]):
            rest = weight * (fold != k)
            if np.count_nonzero(rest) >= _FEWEST_ROWS:
                without[k][mode] = clone(energy)
                fits.append(ModeFit(without[k][mode], mode, rest))
    fit_mode_energies(fits, rows, seed, verbose)
    shift = _origins(estimators, without, fold, rows)
    return CrossFit(without, shift, fold, key)


def _n_folds(rows: CleanRows) -> int:
    n = len(rows.x)
    if n > _MANY_ROWS * max(rows.layout.widths) or rows.x.size > _MANY_VALUES:
        return 2
    return _MANY_ROWS_FOLDS if n > _MANY_ROWS else _FEW_ROWS_FOLDS


def _origins(
    estimators: list[Energy],
    without: list[list[Energy]],
    fold: np.ndarray,
    rows: CleanRows,
) -> np.ndarray:
    """What to add to the energies of each fold's models, (K, M).

    A density that is known up to a factor gives energies up to a constant, another for
    each model. On rows that both have seen, a model of a fold and that of all rows
    agree in the median.
    """
    x = torch.from_numpy(rows.x[:_COMPARED_ROWS])
    known = torch.from_numpy(rows.present[:_COMPARED_ROWS])

    def potential(energies: list[Energy], seen: np.ndarray) -> np.ndarray:
        scored = ModeEnergies(energies, rows.layout, x.dtype)
        return scored.potential(x[seen], known[seen], fitted=True).numpy()

    every = potential(estimators, np.arange(len(x)))
    shift = np.zeros((len(without), rows.layout.n_modes))
    for k, energies in enumerate(without):
        seen = np.flatnonzero(fold[: len(x)] != k)
        difference = every[seen] - potential(energies, seen)
        for mode, column in enumerate(difference.T):
            weight = rows.weight[seen] * rows.present[seen, mode]
            if weight.any():
                median = weighted_quantiles(column[:, None], weight, np.array([0.5]))
                shift[k, mode] = median[0, 0]
    return shift


class HeldOutEnergies(StoresTensors):
    """Potential energies of training rows, each by the model without its fold.

    Parameters
    ----------
    crossed : CrossFit
        The models, and which row belongs to which fold.
    layout : ModeLayout
        Columns of each mode in the matrix.
    dtype : torch.dtype
        Of the matrices to be scored.
    """

    def __init__(
        self, crossed: CrossFit, layout: ModeLayout, dtype: torch.dtype
    ) -> None:
        self.folds = [
            ModeEnergies(energies, layout, dtype) for energies in crossed.estimators
        ]
        self._shift = torch.from_numpy(crossed.shift)
        order = crossed.key.argsort()
        self._keys, self._fold = crossed.key[order], crossed.fold[order]

    def fold_of(self, x: np.ndarray) -> np.ndarray:
        """Fold of each row of ``x`` (n, d), −1 for a row that was not trained on."""
        key = row_keys(x)
        place = np.searchsorted(self._keys, key).clip(max=len(self._keys) - 1)
        return np.where(self._keys[place] == key, self._fold[place], -1)

    def potential(
        self, x: Tensor, needed: Tensor, known: Tensor, fold: Tensor
    ) -> Tensor:
        """Ψ (n, M) where ``needed`` (n, M), elsewhere what is ``known`` (n, M).

        ``fold`` (n,) says which model scores a row; rows of no fold stay as known.
        """
        result = known.clone()
        for k, energies in enumerate(self.folds):
            rows = torch.nonzero((fold == k) & needed.any(1)).squeeze(1)
            if len(rows):
                found = energies.potential(x[rows], needed[rows], known[rows])
                shift = needed[rows] * self._shift[k].to(found)
                result[rows] = found + shift
        return result

    def to(self, device: torch.device) -> None:
        """Move what lives on a device, in place."""
        for energies in self.folds:
            energies.to(device)

    def astype(self, dtype: torch.dtype) -> None:
        """Compute in another floating-point type from now on, in place."""
        for energies in self.folds:
            energies.astype(dtype)


def folds(key: np.ndarray, n_folds: int) -> np.ndarray:
    """Fold of each row (n,), in turn; rows of the same ``key`` (n,) share theirs.

    They are of the same values and other labels, and must not see each other either.
    """
    _, first, distinct = np.unique(key, return_index=True, return_inverse=True)
    fold: np.ndarray = (first.argsort().argsort() % n_folds)[distinct]
    return fold


def row_keys(x: np.ndarray) -> np.ndarray:
    """A 64-bit number of each row of ``x`` (n, d), which only its values decide."""
    bits = (x + 0.0).astype(np.float64).view(np.uint64)  # -0.0 is 0.0
    mixed = bits ^ (bits >> np.uint64(29))
    odd = np.random.default_rng(0).integers(2**63, size=x.shape[1], dtype=np.uint64)
    key: np.ndarray = (mixed * (2 * odd + np.uint64(1))).sum(axis=1, dtype=np.uint64)
    return key
