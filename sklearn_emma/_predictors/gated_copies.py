"""Estimators behind the gate: what they are given to learn from, and checks of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from torch import nn

from sklearn_emma._inputs.sub_estimators import (
    Fittable,
    fit_weighted,
    honours,
    set_random_states,
)
from sklearn_emma._predictors.nets import check_nets
from sklearn_emma._validation import (
    Constraints,
    HasMethods,
    Interval,
    validate_nested_params,
)


class GatedCopies(BaseEstimator):
    """A scikit-learn estimator behind the gate, with what it is fitted on.

    The gate learns in front of the default network. Then a clone of the estimator is
    fitted on several gated copies of the training data, in which modes fail as in
    training. An estimator passed as ``predictor`` by itself means
    ``GatedCopies(estimator)``.

    Parameters
    ----------
    estimator : classifier with ``predict_proba``, or regressor
        Cloned. Each ``random_state`` of it that is None is derived from that of
        :class:`~sklearn_emma.EMMAClassifier` or :class:`~sklearn_emma.EMMARegressor`.
    n_copies : int, default=5
        Number of corrupted copies. Without simulated failures all copies would be
        alike, and it is one.

    See Also
    --------
    MLP : The default predictor.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.predictors import GatedCopies
    >>> forest = GatedCopies(RandomForestClassifier(), n_copies=3)
    >>> clf = EMMAClassifier(predictor=forest)
    >>> clf.set_params(predictor__n_copies=10).predictor.n_copies
    10
    """

    _parameter_constraints: Constraints = {
        "estimator": [HasMethods(["fit", "predict_proba"]), HasMethods("predict")],
        "n_copies": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, estimator: Any, n_copies: int = 5) -> None:
        self.estimator = estimator
        self.n_copies = n_copies


def is_estimator(predictor: object) -> bool:
    """Whether it is a scikit-learn estimator, or its class, and not a torch module."""
    if isinstance(predictor, GatedCopies):
        return True
    if inspect.isclass(predictor) and issubclass(predictor, nn.Module):
        return False
    return hasattr(predictor, "fit") and not isinstance(predictor, nn.Module)


def given_copies(predictor: object) -> GatedCopies | None:
    """What is to be cloned, or None where ``predictor`` is no estimator but torch's.

    Raises
    ------
    ValueError
        If it is a class, not an instance.
    """
    if not is_estimator(predictor):
        return None
    given = predictor
    if not isinstance(given, GatedCopies):
        given = GatedCopies(given)  # what it holds is checked by the callers
    if inspect.isclass(given.estimator):
        raise ValueError(
            f"`predictor` must be an instance, got the class "
            f"{given.estimator.__name__}; write {given.estimator.__name__}()."
        )
    return given


def clone_copies(
    given: GatedCopies, weight: np.ndarray, dtype: np.dtype, n_features: int
) -> GatedCopies:
    """An unfitted clone that can take such samples.

    Parameters
    ----------
    given : GatedCopies
        As the user gave it.
    weight : ndarray of shape (n_samples,)
        What the training samples count in the loss.
    dtype : dtype
        Of what it is to be fitted on.
    n_features : int
        Number of columns of it.

    Raises
    ------
    ValueError
        If it has a parameter that scikit-learn calls invalid, or cannot take such
        weights or values.
    """
    copies: GatedCopies = clone(given)
    validate_nested_params(copies)
    if not honours(copies.estimator, weight):
        raise ValueError(
            f"`predictor` {given.estimator!r} takes no `sample_weight` in `fit`, and "
            "the weights of the samples (`sample_weight`, times `class_weight` where "
            "there is one) are not whole numbers, for which rows could be repeated. "
            "Fit without weights, or with an estimator that takes them. Metadata "
            "routing, where it is enabled, must request them."
        )
    check_nets(copies.estimator, dtype, n_features)
    return copies


def fit_copies(
    estimator: Fittable, X: np.ndarray, y: np.ndarray, weight: np.ndarray, seed: int
) -> None:
    """Fit, in place, on X (n_copies * n, d); y (n, ...) and weight (n,) are repeated.

    ``seed`` is for every ``random_state`` that is None.
    """
    set_random_states(estimator, seed)
    n_copies = len(X) // len(y)
    repeated = np.concatenate([y] * n_copies)
    with naming(estimator, "cannot be fitted"):
        fit_weighted(estimator, X, np.tile(weight, n_copies), repeated)


@contextmanager
def naming(estimator: object, failure: str) -> Iterator[None]:
    """Note on any error of the block whose it is."""
    try:
        yield
    except Exception as error:
        error.add_note(f"`predictor`, {type(estimator).__name__}: it {failure}.")
        raise
