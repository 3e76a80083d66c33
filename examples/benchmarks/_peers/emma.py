"""EMMA: A. Werenne, "Energy-based Multi-Modal Attention", University of Liège, 2019."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from _protocol import corrupt_like_training, layout_of, make_generator
from sklearn.metrics import log_loss

from .copies import forest
from .method import Effort, Method

THESIS_RHO = (0.01, 0.1, 1.0, 10.0)  # validation chooses


@dataclass
class Emma:
    """An ``EMMAClassifier``; several candidates are compared on validation data.

    ``candidates(modes, seed, effort)`` lists the unfitted estimators.
    """

    candidates: Callable[[dict[str, list[int]], int, Effort], list[Any]]
    effort: Effort

    def fit(self, X_train, y_train, X_val, y_val, modes, seed) -> Emma:
        """Fit; see :class:`~_peers.method.Method`."""
        # On training data alone: what the estimator holds out, it takes from there.
        estimators = self.candidates(modes, seed, self.effort)
        for estimator in estimators:
            estimator.fit(X_train, y_train)
        if len(estimators) > 1:
            generator = make_generator(seed, "validation")
            X_failed, _ = corrupt_like_training(X_val, layout_of(modes), generator)
            losses = [
                log_loss(y_val, estimator.predict_proba(X_failed.double().numpy()))
                for estimator in estimators
            ]
            self.estimator_ = estimators[int(np.argmin(losses))]
        else:
            self.estimator_ = estimators[0]
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, n_classes)."""
        return self.estimator_.predict_proba(X)

    def mode_suspicion(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Return the modal energies and the negative attention, each (n, M)."""
        return {
            "energy": np.asarray(self.estimator_.modal_energy(X)),
            "attention": -np.asarray(self.estimator_.attention(X)),
        }

    def uncertainty(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Return the total energy (n,)."""
        return {"total_energy": np.asarray(self.estimator_.total_energy(X))}


def defaults(modes: dict[str, list[int]], seed: int, effort: Effort) -> list[Any]:
    """EMMA as a user gets it."""
    from sklearn_emma import EMMAClassifier

    return [EMMAClassifier(modes, random_state=seed, **_shortened(effort))]


def with_forest(modes: dict[str, list[int]], seed: int, effort: Effort) -> list[Any]:
    """EMMA as a user gets it, with a random forest behind its gate."""
    return [
        estimator.set_params(predictor=forest(effort))
        for estimator in defaults(modes, seed, effort)
    ]


def thesis(modes: dict[str, list[int]], seed: int, effort: Effort) -> list[Any]:
    """EMMA as in the thesis, apart from energies per sample: one draw of one noise."""
    from sklearn_emma import make_thesis_classifier

    params = {"random_state": seed} | _shortened(effort)
    return [make_thesis_classifier(modes, rho=rho, **params) for rho in THESIS_RHO]


def _shortened(effort: Effort) -> dict[str, Any]:
    return {"max_iter": effort.max_epochs} if effort.is_smoke else {}


def methods(effort: Effort) -> dict[str, Method]:
    """EMMA with its defaults, in front of a forest, and as in the thesis."""
    return {
        "emma": Emma(defaults, effort),
        "emma+rf": Emma(with_forest, effort),
        "emma-thesis": Emma(thesis, effort),
    }
