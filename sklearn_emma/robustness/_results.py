"""What the functions of this package return, and checks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class RobustnessCurve:
    """Scores of an estimator at each level of a corruption.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        Levels of the corruption; for noise, σ in training standard deviations.
    scores : ndarray of shape (n_levels, n_repeats)
        Score at each level, for each draw of the corruption.
    mode : str or None
        Mode that fails; None: all.
    corruption : str
        Name of the corruption.
    score_name : str
        Name of the score.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma.robustness import RobustnessCurve
    >>> curve = RobustnessCurve(
    ...     levels=np.array([0.0, 1.0]),
    ...     scores=np.array([[0.9, 0.9], [0.6, 0.8]]),
    ...     mode="radar",
    ...     corruption="GaussianNoise",
    ...     score_name="accuracy",
    ... )
    >>> curve.mean
    array([0.9, 0.7])
    """

    levels: np.ndarray
    scores: np.ndarray
    mode: str | None
    corruption: str
    score_name: str

    @property
    def mean(self) -> np.ndarray:
        """Mean score over the repeats, (n_levels,)."""
        return self.scores.mean(axis=1)

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of the score over the repeats, (n_levels,)."""
        return self.scores.std(axis=1)


@dataclass(frozen=True, eq=False)
class DistributionCurve:
    """Distribution over the samples of one quantity, at each level of a corruption.

    Values are NaN where no sample has one: the energy of a mode that is missing
    everywhere.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        Levels of the corruption; for noise, σ in training standard deviations.
    mean : ndarray of shape (n_levels, n_columns)
        Mean over all samples and repeats.
    std : ndarray of shape (n_levels, n_columns)
        Standard deviation over all samples and repeats.
    quantiles : ndarray of shape (n_levels, n_quantiles, n_columns)
        Quantiles over all samples and repeats.
    probabilities : ndarray of shape (n_quantiles,)
        Probability of each of the quantiles, in [0, 1].
    columns : tuple of str
        Names of the columns: the modes, ``"total"`` or ``"potential"``.
    quantity : str
        Name of the estimator's method that gave the values, such as ``"attention"``.
    mode : str or None
        Mode that fails; None: all.
    corruption : str
        Name of the corruption.
    """

    levels: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    quantiles: np.ndarray
    probabilities: np.ndarray
    columns: tuple[str, ...]
    quantity: str
    mode: str | None
    corruption: str


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """Mean attention or importance of every mode while two modes fail, at all levels.

    Parameters
    ----------
    levels : tuple of two ndarrays, of shape (n_first,) and (n_second,)
        Levels of the corruption of the first and of the second failing mode.
    mean : ndarray of shape (n_first, n_second, n_modes)
        Mean over all samples and repeats.
    columns : tuple of str
        The modes.
    failing : tuple of two str
        The first and the second failing mode.
    quantity : {"attention", "importance"}
        What was averaged.
    corruption : str
        Name of the corruption.
    """

    levels: tuple[np.ndarray, np.ndarray]
    mean: np.ndarray
    columns: tuple[str, ...]
    failing: tuple[str, str]
    quantity: str
    corruption: str


def check_comparable(curves: Mapping[str, RobustnessCurve]) -> RobustnessCurve:
    """Return the first of the curves, if all may be drawn on the same axes.

    Raises
    ------
    TypeError
        If they are not in a dict.
    ValueError
        If there are none, or they differ in mode, corruption or score.
    """
    check_named(curves, "curves", "RobustnessCurve")
    kinds = {
        name: (curve.mode, curve.corruption, curve.score_name)
        for name, curve in curves.items()
    }
    if len(set(kinds.values())) > 1:
        raise ValueError(
            "Curves on one axis must be of the same mode, corruption and score; got "
            + ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
            + "."
        )
    return next(iter(curves.values()))


def check_named(given: object, name: str, content: str) -> None:
    """Raise unless the argument of this name is a dict, with something in it.

    Raises
    ------
    TypeError
        If it is no dict.
    ValueError
        If it is empty.
    """
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise TypeError(f"`{name}` must be a dict of name to {content}, got a {kind}.")
    if not given:
        raise ValueError(f"`{name}` is empty: give at least one {content}.")


def named(estimators: Any) -> Any:
    """Estimators of a list by their classes, numbered where these are not unique.

    Anything else is returned as it is.
    """
    if not isinstance(estimators, list | tuple):
        return estimators
    classes = [type(estimator).__name__ for estimator in estimators]
    names = [
        name if classes.count(name) == 1 else f"{name} {classes[: i + 1].count(name)}"
        for i, name in enumerate(classes)
    ]
    return dict(zip(names, estimators, strict=True))
