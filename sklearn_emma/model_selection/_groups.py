"""Which candidates of a grid are trained together, and their training on one fold."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple, Self, TypeAlias

import numpy as np
from joblib import effective_n_jobs, parallel_config
from joblib.parallel import get_active_backend
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.parallel import Parallel, delayed

from sklearn_emma._estimators.base import BaseEMMA
from sklearn_emma._inputs.checking import Given
from sklearn_emma._validation import check_method_params, safe_split
from sklearn_emma.model_selection._together import (
    TOGETHER,
    can_fit_together,
    fit_together,
)

#: Parameters to try together, by name.
Candidate: TypeAlias = dict[str, object]
#: What is passed on to ``fit``, by name.
FitParams: TypeAlias = dict[str, ArrayLike | None]

#: Rows to train on and rows to score.
Split: TypeAlias = tuple[np.ndarray, np.ndarray]

# Number of candidates trained, and held in memory, before the first of them is scored.
_BLOCK = 512
# With fewer candidates than this, a stack loses more speed than another job gains.
_SMALLEST_PART = 16


class Outcome(NamedTuple):
    """A fitted estimator or the error of its ``fit``, and the time taken in seconds."""

    estimator: BaseEstimator
    error: Exception | None
    fit_time: float


@dataclass(kw_only=True)
class Training:
    """The training of candidates on every split, as a search wants it.

    Parameters
    ----------
    estimator : estimator
        Cloned, never fitted itself.
    X, y : array-like
        All data.
    splits : list of (ndarray, ndarray)
        Training and test rows of each.
    fit_params : dict
        For ``fit``.
    n_jobs, pre_dispatch : int, str or None
        For joblib.
    raise_errors : bool
        Whether to raise errors instead of returning them.
    """

    estimator: BaseEstimator
    X: ArrayLike
    y: ArrayLike | None
    splits: list[Split]
    fit_params: FitParams
    n_jobs: int | None
    pre_dispatch: int | str
    raise_errors: bool

    def __post_init__(self) -> None:
        # When the first candidate is asked for, another backend is active.
        self.backend = get_active_backend()
        self.times: list[float] = []

    def run(self, candidates: list[Candidate]) -> Iterator[Outcome]:
        """Yield every candidate on every split, splits varying fastest.

        A block of candidates is trained when the first of them is asked for; ``times``
        grows meanwhile.
        """
        for start in range(0, len(candidates), _BLOCK):
            block = candidates[start : start + _BLOCK]
            found = self._train(block)
            for key in sorted(found):
                self.times.append(found[key].fit_time)
                yield found.pop(key)

    def _train(self, block: list[Candidate]) -> dict[tuple[int, int], Outcome]:
        """Outcomes by the numbers of candidate and split."""
        backend, n_jobs = self.backend
        with parallel_config(backend=backend, n_jobs=n_jobs):
            groups = share_out(
                group_candidates(self.estimator, block),
                len(self.splits),
                effective_n_jobs(self.n_jobs),
            )
            tasks = list(product(groups, range(len(self.splits))))
            fitted = Parallel(n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch)(
                delayed(fit_group)(
                    self.estimator,
                    [block[number] for number in group],
                    self.X,
                    self.y,
                    self.splits[split][0],
                    self.fit_params,
                    raise_errors=self.raise_errors,
                )
                for group, split in tasks
            )
        return {
            (number, split): outcome
            for (group, split), outcomes in zip(tasks, fitted, strict=True)
            for number, outcome in zip(group, outcomes, strict=True)
        }


def group_candidates(
    estimator: BaseEstimator, candidates: Sequence[Candidate]
) -> list[list[int]]:
    """Indices of the candidates that are trained together; each is in one group.

    Values are compared by identity, since a grid repeats its own objects.
    """
    groups: dict[Hashable, list[int]] = {}
    for number, candidate in enumerate(candidates):
        prefix, classifier = prefix_and_classifier(configured(estimator, candidate))
        stacked = {prefix + name for name in TOGETHER}
        rest = [(n, id(v)) for n, v in sorted(candidate.items()) if n not in stacked]
        key = tuple(rest) if can_fit_together(classifier) else number
        groups.setdefault(key, []).append(number)
    return list(groups.values())


def has_emma(estimator: BaseEstimator, candidate: Candidate) -> bool:
    """Whether an estimator of this package is what a candidate trains in the end."""
    _, last = prefix_and_classifier(configured(estimator, candidate))
    return isinstance(last, BaseEMMA)


def share_out(groups: list[list[int]], n_splits: int, n_jobs: int) -> list[list[int]]:
    """Cut large groups where some jobs would otherwise have nothing to do.

    Every part pretrains for itself, so parts are never small.
    """
    n_parts = n_jobs // math.gcd(len(groups) * n_splits, n_jobs)
    parts = []
    for group in groups:
        n_cuts = max(1, min(n_parts, len(group) // _SMALLEST_PART))
        parts += [group[i::n_cuts] for i in range(n_cuts)]
    return parts


def configured(estimator: BaseEstimator, candidate: Candidate) -> BaseEstimator:
    """Unfitted estimator with the parameters of a candidate."""
    return clone(estimator).set_params(**clone(candidate, safe=False))


def prefix_and_classifier(estimator: BaseEstimator) -> tuple[str, BaseEstimator]:
    """What is to be trained, at the end of a pipeline or alone.

    The prefix is that of its parameters in the estimator.
    """
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return f"{name}__", last
    return "", estimator


def fit_group(
    estimator: BaseEstimator,
    candidates: Sequence[Candidate],
    X: ArrayLike,
    y: ArrayLike | None,
    train: np.ndarray,
    fit_params: FitParams,
    raise_errors: bool,
) -> list[Outcome]:
    """Fit the candidates of a group on the training rows of a fold.

    Parameters
    ----------
    estimator : EMMAClassifier or Pipeline
        Cloned, never fitted itself.
    candidates : list of dict
        Parameters of each candidate.
    X, y : array-like
        All data.
    train : array-like of int
        Rows to fit on.
    fit_params : dict
        For ``fit``; arrays with a value for each row are cut to ``train``.
    raise_errors : bool
        Whether to raise errors instead of returning them.

    Returns
    -------
    list of Outcome
        One for each candidate; time spent in common is shared equally.
    """
    X_train, y_train = safe_split(estimator, X, y, train)
    params = check_method_params(X, params=fit_params, indices=train)
    if len(candidates) > 1 and y is not None:
        start = time.perf_counter()
        estimators = [configured(estimator, candidate) for candidate in candidates]
        try:
            errors = _fit_stacked(estimators, X_train, y_train, params)
        except Exception:
            # Fit them one by one below: each then raises its own error, or none.
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
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike | None,
    params: FitParams,
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
    estimators: list[BaseEstimator], X: ArrayLike, y: ArrayLike, params: FitParams
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
