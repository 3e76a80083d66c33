"""Any scikit-learn regressor as predictor, fitted once the gate has learnt."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from sklearn.base import is_classifier
from sklearn.utils import get_tags
from torch import Tensor

from sklearn_emma._inputs.numbers import Numbers
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

# Number of rows on which a regressor is tried as soon as it is fitted.
_N_TRIED = 5


class Regressor(Fittable, Protocol):
    """A scikit-learn regressor."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Values, (n,) or (n, n_targets)."""
        ...


class RegressorPredictor:
    """A fitted regressor that answers with standardised values, as a network does.

    Parameters
    ----------
    estimator : regressor
        Fitted on gated inputs (n, d) and values in their own units.
    target : Numbers
        Knows these units.
    """

    def __init__(self, estimator: Regressor, target: Numbers) -> None:
        self.estimator = estimator
        self.target = target

    def logits(self, gated: Tensor) -> Tensor:
        """Outputs (n, n_targets) for gated inputs (n, d), on the CPU.

        Raises
        ------
        ValueError
            If the regressor does not give each row a finite value of each target.
        """
        x, n_targets = gated.cpu().numpy(), self.target.n_columns
        with naming(self.estimator, "cannot predict"):
            found = np.asarray(self.estimator.predict(x))
            if found.size != len(x) * n_targets or found.dtype.kind not in "biuf":
                raise ValueError(
                    "`predict` of `predictor` must return numbers of shape (n_samples, "
                    f"n_targets) = ({len(x)}, {n_targets}); got {found.shape} of the "
                    f"type {found.dtype}."
                )
            if not np.isfinite(found).all():
                raise ValueError("`predict` of `predictor` must return finite numbers.")
        values = torch.from_numpy(found.astype(np.float64).reshape(len(x), n_targets))
        return self.target.standardise(values).to(gated.dtype)


def clone_regressor(
    predictor: object,
    weight: np.ndarray,
    dtype: np.dtype,
    n_features: int,
    n_targets: int,
) -> GatedCopies | None:
    """An unfitted clone, or None where ``predictor`` is no estimator but torch's.

    Arguments as of :func:`~.classifiers.clone_copies`; y has ``n_targets`` columns.

    Raises
    ------
    ValueError
        As that, and if it is a class, not an instance; is a classifier, or has no
        ``predict``; or cannot take so many targets.
    """
    given = given_copies(predictor)
    if given is None:
        return None
    if not hasattr(given.estimator, "fit") or not hasattr(given.estimator, "predict"):
        raise ValueError(
            "`predictor` must be a scikit-learn regressor, which has `fit` and "
            f"`predict`; got {given.estimator!r}. What is none, such as a torch module "
            "or what builds one, is a `predictor` by itself."
        )
    if is_classifier(given.estimator):
        raise ValueError(
            f"`predictor` must be a regressor, got the classifier {given.estimator!r}."
        )
    if n_targets > 1 and _takes_one_target(given.estimator):
        raise ValueError(
            f"`predictor` {given.estimator!r} predicts one target, and y has "
            f"{n_targets}: wrap it in MultiOutputRegressor."
        )
    return clone_copies(given, weight, dtype, n_features)


def _takes_one_target(estimator: object) -> bool:
    """Whether it says so of itself; what wraps others does not always know."""
    wraps = any(hasattr(estimator, name) for name in ("estimator", "regressor"))
    try:
        return not wraps and not get_tags(estimator).target_tags.multi_output
    except (AttributeError, TypeError):  # not every estimator has tags
        return False


def fit_regressor(
    estimator: Regressor,
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    target: Numbers,
    seed: int,
) -> RegressorPredictor:
    """Fit an estimator, in place, on gated copies of the training data.

    Parameters
    ----------
    estimator : regressor
        From :func:`clone_regressor`.
    X : ndarray of shape (n_copies * n_samples, d)
        One copy after another.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        Values in their own units, the same in each copy.
    weight : ndarray of shape (n_samples,)
        What each counts, the same in each copy.
    target : Numbers
        Knows the units of y.
    seed : int
        For every ``random_state`` that is None.

    Raises
    ------
    ValueError
        If what it predicts for a few of the samples are no numbers.
    """
    fit_copies(estimator, X, y, weight, seed)
    fitted = RegressorPredictor(estimator, target)
    fitted.logits(torch.from_numpy(X[:_N_TRIED]))
    return fitted
