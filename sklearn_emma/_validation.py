"""The one place that imports scikit-learn's private tools.

They give every estimator the same errors as scikit-learn's own. A move inside
scikit-learn then costs one line here.
"""

from typing import Any

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils._indexing import _get_column_indices as get_column_indices
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.metaestimators import _safe_split as safe_split
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_method_params",
    "check_sample_weight",
    "fit_context",
    "get_column_indices",
    "safe_split",
    "sums_overflow",
    "validate_nested_params",
    "validate_parameter_constraints",
]

# Around checks of X: scikit-learn sums it to see whether it is finite, and numpy warns
# where values at the limit of the type cancel.
sums_overflow = np.errstate(invalid="ignore")


def validate_nested_params(estimator: Any) -> None:
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
