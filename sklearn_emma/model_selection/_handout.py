"""What scikit-learn's search works with when all fitting is done beforehand.

scikit-learn's search fits candidates itself, one at a time, and has no place for
estimators that are already fitted. So it is given a :class:`Handout` in place of the
estimator, whose ``fit`` takes the next fitted one. Wrapping that one would not do:
scorers, and users by ``best_estimator_``, may look at any attribute or at the class.
Hence the handout changes its own class and *becomes* the fitted estimator. Anything
else would mean copying more of the search out of scikit-learn's private modules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRequest,
    MetadataRouter,
    get_routing_for_object,
)

from sklearn_emma.model_selection._fitting import Outcome, Split


class TrainingBrokenError(BaseException):
    """Carries an error through a search, which would blame one candidate for it.

    It is no ``Exception``, since the search turns those into failed candidates.
    """


class Handout(BaseEstimator):
    """Stands in for an estimator in a search; ``fit`` makes it one already fitted.

    One whose scores are known stays where it was fitted. Once nothing is left to hand
    out, ``fit`` really fits the estimator: that is the refit.

    Parameters
    ----------
    estimator : estimator
        The one that it stands in for.
    outcomes : iterator of Outcome
        Fitted estimators in the order in which the search asks for them; shared by all
        clones.
    """

    def __init__(self, estimator: BaseEstimator, outcomes: Iterator[Outcome]) -> None:
        self.estimator = estimator
        self.outcomes = outcomes

    @classmethod
    def of(cls, estimator: BaseEstimator, outcomes: Iterator[Outcome]) -> Handout:
        """Make one whose class has the name of the estimator's, for messages."""
        named: type[Handout] = type(type(estimator).__name__, (cls,), {})
        return named(estimator, outcomes)

    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, **params: ArrayLike | None
    ) -> Self:
        """Become the next fitted estimator, or raise the error of its fit."""
        try:
            outcome = next(self.outcomes, None)
        except Exception as error:
            raise TrainingBrokenError from error
        if outcome is None:
            fitted = self.estimator
            fitted.fit(X, y, **params)  # not every estimator returns itself
        elif outcome.error is not None:
            raise outcome.error
        elif outcome.estimator is None:
            return self  # all that is wanted of it is known
        else:
            fitted = outcome.estimator
        # All other attributes were set by scikit-learn's search and must stay.
        del self.estimator, self.outcomes
        self.__class__ = type(fitted)
        self.__dict__.update(fitted.__dict__)
        return self

    def set_params(self, **params: object) -> Self:
        """Set parameters of the estimator."""
        self.estimator.set_params(**params)
        return self

    def get_metadata_routing(self) -> MetadataRequest | MetadataRouter:
        """Return what the estimator requests."""
        return get_routing_for_object(self.estimator)

    def __sklearn_clone__(self) -> Handout:
        return type(self)(clone(self.estimator), self.outcomes)

    def __sklearn_tags__(self) -> Tags:
        return get_tags(self.estimator)


class DrawnSplits:
    """A cross-validator whose splits were drawn once, so that all work is on the same.

    Parameters
    ----------
    cv : cross-validator
        The one that drew them.
    splits : list of (ndarray, ndarray)
        Training and test rows of each.
    """

    def __init__(self, cv: BaseCrossValidator, splits: list[Split]) -> None:
        self.cv = cv
        self.splits = splits

    def split(
        self,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Iterator[Split]:
        """Return the splits, whatever the data."""
        return iter(self.splits)

    def get_n_splits(
        self,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> int:
        """Return the number of splits."""
        return len(self.splits)

    def get_metadata_routing(self) -> MetadataRequest | MetadataRouter:
        """Return what the cross-validator requests."""
        return get_routing_for_object(self.cv)
