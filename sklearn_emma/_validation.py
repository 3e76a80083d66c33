"""The one place that imports scikit-learn's private tools.

They give every estimator the same errors as scikit-learn's own. A move inside
scikit-learn then costs one line here.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._indexing import _get_column_indices as get_column_indices
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
)
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "get_column_indices",
]
