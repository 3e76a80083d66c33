"""Attention and energy of samples against the level of a corruption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklearn_emma._inputs.modes import ModesLike
from sklearn_emma._optim.torch_state import RandomStateLike
from sklearn_emma.robustness._failing import (
    LEVELS,
    Factory,
    FailingMode,
    FailureOptions,
    check_levels,
    draw_seeds,
)
from sklearn_emma.robustness._inside import (
    ATTENTION,
    ENERGY,
    QuantityFunction,
    check_quantity,
    quantity_function,
)
from sklearn_emma.robustness._results import DistributionCurve

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class DistributionOptions(FailureOptions, total=False):
    """Optional arguments of the functions below, all but ``quantity``."""

    quantiles: Sequence[float]
    level: str


def attention_curve(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    mode: str | None = None,
    levels: ArrayLike = LEVELS,
    quantity: str = "attention",
    level: str = "modes",
    corruption: Factory | None = None,
    n_repeats: int = 5,
    quantiles: Sequence[float] = QUANTILES,
    modes: ModesLike = None,
    reference: ArrayLike | None = None,
    random_state: RandomStateLike = None,
) -> DistributionCurve:
    """Attention that every mode gets while one of them fails more and more.

    Parameters
    ----------
    estimator : fitted EMMAClassifier
        Or a pipeline, a search or a threshold classifier around one.
    X : array-like of shape (n_samples, n_features)
        Test samples, clean.
    mode : str or None, default=None
        Name of the mode, or part, that fails, in every row; None: all of them at once.
    levels : array-like of shape (n_levels,), default=(0, 0.25, 0.5, 1, 2, 4)
        Levels of the corruption; see :func:`robustness_curve`.
    quantity : {"attention", "importance"}, default="attention"
        Attention β or importance α.
    level : {"modes", "parts"}, default="modes"
        Whether there is a column for each mode or, where modes have parts, for each
        part.
    corruption : class, callable or None, default=None
        As in :func:`robustness_curve`.
    n_repeats : int, default=5
        Number of draws of the corruption.
    quantiles : sequence of float in [0, 1], default=(0.05, 0.25, 0.5, 0.75, 0.95)
        Quantiles over the samples to compute.
    modes : dict, list or None, default=None
        As in :func:`robustness_curve`.
    reference : array-like of shape (n_reference, n_features), default=None
        As in :func:`robustness_curve`.
    random_state : int, RandomState instance or None, default=None
        Source of all random draws; pass an int for reproducible results.

    Returns
    -------
    curve : DistributionCurve
        With a column for each mode.

    Raises
    ------
    ValueError
        For an unknown quantity or mode, ``quantiles`` outside [0, 1], and as
        :func:`robustness_curve`.
    TypeError
        If the estimator has no attention, and as :func:`robustness_curve`.

    See Also
    --------
    sklearn_emma.plotting.DistributionCurveDisplay : Draws it.

    Notes
    -----
    The same random numbers are drawn at every level, as in :func:`robustness_curve`.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.robustness import attention_curve
    >>> X, y, modes = make_multimodal_classification(
    ...     n_modes=2, redundancy=1.0, random_state=0
    ... )
    >>> clf = EMMAClassifier(modes=modes, max_iter=20, random_state=0).fit(X, y)
    >>> curve = attention_curve(clf, X, mode="mode_0", levels=[0, 8], random_state=0)
    >>> curve.columns
    ('mode_0', 'mode_1')
    >>> bool(curve.mean[1, 0] < curve.mean[0, 0])
    True
    """
    check_quantity(quantity, ATTENTION)
    failing = FailingMode(estimator, X, mode, modes, corruption, reference)
    seeds = draw_seeds("attention_curve", random_state, n_repeats)
    found = quantity_function(estimator, quantity, level)
    return _distribution_curve(X, failing, levels, quantity, found, quantiles, seeds)


def energy_curve(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    mode: str | None = None,
    levels: ArrayLike,
    quantity: str = "total_energy",
    level: str = "modes",
    corruption: Factory | None = None,
    n_repeats: int = 5,
    quantiles: Sequence[float] = QUANTILES,
    modes: ModesLike = None,
    reference: ArrayLike | None = None,
    random_state: RandomStateLike = None,
) -> DistributionCurve:
    """Energy of the samples while a mode fails more and more.

    Parameters
    ----------
    estimator : fitted EMMAClassifier or density estimator
        Or a pipeline, a search or a threshold classifier around one. For the potential
        energy also any density estimator with ``score_samples``, such as
        :class:`~sklearn_emma.PotentialEnergyTransformer`: Ψ = −``score_samples``.
    X : array-like of shape (n_samples, n_features)
        Test samples, clean.
    mode : str or None, default=None
        Name of the mode, or part, that fails, in every row; None: all of them at once.
    levels : array-like of shape (n_levels,), default=(0, 0.25, 0.5, 1, 2, 4)
        Levels of the corruption; see :func:`robustness_curve`.
    quantity : {"total_energy", "modal_energy", "potential_energy"}, \
