"""Energies of anything that encodes a mode and decodes it again."""

from __future__ import annotations

from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA

from sklearn_emma._energies.estimator import EnergyEstimator
from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._validation import (
    Constraints,
    HasMethods,
    Interval,
    fit_context,
    noting,
    unchanged_on_error,
)

# Rows on which an estimator is tried as soon as it is fitted.
_N_TRIED = 2

# Atoms may be longer than 1 by rounding.
_LONGEST_ATOM = 1 + 1e-4


class ReconstructionEnergy(EnergyEstimator):
    """What an encoder and its decoder lose: Ψ(x) = ½ ‖x − x̂‖² + α ‖z‖₁.

    z is the code of x by ``transform``, x̂ its reconstruction by ``inverse_transform``.
    Take it where modes lie near a plane or a manifold of fewer dimensions than
    features: small noise then shows as a distance from it. It sees nothing *along* the
    manifold, where values may be as large as they like (unless α > 0), and nothing at
    all where every x is given back, as by a PCA with as many components as features.

    Parameters
    ----------
    estimator : estimator with ``transform`` and ``inverse_transform``, default=None
        For instance PCA, KernelPCA (with ``fit_inverse_transform=True``), NMF, FastICA,
        DictionaryLearning, an autoencoder, or a pipeline of such. It is cloned, and
        should keep the scale of features: the loss is in the units of X. None is a PCA
        that keeps 90 % of the variance.
    penalty : float, default=0.0
        What the code costs, α ≥ 0. With that of DictionaryLearning
        (``transform_algorithm="lasso_lars"`` and ``transform_alpha`` of the same value)
        the code is the one of least energy. What a code of 1 adds to a reconstruction,
        an atom, must not be longer than 1: otherwise codes would be short for nothing.

    Attributes
    ----------
    estimator_ : estimator
        Fitted.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, where X has string names.

    See Also
    --------
    sklearn_emma.PotentialEnergyTransformer.reconstruction_error : That of the default.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_emma.energies import ReconstructionEnergy
    >>> X = np.random.default_rng(0).normal(size=(100, 1)) * [3.0, 4.0]
    >>> energy = ReconstructionEnergy(PCA(n_components=1)).fit(X)
    >>> on_the_line, beside_it = -energy.score_samples([[6.0, 8.0], [-4.0, 3.0]])
    >>> round(float(abs(on_the_line)), 6), round(float(beside_it), 6)
    (0.0, 12.5)
    """

    _parameter_constraints: Constraints = {
        "estimator": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "penalty": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, estimator: BaseEstimator | None = None, penalty: float = 0.0
    ) -> None:
        self.estimator = estimator
        self.penalty = penalty

    @fit_context(prefer_skip_nested_validation=False)
    @ordinary_state()
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit a clone of the estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Values of one mode, clean.
        y : None
            Ignored.

        Returns
        -------
        self : ReconstructionEnergy
            Fitted.

        Raises
        ------
        ValueError
            For NaN and infinities; if reconstructions are not of the shape of X; or,
            with a penalty, if atoms are longer than 1.
        """
        with unchanged_on_error(self):
            values = self._validate(X, reset=True, ensure_min_samples=2)
            default = PCA(n_components=0.9, svd_solver="full")
            given = default if self.estimator is None else self.estimator
            self.estimator_: Any = clone(given).fit(values)
            if self.penalty > 0:
                _check_atoms(self.estimator_)
            with noting(f"`estimator`, {given!r}, was tried on the first rows of X."):
                self._energy(values[:_N_TRIED])
        return self

    def _energy(self, X: np.ndarray) -> np.ndarray:
        code = np.asarray(self.estimator_.transform(X))
        found = np.asarray(self.estimator_.inverse_transform(code))
        if found.shape != X.shape:
            raise ValueError(
                f"`inverse_transform` must return what `transform` was given, {X.shape}"
                f"; that of {self.estimator_!r} returned {found.shape}."
            )
        loss = 0.5 * np.square(X - found).sum(axis=1)
        if self.penalty == 0:
            return loss
        return loss + self.penalty * np.abs(code).reshape(len(X), -1).sum(axis=1)


def _check_atoms(estimator: Any) -> None:
    """Check that no atom, what a code of 1 adds, of a linear decoder is too long."""
    if not hasattr(estimator, "components_"):
        return
    n_atoms = len(estimator.components_)
    codes = np.vstack([np.zeros(n_atoms), np.eye(n_atoms)])
    decoded = np.asarray(estimator.inverse_transform(codes))
    longest = float(np.linalg.norm(decoded[1:] - decoded[0], axis=1).max())
    if longest > _LONGEST_ATOM:
        raise ValueError(
            "With a `penalty` atoms (rows of `components_`, as decoded) must not be "
            "longer than 1, or codes would be short for nothing; those of "
            f"{estimator!r} are up to {longest:.3g} long. Use DictionaryLearning, or "
            "penalty=0."
        )
