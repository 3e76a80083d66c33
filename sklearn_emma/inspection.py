"""Look at an estimator through what is around it: pipelines, searches, thresholds."""

from __future__ import annotations

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._estimators.base import BaseEMMA
from sklearn_emma.robustness._inside import arriving

__all__ = ["estimator_inside"]


def estimator_inside(model: BaseEstimator, X: ArrayLike) -> tuple[BaseEMMA, ArrayLike]:
    """Find the estimator with modes in a fitted model, and X as it arrives there.

    Pipelines, searches, thresholds and frozen estimators have no methods ``explain``,
    ``attention`` or ``failing_modes``. What is in them has, but takes X as the steps
    before it have left it.

    Parameters
    ----------
    model : fitted estimator
        An :class:`~sklearn_emma.EMMAClassifier`, an
        :class:`~sklearn_emma.EMMARegressor`, or a pipeline, a search, a threshold
        classifier, a transformed target or a frozen estimator around one, in one
        another too.
    X : array-like of shape (n_samples, n_features)
        Samples as ``model`` takes them.

    Returns
    -------
    estimator : EMMAClassifier or EMMARegressor
        Fitted; itself, not a copy.
    X_inside : array-like of shape (n_samples, n_features_in)
        Samples as it takes them.

    Raises
    ------
    TypeError
        If there is no estimator of this kind, or several.
    NotFittedError
        If the model is not fitted.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import PowerTransformer
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.inspection import estimator_inside
    >>> X, y, modes = make_multimodal_classification(300, 2, random_state=0)
    >>> emma = EMMAClassifier(modes, max_iter=5, random_state=0)
    >>> model = make_pipeline(PowerTransformer(), emma).fit(X, y)
    >>> clf, X_inside = estimator_inside(model, X)
    >>> clf.explain(X_inside).shape
    (300, 12)
    """
    check_is_fitted(model)
    found, arrived = arriving(model, X)
    if not isinstance(found, BaseEMMA):
        raise TypeError(
            f"There is no estimator with modes in {type(model).__name__}, or there are "
            f"several: found {type(found).__name__}."
        )
    return found, arrived