default="total_energy"
        Sum of the modal energies; modal energy E or potential energy Ψ of each mode.
    level : {"modes", "parts"}, default="modes"
        Whether there is a column for each mode or, where modes have parts, for each
        part.
    corruption : class, callable or None, default=None
        As in :func:`robustness_curve`.
    n_repeats : int, default=5
        Number of draws of the corruption.
    quantiles : sequence of float in [0, 1], default=(0.05, 0.25, 0.5, 0.75, 0.95)
        Quantiles over the samples to compute.
    modes : dict, list or None, default=None
        As in :func:`robustness_curve`.
    reference : array-like of shape (n_reference, n_features), default=None
        As in :func:`robustness_curve`.
    random_state : int, RandomState instance or None, default=None
        Source of all random draws; pass an int for reproducible results.

    Returns
    -------
    curve : DistributionCurve
        With one column named ``"total"`` or ``"potential"``, or a column for each
        mode; dimensionless.

    Raises
    ------
    ValueError
        For an unknown quantity or mode, ``quantiles`` outside [0, 1], and as
        :func:`robustness_curve`.
    TypeError
        If the estimator has no such energy, and as :func:`robustness_curve`.

    See Also
    --------
    sklearn_emma.plotting.DistributionCurveDisplay : Draws it.

    Notes
    -----
    The same random numbers are drawn at every level, as in :func:`robustness_curve`.

    Examples
    --------
    The potential energy of one mode, without any classifier:

    >>> import numpy as np
    >>> from sklearn_emma import PotentialEnergyTransformer
    >>> from sklearn_emma.robustness import energy_curve
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> energy = PotentialEnergyTransformer(random_state=0).fit(X)
    >>> curve = energy_curve(
    ...     energy, X, levels=[0, 1, 2], quantity="potential_energy", random_state=0
    ... )
    >>> curve.mean.shape
    (3, 1)
    >>> bool((np.diff(curve.mean[:, 0]) > 0).all())
    True
    """
    check_quantity(quantity, ENERGY)
    failing = FailingMode(estimator, X, mode, modes, corruption, reference)
    seeds = draw_seeds("energy_curve", random_state, n_repeats)
    found = quantity_function(estimator, quantity, level)
    return _distribution_curve(X, failing, levels, quantity, found, quantiles, seeds)


def _distribution_curve(
    X: ArrayLike,
    failing: FailingMode,
    levels: ArrayLike,
    quantity: str,
    found: tuple[QuantityFunction, tuple[str, ...]],
    quantiles: Sequence[float],
    seeds: list[list[int]],
) -> DistributionCurve:
    function, columns = found
    checked = check_levels(levels)
    probabilities = _check_quantiles(quantiles)
    summaries = [
        _summary(
            np.concatenate(
                [function(failing.copy(X, level, seed)) for (seed,) in seeds]
            ),
            probabilities,
        )
        for level in checked.tolist()
    ]
    mean, std, values = (np.array(part) for part in zip(*summaries, strict=True))
    return DistributionCurve(
        levels=checked,
        mean=mean,
        std=std,
        quantiles=values,
        probabilities=probabilities,
        columns=columns,
        quantity=quantity,
        mode=failing.mode,
        corruption=failing.corruption_name,
    )


def _check_quantiles(quantiles: ArrayLike) -> np.ndarray:
    """Quantiles as an array (q,) of numbers from 0 to 1."""
    array = np.array(quantiles, dtype=np.float64)
    if array.ndim != 1 or not ((array >= 0) & (array <= 1)).all():
        raise ValueError(
            f"`quantiles` must be a list of numbers from 0 to 1, got {quantiles!r}."
        )
    return array


def _summary(
    values: np.ndarray, probabilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (k,), deviation (k,) and quantiles (q, k) of the known values in (n, k)."""
    n_columns = values.shape[1]
    mean, std = np.full((2, n_columns), np.nan)
    quantiles = np.full((len(probabilities), n_columns), np.nan)
    for i, column in enumerate(values.T):
        known = column[~np.isnan(column)]
        if len(known):
            mean[i], std[i] = known.mean(), known.std()
            quantiles[:, i] = np.quantile(known, probabilities)
    return mean, std, quantiles
