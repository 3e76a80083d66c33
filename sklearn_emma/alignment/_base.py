"""What all ways of aligning several sequences share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._optim.ambient import ordinary_state
from sklearn_emma._validation import (
    Constraints,
    Interval,
    StrOptions,
    fit_context,
    unchanged_on_error,
)
from sklearn_emma.alignment._clock import Clock, pairwise_cost
from sklearn_emma.alignment._projections import Projection
from sklearn_emma.alignment._sequences import Units, read_sequences
from sklearn_emma.alignment._warping import Alignment

#: Allowed values of the parameters that estimators share.
SHARED: Constraints = {
    "n_components": [Interval(Integral, 1, None, closed="left")],
    "window": [Interval(Real, 0, None, closed="left"), None],
    "slope": [Interval(Integral, 1, 50, closed="both"), None],
    "boundary": [Interval(Integral, 0, None, closed="left")],
    "ridge": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "constraint": [StrOptions({"warped", "unwarped"})],
    "random_state": ["random_state"],
}


class BaseTimeWarping(BaseEstimator):
    """Aligns sequences by warping their projections.

    Those who derive from it learn projections in ``_learn``, and warp projected
    sequences in ``_warp``.
    """

    _pairs = True
    _parameter_constraints: Constraints

    _units: Units
    _projection: Projection
    n_channels_in_: list[int]

    @abstractmethod
    def _learn(self, sequences: list[np.ndarray]) -> Projection:
        """Projections of standardised sequences (B, d_i, n_i)."""

    @abstractmethod
    def _warp(self, projected: list[np.ndarray]) -> Clock:
        """Clock of projected sequences (B, k, n_i)."""

    @fit_context(prefer_skip_nested_validation=True)
    @ordinary_state()
    def fit(self, sequences: Sequence[ArrayLike], y: object = None) -> Self:
        """Learn to align sequences.

        Parameters
        ----------
        sequences : list of array-like of shape (n_samples, channels, steps)
            One array for each sequence; channels and steps may differ from one to the
            other. Arrays of shape (channels, steps) are a single sample.
        y : None
            Ignored.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If shapes do not fit, values are not finite, or no path is allowed.
        """
        arrays, _ = read_sequences(sequences)
        if len(arrays) < 2 or (self._pairs and len(arrays) > 2):
            wanted = "two sequences" if self._pairs else "two sequences or more"
            raise ValueError(
                f"{type(self).__name__} aligns {wanted}, got {len(arrays)}."
            )
        with unchanged_on_error(self):
            self._units = Units.of(arrays)
            self._projection = self._learn(self._units(arrays))
            self.n_channels_in_ = [x.shape[1] for x in arrays]
        return self

    @ordinary_state()
    def project(self, sequences: Sequence[ArrayLike]) -> list[np.ndarray]:
        """Project sequences to what is compared when they are aligned.

        Parameters
        ----------
        sequences : list of array-like of shape (n_samples, channels, steps)
            As in ``fit``, with the same channels.

        Returns
        -------
        projected : list of ndarray of shape (n_samples, n_components, steps)
            The same steps, not yet warped. Without ``n_samples`` if that is how they
            came.
        """
        projected, single = self._projected(sequences)
        return [x[0] for x in projected] if single else projected

    @ordinary_state()
    def align(self, sequences: Sequence[ArrayLike]) -> Any:
        """Align sequences.

        Parameters
        ----------
        sequences : list of array-like of shape (n_samples, channels, steps)
            As in ``fit``, with the same channels; the numbers of steps may be others.

        Returns
        -------
        alignments : list of Alignment
            One for each sample, a single one if it came as such. A path has a column
            for each sequence; the cost is the sum of squared differences between
            projections, over all pairs.
        """
        projected, single = self._projected(sequences)
        clock = self._warp(projected)
        cost = pairwise_cost(projected, clock)
        found = [
            Alignment(float(c), steps[:length])
            for c, steps, length in zip(cost, *clock, strict=True)
        ]
        return found[0] if single else found

    def _warped(
        self, arrays: list[np.ndarray], numbers: list[int]
    ) -> tuple[list[np.ndarray], Clock]:
        """Projections and clock of some of the sequences, those of these numbers."""
        units = Units(
            [self._units.means[i] for i in numbers],
            [self._units.scales[i] for i in numbers],
        )
        projected = [
            self._projection(x, i) for x, i in zip(units(arrays), numbers, strict=True)
        ]
        return projected, self._warp(projected)

    def _projected(
        self, sequences: Sequence[ArrayLike]
    ) -> tuple[list[np.ndarray], bool]:
        check_is_fitted(self)
        arrays, single = read_sequences(sequences)
        channels = [x.shape[1] for x in arrays]
        if channels != self.n_channels_in_:
            raise ValueError(
                f"The sequences have {channels} channels, but {type(self).__name__} "
                f"was fitted to sequences of {self.n_channels_in_}."
            )
        standard = self._units(arrays)
        return [self._projection(x, i) for i, x in enumerate(standard)], single


def check_components(n_components: int, sequences: list[np.ndarray]) -> None:
    """Raise ValueError if there are more components than channels."""
    channels = [x.shape[1] for x in sequences]
    if n_components > min(channels):
        raise ValueError(
            f"n_components={n_components} is more than the sequences have in common: "
            f"they have {channels} channels."
        )
