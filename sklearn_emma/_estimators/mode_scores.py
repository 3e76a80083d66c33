"""Energies, importance and attention of the modes of samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._estimators.output import SetsOutput
from sklearn_emma._model.model import EMMAModel
from sklearn_emma._model.scores import OfModes, Scores

Quantity: TypeAlias = Callable[[Scores], np.ndarray]


class ScoresModes(SetsOutput):
    """Scores of modes, for an estimator that gathers quantities of a fitted model."""

    _model: EMMAModel

    def _gather(
        self,
        X: ArrayLike,
        quantity: Quantity,
        potential_energy: ArrayLike | None = None,
    ) -> np.ndarray:
        """Validate X, then return ``quantity`` of its scores."""
        raise TypeError(f"{type(self).__name__} must define `_gather`.")

    def _scores_at(
        self,
        X: ArrayLike,
        level: str,
        quantity: Callable[[OfModes], np.ndarray],
        potential_energy: ArrayLike | None = None,
    ) -> Any:
        """Return ``quantity`` of modes or of parts, (n, M), as it is wanted."""
        check_level(level)
        values = self._gather(
            X, lambda scores: quantity(scores.at(level)), potential_energy
        )
        return self._by_mode(values, X, level)

    def attention(
        self,
        X: ArrayLike,
        level: str = "modes",
        potential_energy: ArrayLike | None = None,
    ) -> np.ndarray:
        """Attention β, by which each mode is multiplied.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        level : {"modes", "parts"}, default="modes"
            Whether there is a column for each mode or for each part. The latter is by
            what a part is multiplied in all: β among the parts of its mode, times β of
            the mode. A mode without parts is its only part.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.
            Where modes have parts, there may be one for each part instead; that of a
            mode is taken for all its parts.

        Returns
        -------
        attention : ndarray of shape (n_samples, n_modes)
            In [0, 1]; 0 where the mode is missing.
        """
        return self._scores_at(X, level, lambda s: s.attention, potential_energy)

    def importance(
        self,
        X: ArrayLike,
        level: str = "modes",
        potential_energy: ArrayLike | None = None,
    ) -> np.ndarray:
        """Importance α: Gibbs distribution of the modal energies.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        level : {"modes", "parts"}, default="modes"
            As in :meth:`attention`; that of a part is its share of that of its mode.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        importance : ndarray of shape (n_samples, n_modes)
            Sums to 1 over the modes that are present; 0 where a mode is missing.
        """
        return self._scores_at(X, level, lambda s: s.importance, potential_energy)

    def potential_energy(self, X: ArrayLike, level: str = "modes") -> np.ndarray:
        """Potential energy Ψ: how unlikely each mode's values are by themselves.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        level : {"modes", "parts"}, default="modes"
            As in :meth:`attention`. Energies are of parts; that of a mode is their
            mean, weighted by their importance within the mode.

        Returns
        -------
        potential : ndarray of shape (n_samples, n_modes)
            Minus ``score_samples`` of the mode's energy estimator; NaN where the mode
            is missing.
        """
        return self._scores_at(X, level, potential_of)

    def modal_energy(
        self,
        X: ArrayLike,
        level: str = "modes",
        potential_energy: ArrayLike | None = None,
    ) -> np.ndarray:
        """Modal energy E: potential energy, scaled, weighed and coupled.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        level : {"modes", "parts"}, default="modes"
            As in :meth:`attention`.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        modal : ndarray of shape (n_samples, n_modes)
            NaN where the mode is missing.
        """
        return self._scores_at(X, level, modal_energy_of, potential_energy)

    def total_energy(
        self, X: ArrayLike, potential_energy: ArrayLike | None = None
    ) -> np.ndarray:
        """Sum of the modal energies of the modes, and parts, that are present.

        It rises as inputs are corrupted, and so tells *perturbed* from clean inputs. To
        tell wrong from right predictions, 1 − max probability does better. Compare only
        samples with the same modes present, since each mode adds to the sum.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        total : ndarray of shape (n_samples,)
            NaN where no mode is present.
        """
        return self._gather(X, _total_energy, potential_energy)

    def energy_threshold(
        self, X: ArrayLike, potential_energy: ArrayLike | None = None
    ) -> np.ndarray:
        """Modal energy below which a mode passes; it moves with the sample.

        With g and b_a the gain and bias of the attention function and Z the sum of
        exp(−ρ E) over the modes that are present, it is (log(g / b_a) − log Z) / ρ: the
        lower the energies of all modes, the lower the energy that is let through. It is
        of modes, also where they have parts; of the parts where there is one mode only.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

        Returns
        -------
        threshold : ndarray of shape (n_samples,)
            Attention is above 0 where ``modal_energy`` is below it, before the joint
            energy. Infinite if ``attention_bias_`` is 0: every mode passes, however
            little of it. NaN where no mode is present.

        Raises
        ------
        ValueError
            If the attention function has no threshold: it is neither soft nor hard.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(200, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, attention_function="hard", random_state=0)
        >>> clf = clf.set_params(lambda_c=0.1, max_iter=20).fit(X, y)
        >>> passes = clf.modal_energy(X) < clf.energy_threshold(X)[:, None]
        >>> bool((passes == (clf.attention(X) == 1)).all())
        True
        """
        check_is_fitted(self)
        if self._model.network.gate.attention_function.threshold() is None:
            raise ValueError(
                "Only soft and hard attention have a threshold; the attention function "
                "of this model has no gain and bias."
            )
        return self._gather(X, lambda s: s.energy_threshold, potential_energy)


def check_level(level: str) -> None:
    """Raise ValueError unless ``level`` is that of modes or of parts."""
    if level not in ("modes", "parts"):
        raise ValueError(f"`level` must be 'modes' or 'parts', got {level!r}.")


def potential_of(scores: OfModes) -> np.ndarray:
    """Ψ (n, M), NaN where the mode is missing."""
    return np.where(scores.present, scores.potential, np.nan)


def modal_energy_of(scores: OfModes) -> np.ndarray:
    """E (n, M), NaN where the mode is missing."""
    return np.where(scores.present, scores.modal_energy, np.nan)


def _total_energy(scores: Scores) -> np.ndarray:
    total = np.nansum(modal_energy_of(scores), axis=1)
    if scores.layout.has_parts:
        # Those above, which are not a single part of the same energy.
        several = np.array(scores.layout.n_parts) > 1
        of_modes = modal_energy_of(scores.at("modes"))
        total = total + np.nansum(of_modes[:, several], axis=1)
    return np.where(scores.present.any(axis=1), total, np.nan)
