"""What attention and energy usually are: their quantiles on clean training rows."""

from __future__ import annotations

import numpy as np

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._model.model import EMMAModel
from sklearn_emma._model.scores import as_array
from sklearn_emma._statistics.quantiles import weighted_quantiles
from sklearn_emma._training.simulation import ScoredSet

#: Shares of clean rows at or below each quantile; 0 is the least value.
LEVELS = np.linspace(0, 1, 101)


def clean_quantiles(
    model: EMMAModel, data: ScoredSet, weight: np.ndarray
) -> dict[str, np.ndarray]:
    """Quantiles of β and of E at ``LEVELS``, (101, M) each, by name.

    Of modes that are there, and not known to be corrupted; by energies that have not
    seen the row. Rows count ``weight`` (n,) times; NaN for a mode without any row.
    Behind the modes come their parts, where there are any.
    """
    clean = _by_level(as_array(data.inputs.present & ~data.corrupted), model.layout)
    found = []
    for start in range(0, len(weight), model.chunk_rows):
        rows = slice(start, start + model.chunk_rows)
        scores = model.scores_of(data.inputs.rows(rows))
        found.append(
            [
                scores.by_level(lambda s: s.attention),
                scores.by_level(lambda s: s.modal_energy),
            ]
        )
    quantities = zip(*found, strict=True)
    names = "attention", "modal_energy"
    return {
        name: _quantiles(np.concatenate(parts), clean, weight)
        for name, parts in zip(names, quantities, strict=True)
    }


def _by_level(clean: np.ndarray, layout: ModeLayout) -> np.ndarray:
    """What is clean of modes and of parts: a mode is where one of its parts is."""
    if layout.above is None:
        return clean
    first = np.cumsum([0, *layout.n_parts[:-1]])
    return np.hstack([np.logical_or.reduceat(clean, first, axis=1), clean])


def _quantiles(values: np.ndarray, clean: np.ndarray, weight: np.ndarray) -> np.ndarray:
    quantiles = np.full((len(LEVELS), values.shape[1]), np.nan)
    for mode, known in enumerate(clean.T & (weight > 0)):
        if known.any():
            column = values[known, mode][:, np.newaxis]
            quantiles[:, mode] = weighted_quantiles(column, weight[known], LEVELS)[0]
    return quantiles
