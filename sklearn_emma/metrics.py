"""Scores of thresholded predictions."""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import make_scorer
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import type_of_target

from sklearn_emma._validation import check_sample_weight

__all__ = ["roc_corner_score", "roc_corner_scorer"]


def roc_corner_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    pos_label: int | float | bool | str = 1,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Nearness of a binary classifier to the ideal corner of the ROC plane.

    1 − d/√2, where d is the distance of the point (false positive rate, true positive
    rate) to the corner (0, 1). Both rates weigh the same, however rare the positives
    are, and trading much of one for little of the other is punished.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels, at most two different ones.
    y_pred : array-like of shape (n_samples,)
        Predicted labels, not probabilities.
    pos_label : int, float, bool or str, default=1
        Label of the positive class.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights ≥ 0.

    Returns
    -------
    score : float
        In [0, 1]: 1 is perfect, 0 is all wrong, and always predicting the same class
        gives 1 − 1/√2 ≈ 0.29. NaN where ``y_true`` has one class only.

    Raises
    ------
    ValueError
        If labels are not binary or ``pos_label`` is not one of them.

    Warns
    -----
    UndefinedMetricWarning
        If ``y_true`` has one class only: one of the two rates is then undefined.

    See Also
    --------
    sklearn.metrics.roc_curve : The points of all thresholds.
    sklearn.model_selection.TunedThresholdClassifierCV : Tunes a threshold by a scorer.

    Notes
    -----
    ``roc_corner_scorer`` is ``make_scorer(roc_corner_score)``. As with scikit-learn's
    own ``"f1"``, its positive class is 1; for other labels make a scorer that knows
    them, as below.

    References
    ----------
    A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019, where
    the threshold is chosen whose ROC point is closest to the corner.

    Examples
    --------
    A quarter of the negatives raise a false alarm, half of the positives are found:

    >>> from sklearn_emma.metrics import roc_corner_score
    >>> y_true, y_pred = [0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0]
    >>> round(roc_corner_score(y_true, y_pred), 3)
    0.605

    Choose the threshold of a classifier whose labels are strings:

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.metrics import make_scorer
    >>> from sklearn.model_selection import TunedThresholdClassifierCV
    >>> X = np.arange(40.0).reshape(-1, 1)
    >>> y = np.where(X.ravel() < 30, "noise", "pulsar")
    >>> scorer = make_scorer(roc_corner_score, pos_label="pulsar")
    >>> tuned = TunedThresholdClassifierCV(LogisticRegression(), scoring=scorer)
    >>> tuned.fit(X, y).predict([[20.0], [35.0]])
    array(['noise', 'pulsar'], dtype='<U6')
    """
    truth, predicted = _labels(y_true, "y_true"), _labels(y_pred, "y_pred")
    check_consistent_length(truth, predicted)
    known = list(dict.fromkeys([*truth.tolist(), *predicted.tolist()]))
    if len(known) > 2:
        raise ValueError(
            f"y_true and y_pred must have two labels at most, got {len(known)} in all: "
            f"{known[:5]}. The ROC corner is defined for binary problems only."
        )
    if pos_label not in known and len(known) == 2:
        raise ValueError(
            f"pos_label={pos_label!r} is not one of the labels {known}. Name the "
            "positive one, in a scorer by make_scorer(roc_corner_score, pos_label=...)."
        )
    weight = check_sample_weight(sample_weight, truth, ensure_non_negative=True)
    # Element by element: numpy does not compare an array of strings with a number.
    positive, alarm = (
        np.array([label == pos_label for label in labels.tolist()])
        for labels in (truth, predicted)
    )
    mass = np.array([weight[~positive].sum(), weight[positive].sum()])
    if not mass.all():
        missing = "negative" if mass[1] else "positive"
        warnings.warn(
            f"y_true has no {missing} sample of any weight (pos_label={pos_label!r}): "
            "the ROC corner score is undefined and set to NaN.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return math.nan
    false_alarms = weight[alarm & ~positive].sum() / mass[0]
    misses = weight[~alarm & positive].sum() / mass[1]
    return 1.0 - math.hypot(false_alarms, misses) / math.sqrt(2.0)


def _labels(y: ArrayLike, name: str) -> np.ndarray:
    labels: np.ndarray = column_or_1d(y)
    kind = type_of_target(labels, input_name=name)
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"{name} must hold class labels, got {kind} values; for probabilities, "
            "compare them with a threshold first."
        )
    return labels


roc_corner_scorer = make_scorer(roc_corner_score)
roc_corner_scorer.__doc__ = """Score a fitted classifier by :func:`roc_corner_score`.

For ``scoring=`` anywhere in scikit-learn.

Parameters
----------
estimator : fitted classifier
    With classes 0 and 1.
X : array-like of shape (n_samples, n_features)
    Samples to predict.
y_true : array-like of shape (n_samples,)
    True labels of the samples.
sample_weight : array-like of shape (n_samples,), default=None
    Weights ≥ 0.
**kwargs : dict
    Further arguments of :func:`roc_corner_score`, with metadata routing.

Returns
-------
score : float
    In [0, 1]; see :func:`roc_corner_score`.
"""
