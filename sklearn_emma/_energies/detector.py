"""A potential energy by itself, as an outlier detector of scikit-learn."""

from __future__ import annotations

from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._energies.potential import PotentialEnergyTransformer
from sklearn_emma._inputs.sub_estimators import set_random_states
from sklearn_emma._inputs.values import check_numbers
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.torch_state import RandomStateLike, draw_seed
from sklearn_emma._validation import (
    Constraints,
    HasMethods,
    Interval,
    fit_context,
    unchanged_on_error,
)


class PotentialEnergyDetector(OutlierMixin, BaseEstimator):
    """Outlier detector: rows whose potential energy is above that of most others.

    Take it where there is one mode and no class to predict, or to search over the
    parameters of an energy by itself. The limit is that of the training rows, which a
    model that has seen them finds more usual than others: of new clean rows somewhat
    more than ``contamination`` are above it.

    Parameters
    ----------
    energy : estimator with ``score_samples``, default=None
        Any energy. Cloned. None is
        :class:`~sklearn_emma.PotentialEnergyTransformer`.
    contamination : float, default=0.1
        Share of the training rows, in (0, 0.5], that are taken for outliers.
    random_state : int, RandomState instance or None, default=None
        For whatever in ``energy`` has a ``random_state`` of None.

    Attributes
    ----------
    energy_ : estimator
        Fitted.
    offset_ : float
        Score below which a row is an outlier.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    Examples
    --------
    >>> from sklearn_emma.datasets import make_circle
    >>> from sklearn_emma.energies import PotentialEnergyDetector
    >>> X, _ = make_circle(500, noise=0.1, random_state=0)
    >>> detector = PotentialEnergyDetector(contamination=0.02, random_state=0).fit(X)
    >>> detector.predict([[3.0, 0.0], [9.0, 9.0]])
    array([ 1, -1])
    >>> detector.set_params(contamination=0.2).fit_predict(X).tolist().count(-1)
    100
    """

    _parameter_constraints: Constraints = {
        "energy": [HasMethods(["fit", "score_samples"]), None],
        "contamination": [Interval(Real, 0, 0.5, closed="right")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        energy: BaseEstimator | None = None,
        *,
        contamination: float = 0.1,
        random_state: RandomStateLike = None,
    ) -> None:
        self.energy = energy
        self.contamination = contamination
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    @ordinary_state()
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit the energy, and find the limit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of one mode.
        y : None
            Ignored.

        Returns
        -------
        self : PotentialEnergyDetector
            Fitted.

        Raises
        ------
        ValueError
            For NaN, infinities, and where the energy raises one.
        """
        with unchanged_on_error(self):
            values = self._validate(X, reset=True, ensure_min_samples=2)
            default = PotentialEnergyTransformer()
            energy: Any = clone(default if self.energy is None else self.energy)
            seed = draw_seed(check_random_state(self.random_state))
            set_random_states(energy, seed)
            self.energy_ = energy.fit(values)
            scores = self.energy_.score_samples(values)
            self.offset_ = float(np.percentile(scores, 100 * self.contamination))
        return self

    @ordinary_state()
    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """Score samples, as the energy does.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode.

        Returns
        -------
        score : ndarray of shape (n_samples,)
            −Ψ; higher is more usual.
        """
        check_is_fitted(self)
        scores: np.ndarray = self.energy_.score_samples(self._validate(X, reset=False))
        return scores

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Score samples, and subtract the limit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode.

        Returns
        -------
        decision : ndarray of shape (n_samples,)
            Negative for outliers.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Say which samples are outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of the mode.

        Returns
        -------
        label : ndarray of shape (n_samples,)
            −1 for outliers, 1 for others.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _validate(self, X: ArrayLike, **options: object) -> np.ndarray:
        kinds = {"dtype": [np.float64, np.float32], "order": "C"}
        return check_numbers(self, X, **kinds | options)
