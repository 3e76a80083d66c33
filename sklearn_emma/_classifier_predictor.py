"""Any scikit-learn classifier as predictor, fitted once the gate has learnt."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor, nn

from sklearn_emma._sub_estimators import fit_weighted, honours, set_random_states
from sklearn_emma._validation import validate_nested_params


class ClassifierPredictor:
    """A fitted classifier that answers with logits, as a torch predictor does.

    Parameters
    ----------
    estimator : classifier
        Fitted on gated inputs (n, d).
    classes : ndarray of shape (n_classes,)
        All classes, sorted. The estimator may know fewer: one without weight.
    """

    def __init__(self, estimator: Any, classes: np.ndarray) -> None:
        self.estimator = estimator
        self.classes = classes

    def logits(self, gated: Tensor) -> Tensor:
        """Log-probabilities (n, n_classes) of gated inputs (n, d), on the CPU.

        A probability below the smallest normal number counts as that.
        """
        x = gated.cpu().numpy()
        proba = np.zeros((len(x), len(self.classes)), dtype=x.dtype)
        columns = np.searchsorted(self.classes, self.estimator.classes_)
        proba[:, columns] = self.estimator.predict_proba(x)
        floor = np.finfo(x.dtype).tiny
        return torch.from_numpy(np.log(np.maximum(proba, floor)))


def is_estimator(predictor: Any) -> bool:
    """Whether it is scikit-learn's, instance or, by mistake, class, and not torch's."""
    if inspect.isclass(predictor) and issubclass(predictor, nn.Module):
        return False
    return hasattr(predictor, "fit") and not isinstance(predictor, nn.Module)


def clone_classifier(predictor: Any, weight: np.ndarray) -> Any | None:
    """An unfitted clone, or None where ``predictor`` is not an estimator but torch's.

    Parameters
    ----------
    predictor : object
        As the user gave it.
    weight : ndarray of shape (n_samples,)
        What the training samples count in the loss.

    Raises
    ------
    ValueError
        If it is a class, not an instance; has no ``predict_proba``; has a parameter
        that scikit-learn calls invalid; or cannot take such weights.
    """
    if not is_estimator(predictor):
        return None
    if inspect.isclass(predictor):
        raise ValueError(
            f"`predictor` must be an instance, got the class {predictor.__name__}; "
            f"write {predictor.__name__}()."
        )
    if not hasattr(predictor, "predict_proba"):
        raise ValueError(
            f"`predictor` must be a classifier with `predict_proba`; {predictor!r} has "
            "none. CalibratedClassifierCV gives probabilities to one that has not."
        )
    estimator = clone(predictor)
    validate_nested_params(estimator)
    if not honours(estimator, weight):
        raise ValueError(
            f"`predictor` {predictor!r} takes no `sample_weight` in `fit`, and the "
            "weights of the samples (`sample_weight` times `class_weight`) are not "
            "whole numbers, for which rows could be repeated. Fit without weights, or "
            "with a classifier that takes them. Metadata routing, where it is enabled, "
            "must request them."
        )
    return estimator


def fit_classifier(
    estimator: Any,
    X: np.ndarray,
    y: np.ndarray,
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
    y, weight : ndarray of shape (n_samples,)
        Numbers of the classes and weights, the same in each copy.
    classes : ndarray of shape (n_classes,)
        Labels; the estimator sees these.
    seed : int
        For every ``random_state`` that is None.
    """
    set_random_states(estimator, seed)
    n_copies = len(X) // len(y)
    labels, weight = np.tile(classes[y], n_copies), np.tile(weight, n_copies)
    return ClassifierPredictor(fit_weighted(estimator, X, weight, labels), classes)
