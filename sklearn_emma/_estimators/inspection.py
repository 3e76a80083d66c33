"""What an estimator says of the modes of samples: energies, importance, attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_emma._estimators.output import SetsOutput
from sklearn_emma._model.model import EMMAModel
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma._model.scores import OfModes, Scores
from sklearn_emma._training.reference import LEVELS

Quantity: TypeAlias = Callable[[Scores], np.ndarray]


class InspectsModes(SetsOutput):
    """Scores of modes, for an estimator that gathers quantities of a fitted model."""

    _reference: dict[str, np.ndarray] | None
    _model: EMMAModel

    def _gather(self, X: ArrayLike, quantity: Quantity) -> np.ndarray:
        """Validate X, then return ``quantity`` of its scores."""
        raise TypeError(f"{type(self).__name__} must define `_gather`.")

    def _scores_at(
        self, X: ArrayLike, level: str, quantity: Callable[[OfModes], np.ndarray]
    ) -> Any:
        """Return ``quantity`` of modes or of parts, (n, M), as it is wanted."""
        check_level(level)
        values = self._gather(X, lambda scores: quantity(scores.at(level)))
        return self._by_mode(values, X, level)

    def attention(self, X: ArrayLike, level: str = "modes") -> np.ndarray:
        """Attention β, by which each mode is multiplied.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        level : {"modes", "parts"}, default="modes"
            Whether there is a column for each mode or for each part. The latter is by
            what a part is multiplied in all: β among the parts of its mode, times β of
            the mode. A mode without parts is its only part.

        Returns
        -------
        attention : ndarray of shape (n_samples, n_modes)
            In [0, 1]; 0 where the mode is missing.
        """
        return self._scores_at(X, level, lambda s: s.attention)

    def importance(self, X: ArrayLike, level: str = "modes") -> np.ndarray:
        """Importance α: Gibbs distribution of the modal energies.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        level : {"modes", "parts"}, default="modes"
            As in :meth:`attention`; that of a part is its share of that of its mode.

        Returns
        -------
        importance : ndarray of shape (n_samples, n_modes)
            Sums to 1 over the modes that are present; 0 where a mode is missing.
        """
        return self._scores_at(X, level, lambda s: s.importance)

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

    def modal_energy(self, X: ArrayLike, level: str = "modes") -> np.ndarray:
        """Modal energy E: potential energy, scaled, weighed and coupled.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        level : {"modes", "parts"}, default="modes"
            As in :meth:`attention`.

        Returns
        -------
        modal : ndarray of shape (n_samples, n_modes)
            NaN where the mode is missing.
        """
        return self._scores_at(X, level, _modal_energy)

    def total_energy(self, X: ArrayLike) -> np.ndarray:
        """Sum of the modal energies of the modes, and parts, that are present.

        It rises as inputs are corrupted, and so tells *perturbed* from clean inputs. To
        tell wrong from right predictions, 1 − max probability does better. Compare only
        samples with the same modes present, since each mode adds to the sum.

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

    def explain(self, X: ArrayLike, ranks: bool = False) -> pd.DataFrame:
        """Everything the gate knows, a row for each sample and a block for each mode.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        ranks : bool, default=False
            Whether to add the ranks of attention and modal energy among clean training
            rows, ``attention_rank`` and ``modal_energy_rank``.

        Returns
        -------
        explanation : pandas.DataFrame
            Two-level columns (mode, quantity); the quantities are ``attention``,
            ``trust``, ``importance``, ``modal_energy``, ``potential_energy`` and
            ``missing``. Trust is what the joint energy leaves of attention: a mode that
            is usual by itself, but contradicts the others, is shut by it. A rank is the
            share of clean rows with a lower value, from ``reference_``, so in steps of
            a hundredth; NaN where the mode is missing. The block of a mode that has
            parts is followed by theirs, ``mode__part``. The index is that of X, if X
            has one.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(400, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, max_iter=5, random_state=0).fit(X, y)
        >>> X[0, modes["mode_1"]] += 5
        >>> table = clf.explain(X[:1], ranks=True)["mode_1"]
        >>> table[["attention_rank", "modal_energy_rank"]].iloc[0].tolist()
        [0.0, 1.0]
        """
        gathered = self._gather(
            X,
            lambda scores: scores.by_level(
                lambda s: np.stack([of(s) for of in _EXPLAINED.values()], axis=2)
            ),
        )
        columns = {
            (mode, name): gathered[:, i, j]
            for mode, i in self._blocks.items()
            for j, name in enumerate(_EXPLAINED)
        }
        frame = pd.DataFrame(
            columns, index=X.index if isinstance(X, pd.DataFrame) else None
        )
        frame.columns.names = ["mode", "quantity"]
        frame = frame.astype({(mode, "missing"): bool for mode in self._blocks})
        return self._with_ranks(frame) if ranks else frame

    @property
    def _blocks(self) -> dict[str, int]:
        """Modes, each followed by its parts, and where they are among (M + P)."""
        layout = self._model.layout
        found = {}
        for i, mode in enumerate(layout.modes.names):
            found[mode] = i
            for part in np.flatnonzero(layout.mode_of_part == i).tolist():
                # A mode without parts is told once.
                found.setdefault(layout.names[part], layout.modes.n_modes + part)
        return found

    def _with_ranks(self, explanation: pd.DataFrame) -> pd.DataFrame:
        blocks, reference = {}, self.reference_
        for mode in self._blocks:
            block = explanation[mode].copy()
            for quantity, quantiles in reference[mode].items():
                rank = _rank(block[quantity].to_numpy(), quantiles.to_numpy())
                block[f"{quantity}_rank"] = np.where(block["missing"], np.nan, rank)
            blocks[mode] = block
        return pd.concat(blocks, axis=1, names=["mode", "quantity"])

    @property
    def reference_(self) -> pd.DataFrame:
        """Quantiles of attention and modal energy on clean training rows.

        A row for each share of rows, from 0 to 1 in hundredths, that have this value or
        a lower one; two-level columns (mode, quantity). Energies are from models that
        have not seen the row. Candidates of a search that were trained together have
        none.
        """
        check_is_fitted(self)
        if self._reference is None:
            raise AttributeError(
                "A candidate that was trained together with others has no `reference_`."
            )
        columns = {
            (mode, name): values[:, i]
            for mode, i in self._blocks.items()
            for name, values in self._reference.items()
        }
        frame = pd.DataFrame(columns, index=pd.Index(LEVELS, name="share"))
        frame.columns.names = ["mode", "quantity"]
        return frame

    @property
    def network_(self) -> EMMANetwork:
        """The trained torch module: gate and differentiable predictor."""
        check_is_fitted(self)
        return self._model.network

    @property
    def temperature_(self) -> float:
        """Temperature of the mixture of predictor and single modes; 1 without them.

        Learnt from samples held out in pretraining; ``predict_proba`` is the softmax
        after it.
        """
        check_is_fitted(self)
        evidence = self._model.network.evidence
        return 1.0 if evidence is None else evidence.temperature

    @property
    def predictor_(self) -> nn.Module | BaseEstimator:
        """What predicts: the fitted estimator or, without one, a torch module."""
        check_is_fitted(self)
        classifier = self._model.classifier
        if classifier is not None:
            return classifier.estimator
        return self._model.network.predictor


