"""What an estimator says of the modes of samples: energies, importance, attention."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_emma._estimators.mode_scores import (
    ScoresModes,
    modal_energy_of,
    potential_of,
)
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma._model.scores import OfModes
from sklearn_emma._training.reference import LEVELS


class InspectsModes(ScoresModes):
    """Explanations of samples, and the parts of a fitted model."""

    _reference: dict[str, np.ndarray] | None

    def explain(
        self,
        X: ArrayLike,
        ranks: bool = False,
        potential_energy: ArrayLike | None = None,
    ) -> pd.DataFrame:
        """Everything the gate knows, a row for each sample and a block for each mode.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        ranks : bool, default=False
            Whether to add the ranks of attention and modal energy among clean training
            rows, ``attention_rank`` and ``modal_energy_rank``.
        potential_energy : array-like of shape (n_samples, n_modes), default=None
            Energies to use in place of the model's own; NaN where its own are wanted.

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
            potential_energy,
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


_EXPLAINED: dict[str, Callable[[OfModes], np.ndarray]] = {
    "attention": lambda s: s.attention,
    "trust": lambda s: s.trust,
    "importance": lambda s: s.importance,
    "modal_energy": modal_energy_of,
    "potential_energy": potential_of,
    "missing": lambda s: ~s.present,
}
