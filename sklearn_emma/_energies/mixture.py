"""Energies of narrow modes: a mixture of Gaussians."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import logsumexp
from sklearn.utils import check_random_state
from torch import Tensor

from sklearn_emma._energies.estimator import EnergyEstimator
from sklearn_emma._energies.gaussian_mixtures import Mixture, fit_mixture
from sklearn_emma._energies.padded import PaddedModes, pad
from sklearn_emma._inputs.standardisation import fit_scaler, standardise
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

# Of n_components="auto": with so many samples, and with fewer.
_MANY_SAMPLES, _MANY, _FEW = 1000, 8, 4

# Samples that a component has on average at least.
_SAMPLES_A_COMPONENT = 10


class MixtureEnergy(EnergyEstimator):
    """Minus the log-density of a mixture of Gaussians with full covariances.

        Ψ(x) = −log Σ_k π_k N(u; μ_k, Σ_k),  u = (x − offset) / scale.

    It is the default for modes of up to five columns. A few features can lie in any
    shape, and its mean, a value of which an imputer or a dead sensor is fond, is then
    often where no row is: a mixture sees that, where an autoencoder or a single
    Gaussian does not. Of more features a component would need more rows than there are.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of components K. ``"auto"`` is 8 with a thousand samples or more, 4 with
        fewer. Either is lowered where components would have fewer than ten samples on
        average, or there are fewer distinct rows.
    reg_covar : float, default=0.01
        What is added to the variance of each feature in each component, as a share of
        the feature's variance. The less, the narrower a component can be, and the more
        small noise shows.
    max_iter : int, default=100
        Number of iterations of expectation maximisation at most.
    tol : float, default=1e-3
        They end when one adds less than this to the mean log-likelihood.
    random_state : int, RandomState instance or None, default=None
        Where K-means starts, from which components start.

    Attributes
    ----------
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
        "reg_covar": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    #: It is fitted there; scoring goes wherever the network is.
    device = "cpu"

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
        """Fit on distinct rows X (n, d) of ``weight`` (n,), some of which may be 0."""
        X, weight = X[weight > 0], weight[weight > 0].astype(np.float64)
        scaler = fit_scaler(X, weight)
        self.offset_, self.scale_ = scaler.mean_, scaler.scale_
        found, curve = fit_mixture(
            standardise(X, scaler).astype(np.float64),
            weight,
            self._how_many(len(X), float(weight.sum())),
            self.reg_covar,
            check_random_state(self.random_state),
            max_iter=self.max_iter,
            tol=self.tol,
        )
        self.weights_, self.means_, self.covariances_ = found
        self.lower_bound_, self.n_iter_ = curve[-1], len(curve)
        self.n_features_in_ = X.shape[1]

    def _how_many(self, n_rows: int, n_samples: float) -> int:
        given = self.n_components
        if isinstance(given, str):
            given = _MANY if n_samples >= _MANY_SAMPLES else _FEW
        most = min(n_rows, int(n_samples // _SAMPLES_A_COMPONENT))
        return max(1, min(int(given), most))

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
    ) -> MixtureStack:
        return MixtureStack(estimators, columns, dtype)

    @property
    def _mixture(self) -> Mixture:
        return Mixture(self.weights_, self.means_, self.covariances_)

    def _energy(self, X: np.ndarray) -> np.ndarray:
        mixture = self._mixture
        u = (X.astype(np.float64) - self.offset_) / self.scale_
        centred = u[:, np.newaxis] - mixture.means
        residual = np.einsum("nkd,kde->nke", centred, mixture.roots)
        squares = np.square(residual).sum(axis=2)
        energy: np.ndarray = -logsumexp(mixture.log_peaks - squares / 2, axis=1)
        return energy


class MixtureStack(PaddedModes):
    """Frozen mixtures of all modes, from (n, d) to energies (n, M).

    Parameters
    ----------
    estimators : list of MixtureEnergy
        Fitted, one for each mode.
    columns : list of list of int
        Columns of each mode in the matrix to be scored.
    dtype : torch.dtype
        In which energies are computed.
    """

    means: Tensor
    roots: Tensor
    log_peaks: Tensor

    def __init__(
        self,
        estimators: list[MixtureEnergy],
        columns: list[list[int]],
        dtype: torch.dtype,
    ) -> None:
        super().__init__(columns)
        width = self.columns.shape[1]
        most = max(len(e.weights_) for e in estimators)
        means, roots, peaks = [], [], []
        for e in estimators:
            mixture = e._mixture
            scale = e.scale_[:, np.newaxis]
            means.append(pad(_tensor(e.offset_ + e.scale_ * e.means_), (most, width)))
            roots.append(pad(_tensor(mixture.roots / scale), (most, width, width)))
            # A component that is missing has no share of the density anywhere.
            lost = torch.full((most - len(e.weights_),), -torch.inf)
            peaks.append(torch.cat((_tensor(mixture.log_peaks), lost)))
        self.register_buffer("means", torch.stack(means).to(dtype))
        self.register_buffer("roots", torch.stack(roots).to(dtype))
        self.register_buffer("log_peaks", torch.stack(peaks).to(dtype))

    def forward(self, x: Tensor, needed: Tensor | None = None) -> Tensor:
        """Potential energies (n, M) of ``x`` (n, d), or only the ``needed`` (n, M).

        Where a sample's mode is not needed, the result means nothing.
        """
        return super().forward(x, None if needed is None else needed.T).T

    def of_values(self, modes: Tensor) -> Tensor:
        """Energies (G, n) of (G, n, d); a padded column meets zeros in ``roots``."""
        centred = modes.unsqueeze(1) - self.means.unsqueeze(2)
        squares = torch.matmul(centred, self.roots).square().sum(3)
        return -(self.log_peaks.unsqueeze(2) - squares / 2).logsumexp(1)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))