def _rank(values: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Share of quantiles below each value, those that are equal counted as halves."""
    below, not_above = (
        np.searchsorted(quantiles, values, side=side) for side in ("left", "right")
    )
    rank: np.ndarray = (below + not_above) / (2 * len(quantiles))
    return rank


def check_level(level: str) -> None:
    """Raise ValueError unless ``level`` is that of modes or of parts."""
    if level not in ("modes", "parts"):
        raise ValueError(f"`level` must be 'modes' or 'parts', got {level!r}.")


def potential_of(scores: OfModes) -> np.ndarray:
    """Ψ (n, M), NaN where the mode is missing."""
    return np.where(scores.present, scores.potential, np.nan)


def _modal_energy(scores: OfModes) -> np.ndarray:
    return np.where(scores.present, scores.modal_energy, np.nan)


def _total_energy(scores: Scores) -> np.ndarray:
    total = np.nansum(_modal_energy(scores), axis=1)
    if scores.layout.has_parts:
        # Those above, which are not a single part of the same energy.
        several = np.array(scores.layout.n_parts) > 1
        of_modes = _modal_energy(scores.at("modes"))
        total = total + np.nansum(of_modes[:, several], axis=1)
    return np.where(scores.present.any(axis=1), total, np.nan)


_EXPLAINED: dict[str, Callable[[OfModes], np.ndarray]] = {
    "attention": lambda s: s.attention,
    "trust": lambda s: s.trust,
    "importance": lambda s: s.importance,
    "modal_energy": _modal_energy,
    "potential_energy": potential_of,
    "missing": lambda s: ~s.present,
}
