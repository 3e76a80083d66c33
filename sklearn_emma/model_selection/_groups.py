"""Which candidates of a grid are trained together, and their training on one fold."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from sklearn_emma._inputs.checking import Given
from sklearn_emma._validation import check_method_params, safe_split
from sklearn_emma.model_selection._together import (
    TOGETHER,
    can_fit_together,
    fit_together,
)

# Candidates below which a stack loses more than another job gains.
_SMALLEST_PART = 16


class Outcome(NamedTuple):
    """A fitted estimator or the error of its ``fit``, and the time taken in seconds."""

    estimator: Any
    error: Exception | None
    fit_time: float


def group_candidates(
    estimator: Any, candidates: Sequence[dict[str, Any]]
) -> list[list[int]]:
    """Indices of the candidates that are trained together; every one is in one group.

    Values are compared by identity: a grid repeats its own objects.
    """
    groups: dict[Any, list[int]] = {}
    for number, candidate in enumerate(candidates):
        prefix, classifier = last_step(configured(estimator, candidate))
        stacked = {prefix + name for name in TOGETHER}
        rest = [(n, id(v)) for n, v in sorted(candidate.items()) if n not in stacked]
        key = tuple(rest) if can_fit_together(classifier) else number
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def share_out(groups: list[list[int]], n_splits: int, n_jobs: int) -> list[list[int]]:
    """Cut large groups where jobs would idle for want of equal work.

    Each part runs the first phase for itself, so that a part is never small.
    """
    n_parts = n_jobs // math.gcd(len(groups) * n_splits, n_jobs)
    parts = []
    for group in groups:
        n_cuts = max(1, min(n_parts, len(group) // _SMALLEST_PART))
        parts += [group[i::n_cuts] for i in range(n_cuts)]
    return parts


def configured(estimator: Any, candidate: dict[str, Any]) -> Any:
    """Unfitted estimator with the parameters of a candidate."""
    return clone(estimator).set_params(**clone(candidate, safe=False))


def last_step(estimator: Any) -> tuple[str, Any]:
    """Prefix of its parameters and the estimator, in a pipeline or by itself."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return f"{name}__", last
    return "", estimator


def fit_group(
    estimator: Any,
    candidates: Sequence[dict[str, Any]],
    X: Any,
    y: Any,
    train: Any,
    fit_params: dict[str, Any],
    raise_errors: bool,
) -> list[Outcome]:
    """Fit the candidates of a group on the training rows of a fold.

    Parameters
    ----------
    estimator : EMMAClassifier, or Pipeline
        To be cloned.
    candidates : list of dict
        Parameters of each.
    X, y : array-like
        All data.
    train : array-like of int
        Rows to fit on.
    fit_params : dict
        For ``fit``; what has a value for each row is cut to ``train``.
    raise_errors : bool
        Whether errors are raised, not returned.

    Returns
    -------
    list of Outcome
        One of each candidate; time spent in common is shared equally.
    """
    X_train, y_train = safe_split(estimator, X, y, train)
    params = check_method_params(X, params=fit_params, indices=train)
    if len(candidates) > 1:
        start = time.perf_counter()
        estimators = [configured(estimator, candidate) for candidate in candidates]
        try:
            errors = _fit_stacked(estimators, X_train, y_train, params)
        except Exception:
            # Fitted one by one, each raises its own error, or does not.
            pass
        else:
            if raise_errors and any(errors):
                raise next(error for error in errors if error is not None)
            share = (time.perf_counter() - start) / len(candidates)
            return [
                Outcome(fitted, error, share)
                for fitted, error in zip(estimators, errors, strict=True)
            ]
    return [
        _fit_alone(
            configured(estimator, candidate), X_train, y_train, params, raise_errors
        )
        for candidate in candidates
    ]


def _fit_alone(
    estimator: Any, X: Any, y: Any, params: dict[str, Any], raise_errors: bool
) -> Outcome:
    start = time.perf_counter()
    error = None
    try:
        estimator.fit(X, y, **params)
    except Exception as caught:
        if raise_errors:
            raise
        error = caught
    return Outcome(estimator, error, time.perf_counter() - start)


def _fit_stacked(
    estimators: list[Any], X: Any, y: Any, params: dict[str, Any]
) -> list[Exception | None]:
    """Fit all in place; steps before the last once, and shared."""
    classifiers = [last_step(estimator)[1] for estimator in estimators]
    if not isinstance(estimators[0], Pipeline):
        return fit_together(classifiers, Given(X, y, **params))
    first = estimators[0]
    name = first.steps[-1][0]
    receiver = _Receiver(classifiers[0])
    front = copy.copy(first)
    front.steps = [*first.steps[:-1], (name, receiver)]
    front.fit(X, y, **params)
    errors = fit_together(classifiers, Given(receiver.X, receiver.y, **receiver.params))
    for estimator, classifier in zip(estimators, classifiers, strict=True):
        estimator.steps = [*front.steps[:-1], (name, classifier)]
    return errors


class _Receiver(BaseEstimator):
    """Last step of a pipeline that keeps what the classifier would be fitted on."""

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier

    def fit(self, X: Any, y: Any = None, **params: Any) -> _Receiver:
        self.X, self.y, self.params = X, y, params
        return self

    def get_metadata_routing(self) -> Any:
        return self.classifier.get_metadata_routing()

    def __sklearn_tags__(self) -> Any:
        return self.classifier.__sklearn_tags__()
