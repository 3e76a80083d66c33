"""Energies of outlier detectors, scikit-learn's and PyOD's."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.neighbors import LocalOutlierFactor

from sklearn_emma._energies.estimator import EnergyEstimator
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._validation import (
    Constraints,
    HasMethods,
    fit_context,
    unchanged_on_error,
)


class OutlierEnergy(EnergyEstimator):
    """Energy of any outlier detector with ``decision_function``.

    Take it where a detector is known to work for a mode. Its decision function is high
    for usual values in scikit-learn, and Ψ is then minus what it returns. In PyOD it is
    high for outliers, and is Ψ itself; PyOD's detectors are known by their
    ``decision_scores_``.

    Parameters
    ----------
    detector : estimator with ``decision_function``, default=None
        Cloned. None is ``LocalOutlierFactor(novelty=True)``, which has that method with
        ``novelty=True`` only, and twenty neighbours where there are as many rows.

    Attributes
    ----------
    detector_ : estimator
        Fitted.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import IsolationForest
    >>> from sklearn_emma.energies import OutlierEnergy
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> energy = OutlierEnergy(IsolationForest(random_state=0)).fit(X)
    >>> usual, unusual = -energy.score_samples([[0.0, 0.0], [5.0, -5.0]])
    >>> bool(usual < unusual)
    True
    """

    _parameter_constraints: Constraints = {
        "detector": [HasMethods(["fit", "decision_function"]), None],
    }

    def __init__(self, detector: BaseEstimator | None = None) -> None:
        self.detector = detector

    @fit_context(prefer_skip_nested_validation=False)
    @ordinary_state()
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit a clone of the detector.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of one mode, clean.
        y : None
            Ignored.

        Returns
        -------
        self : OutlierEnergy
            Fitted.

        Raises
        ------
        ValueError
            For NaN, infinities, and where the detector raises one.
        """
        with unchanged_on_error(self):
            values = self._validate(X, reset=True, ensure_min_samples=2)
            n_neighbors = min(20, len(values) - 1)
            default = LocalOutlierFactor(n_neighbors=n_neighbors, novelty=True)
            self.detector_: Any = clone(
                default if self.detector is None else self.detector
            )
            self.detector_.fit(values)
        return self

    def _energy(self, X: np.ndarray) -> np.ndarray:
        decision = np.asarray(self.detector_.decision_function(X))
        return decision if hasattr(self.detector_, "decision_scores_") else -decision
