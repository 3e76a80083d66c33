"""Energies of modes that have a few typical values: distance to the nearest of them."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances

from sklearn_emma._energies.estimator import EnergyEstimator
from sklearn_emma._inputs.weights import check_weights, merge_duplicates
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.torch_state import RandomStateLike
from sklearn_emma._validation import (
    Constraints,
    Interval,
    fit_context,
    unchanged_on_error,
)


def smoothed_minimum(energies: np.ndarray, beta: float) -> np.ndarray:
    """F_β = −(1/β) log of the mean of exp(−β E) over the last axis.

    The minimum for β = ∞, the mean for β = 0, and in between for others; finite for
    any β and finite energies.

    Parameters
    ----------
    energies : ndarray of shape (..., n)
        E.
    beta : float
        Inverse temperature β in [0, ∞].

    Returns
    -------
    ndarray of shape (...)
    """
    least = energies.min(axis=-1)
    above = energies - least[..., np.newaxis]
    if beta == 0:
        return least + above.mean(axis=-1)
    if beta == np.inf:
        return least
    # Near 0 a logarithm of a mean of exponentials would round to 0.
    share: np.ndarray = np.expm1(-beta * above).mean(axis=-1)
    return least - np.log1p(share) / beta


class PrototypeEnergy(EnergyEstimator):
    """Squared distance to the nearest of a few prototypes, hard or smoothed.

    With K prototypes w_k, found by K-means,

        Ψ(x) = min_k ‖x − w_k‖²                                     for β = ∞,
        Ψ(x) = −(1/β) log (1/K) Σ_k exp(−β ‖x − w_k‖²)              for β < ∞.

    Take it for modes whose values gather around a few points, such as the states of a
    machine, and where scoring must be fast. For smaller β further prototypes count, up
    to the mean of all squared distances for β = 0; for β = 1 / (2 s²) it is, up to a
    factor and a constant, the energy of a mixture of K equal Gaussians of standard
    deviation s. All features count alike: correlation within a cluster is not seen.

    Parameters
    ----------
    n_prototypes : int, default=8
        K. Where there are fewer distinct rows, these are the prototypes.
    beta : float, default=inf
        Inverse temperature β ≥ 0 in units of squared distances.
    random_state : int, RandomState instance or None, default=None
        Where K-means starts.

    Attributes
    ----------
    prototypes_ : ndarray of shape (n_prototypes, n_features)
        w_k.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    Examples
    --------
    >>> from sklearn_emma.energies import PrototypeEnergy
    >>> X = [[0.0], [2.0], [10.0], [12.0]]
    >>> hard = PrototypeEnergy(2, random_state=0).fit(X)
    >>> [float(energy) for energy in -hard.score_samples([[2.0], [4.0]])]
    [1.0, 9.0]
    >>> mean = PrototypeEnergy(2, beta=0, random_state=0).fit(X)
    >>> [float(energy) for energy in -mean.score_samples([[1.0], [6.0]])]
    [50.0, 25.0]
    """

    _parameter_constraints: Constraints = {
        "n_prototypes": [Interval(Integral, 1, None, closed="left")],
        "beta": [Interval(Real, 0, None, closed="both")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_prototypes: int = 8,
        beta: float = np.inf,
        *,
        random_state: RandomStateLike = None,
    ) -> None:
        self.n_prototypes = n_prototypes
        self.beta = beta
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    @ordinary_state()
    def fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find the prototypes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of one mode, clean.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights ≥ 0; weight k counts as the row repeated k times.

        Returns
        -------
        self : PrototypeEnergy
            Fitted.

        Raises
        ------
        ValueError
            For NaN, infinities and all-zero weights.
        """
        with unchanged_on_error(self):
            values = self._validate(X, reset=True)
            weight = check_weights(sample_weight, values)
            (rows,), weight, _ = merge_duplicates([values], weight)
            means = KMeans(
                min(self.n_prototypes, len(rows)),
                n_init=_N_STARTS,
                random_state=self.random_state,
            )
            with warnings.catch_warnings():
                # Rows that differ by rounding alone; some prototypes then coincide.
                warnings.simplefilter("ignore", ConvergenceWarning)
                means.fit(rows, sample_weight=weight)
            self.prototypes_ = means.cluster_centers_
        return self

    def _energy(self, X: np.ndarray) -> np.ndarray:
        distances = euclidean_distances(X, self.prototypes_, squared=True)
        return smoothed_minimum(distances, self.beta)


# K-means ends in a local optimum: the best of so many is taken.
_N_STARTS = 4
