"""Score against the level of a corruption."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import check_scoring

from sklearn_emma.robustness._failing import (
    Factory,
    FailingMode,
    check_levels,
    draw_seeds,
)
from sklearn_emma.robustness._results import RobustnessCurve


def robustness_curve(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    mode: str | None,
    levels: Any,
    corruption: Factory | None = None,
    scoring: Any = None,
    n_repeats: int = 5,
    modes: Any = None,
    reference: Any = None,
    random_state: Any = None,
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
    mode : str or None
        Name of the mode that fails, in every row; None: all of them at once.
    levels : array-like of shape (n_levels,)
        Levels of the corruption: of Gaussian noise its standard deviation σ ≥ 0, in
        units of each feature's training standard deviation; 0 leaves X as it is.
    corruption : class or callable, default=None
        Makes the corruption of a level, ``level → Corruption``: a class such as
        :class:`~sklearn_emma.corruption.Bias`, or a function of yours. None is
        :class:`~sklearn_emma.corruption.GaussianNoise`.
    scoring : str, callable or None, default=None
        As everywhere in scikit-learn; None is the estimator's ``score``.
    n_repeats : int, default=5
        Draws of the corruption.
    modes : dict, list or None, default=None
        Columns of each mode, as in :class:`~sklearn_emma.EMMAClassifier`. None: the
        modes of the estimator if it has ``modes_`` (also inside a search or a threshold
        classifier), else what the columns of X tell.
    reference : array-like of shape (n_reference, n_features), default=None
        Whose mean and standard deviation are the units of the corruption: pass the
        training data. None: what the estimator has stored of its training data, if it
        is an :class:`~sklearn_emma.EMMAClassifier` (also inside a search or a threshold
        classifier), else those of X. Between two data frames columns are matched by
        name.
    random_state : int, RandomState instance or None, default=None
        Decides every draw.

    Returns
    -------
    curve : RobustnessCurve
        ``levels`` (n_levels,), ``scores`` (n_levels, n_repeats), ``mean`` and ``std``.

    Raises
    ------
    ValueError
        If there is no such mode, ``levels`` are not finite numbers, ``n_repeats`` is
        no whole number from 1, or ``reference`` has other columns than X.
    TypeError
        If ``corruption`` is not callable, or not with a level.
    NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    sklearn_emma.plotting.RobustnessCurveDisplay : Draws such curves.

    Notes
    -----
    A repeat draws the same random numbers at every level (common random numbers):
    noise of σ = 2 is noise of σ = 1 times two. A curve is therefore smooth where
    independent draws would make it jitter. By the same token, an integer
    ``random_state`` and one ``reference`` give several estimators the very same
    corrupted samples: their differences are paired.

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
    return score_levels(
        estimator,
        X,
        y,
        FailingMode(estimator, X, mode, modes, corruption, reference),
        check_levels(levels),
        scoring,
        draw_seeds("robustness_curve", random_state, n_repeats),
    )


def score_levels(
    estimator: Any,
    X: Any,
    y: Any,
    failing: FailingMode,
    levels: np.ndarray,
    scoring: Any,
    seeds: list[list[int]],
) -> RobustnessCurve:
    """Curve of one estimator; several share ``failing`` and ``seeds`` to be paired."""
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


def _score_name(estimator: Any, scoring: Any) -> str:
    if scoring is None:
        if is_classifier(estimator):
            return "accuracy"
        return "R²" if is_regressor(estimator) else "score"
    if isinstance(scoring, str):
        name = scoring
    else:
        function = getattr(scoring, "_score_func", scoring)
        name = getattr(function, "__name__", "score").removesuffix("_score")
    return {"f1": "F1", "roc_auc": "ROC AUC"}.get(name, name.replace("_", " "))
