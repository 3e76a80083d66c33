"""What it means for an estimator that y are classes: its target and its answers."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike

from sklearn_emma._estimators.base import BaseEMMA
from sklearn_emma._inputs.checking import CheckedData
from sklearn_emma._inputs.targets import Classes, ClassWeight
from sklearn_emma._losses.latent import free_energy
from sklearn_emma._losses.recipes import EnergyLoss
from sklearn_emma._model.scores import Scores, as_array
from sklearn_emma._training.fit import Trained


class PredictsClasses(BaseEMMA):
    """Predictions and probabilities of classes."""

    loss: str | EnergyLoss
    class_weight: ClassWeight
    classes_: np.ndarray

    def predict(
        self, X: ArrayLike, potential_energy: ArrayLike | None = None
    ) -> np.ndarray:
        """Class of least energy of each sample: the most probable one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Members of ``classes_``.
        """
        return self._gather(
            X, lambda s: Classes(self.classes_).decode(s.logits), potential_energy
        )

    def predict_proba(
        self, X: ArrayLike, potential_energy: ArrayLike | None = None
    ) -> np.ndarray:
        """Probability of each class: Gibbs distribution of the energies at τ = 1.

        With another ``loss`` than ``"nll"`` rows sum to 1 and rank classes, but are no
        estimates of probabilities: see :class:`~sklearn.calibration.\
CalibratedClassifierCV`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Rows sum to 1; columns in the order of ``classes_``.
        """
        return self._gather(X, _softmax, potential_energy)

    def predict_log_proba(
        self, X: ArrayLike, potential_energy: ArrayLike | None = None
    ) -> np.ndarray:
        """Logarithm of the probability of each class, finite where that rounds to 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Columns in the order of ``classes_``.
        """
        return self._gather(X, _log_softmax, potential_energy)

    def decision_function(
        self, X: ArrayLike, potential_energy: ArrayLike | None = None
    ) -> np.ndarray:
        """Logits; for two classes their difference, positive for ``classes_[1]``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._gather(X, _decision, potential_energy)

    def class_energy(
        self, X: ArrayLike, potential_energy: ArrayLike | None = None
    ) -> np.ndarray:
        """Energy of each class: minus its logit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        energy : ndarray of shape (n_samples, n_classes)
            The least is that of the class that is predicted; columns in the order of
            ``classes_``.

        Notes
        -----
        With ``loss="nll"`` only differences between classes mean something: the loss
        does not change if the same is added to all energies of a sample.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(200, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, loss="hinge", max_iter=5, random_state=0)
        >>> energy = clf.fit(X, y).class_energy(X)
        >>> bool((clf.classes_[energy.argmin(axis=1)] == clf.predict(X)).all())
        True
        """
        return self._gather(X, lambda s: -s.logits, potential_energy)

    def free_energy(
        self,
        X: ArrayLike,
        tau: float = 1.0,
        potential_energy: ArrayLike | None = None,
    ) -> np.ndarray:
        """Free energy of each sample: −(1/τ) log Σ_y exp(−τ E(y)).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        tau : float, default=1.0
            Inverse temperature τ > 0. Infinite: the energy of the predicted class.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        free : ndarray of shape (n_samples,)
            At most the least energy of the sample's classes.

        Raises
        ------
        ValueError
            If τ is not positive.

        See Also
        --------
        sklearn_emma.losses.free_energy : The formula, for tensors.
        total_energy : How unlikely the modes of a sample are.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(200, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, loss="hinge", max_iter=5, random_state=0)
        >>> least = clf.fit(X, y).class_energy(X).min(axis=1)
        >>> bool((clf.free_energy(X) < least).all())
        True
        >>> bool((clf.free_energy(X, tau=float("inf")) == least).all())
        True
        """
        return self._gather(X, partial(_free_energy, tau=tau), potential_energy)

    def _read_target(self, y: np.ndarray) -> Classes:
        return Classes.from_labels(y, self.class_weight, self.loss)

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


def _softmax(scores: Scores) -> np.ndarray:
    return as_array(torch.from_numpy(scores.logits).softmax(1))


def _log_softmax(scores: Scores) -> np.ndarray:
    return as_array(torch.from_numpy(scores.logits).log_softmax(1))


def _decision(scores: Scores) -> np.ndarray:
    logits = scores.logits
    return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits


def _free_energy(scores: Scores, tau: float) -> np.ndarray:
    return as_array(free_energy(torch.from_numpy(-scores.logits), tau))
