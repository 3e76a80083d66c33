"""Attention while two modes fail, at all pairs of levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

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
from sklearn_emma.robustness._inside import ATTENTION, check_quantity, quantity_function
from sklearn_emma.robustness._results import AttentionMap


class MapOptions(FailureOptions, total=False):
    """Optional arguments of :func:`attention_map`."""

    second_levels: ArrayLike | None
    quantity: str
    level: str


def attention_map(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    failing: tuple[str, str] | None = None,
    levels: ArrayLike = LEVELS,
    second_levels: ArrayLike | None = None,
    quantity: str = "attention",
    level: str = "modes",
    corruption: Factory | None = None,
    n_repeats: int = 1,
    modes: ModesLike = None,
    reference: ArrayLike | None = None,
    random_state: RandomStateLike = None,
) -> AttentionMap:
    """Mean attention that every mode gets while two of them fail more and more.

    Parameters
    ----------
    estimator : fitted EMMAClassifier
        Or a pipeline, a search or a threshold classifier around one.
    X : array-like of shape (n_samples, n_features)
        Test samples, clean.
    failing : tuple of two str or None, default=None
        Names of the modes, or parts, that fail, in every row; None: the first two.
    levels : array-like of shape (n_first,), default=(0, 0.25, 0.5, 1, 2, 4)
        Levels of the corruption of the first of them; see :func:`robustness_curve`.
    second_levels : array-like of shape (n_second,), default=None
        Levels of the second; None: the same.
    quantity : {"attention", "importance"}, default="attention"
        Attention β or importance α.
    level : {"modes", "parts"}, default="modes"
        Whether there is a column for each mode or, where modes have parts, for each
        part.
    corruption : class, callable or None, default=None
        As in :func:`robustness_curve`.
    n_repeats : int, default=1
        Number of draws of the corruption.
    modes : dict, list or None, default=None
        As in :func:`robustness_curve`.
    reference : array-like of shape (n_reference, n_features), default=None
        As in :func:`robustness_curve`.
    random_state : int, RandomState instance or None, default=None
        Source of all random draws; pass an int for reproducible results.

    Returns
    -------
    map : AttentionMap
        With ``mean`` of shape (n_first, n_second, n_modes).

    Raises
    ------
    ValueError
        If ``failing`` is not two different modes, and as :func:`robustness_curve`.
    TypeError
        If the estimator has no attention, or ``corruption`` is not callable.

    See Also
    --------
    sklearn_emma.plotting.AttentionMapDisplay : Draws it.

    Notes
    -----
    The same random numbers are drawn at every pair of levels, and independent ones for
    the two modes.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.robustness import attention_map
    >>> X, y, modes = make_multimodal_classification(
    ...     n_modes=2, redundancy=1.0, random_state=0
    ... )
    >>> clf = EMMAClassifier(modes=modes, max_iter=20, random_state=0).fit(X, y)
    >>> noisy = attention_map(
    ...     clf, X, failing=("mode_0", "mode_1"), levels=[0, 1, 8], random_state=0
    ... )
    >>> noisy.mean.shape
    (3, 3, 2)
    >>> bool(noisy.mean[2, 0, 0] < noisy.mean[0, 2, 0])
    True
    """
    check_quantity(quantity, ATTENTION)
    pair: Sequence[str] | None = failing
    if pair is None:
        check_is_fitted(estimator)
        pair = quantity_function(estimator, quantity, level)[1][:2]
    if isinstance(pair, str) or len(pair) != 2 or pair[0] == pair[1]:
        raise ValueError(
            f"`failing` must be the names of two different modes, got {pair!r}."
        )
    first, second = (
        FailingMode(estimator, X, mode, modes, corruption, reference) for mode in pair
    )
    function, columns = quantity_function(estimator, quantity, level)
    rows = check_levels(levels)
    others = rows if second_levels is None else check_levels(second_levels)
    seeds = draw_seeds("attention_map", random_state, n_repeats, n_modes=2)
    mean = np.zeros((len(rows), len(others), len(columns)))
    for seed, second_seed in seeds:
        for i, first_level in enumerate(rows.tolist()):
            failed = first.copy(X, first_level, seed)
            for j, second_level in enumerate(others.tolist()):
                both = second.copy(failed, second_level, second_seed)
                mean[i, j] += function(both).mean(axis=0) / n_repeats
    return AttentionMap(
        levels=(rows, others),
        mean=mean,
        columns=columns,
        failing=(pair[0], pair[1]),
        quantity=quantity,
        corruption=first.corruption_name,
    )
