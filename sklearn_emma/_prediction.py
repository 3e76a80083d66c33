"""Everything a fitted classifier says of samples, all from one scoring of X."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_softmax, softmax
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_emma._model import EMMAModel, Scores
from sklearn_emma._modes import flatten_columns
from sklearn_emma._network import EMMANetwork
from sklearn_emma._torch_state import resolve_device


class EMMAPredictionMixin:
    """Predictions and scores of modes, for an estimator with a fitted ``_model``."""

    _model: EMMAModel
    classes_: np.ndarray
    modes_: dict[str, np.ndarray]
    device: Any

    def predict(self, X: Any) -> np.ndarray:
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
        winners = self._scores(X).logits.argmax(axis=1)
        return self.classes_[winners]

    def predict_proba(self, X: Any) -> np.ndarray:
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
        return softmax(self._scores(X).logits, axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
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
        return log_softmax(self._scores(X).logits, axis=1)

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits; for two classes their difference, positive for ``classes_[1]``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        logits = self._scores(X).logits
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def attention(self, X: Any) -> np.ndarray:
        """Attention β, by which each mode is multiplied.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        attention : ndarray of shape (n_samples, n_modes)
            In [0, 1]; 0 where the mode is missing.
        """
        return self._scores(X, predict=False).attention

    def importance(self, X: Any) -> np.ndarray:
        """Importance α: Gibbs distribution of the modal energies.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        importance : ndarray of shape (n_samples, n_modes)
            Sums to 1 over the modes that are present; 0 where a mode is missing.
        """
        return self._scores(X, predict=False).importance

    def potential_energy(self, X: Any) -> np.ndarray:
        """Potential energy Ψ: how unlikely each mode's values are by themselves.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        potential : ndarray of shape (n_samples, n_modes)
            Minus ``score_samples`` of the mode's energy estimator; NaN where the mode
            is missing.
        """
        scores = self._scores(X, predict=False)
        return np.where(scores.present, scores.potential, np.nan)

    def modal_energy(self, X: Any) -> np.ndarray:
        """Modal energy E: potential energy, scaled, weighed and coupled.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        modal : ndarray of shape (n_samples, n_modes)
            NaN where the mode is missing.
        """
        scores = self._scores(X, predict=False)
        return np.where(scores.present, scores.modal_energy, np.nan)

    def total_energy(self, X: Any) -> np.ndarray:
        """Sum of the modal energies of the modes that are present.

        It rises as inputs are corrupted. It tells *perturbed* from clean inputs; to
        tell wrong from right predictions, 1 − max probability does better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        total : ndarray of shape (n_samples,)
        """
        return np.nansum(self.modal_energy(X), axis=1)

    def explain(self, X: Any) -> pd.DataFrame:
        """Everything the gate knows, one row a sample, one block of columns a mode.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        explanation : pandas.DataFrame
            Two-level columns (mode, quantity); the quantities are ``attention``,
            ``importance``, ``modal_energy``, ``potential_energy`` and ``missing``. The
            index is that of X, where it has one.
        """
        scores = self._scores(X, predict=False)
        missing = ~scores.present
        blocks = {
            "attention": scores.attention,
            "importance": scores.importance,
            "modal_energy": np.where(missing, np.nan, scores.modal_energy),
            "potential_energy": np.where(missing, np.nan, scores.potential),
            "missing": missing,
        }
        columns = {
            (mode, quantity): values[:, i]
            for i, mode in enumerate(self.modes_)
            for quantity, values in blocks.items()
        }
        frame = pd.DataFrame(
            columns, index=X.index if isinstance(X, pd.DataFrame) else None
        )
        frame.columns.names = ["mode", "quantity"]
        return frame

    @property
    def network_(self) -> EMMANetwork:
        """The trained torch module: gate and differentiable predictor."""
        check_is_fitted(self)
        return self._model.network

    @property
    def predictor_(self) -> Any:
        """What predicts: the fitted classifier or, without one, a torch module."""
        check_is_fitted(self)
        classifier = self._model.classifier
        if classifier is not None:
            return classifier.estimator
        return self._model.network.predictor

    def _scores(self, X: Any, predict: bool = True) -> Scores:
        check_is_fitted(self)
        X = validate_data(
            self,
            flatten_columns(X),
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
            reset=False,
        )
        model = self._model.to(resolve_device(self.device, fallback=True))
        return model.scores(X, predict)
