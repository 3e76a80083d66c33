"""Any scikit-learn regressor as predictor, fitted once the gate has learnt."""

from __future__ import annotations

import inspect
from typing import Protocol

import numpy as np
import torch
from sklearn.base import clone, is_classifier
from sklearn.utils import get_tags
from torch import Tensor

from sklearn_emma._inputs.numbers import Numbers
from sklearn_emma._inputs.sub_estimators import (
    Fittable,
    fit_weighted,
    honours,
    set_random_states,
)
from sklearn_emma._predictors.classifiers import (
    GatedCopies,
    is_estimator,
    naming,
)
from sklearn_emma._predictors.nets import check_nets
from sklearn_emma._validation import validate_nested_params

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
    """An unfitted clone, or None where ``predictor`` is not an estimator but torch's.

    Parameters
    ----------
    predictor : object
        As the user gave it.
    weight : ndarray of shape (n_samples,)
        What the training samples count in the loss.
    dtype : dtype
        Of what it is to be fitted on.
    n_features : int
        Number of columns of it.
    n_targets : int
        Columns of y.

    Raises
    ------
    ValueError
        If it is a class, not an instance; is a classifier, or has no ``predict``; has a
        parameter that scikit-learn calls invalid; or cannot take such weights, values
        or targets.
    """
    if not is_estimator(predictor):
        return None
    given = predictor
    if not isinstance(given, GatedCopies):
        given = GatedCopies(given)  # what it holds is checked below
    if inspect.isclass(given.estimator):
        raise ValueError(
            f"`predictor` must be an instance, got the class "
            f"{given.estimator.__name__}; write {given.estimator.__name__}()."
        )
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
    copies: GatedCopies = clone(given)
    validate_nested_params(copies)
    if n_targets > 1 and _takes_one_target(copies.estimator):
        raise ValueError(
            f"`predictor` {given.estimator!r} predicts one target, and y has "
            f"{n_targets}: wrap it in MultiOutputRegressor."
        )
    if not honours(copies.estimator, weight):
        raise ValueError(
            f"`predictor` {given.estimator!r} takes no `sample_weight` in `fit`, and "
            "the weights of the samples are not whole numbers, for which rows could be "
            "repeated. Fit without weights, or with a regressor that takes them. "
            "Metadata routing, where it is enabled, must request them."
        )
    check_nets(copies.estimator, dtype, n_features)
    return copies


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
    set_random_states(estimator, seed)
    n_copies = len(X) // len(y)
    repeated = np.concatenate([y] * n_copies)
    with naming(estimator, "cannot be fitted"):
        fit_weighted(estimator, X, np.tile(weight, n_copies), repeated)
    fitted = RegressorPredictor(estimator, target)
    fitted.logits(torch.from_numpy(X[:_N_TRIED]))
    return fitted
