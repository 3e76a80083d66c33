"""Any scikit-learn classifier as predictor, fitted once the gate has learnt."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any, Protocol

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from torch import Tensor, nn

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

# Number of rows on which a classifier is tried as soon as it is fitted.
_N_TRIED = 5


class Classifier(Fittable, Protocol):
    """A scikit-learn classifier that gives probabilities."""

    classes_: np.ndarray

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probability of each class, (n, n_classes)."""
        ...


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


class ClassifierPredictor:
    """A fitted classifier that answers with logits, as a torch predictor does.

    Parameters
    ----------
    estimator : classifier
        Fitted on gated inputs (n, d).
    classes : ndarray of shape (n_classes,)
        All classes, sorted. The estimator may know fewer: one without weight.
    """

    def __init__(self, estimator: Classifier, classes: np.ndarray) -> None:
        self.estimator = estimator
        self.classes = classes

    def logits(self, gated: Tensor) -> Tensor:
        """Log-probabilities (n, n_classes) of gated inputs (n, d), on the CPU.

        A probability below the smallest normal number counts as that.

        Raises
        ------
        ValueError
            If the classifier does not give each row a probability of each class that
            it knows, or knows a class that is none.
        """
        x = gated.cpu().numpy()
        proba = np.zeros((len(x), len(self.classes)), dtype=x.dtype)
        with naming(self.estimator, "cannot predict"):
            columns = np.searchsorted(self.classes, self._known_classes())
            given = self.estimator.predict_proba(x)
            proba[:, columns] = _checked_proba(given, (len(x), len(columns)))
        floor = np.finfo(x.dtype).tiny
        return torch.from_numpy(np.log(np.maximum(proba, floor)))

    def _known_classes(self) -> np.ndarray:
        """``classes_`` of the estimator, which are among those of the data."""
        if not hasattr(self.estimator, "classes_"):
            raise ValueError(
                "`predictor` must have `classes_` once it is fitted, the labels in the "
                "order of the columns of `predict_proba`."
            )
        known = np.asarray(self.estimator.classes_)
        labels = set(self.classes.tolist())
        foreign = [label for label in known.ravel().tolist() if label not in labels]
        if foreign or known.ndim != 1 or len(set(known.tolist())) < len(known):
            raise ValueError(
                "`classes_` of `predictor` must be the labels that it was fitted on, "
                f"{self.classes.tolist()} or some of them, each once; got "
                f"{known.tolist()}."
            )
        return known


def _checked_proba(given: object, shape: tuple[int, int]) -> np.ndarray:
    """Probabilities as an array of this shape, none of them missing."""
    proba = np.asarray(given)
    if proba.shape != shape:
        raise ValueError(
            "`predict_proba` of `predictor` must return an array of shape (n_samples, "
            f"n_classes) = {shape}, got {proba.shape}."
        )
    real = proba.dtype.kind in "fiub"
    # Rounding may put a probability a little outside of its range.
    if not real or not ((proba >= -1e-3) & (proba <= 1 + 1e-3)).all():
        found = f"{proba.min()} to {proba.max()}" if real else f"{proba.dtype}"
        raise ValueError(
            "`predict_proba` of `predictor` must return probabilities, from 0 to 1; "
            f"got {found}."
        )
    return proba


@contextmanager
def naming(estimator: object, failure: str) -> Iterator[None]:
    """Note on any error of the block whose it is."""
    try:
        yield
    except Exception as error:
        error.add_note(f"`predictor`, {type(estimator).__name__}: it {failure}.")
        raise


def is_estimator(predictor: object) -> bool:
    """Whether it is a scikit-learn estimator, or its class, and not a torch module."""
    if isinstance(predictor, GatedCopies):
        return True
    if inspect.isclass(predictor) and issubclass(predictor, nn.Module):
        return False
    return hasattr(predictor, "fit") and not isinstance(predictor, nn.Module)


def clone_classifier(
    predictor: object, weight: np.ndarray, dtype: np.dtype, n_features: int
) -> GatedCopies | None:
    """An unfitted clone, or None where ``predictor`` is not an estimator but torch's.

    Parameters
    ----------
    predictor : object
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
        If it is a class, not an instance; has no ``predict_proba``; has a parameter
        that scikit-learn calls invalid; or cannot take such weights or values.
    """
    if not is_estimator(predictor):
        return None
    given = predictor
    if not isinstance(given, GatedCopies):
        given = GatedCopies(given)  # what it holds is checked below
    if inspect.isclass(given.estimator):
        raise ValueError(
            f"`predictor` must be an instance, got the class "
            f"{given.estimator.__name__}; write {given.estimator.__name__}()."
        )
    if not hasattr(given.estimator, "fit"):
        raise ValueError(
            "GatedCopies takes a scikit-learn classifier, which has `fit` and "
            f"`predict_proba`; got {given.estimator!r}. What is no classifier, such as "
            "a torch module or what builds one, is a `predictor` by itself."
        )
    if not hasattr(given.estimator, "predict_proba"):
        raise ValueError(
            "`predictor` must be a classifier with `predict_proba`; "
            f"{given.estimator!r} has none. CalibratedClassifierCV gives probabilities "
            "to a classifier without."
        )
    copies: GatedCopies = clone(given)
    validate_nested_params(copies)
    if not honours(copies.estimator, weight):
        raise ValueError(
            f"`predictor` {given.estimator!r} takes no `sample_weight` in `fit`, and "
            "the weights of the samples (`sample_weight` times `class_weight`) are not "
            "whole numbers, for which rows could be repeated. Fit without weights, or "
            "with a classifier that takes them. Metadata routing, where it is enabled, "
            "must request them."
        )
    check_nets(copies.estimator, dtype, n_features)
    return copies


def fit_classifier(
    estimator: Classifier,
    X: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray,
    classes: np.ndarray,
    seed: int,
) -> ClassifierPredictor:
    """Fit an estimator, in place, on gated copies of the training data.

    Parameters
    ----------
    estimator : classifier
        From :func:`clone_classifier`.
    X : ndarray of shape (n_copies * n_samples, d)
        One copy after another.
    labels, weight : ndarray of shape (n_samples,)
        Class labels and weights, the same in each copy.
    classes : ndarray of shape (n_classes,)
        All labels, sorted.
    seed : int
        For every ``random_state`` that is None.

    Raises
    ------
    ValueError
        If what it predicts for a few of the samples are no probabilities of classes.
    """
    set_random_states(estimator, seed)
    n_copies = len(X) // len(labels)
    labels, weight = np.tile(labels, n_copies), np.tile(weight, n_copies)
    with naming(estimator, "cannot be fitted"):
        fit_weighted(estimator, X, weight, labels)
    fitted = ClassifierPredictor(estimator, classes)
    fitted.logits(torch.from_numpy(X[:_N_TRIED]))
    return fitted
