"""Scores of candidates, computed where they were fitted.

scikit-learn's search scores in the calling process what has been fitted elsewhere, one
estimator after the other. So its scorers are replaced by some that look up what is
known, and score what is not: what raises or warns does so there, as it always does.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from typing import Any, Protocol, TypeAlias

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring

#: From a fitted estimator, X and y to one score, or to several by name.
Scorer: TypeAlias = Callable[..., Any]
#: One metric or several, as scikit-learn takes them.
Scoring: TypeAlias = str | Scorer | Sequence[str] | Mapping[str, str | Scorer] | None
#: What scorers returned, by the name of the metric; None is that of a single one.
Scores: TypeAlias = dict[str | None, Any]


class KnowsScores(Protocol):
    """What knows the scores of the estimator that it has handed out last.

    Those of the test rows, and behind them those of the training rows, if they are
    wanted: scikit-learn asks in this order.
    """

    scores: list[Scores]


class LookedUpScore:
    """A scorer that asks for the score first.

    Parameters
    ----------
    scorer : callable
        Computes the score, where it is not known.
    name : str or None
        Of the metric.
    source : KnowsScores
        Each score is taken from it once.
    """

    def __init__(self, scorer: Scorer, name: str | None, source: KnowsScores) -> None:
        self.scorer, self.name, self.source = scorer, name, source
        self.__wrapped__ = scorer  # has the signature

    def __call__(
        self, estimator: BaseEstimator, *data: ArrayLike, **params: Any
    ) -> Any:
        for scores in self.source.scores:
            if self.name in scores:
                return scores.pop(self.name)
            if self.name is None and scores:  # a scorer that gives several
                return {name: scores.pop(name) for name in tuple(scores)}
        return self.scorer(estimator, *data, **params)

    def __repr__(self) -> str:
        return repr(self.scorer)

    def __str__(self) -> str:
        return str(self.scorer)

    def __getattr__(self, name: str) -> Any:
        # What it requests and whether it takes weights.
        if name == "scorer":  # of a copy that has none yet
            raise AttributeError(name)
        return getattr(self.scorer, name)


def look_up(
    scoring: Scoring, estimator: BaseEstimator, source: KnowsScores
) -> LookedUpScore | dict[str, LookedUpScore]:
    """``scoring`` of a search, by scorers that ask ``source`` first."""
    if scoring is None or isinstance(scoring, str) or callable(scoring):
        return LookedUpScore(check_scoring(estimator, scoring), None, source)
    many = scoring if isinstance(scoring, Mapping) else {name: name for name in scoring}
    return {
        name: LookedUpScore(check_scoring(estimator, scorer), name, source)
        for name, scorer in many.items()
    }


def looked_up_by(asking: Any) -> Scorer | dict[str, Scorer]:
    """The scorer, or the scorers by name, within what :func:`look_up` returned."""
    if isinstance(asking, LookedUpScore):
        return asking.scorer
    return {name: one.scorer for name, one in asking.items()}


def scores_in_silence(
    scorer: Scorer, estimator: BaseEstimator, *data: ArrayLike, **params: Any
) -> Scores | None:
    """Numbers that a scorer gives an estimator; None if it has anything else to say.

    None too beside the main thread: warnings are those of all threads of a process.
    """
    if threading.current_thread() is not threading.main_thread():
        return None
    try:
        with warnings.catch_warnings(record=True) as warned:
            found = scorer(estimator, *data, **params)
    except Exception:
        return None
    several = found if isinstance(found, dict) else {None: found}
    only_numbers = all(isinstance(score, Number) for score in several.values())
    return several if several and only_numbers and not warned else None
