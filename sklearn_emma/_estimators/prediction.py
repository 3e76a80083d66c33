"""What it means for an estimator that y are classes: its target and its answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax, softmax

from sklearn_emma._estimators.base import BaseEMMA
from sklearn_emma._inputs.checking import CheckedData
from sklearn_emma._inputs.targets import Classes, ClassWeight
from sklearn_emma._model.scores import Scores
from sklearn_emma._training.fit import Trained


class PredictsClasses(BaseEMMA):
    """Predictions and probabilities of classes."""

    class_weight: ClassWeight
    classes_: np.ndarray

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Most probable class of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Members of ``classes_``.
        """
        return self._gather(X, lambda s: Classes(self.classes_).decode(s.logits))

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Rows sum to 1; columns in the order of ``classes_``.
        """
        return self._gather(X, lambda s: softmax(s.logits, axis=1))

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Logarithm of the probability of each class, finite where that rounds to 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return self._gather(X, lambda s: log_softmax(s.logits, axis=1))

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Logits; for two classes their difference, positive for ``classes_[1]``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._gather(X, _decision)

    def _read_target(self, y: np.ndarray) -> Classes:
        return Classes.from_labels(y, self.class_weight)

    def _check_continues(self, checked: CheckedData, what: str) -> None:
        super()._check_continues(checked, what)
        assert isinstance(checked.target, Classes)
        if not np.array_equal(self.classes_, checked.target.labels):
            raise ValueError(
                f"{what} needs the classes of the previous fit, "
                f"{self.classes_.tolist()}; got {checked.target.labels.tolist()}."
            )

    def _store(self, checked: CheckedData, trained: Trained, continues: bool) -> None:
        super()._store(checked, trained, continues)
        assert isinstance(checked.target, Classes)
        self.classes_ = checked.target.labels


def _decision(scores: Scores) -> np.ndarray:
    logits = scores.logits
    return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits
