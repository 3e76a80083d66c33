"""Energies of narrow modes: a mixture of Gaussians."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import logsumexp
from sklearn.utils import check_random_state
from torch import nn

from sklearn_emma._energies.cross_fitting import row_keys
from sklearn_emma._energies.estimator import EnergyEstimator
from sklearn_emma._energies.gaussian_mixtures import Mixture, fit_mixture
from sklearn_emma._energies.mixture_scoring import FrozenMixture, stack_mixtures
from sklearn_emma._inputs.standardisation import fit_scaler, in_units, standardise
from sklearn_emma._inputs.weights import check_weights, merge_duplicates
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._optim.torch_state import RandomStateLike
from sklearn_emma._validation import (
    Constraints,
    Interval,
    StrOptions,
    fit_context,
    unchanged_on_error,
)

# Of n_components="auto": as many components with so many samples, with fewer, and the
# samples that each has on average at least.
_MANY_SAMPLES, _MANY_COMPONENTS, _FEW_COMPONENTS = 1000, 8, 4
_SAMPLES_A_COMPONENT = 10


class MixtureEnergy(EnergyEstimator):
    """Minus the log-density of a mixture of Gaussians with full covariances.

        Ψ(x) = −log Σ_k π_k N(u; μ_k, Σ_k),  u = (x − offset) / scale.

    It is the default for modes of up to five columns. A few features can lie in any
    shape, and their mean, a value of which an imputer or a dead sensor is fond, is then
    often where no row is: a mixture sees that, where an autoencoder or a single
    Gaussian does not. Of more features a component would need more rows than there are.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of components K. ``"auto"`` is 8 with a thousand samples or more, 4 with
        fewer, and less where components would have fewer than ten samples on average.
        There are no more components than distinct rows.
    reg_covar : float, default=0.01
        What is added to the variance of each feature in each component, as a share of
        the feature's variance, 1e-10 at least. The less, the narrower a component can
        be, and the more small noise shows.
    max_iter : int, default=100
        Number of iterations of expectation maximisation at most.
    tol : float, default=1e-3
        They end when one adds less than this to the mean log-likelihood.
    random_state : int, RandomState instance or None, default=None
        Where K-means starts, from which components start.

    Attributes
    ----------
    n_components_ : int
        K.
    weights_ : ndarray of shape (n_components,)
        Shares π.
    means_ : ndarray of shape (n_components, n_features)
        μ, in standardised features u.
    covariances_ : ndarray of shape (n_components, n_features, n_features)
        Σ, of u.
    offset_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of each feature; of one that does not vary, its size
        or 1.
    lower_bound_ : float
        Mean log-likelihood of the training rows, in u.
    n_iter_ : int
        Number of iterations run; ``max_iter`` if ``tol`` was not reached.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    See Also
    --------
    sklearn.mixture.GaussianMixture : Without weights of samples; it can be an energy
        as well.
    sklearn_emma.PotentialEnergyTransformer : The default for wider modes.

    References
    ----------
    A. P. Dempster, N. M. Laird and D. B. Rubin, "Maximum likelihood from incomplete
    data via the EM algorithm", JRSS B 39 (1977).

    Examples
    --------
    Two clusters, and their mean, where nothing is:

    >>> import numpy as np
    >>> from sklearn_emma.energies import MixtureEnergy
    >>> X = np.random.default_rng(0).normal([[-5.0, 0.0], [5.0, 0.0]], 1.0, (100, 2, 2))
    >>> energy = MixtureEnergy(n_components=2, random_state=0).fit(X.reshape(-1, 2))
    >>> usual, between = energy.score_samples([[5.0, 0.0], [0.0, 0.0]])
    >>> bool(usual > between + 5)
    True
    """

    _parameter_constraints: Constraints = {
        "n_components": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "reg_covar": [Interval(Real, 1e-10, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    #: It is fitted there; scoring goes wherever the network is.
    device = "cpu"

    n_components_: int
    weights_: np.ndarray
    means_: np.ndarray
    covariances_: np.ndarray
    offset_: np.ndarray
    scale_: np.ndarray

    def __init__(
        self,
        n_components: int | str = "auto",
        *,
        reg_covar: float = 0.01,
        max_iter: int = 100,
        tol: float = 1e-3,
        random_state: RandomStateLike = None,
    ) -> None:
        self.n_components = n_components
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    @ordinary_state()
    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit the mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of one mode, clean; two rows at least.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights ≥ 0; weight k counts as the row repeated k times.

        Returns
        -------
        self : MixtureEnergy
            Fitted.

        Raises
        ------
        ValueError
            For NaN, infinities and all-zero weights.
        """
        with unchanged_on_error(self):
            values = self._validate(X, reset=True, ensure_min_samples=2)
            weight = check_weights(sample_weight, values)
            (rows,), weight, _ = merge_duplicates([values], weight)
            self._fit_rows(rows, weight)
        return self

    def _fit_rows(self, X: np.ndarray, weight: np.ndarray) -> None:
        """Fit on rows X (n, d) of ``weight`` (n,), some of which may be 0."""
        X, weight = X[weight > 0], weight[weight > 0].astype(np.float64)
        n_distinct = len(np.unique(row_keys(X)))
        self.n_components_ = min(self._how_many(float(weight.sum())), n_distinct)
        scaler = fit_scaler(X, weight)
        self.offset_, self.scale_ = scaler.mean_, scaler.scale_
        found, curve = fit_mixture(
            standardise(X, scaler).astype(np.float64),
            weight,
            self.n_components_,
            self.reg_covar,
            check_random_state(self.random_state),
            max_iter=self.max_iter,
            tol=self.tol,
        )
        self.weights_, self.means_, self.covariances_ = found
        self.lower_bound_, self.n_iter_ = curve[-1], len(curve)
        self.n_features_in_ = X.shape[1]

    def _how_many(self, n_samples: float) -> int:
        if not isinstance(self.n_components, str):
            return int(self.n_components)
        many = n_samples >= _MANY_SAMPLES
        most = _MANY_COMPONENTS if many else _FEW_COMPONENTS
        return max(1, min(most, int(n_samples // _SAMPLES_A_COMPONENT)))

    # Several modes are fitted and scored as one; see ``per_mode.BatchedEnergy``.

    @staticmethod
    def _fit_together(
        estimators: list[MixtureEnergy],
        Xs: list[np.ndarray],
        weights: list[np.ndarray],
    ) -> None:
        for estimator, X, weight in zip(estimators, Xs, weights, strict=True):
            estimator._fit_rows(X, weight)

    @staticmethod
    def _stack(
        estimators: list[MixtureEnergy], columns: list[list[int]], dtype: torch.dtype
    ) -> nn.Module:
        return stack_mixtures([e._frozen for e in estimators], columns, dtype)

    @property
    def _mixture(self) -> Mixture:
        return Mixture(self.weights_, self.means_, self.covariances_)

    @property
    def _frozen(self) -> FrozenMixture:
        roots = self._mixture.roots
        means = self.offset_ + self.scale_ * self.means_
        in_units_of_x = roots / self.scale_[:, np.newaxis]
        return FrozenMixture(means, in_units_of_x, self._mixture.log_peaks(roots))

    def _energy(self, X: np.ndarray) -> np.ndarray:
        mixture = self._mixture
        u = in_units(X.astype(np.float64), self.offset_, self.scale_)
        centred = u[:, np.newaxis] - mixture.means
        roots = mixture.roots
        squares = np.square(np.einsum("nkd,kde->nke", centred, roots)).sum(axis=2)
        energy: np.ndarray = -logsumexp(mixture.log_peaks(roots) - squares / 2, axis=1)
        return energy
