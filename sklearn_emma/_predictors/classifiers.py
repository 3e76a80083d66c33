"""Any scikit-learn classifier as predictor, fitted once the gate has learnt."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from sklearn_emma._inputs.sub_estimators import (
    Fittable,
)
from sklearn_emma._predictors.gated_copies import (
    GatedCopies,
    clone_copies,
    fit_copies,
    given_copies,
    naming,
)

# Number of rows on which a classifier is tried as soon as it is fitted.
_N_TRIED = 5


class Classifier(Fittable, Protocol):
    """A scikit-learn classifier that gives probabilities."""

    classes_: np.ndarray

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probability of each class, (n, n_classes)."""
        ...


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


def clone_classifier(
    predictor: object, weight: np.ndarray, dtype: np.dtype, n_features: int
) -> GatedCopies | None:
    """An unfitted clone, or None where ``predictor`` is no estimator but torch's.

    Arguments as of :func:`clone_copies`.

    Raises
    ------
    ValueError
        As :func:`given_copies` and :func:`clone_copies`; also if it has no
        ``predict_proba``.
    """
    given = given_copies(predictor)
    if given is None:
        return None
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
    return clone_copies(given, weight, dtype, n_features)


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
    fit_copies(estimator, X, labels, weight, seed)
    fitted = ClassifierPredictor(estimator, classes)
    fitted.logits(torch.from_numpy(X[:_N_TRIED]))
    return fitted
