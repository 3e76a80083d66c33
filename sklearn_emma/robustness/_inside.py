"""What stands inside a search, a pipeline or a threshold classifier."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._estimators.mode_scores import check_level

ATTENTION = ("attention", "importance")
ENERGY = ("total_energy", "modal_energy", "potential_energy")

#: From samples X (n, d) to one value for each sample and column, (n, k).
QuantityFunction: TypeAlias = Callable[[ArrayLike], np.ndarray]


def unwrap(estimator: BaseEstimator) -> BaseEstimator:
    """Find what is fitted inside a search, or what changes thresholds or targets.

    Only wrappers that hand X on unchanged are opened, so the search ends at a pipeline
    of two steps or more.
    """
    if isinstance(estimator, Pipeline) and len(estimator) == 1:
        return unwrap(estimator[0])
    if isinstance(estimator, FrozenEstimator):
        return unwrap(estimator.estimator)
    for name in ("best_estimator_", "estimator_", "regressor_"):
        inner = getattr(estimator, name, None)
        if inner is not None and _width(inner) == _width(estimator):
            return unwrap(inner)
    return estimator


def last_step(estimator: BaseEstimator) -> BaseEstimator:
    """Find what predicts inside wrappers and pipelines, whatever X it is handed."""
    estimator = unwrap(estimator)
    return last_step(estimator[-1]) if isinstance(estimator, Pipeline) else estimator


def arriving(estimator: BaseEstimator, X: ArrayLike) -> tuple[BaseEstimator, ArrayLike]:
    """Find what predicts inside wrappers and pipelines, and X as it arrives there."""
    estimator = unwrap(estimator)
    if not isinstance(estimator, Pipeline):
        return estimator, X
    return arriving(estimator[-1], estimator[:-1].transform(X))


def known_modes(
    estimator: BaseEstimator, level: str = "modes"
) -> dict[str, np.ndarray] | None:
    """Columns of each mode, or of each part, as the estimator knows them, or None."""
    modes: dict[str, np.ndarray] | None = getattr(unwrap(estimator), f"{level}_", None)
    return modes


def check_quantity(quantity: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless the quantity is one of those allowed."""
    if quantity not in allowed:
        raise ValueError(
            f"`quantity` must be one of {list(allowed)}, got {quantity!r}."
        )


def quantity_function(
    estimator: BaseEstimator, quantity: str, level: str = "modes"
) -> tuple[QuantityFunction, tuple[str, ...]]:
    """Function X → (n, k) of an estimator's method, and the names of its k columns.

    These are ``level``, "modes" or "parts". A density estimator has no modes: its
    potential energy is −``score_samples``, in a single column.

    Raises
    ------
    ValueError
        If there is no such level.
    TypeError
        If the estimator has no such method.
    NotFittedError
        If it is not fitted.
    """
    check_level(level)
    check_is_fitted(estimator)
    estimator = unwrap(estimator)
    if isinstance(estimator, Pipeline):
        function, columns = quantity_function(estimator[-1], quantity, level)
        return lambda X: function(estimator[:-1].transform(X)), columns
    if hasattr(estimator, quantity):
        method: Callable[..., np.ndarray] = getattr(estimator, quantity)
        if quantity == "total_energy":
            return lambda X: np.reshape(method(X), (-1, 1)), ("total",)
        if level == "parts":
            method = partial(method, level=level)
        # Arrays, whatever the estimator's `set_output` says.
        return lambda X: np.asarray(method(X)), tuple(getattr(estimator, f"{level}_"))
    if quantity == "potential_energy" and hasattr(estimator, "score_samples"):
        return lambda X: -np.reshape(estimator.score_samples(X), (-1, 1)), (
            "potential",
        )
    raise TypeError(
        f"{type(estimator).__name__} has no method {quantity!r}: pass a fitted "
        "EMMAClassifier or EMMARegressor"
        + (
            ", or a density estimator with `score_samples`."
            if quantity == "potential_energy"
            else "."
        )
    )


def _width(estimator: BaseEstimator) -> int | None:
    width: int | None = getattr(estimator, "n_features_in_", None)
    return width
