"""What scikit-learn's search works with when all fitting is done beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object

from sklearn_emma.model_selection._groups import Outcome


class TrainingBrokenError(BaseException):
    """Carries an error past a search that would take it for that of one candidate."""


class Handout(BaseEstimator):
    """Stands for an estimator in a search; its ``fit`` hands out what is fitted.

    By ``fit`` it *becomes* the fitted estimator, class and all, for scorers may look at
    whatever they like. Once nothing is left to hand out, ``fit`` is the ordinary one:
    the refit.

    Parameters
    ----------
    estimator : estimator
        For which it stands.
    outcomes : iterator of Outcome
        In the order in which the search asks for them; shared by all clones.
    """

    def __init__(self, estimator: Any, outcomes: Iterator[Outcome]) -> None:
        self.estimator = estimator
        self.outcomes = outcomes

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Hand out the next estimator, or raise the error of its fit."""
        try:
            outcome = next(self.outcomes, None)
        except Exception as error:
            raise TrainingBrokenError from error
        if outcome is None:
            fitted = self.estimator.fit(X, y, **params)
        elif outcome.error is not None:
            raise outcome.error
        else:
            fitted = outcome.estimator
        del self.estimator, self.outcomes  # what others have put here must stay
        self.__class__ = type(fitted)
        self.__dict__.update(fitted.__dict__)
        return self

    def set_params(self, **params: Any) -> Handout:
        """Set parameters of the estimator."""
        self.estimator.set_params(**params)
        return self

    def get_metadata_routing(self) -> Any:
        """What the estimator requests."""
        return get_routing_for_object(self.estimator)

    def __sklearn_clone__(self) -> Handout:
        return Handout(clone(self.estimator), self.outcomes)

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)


class DrawnSplits:
    """Splits of a cross-validator, drawn once: those that were trained on."""

    def __init__(self, cv: Any, splits: list[tuple[Any, Any]]) -> None:
        self.cv = cv
        self.splits = splits

    def split(self, X: Any = None, y: Any = None, groups: Any = None) -> Any:
        """Return the splits."""
        return iter(self.splits)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return their number."""
        return len(self.splits)

    def get_metadata_routing(self) -> Any:
        """What the cross-validator requests."""
        return get_routing_for_object(self.cv)
