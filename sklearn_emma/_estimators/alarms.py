"""Alarms of failing modes, at a rate of false ones that is asked for."""

from __future__ import annotations

import copy
import warnings
from numbers import Real
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._estimators.inspection import InspectsModes
from sklearn_emma._estimators.mode_scores import check_level, potential_of
from sklearn_emma._model.alarms import Alarms
from sklearn_emma._statistics.conformal import any_of, fewest_rows, rejected
from sklearn_emma._validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

_CONSTRAINTS = {
    "alpha": [Interval(Real, 0, 1, closed="neither")],
    "adjust": [StrOptions({"modes"}), None],
}


class RaisesAlarms(InspectsModes):
    """p-values of modes, and which modes are so unusual that they must be failing."""

    def p_values(self, X: ArrayLike, level: str = "modes") -> np.ndarray:
        """Conformal p-value of each mode: how rare its energy is among clean rows.

        With e the scaled energy of the mode and e_i those of n clean rows, the p-value
        is (1 + #{e_i ≥ e}) / (n + 1). Where more than a few hundred rows are compared,
        not all e_i are kept, and it is up to 0.5 % larger. Under the default
        ``energy_scaling="two_sided"``, values that are far too likely are unusual too;
        under the others only unlikely ones are.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        level : {"modes", "parts"}, default="modes"
            Whether there is a column for each mode or for each part. Of a mode with
            parts: the least p-value of those that are present, times their number, at
            most 1. It is low if any of its parts is unusual.

        Returns
        -------
        p : ndarray of shape (n_samples, n_modes)
            In (0, 1]; NaN where the mode is missing: nothing was read, so nothing can
            be said of the reading.

        Notes
        -----
        After :meth:`calibrate_alarms` the guarantee is exact: for a clean sample that
        is exchangeable with the rows given there, p ≤ α has a probability of at most α,
        for every α, however good or bad the energies are.

        Before it, the clean rows are those of training, each with an energy from a
        model that has not seen it; the new sample has its energy from the model of all
        rows. No bound is known for that which holds for every distribution. (The
        jackknife+ and CV+ have one, 2 α and a little, but would score each sample by
        the models of all folds.) The user guide has measurements.

        Nothing is said of all samples *together*: p-values of different samples share
        their clean rows, and neighbours in time are rarely independent.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(400, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, max_iter=5, random_state=0)
        >>> clf = clf.fit(X[:300], y[:300])
        >>> failed = X[300:].copy()
        >>> failed[:, modes["mode_0"]] += 10
        >>> p = clf.p_values(failed)
        >>> bool(p[:, 0].max() < 0.01)  # nothing in training was as unusual
        True
        >>> bool(p[:, 1].mean() > 0.3)  # as clean rows have it
        True
        """
        return self._by_mode(self._gather_p_values(X, level), X, level)

    def failing_modes(
        self,
        X: ArrayLike,
        alpha: float = 0.01,
        adjust: str | None = None,
        level: str = "modes",
    ) -> np.ndarray:
        """Alarms: where a mode is more unusual than a clean one would be by chance.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN marks a missing value.
        alpha : float, default=0.01
            Share of false alarms, in (0, 1).
        adjust : "modes" or None, default=None
            What ``alpha`` is a share of. None: of the clean values of each mode.
            ``"modes"``: of the samples; alarms of all modes of a sample together are
            false with a probability of at most ``alpha``, by Holm's procedure.
        level : {"modes", "parts"}, default="modes"
            As in :meth:`p_values`.

        Returns
        -------
        failing : ndarray of shape (n_samples, n_modes)
            Boolean; never True where the mode is missing.

        Raises
        ------
        ValueError
            If a parameter is out of its range.

        Warns
        -----
        UserWarning
            If a mode has so few clean rows that it can never ring; names the mode and
            how many it takes: ``alpha`` of them must be 1, or as many as there are
            modes with ``adjust="modes"``; times the number of its parts.

        See Also
        --------
        p_values : What is compared with ``alpha``, and what holds of it.
        calibrate_alarms : Makes the guarantee exact.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(400, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, max_iter=5, random_state=0)
        >>> clf = clf.fit(X[:300], y[:300])
        >>> failed = X[300:].copy()
        >>> failed[:, modes["mode_0"]] += 10
        >>> clf.failing_modes(failed).mean(axis=0) > 0.5  # the first rings
        array([ True, False])
        """
        check_is_fitted(self)
        given = {"alpha": alpha, "adjust": adjust}
        validate_parameter_constraints(_CONSTRAINTS, given, "failing_modes")
        p = self._gather_p_values(X, level)
        self._warn_of_silent_modes(alpha, p.shape[1] if adjust == "modes" else 1, level)
        return self._by_mode(rejected(p, alpha, adjust == "modes"), X, level)

    def calibrate_alarms(self, X: ArrayLike) -> Self:
        """Compare with clean rows that nothing was learnt from, for an exact guarantee.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Clean samples that were in no ``fit``, of the same kind as those that will
            be judged. NaN marks a missing value; a mode is compared with the rows that
            have it. Alarms at ``alpha`` need 1 / ``alpha`` − 1 of them at least, and
            better several times as many: with n rows, the share of false alarms that
            *this* calibration will have in the long run differs from ``alpha`` by about
            √(``alpha`` / n).

        Returns
        -------
        self : EMMAClassifier
            The estimator. Only :meth:`p_values` and :meth:`failing_modes` have changed;
            the next ``fit`` that learns new energies undoes it.

        Raises
        ------
        ValueError
            If a mode is missing from all rows; names it.

        Examples
        --------
        >>> from sklearn_emma import EMMAClassifier
        >>> from sklearn_emma.datasets import make_multimodal_classification
        >>> X, y, modes = make_multimodal_classification(600, 2, random_state=0)
        >>> clf = EMMAClassifier(modes, max_iter=5, random_state=0)
        >>> clf = clf.fit(X[:300], y[:300])
        >>> clf.calibrate_alarms(X[300:500]).alarm_rows_
        array([200, 200])
        """
        check_is_fitted(self)
        potential = self._gather(X, potential_of)
        alarms = self._alarms.recalibrated(torch.from_numpy(potential))
        for name, n_rows in zip(self.parts_, alarms.n_rows, strict=True):
            if not n_rows:
                raise ValueError(
                    f"Mode {name!r} is missing from all {len(potential)} rows: its "
                    "alarms cannot be calibrated without any clean value of it."
                )
        # Copies of this estimator may share the model.
        self._model = copy.copy(self._model)
        self._model.alarms = alarms
        return self

    @property
    def alarm_rows_(self) -> np.ndarray:
        """Clean rows that p-values of each mode compare with, (n_modes,).

        Of each part, where modes have parts. The least p-value is
        1 / (``alarm_rows_`` + 1). Before :meth:`calibrate_alarms` they are rows of
        training; with unequal weights, the effective number of them.
        """
        check_is_fitted(self)
        return self._alarms.n_rows

    def _gather_p_values(self, X: ArrayLike, level: str) -> np.ndarray:
        check_is_fitted(self)
        check_level(level)
        alarms = self._alarms
        p = self._gather(
            X, lambda s: alarms.p_values(torch.from_numpy(potential_of(s)))
        )
        if level == "parts" or self._model.layout.above is None:
            return p
        return np.stack([any_of(parts) for parts in self._split(p)], axis=1)

    def _split(self, of_parts: np.ndarray) -> list[np.ndarray]:
        """Cut (..., P) into what belongs to each mode."""
        return np.split(of_parts, np.cumsum(self._model.layout.n_parts)[:-1], axis=-1)

    @property
    def _alarms(self) -> Alarms:
        alarms = self._model.alarms
        assert alarms is not None  # every fit calibrates them
        return alarms

    def _warn_of_silent_modes(self, alpha: float, together: int, level: str) -> None:
        """Name what cannot ring where so many alarms share ``alpha``."""
        names, rows = [*self.parts_], [*self.alarm_rows_[:, np.newaxis]]
        if level == "modes":
            names, rows = [*self.modes_], self._split(self.alarm_rows_)
        silent, needed = {}, 0
        for name, n_rows in zip(names, rows, strict=True):
            n, enough = int(n_rows.max()), fewest_rows(alpha, together * len(n_rows))
            if n < enough:
                silent[name], needed = n, max(needed, enough)
        if silent:
            listed = ", ".join(f"{name!r} ({n} rows)" for name, n in silent.items())
            warnings.warn(
                f"No alarm can ring at alpha={alpha:g}"
                f"{' for all modes together' if together > 1 else ''} for mode "
                f"{listed}: "
                f"that takes {needed} clean rows. Raise `alpha`, or give more clean "
                "rows to `calibrate_alarms`.",
                stacklevel=3,
            )
