"""Fit and score the candidates of a group on one split."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags
from sklearn.utils.metadata_routing import MetadataRequest

from sklearn_emma._inputs.checking import Given
from sklearn_emma._validation import check_method_params, safe_split
from sklearn_emma.model_selection._groups import (
    Candidate,
    configured,
    prefix_and_classifier,
)
from sklearn_emma.model_selection._scoring import Scorer, Scores, scores_in_silence
from sklearn_emma.model_selection._together import fit_together

#: What is passed on to ``fit`` or to scorers, by name.
Params: TypeAlias = dict[str, ArrayLike | None]

#: Rows to train on and rows to score.
Split: TypeAlias = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a search does with each candidate on each split.

    Parameters
    ----------
    estimator : estimator
        Cloned, never fitted itself.
    X, y : array-like
        All data.
    fit_params, score_params : dict
        For ``fit`` and for the scorer; arrays with a value for each row are cut to the
        rows of a split.
    scorer : callable
        From a fitted estimator, X and y to one score, or to several by name.
    train_scores : bool
        Whether the training rows are scored too.
    raise_errors : bool
        Whether to raise errors of ``fit`` instead of returning them.
    """

    estimator: BaseEstimator
    X: ArrayLike
    y: ArrayLike | None
    fit_params: Params
    score_params: Params
    scorer: Scorer
    train_scores: bool
    raise_errors: bool


class Outcome(NamedTuple):
    """A fitted estimator or the error of its ``fit``, and the time taken in seconds.

    ``scores`` are those of the test rows, by the name of the metric, and of the
    training rows, if they are wanted; ``score_time`` is the time that the first took.
    Once scores are known nothing is wanted of the estimator any more, and it is None.
    """

    estimator: BaseEstimator | None
    error: Exception | None
    fit_time: float
    scores: tuple[Scores, ...] = ()
    score_time: float = 0.0


def fit_group(
    work: Work, candidates: Sequence[Candidate], split: Split
) -> list[Outcome]:
    """Fit candidates on the training rows of a split, then score them on the others.

    Time spent in common is shared equally.
    """
    train, test = split
    fitted = _fit_group(work, candidates, train)
    X, y = safe_split(work.estimator, work.X, work.y, test, train)
    scored = [_Rows.of(X, y, work, test)]
    if work.train_scores:
        X, y = safe_split(work.estimator, work.X, work.y, train)
        scored.append(_Rows.of(X, y, work, train))
    return [_scored(outcome, work.scorer, scored) for outcome in fitted]


class _Rows(NamedTuple):
    """Some of the data, and the parameters of the scorer for them."""

    data: tuple[ArrayLike, ...]
    params: Params

    @classmethod
    def of(
        cls, X: ArrayLike, y: ArrayLike | None, work: Work, rows: np.ndarray
    ) -> Self:
        params = check_method_params(work.X, params=work.score_params, indices=rows)
        return cls((X,) if y is None else (X, y), params)


def _scored(outcome: Outcome, scorer: Scorer, of_rows: list[_Rows]) -> Outcome:
    """The same with scores, unless the scorer has anything else to say."""
    if outcome.error is not None:
        return outcome
    found, times = [], []
    for data, params in of_rows:
        start = time.perf_counter()
        scores = scores_in_silence(scorer, outcome.estimator, *data, **params)
        times.append(time.perf_counter() - start)
        if scores is None:
            return outcome._replace(score_time=times[0])
        found.append(scores)
    return outcome._replace(estimator=None, scores=tuple(found), score_time=times[0])


def _fit_group(
    work: Work, candidates: Sequence[Candidate], train: np.ndarray
) -> list[Outcome]:
    X, y = safe_split(work.estimator, work.X, work.y, train)
    params = check_method_params(work.X, params=work.fit_params, indices=train)
    if len(candidates) > 1 and y is not None:
        start = time.perf_counter()
        estimators = [configured(work.estimator, one) for one in candidates]
        try:
            errors = _fit_stacked(estimators, X, y, params)
        except Exception:
            # Fit them one by one below: each then raises its own error, or none.
            pass
        else:
            if work.raise_errors and any(errors):
                raise next(error for error in errors if error is not None)
            share = (time.perf_counter() - start) / len(candidates)
            return [
                Outcome(fitted, error, share)
                for fitted, error in zip(estimators, errors, strict=True)
            ]
    return [
        _fit_alone(configured(work.estimator, one), X, y, params, work.raise_errors)
        for one in candidates
    ]


def _fit_alone(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike | None,
    params: Params,
    raise_errors: bool,
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
    estimators: list[BaseEstimator], X: ArrayLike, y: ArrayLike, params: Params
) -> list[Exception | None]:
    """Fit all in place; they share the steps before the last, which are fitted once."""
    classifiers = [prefix_and_classifier(estimator)[1] for estimator in estimators]
    first = estimators[0]
    if not isinstance(first, Pipeline):
        return fit_together(classifiers, Given(X, y, **params))
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

    def __init__(self, classifier: BaseEstimator) -> None:
        self.classifier = classifier

    def fit(self, X: ArrayLike, y: ArrayLike, **params: ArrayLike | None) -> Self:
        self.X, self.y, self.params = X, y, params
        return self

    def get_metadata_routing(self) -> MetadataRequest:
        return self.classifier.get_metadata_routing()

    def __sklearn_tags__(self) -> Tags:
        return self.classifier.__sklearn_tags__()
