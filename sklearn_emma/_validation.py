"""What every estimator shares: checked parameters, and fits that are all or nothing.

The one place that imports scikit-learn's private tools. They give every estimator the
same errors as scikit-learn's own; a move inside scikit-learn then costs one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.base import _fit_context as _sklearn_fit_context
from sklearn.utils._indexing import _get_column_indices as get_column_indices
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._pprint import _EstimatorPrettyPrinter as EstimatorPrettyPrinter
from sklearn.utils.metaestimators import _safe_split as safe_split
from sklearn.utils.metaestimators import available_if as _sklearn_available_if
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "Constraints",
    "HasMethods",
    "Interval",
    "StrOptions",
    "available_if",
    "check_feature_names_in",
    "check_method_params",
    "check_sample_weight",
    "fit_context",
    "get_column_indices",
    "noting",
    "print_as_estimator",
    "safe_split",
    "sums_overflow",
    "unchanged_on_error",
    "validate_nested_params",
    "validate_parameter_constraints",
]

#: Allowed values of each parameter, as scikit-learn declares them.
Constraints: TypeAlias = dict[str, list[object]]

Method = TypeVar("Method", bound=Callable[..., object])

# Around checks of X: scikit-learn sums it to see whether it is finite, and numpy warns
# where values at the limit of the type cancel.
sums_overflow = np.errstate(invalid="ignore")


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Method], Method]:
    """Validate an estimator's parameters before ``fit``; keeps the method's type."""
    decorate: Callable[[Method], Method] = _sklearn_fit_context(
        prefer_skip_nested_validation=prefer_skip_nested_validation
    )
    return decorate


def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
    """Offer a method only where ``check`` allows it; keeps the method's type."""
    decorate: Callable[[Method], Method] = _sklearn_available_if(check)
    return decorate


def print_as_estimator(cls: type) -> None:
    """Have scikit-learn break the lines of an estimator with a ``repr`` of its own."""
    known = EstimatorPrettyPrinter._dispatch
    known[cls.__repr__] = known[BaseEstimator.__repr__]


def validate_nested_params(estimator: BaseEstimator) -> None:
    """Check the declared parameters of an estimator and of those within it.

    Their own ``fit`` would do so too late, and not at all within the ``fit`` of an
    estimator that skips nested validation.

    Raises
    ------
    sklearn.utils._param_validation.InvalidParameterError
        A ``ValueError`` that names parameter and estimator.
    """
    for part in (estimator, *estimator.get_params().values()):
        declared = hasattr(part, "_parameter_constraints")
        if declared and not isinstance(part, type):
            part._validate_params()


@contextmanager
def noting(note: str) -> Iterator[None]:
    """Add a note to any error of the block: whose it is, or what it is about."""
    try:
        yield
    except Exception as error:
        error.add_note(note)
        raise


@contextmanager
def unchanged_on_error(estimator: object) -> Iterator[None]:
    """Put an estimator's attributes back if the block fails: all or nothing."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
