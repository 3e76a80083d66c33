"""Everything a fitted classifier says of samples, rows scored a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_softmax, softmax
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_emma._missing import missing_as_nan
from sklearn_emma._model import EMMAModel, Scores
from sklearn_emma._modes import flatten_columns
from sklearn_emma._network import EMMANetwork
from sklearn_emma._torch_state import resolve_device
from sklearn_emma._validation import sums_overflow

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


class EMMAPredictionMixin:
    """Predictions and scores of modes, for an estimator with a fitted ``_model``."""

    _model: EMMAModel
    n_features_in_: int
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
        return self._gather(X, lambda s: self.classes_[s.logits.argmax(axis=1)])

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
        return self._gather(X, lambda s: softmax(s.logits, axis=1))

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
        return self._gather(X, lambda s: log_softmax(s.logits, axis=1))

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
        return self._gather(X, _decision)

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
        return self._gather(X, lambda s: s.attention)

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
        return self._gather(X, lambda s: s.importance)

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
        return self._gather(X, _potential)

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
        return self._gather(X, _modal_energy)

    def total_energy(self, X: Any) -> np.ndarray:
        """Sum of the modal energies of the modes that are present.

        It rises as inputs are corrupted. It tells *perturbed* from clean inputs; to
        tell wrong from right predictions, 1 − max probability does better. Compare
        samples of which the same modes are present: each adds to the sum.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.

        Returns
        -------
        total : ndarray of shape (n_samples,)
            NaN where no mode is present.
        """
        return self._gather(X, _total_energy)

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
        gathered = self._gather(
            X, lambda s: np.stack([of(s) for of in _EXPLAINED.values()], axis=2)
        )
        columns = {
            (mode, name): gathered[:, i, j]
            for i, mode in enumerate(self.modes_)
            for j, name in enumerate(_EXPLAINED)
        }
        frame = pd.DataFrame(
            columns, index=X.index if isinstance(X, pd.DataFrame) else None
        )
        frame.columns.names = ["mode", "quantity"]
        return frame.astype({(mode, "missing"): bool for mode in self.modes_})

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

    def _gather(self, X: Any, quantity: Callable[[Scores], np.ndarray]) -> np.ndarray:
        """Validate X, then return ``quantity`` of its scores."""
        check_is_fitted(self)
        model = self._model.to(resolve_device(self.device, fallback=True))
        X = missing_as_nan(flatten_columns(X))
        if self._has_nothing_to_check(X):
            return model.gather(X, quantity)
        kinds = {"dtype": list(_FLOATS), "ensure_all_finite": "allow-nan"}
        is_matrix = isinstance(X, np.ndarray) and X.ndim == 2
        if is_matrix and len(X) > model.chunk_rows:
            # Checking all rows at once would read the file twice, and may copy it.
            validate_data(self, X, reset=False, skip_check_array=True)
            check = partial(check_array, estimator=self, input_name="X", **kinds)
            return model.gather(X, quantity, sums_overflow(check))
        checked = sums_overflow(validate_data)(self, X, reset=False, **kinds)
        return model.gather(checked, quantity)

    def _has_nothing_to_check(self, X: Any) -> bool:
        """Whether X is a matrix as it comes out of ``validate_data``.

        That takes a fifth of the latency of one row, and asking next to nothing.
        """
        return (
            type(X) is np.ndarray
            and X.dtype in _FLOATS
            and X.ndim == 2
            and 0 < len(X) <= self._model.chunk_rows
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and not np.isinf(X).any()
        )


def _decision(scores: Scores) -> np.ndarray:
    logits = scores.logits
    return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits


def _potential(scores: Scores) -> np.ndarray:
    return np.where(scores.present, scores.potential, np.nan)


def _modal_energy(scores: Scores) -> np.ndarray:
    return np.where(scores.present, scores.modal_energy, np.nan)


def _total_energy(scores: Scores) -> np.ndarray:
    total = np.nansum(_modal_energy(scores), axis=1)
    return np.where(scores.present.any(axis=1), total, np.nan)


_EXPLAINED: dict[str, Callable[[Scores], np.ndarray]] = {
    "attention": lambda s: s.attention,
    "importance": lambda s: s.importance,
    "modal_energy": _modal_energy,
    "potential_energy": _potential,
    "missing": lambda s: ~s.present,
}
