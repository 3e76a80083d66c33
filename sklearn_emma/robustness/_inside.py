"""What stands inside a search, a pipeline or a threshold classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

ATTENTION = ("attention", "importance")
ENERGY = ("total_energy", "modal_energy", "potential_energy")


def unwrap(estimator: Any) -> Any:
    """Find what is fitted inside a search, a threshold classifier or a frozen one.

    Only through wrappers that hand X on as it is: it ends at a pipeline of two steps or
    more.
    """
    if isinstance(estimator, Pipeline) and len(estimator) == 1:
        return unwrap(estimator[0])
    if isinstance(estimator, FrozenEstimator):
        return unwrap(estimator.estimator)
    for name in ("best_estimator_", "estimator_"):
        inner = getattr(estimator, name, None)
        if inner is not None and _width(inner) == _width(estimator):
            return unwrap(inner)
    return estimator


def last_step(estimator: Any) -> Any:
    """Find what predicts inside wrappers and pipelines, whatever X it is handed."""
    estimator = unwrap(estimator)
    return last_step(estimator[-1]) if isinstance(estimator, Pipeline) else estimator


def check_quantity(quantity: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless the quantity is one of those allowed."""
    if quantity not in allowed:
        raise ValueError(
            f"`quantity` must be one of {list(allowed)}, got {quantity!r}."
        )


def quantity_function(
    estimator: Any, quantity: str
) -> tuple[Callable[[Any], np.ndarray], tuple[str, ...]]:
    """Function X → (n, k) of an estimator's method, and the names of its k columns.

    A density estimator knows no modes: its potential energy is −``score_samples``, (n,
    1).

    Raises
    ------
    TypeError
        If the estimator has no such method.
    """
    estimator = unwrap(estimator)
    if isinstance(estimator, Pipeline):
        function, columns = quantity_function(estimator[-1], quantity)
        return lambda X: function(estimator[:-1].transform(X)), columns
    if hasattr(estimator, quantity):
        method = getattr(estimator, quantity)
        if quantity == "total_energy":
            return lambda X: np.reshape(method(X), (-1, 1)), ("total",)
        return method, tuple(estimator.modes_)
    if quantity == "potential_energy" and hasattr(estimator, "score_samples"):
        return lambda X: -np.reshape(estimator.score_samples(X), (-1, 1)), (
            "potential",
        )
    raise TypeError(
        f"{type(estimator).__name__} has no method {quantity!r}: pass a fitted "
        "EMMAClassifier"
        + (
            ", or a density estimator with `score_samples`."
            if quantity == "potential_energy"
            else "."
        )
    )


def _width(estimator: Any) -> Any:
    return getattr(estimator, "n_features_in_", None)
