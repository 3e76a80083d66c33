"""Features of any scale in units in which an autoencoder can compute with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sklearn_emma._inputs.standardisation import fit_scaler, in_units, standardise

# Powers of two beyond which the largest value of a feature is not used as it is, and
# one that no value exceeds afterwards. Between them is room for values unlike any seen,
# and beyond them for a matrix that whitens.
_AS_IT_IS = {np.dtype(np.float32): 27, np.dtype(np.float64): 400}
_FARTHEST = {np.dtype(np.float32): 68, np.dtype(np.float64): 500}


class Magnitudes(NamedTuple):
    """u = (x − ``offset``) / ``scale``, both (d,): x itself for usual features."""

    offset: np.ndarray
    scale: np.ndarray

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Values u of X (n, d), in its type and within bounds."""
        farthest = 2.0 ** _FARTHEST[X.dtype]
        return np.clip(in_units(X, *self), -farthest, farthest)

    def undo(self, u: np.ndarray) -> np.ndarray:
        """X of ``u`` (n, d), within the range of its type."""
        largest = np.finfo(u.dtype).max
        with np.errstate(over="ignore", under="ignore"):
            X = u * self.scale + self.offset
        return np.clip(X, -largest, largest).astype(u.dtype)


def unchanged(n_features: int) -> Magnitudes:
    """Units of features that are used as they are."""
    return Magnitudes(np.zeros(n_features), np.ones(n_features))


def check_usable_as_they_are(X: np.ndarray) -> None:
    """Check that energies of X (n, d) differ, which are about its squares.

    Raises
    ------
    ValueError
        If the largest are beyond what energies are bounded at.
    """
    largest = float(np.abs(X).max())
    most = float(np.finfo(X.dtype).max) ** 0.25 / X.shape[1] ** 0.5
    if largest > most:
        raise ValueError(
            "preprocessing=None takes X as it is, but its largest value is "
            f"{largest:.3g}, and the squares of values beyond {most:.3g} do not fit "
            f"into {X.dtype}. Standardise X, or choose another `preprocessing`."
        )


def fit_magnitudes(X: np.ndarray, weight: np.ndarray) -> Magnitudes:
    """Units for X (n, d), whose rows count ``weight`` (n,) times.

    Very large and very small features are divided by a power of two, which rounds
    nothing. A feature that does not vary, rounding apart, is 0, and its own size is its
    unit, if it has one.
    """
    scaler = fit_scaler(X, weight)
    constant = ~standardise(X, scaler).any(axis=0)
    power = np.frexp(np.abs(X).max(axis=0))[1]
    # One less, or the power of two would overflow where the largest does not.
    scale = np.where(np.abs(power) > _AS_IT_IS[X.dtype], np.ldexp(1.0, power - 1), 1.0)
    return Magnitudes(
        np.where(constant, scaler.mean_, 0.0), np.where(constant, scaler.scale_, scale)
    )
