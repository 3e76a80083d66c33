"""Score against the level of a corruption."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.metrics import check_scoring

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
from sklearn_emma.robustness._inside import unwrap
from sklearn_emma.robustness._results import RobustnessCurve, check_named, named

_NAMES = {
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "r2": "R²",
    "neg_mean_absolute_error": "−MAE",
}

#: One metric, as everywhere in scikit-learn; None is the estimator's ``score``.
Scoring: TypeAlias = str | Callable[[BaseEstimator, ArrayLike, ArrayLike], float] | None


class ScoreOptions(FailureOptions, total=False):
    """Optional arguments of the functions below."""

    scoring: Scoring


def robustness_curve(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    *,
    mode: str | None = None,
    levels: ArrayLike = LEVELS,
    corruption: Factory | None = None,
    scoring: Scoring = None,
    n_repeats: int = 5,
    modes: ModesLike = None,
    reference: ArrayLike | None = None,
    random_state: RandomStateLike = None,
) -> RobustnessCurve:
    """Score of a fitted estimator while one mode fails more and more.

    Parameters
    ----------
    estimator : fitted estimator
        Of any kind: an :class:`~sklearn_emma.EMMAClassifier`, a random forest, a
        pipeline, a search. It is not fitted again.
    X : array-like of shape (n_samples, n_features)
        Test samples, clean. A data frame stays one; NaN marks a missing value.
    y : array-like of shape (n_samples,)
        Their targets.
    mode : str or None, default=None
        Name of the mode that fails, in every row; None: all of them at once.
    levels : array-like of shape (n_levels,), default=(0, 0.25, 0.5, 1, 2, 4)
        Levels of the corruption: of Gaussian noise its standard deviation σ ≥ 0, in
        units of each feature's training standard deviation; 0 leaves X as it is.
    corruption : class, callable or None, default=None
        Makes the corruption of a level, ``level → Corruption``: a class such as
        :class:`~sklearn_emma.corruption.Bias`, or your own function. None is
        :class:`~sklearn_emma.corruption.GaussianNoise`.
    scoring : str, callable or None, default=None
        As everywhere in scikit-learn; None is the estimator's ``score``.
    n_repeats : int, default=5
        Number of draws of the corruption.
    modes : dict, list or None, default=None
        Columns of each mode, as in :class:`~sklearn_emma.EMMAClassifier`. None: the
        modes of the estimator if it has ``modes_`` (also inside a search or a threshold
        classifier), else those that the names of X's columns tell.
    reference : array-like of shape (n_reference, n_features), default=None
        Data whose means and standard deviations are the units of the corruption: pass
        the training data. None: those that the estimator has learnt, if it is an
        :class:`~sklearn_emma.EMMAClassifier` (also inside a search or a threshold
        classifier), else those of X. Between two data frames columns are matched by
        name.
    random_state : int, RandomState instance or None, default=None
        Source of all random draws; pass an int for reproducible results.

    Returns
    -------
    curve : RobustnessCurve
        With ``levels`` (n_levels,), ``scores`` (n_levels, n_repeats), and their
        ``mean`` and ``std`` over the repeats.

    Raises
    ------
    ValueError
        If there is no such mode, ``levels`` are not finite numbers, ``n_repeats`` is
        no whole number from 1, or ``reference`` has other columns than X.
    TypeError
        If ``corruption`` cannot be called with a level.
    NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    robustness_curves : The same for several estimators.
    sklearn_emma.plotting.RobustnessCurveDisplay : Draws such curves.

    Notes
    -----
    A repeat draws the same random numbers at every level (common random numbers):
    noise of σ = 2 is noise of σ = 1 times two. A curve is therefore smooth where
    independent draws would make it jitter. For the same reason, an integer
    ``random_state`` and one ``reference`` give several estimators the very same
    corrupted samples, so their scores can be compared in pairs.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.robustness import robustness_curve
    >>> X, y, modes = make_multimodal_classification(n_modes=2, random_state=0)
    >>> forest = RandomForestClassifier(random_state=0).fit(X[:500], y[:500])
    >>> curve = robustness_curve(
    ...     forest, X[500:], y[500:], mode="mode_1", modes=modes,
    ...     reference=X[:500], levels=[0, 1, 4], random_state=0,
    ... )
    >>> curve.scores.shape
    (3, 5)
    >>> bool(curve.mean[0] > curve.mean[1] > curve.mean[2])
    True
    """
    failing = FailingMode(estimator, X, mode, modes, corruption, reference)
    seeds = draw_seeds("robustness_curve", random_state, n_repeats)
    return _curve(estimator, X, y, failing, check_levels(levels), scoring, seeds)


def robustness_curves(
    estimators: Mapping[str, BaseEstimator] | Sequence[BaseEstimator],
    X: ArrayLike,
    y: ArrayLike,
    *,
    mode: str | None = None,
    levels: ArrayLike = LEVELS,
    corruption: Factory | None = None,
    scoring: Scoring = None,
    n_repeats: int = 5,
    modes: ModesLike = None,
    reference: ArrayLike | None = None,
    random_state: RandomStateLike = None,
) -> dict[str, RobustnessCurve]:
    """Score several fitted estimators on the same corrupted samples.

    Parameters
    ----------
    estimators : dict of str to fitted estimator, or list of them
        Of any kind, by name. Those of a list are named by their classes, and numbered
        where several are of one class.
    X : array-like of shape (n_samples, n_features)
        Test samples, clean.
    y : array-like of shape (n_samples,)
        Their targets.
    mode : str or None, default=None
        Name of the mode that fails; None: all of them at once.
    levels : array-like of shape (n_levels,), default=(0, 0.25, 0.5, 1, 2, 4)
        Levels of the corruption; see :func:`robustness_curve`.
    corruption : class, callable or None, default=None
        As in :func:`robustness_curve`.
    scoring : str, callable or None, default=None
        As in :func:`robustness_curve`; None is the ``score`` of each estimator.
    n_repeats : int, default=5
        Number of draws of the corruption.
    modes : dict, list or None, default=None
        As in :func:`robustness_curve`; None takes the modes, for all estimators, from
        the first that knows modes and training statistics.
    reference : array-like of shape (n_reference, n_features), default=None
        As in :func:`robustness_curve`; None takes the training statistics, for all
        estimators, from the same one as the modes.
    random_state : int, RandomState instance or None, default=None
        Source of all random draws; pass an int for reproducible results.

    Returns
    -------
    curves : dict of str to RobustnessCurve
        One for each estimator, by its name.

    Raises
    ------
    ValueError, TypeError, NotFittedError
        As :func:`robustness_curve`; also if ``estimators`` is empty, or neither dict
        nor list.

    See Also
    --------
    sklearn_emma.plotting.RobustnessCurveDisplay.from_estimators : Draws them.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.robustness import robustness_curves
    >>> X, y, modes = make_multimodal_classification(n_modes=2, random_state=0)
    >>> models = {
    ...     "forest": RandomForestClassifier(random_state=0).fit(X[:500], y[:500]),
    ...     "logistic": LogisticRegression().fit(X[:500], y[:500]),
    ... }
    >>> curves = robustness_curves(
    ...     models, X[500:], y[500:], mode="mode_0", modes=modes,
    ...     reference=X[:500], levels=[0, 1, 4], random_state=0,
    ... )
    >>> curves["forest"].scores.shape
    (3, 5)
    """
    by_name: Mapping[str, BaseEstimator] = named(estimators)
    check_named(by_name, "estimators", "fitted estimator")
    fitted = list(by_name.values())
    guides = [e for e in fitted if hasattr(unwrap(e), "scaler_")]
    guide = (guides or fitted)[0]
    failing = FailingMode(guide, X, mode, modes, corruption, reference)
    seeds = draw_seeds("robustness_curves", random_state, n_repeats)
    checked = check_levels(levels)
    return {
        name: _curve(estimator, X, y, failing, checked, scoring, seeds)
        for name, estimator in by_name.items()
    }


def _curve(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    failing: FailingMode,
    levels: np.ndarray,
    scoring: Scoring,
    seeds: list[list[int]],
) -> RobustnessCurve:
    scorer = check_scoring(estimator, scoring)
    scores = [
        [scorer(estimator, failing.copy(X, level, seed), y) for (seed,) in seeds]
        for level in levels.tolist()
    ]
    return RobustnessCurve(
        levels=levels,
        scores=np.array(scores, dtype=np.float64),
        mode=failing.mode,
        corruption=failing.corruption_name,
        score_name=_score_name(estimator, scoring),
    )


def _score_name(estimator: BaseEstimator, scoring: Scoring) -> str:
    if scoring is None:
        if is_classifier(estimator):
            return "accuracy"
        return "R²" if is_regressor(estimator) else "score"
    if isinstance(scoring, str):
        name = scoring
    else:
        function = getattr(scoring, "_score_func", scoring)
        name = getattr(function, "__name__", "score").removesuffix("_score")
    return _NAMES.get(name, name.replace("_", " "))
