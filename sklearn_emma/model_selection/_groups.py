"""Which candidates of a grid are trained together, and how jobs share the work."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from itertools import product
from typing import TypeAlias

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from sklearn_emma._estimators.base import BaseEMMA
from sklearn_emma.model_selection._together import TOGETHER, can_fit_together

#: Parameters to try together, by name.
Candidate: TypeAlias = dict[str, object]

# With fewer candidates than this, a stack loses more speed than another job gains.
_SMALLEST_PART = 16


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


def share_out(
    groups: list[list[int]], n_splits: int, n_jobs: int
) -> list[tuple[list[int], int]]:
    """What jobs train one by one: parts of groups, and the number of a split.

    Whole groups, as long as all jobs have one; what is left then is cut where some jobs
    would have nothing to do. Every part pretrains for itself, so parts are never small.
    """
    tasks = list(product(groups, range(n_splits)))
    n_left = len(tasks) % n_jobs
    whole, left = tasks[: len(tasks) - n_left], tasks[len(tasks) - n_left :]
    n_parts = n_jobs // math.gcd(n_left, n_jobs)
    cut = []
    for group, split in left:
        n_cuts = max(1, min(n_parts, len(group) // _SMALLEST_PART))
        cut += [(group[i::n_cuts], split) for i in range(n_cuts)]
    return whole + cut


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
