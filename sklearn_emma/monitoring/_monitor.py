"""Sensor health over time, from the p-values of modes."""

from __future__ import annotations

import math
import warnings
from numbers import Integral, Real
from typing import Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._estimators.alarms import RaisesAlarms
from sklearn_emma._estimators.mode_scores import potential_of
from sklearn_emma._model.scores import Scores
from sklearn_emma._statistics.conformal import with_confidence
from sklearn_emma._statistics.detection import log_bets
from sklearn_emma._validation import Constraints, HasMethods, Interval
from sklearn_emma.monitoring._health import Health, State
from sklearn_emma.robustness._inside import arriving


class SensorHealthMonitor(BaseEstimator):
    """Watches modes row after row: failures, frozen readings and recovery.

    Where modes have parts, each part is watched by itself.

    An alarm of a single row (:meth:`~sklearn_emma.EMMAClassifier.failing_modes`) must
    be rare, and so overlooks what is only a little unusual. The monitor adds up
    evidence over rows: it finds a drift or noise that no single row shows, and rings
    once instead of once in a hundred rows for ever.

    Parameters
    ----------
    estimator : fitted EMMAClassifier
        Or a pipeline, a search or a threshold classifier around one. Best after
        :meth:`~sklearn_emma.EMMAClassifier.calibrate_alarms`, with a thousand clean
        rows or more: with few, no row says much.
    run_length : float, default=10_000
        Rows until the first false alarm of a mode, at least, on average.
    confidence : float, default=0.9
        Probability, over the draw of the clean rows, that ``run_length`` holds; see
        Notes.
    freeze_after : int or None, default=10
        Rows in a row with the same values from which a mode counts as frozen; at
        least 2. None: never, for modes that may well repeat themselves, such as
        switches.

    Attributes
    ----------
    n_rows_ : int
        Rows since the first.

    See Also
    --------
    sklearn_emma.plotting.SensorHealthDisplay : Draws p-values, evidence and attention.

    Notes
    -----
    Each row multiplies the evidence against a mode by a bet on small p-values, κ
    p^(κ − 1), and a new bet is begun in every row, so that a failure is found whenever
    it begins (a Shiryaev–Roberts e-detector, averaged over five κ). The alarm rings
    when evidence reaches ``run_length``. If rows are independent, and p-values no lower
    than uniform given the clean rows, then for each mode that does not fail

    - the first alarm comes after ``run_length`` rows or more, on average;
    - it comes within T rows with a probability of at most T / ``run_length``, for every
      T.

    p-values are uniform on average over the clean rows only; those of *one* set of
    clean rows may be a little low for ever. The monitor therefore bets on upper limits
    of them, which all hold at once for a share ``confidence`` of all sets of clean rows
    (given to ``calibrate_alarms``; of training rows nothing is proven). With n clean
    rows no limit is below about 6 / n.

    Not promised: anything for rows that depend on each other. If a reading stays for
    minutes, feed one row every few minutes. Nor that a failure is one: a shift of all
    clean data rings as well.

    A failure ends when the rows since its height say as clearly that the mode is clean:
    when the bet that has won most has lost a factor of ``run_length`` again. Where a
    mode is missing, it stays as it was.

    Memory does not grow with the number of rows, and a monitor can be pickled at any
    time, to go on elsewhere. It keeps the estimator as it is, and never trains it.

    References
    ----------
    J. Shin, A. Ramdas and A. Rinaldo, "E-detectors: a nonparametric framework for
    sequential change detection", New England Journal of Statistics in Data Science 2,
    2024.

    S. Bates, E. Candès, L. Lei, Y. Romano and M. Sesia, "Testing for outliers with
    conformal p-values", Annals of Statistics 51, 2023.

    Examples
    --------
    A sensor that is a little off from the 100th row on:

    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.monitoring import SensorHealthMonitor
    >>> X, y, modes = make_multimodal_classification(2000, 2, random_state=0)
    >>> clf = EMMAClassifier(modes, max_iter=5, random_state=0).fit(X[:800], y[:800])
    >>> clf = clf.calibrate_alarms(X[800:1800])
    >>> stream = X[1800:].copy()
    >>> stream[100:, modes["mode_1"]] += 0.8
    >>> monitor = SensorHealthMonitor(clf)
    >>> states = monitor.update(stream[:150])
    >>> report = monitor.report()
    >>> report["status"].tolist(), report["since"].tolist(), report["found"].tolist()
    (['healthy', 'failing'], [0, 100], [-1, 104])
    """

    _parameter_constraints: Constraints = {
        "estimator": [HasMethods("predict")],
        "run_length": [Interval(Real, 1, None, closed="neither")],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "freeze_after": [Interval(Integral, 2, None, closed="left"), None],
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        *,
        run_length: float = 10_000,
        confidence: float = 0.9,
        freeze_after: int | None = 10,
    ) -> None:
        self.estimator = estimator
        self.run_length = run_length
        self.confidence = confidence
        self.freeze_after = freeze_after

    def update(self, X: ArrayLike) -> pd.DataFrame:
        """Take in rows, in the order in which they were measured.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            As the estimator takes them; one row or many, with the same result. NaN
            marks a missing value.

        Returns
        -------
        states : pandas.DataFrame
            A row for each of X, with its index if it has one, else numbered since the
            first update. Two-level columns (mode, quantity): ``p_value``; ``evidence``
            against the mode after the row, in powers of ten; ``failing`` and
            ``frozen``.

        Raises
        ------
        ValueError
            If a parameter or X is at fault; the state is then as it was.
        TypeError
            If the estimator has no p-values.
        NotFittedError
            If it is not fitted.

        Warns
        -----
        UserWarning
            At the first rows, of modes with too few clean rows to ring at all.
        """
        self._validate_params()
        check_is_fitted(self.estimator)
        classifier, seen = arriving(self.estimator, X)
        if not isinstance(classifier, RaisesAlarms):
            raise TypeError(
                f"{type(classifier).__name__} has no p-values of modes: pass a fitted "
                "EMMAClassifier, or a pipeline that ends with one."
            )
        p, values = _read(classifier, seen)
        rows = zip(classifier.alarm_rows_.tolist(), p.T, strict=True)
        limits = [with_confidence(c, n, 1 - self.confidence) for n, c in rows]
        if not hasattr(self, "_health"):
            _warn_of_silent_modes(classifier, 1 - self.confidence)
        health = self._started(classifier)
        numbers = pd.RangeIndex(health.n_rows, health.n_rows + len(p))
        states = [
            health.step(*row) for row in zip(np.transpose(limits), values, strict=True)
        ]
        return _frame(
            {"p_value": p, **_joined(states)},
            list(classifier.parts_),
            X.index if isinstance(X, pd.DataFrame) else numbers,
        )

    def report(self) -> pd.DataFrame:
        """How each mode is after the latest row.

        Returns
        -------
        report : pandas.DataFrame
            A row for each mode. ``status`` is ``"failing"``, ``"frozen"`` or
            ``"healthy"``; ``since`` is the row at which the failure, or the health
            since, seems to have begun, and for a frozen mode the first row of the same
            values; ``found`` is the row that rang the latest alarm, −1 without any;
            ``evidence`` as in :meth:`update`; ``n_failures`` and ``n_missing`` count
            failures, and rows without the mode. Rows are numbered from 0.

        Raises
        ------
        ValueError
            Before the first update.
        """
        if not hasattr(self, "_health"):
            raise ValueError("Nothing to report: call `update` with some rows first.")
        health = self._health
        frozen = health.frozen & ~health.failing
        status = np.where(health.failing, "failing", "healthy")
        columns = {
            "status": np.where(frozen, "frozen", status),
            "since": np.where(frozen, health.equal_since, health.since),
            "found": health.found,
            "evidence": health.log_evidence / math.log(10),
            "n_failures": health.n_failures,
            "n_missing": health.n_missing,
        }
        return pd.DataFrame(columns, index=pd.Index(self._names, name="mode"))

    def reset(self) -> Self:
        """Forget all rows, as after a repair.

        Returns
        -------
        self : SensorHealthMonitor
            The monitor.
        """
        if hasattr(self, "_health"):
            del self._health
        return self

    @property
    def n_rows_(self) -> int:
        """Rows since the first, or since the latest reset."""
        return self._health.n_rows if hasattr(self, "_health") else 0

    def _started(self, classifier: RaisesAlarms) -> Health:
        if not hasattr(self, "_health"):
            self._names = list(classifier.parts_)
            self._health = Health(
                classifier.network_.layout.widths,
                math.log(self.run_length),
                self.freeze_after,
            )
        return self._health


def _warn_of_silent_modes(classifier: RaisesAlarms, error: float) -> None:
    """Name the modes of which no p-value is low enough for a bet to win."""
    silent = [
        f"{name!r} ({n} rows)"
        for name, n in zip(classifier.parts_, classifier.alarm_rows_, strict=True)
        if log_bets(with_confidence(np.array([1 / (n + 1)]), n, error)).max() <= 0
    ]
    if silent:
        warnings.warn(
            f"No alarm can ring for mode {', '.join(silent)}, however long it fails: "
            "that takes more clean rows. Give some to `calibrate_alarms`.",
            stacklevel=3,
        )


def _read(classifier: RaisesAlarms, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """p-values (n, M), and values of the modes as they are compared, (n, d)."""
    n_modes = len(classifier.parts_)
    alarms = classifier._alarms

    def both(scores: Scores) -> np.ndarray:
        p = alarms.p_values(torch.from_numpy(potential_of(scores)))
        return np.hstack([p, scores.values])

    read = classifier._gather(X, both)
    return read[:, :n_modes], read[:, n_modes:]


def _joined(states: list[State]) -> dict[str, np.ndarray]:
    evidence, failing, frozen = map(np.array, zip(*states, strict=True))
    evidence = evidence / math.log(10)
    return {"evidence": evidence, "failing": failing, "frozen": frozen}


def _frame(
    quantities: dict[str, np.ndarray], modes: list[str], index: pd.Index
) -> pd.DataFrame:
    columns = {
        (mode, name): values[:, i]
        for i, mode in enumerate(modes)
        for name, values in quantities.items()
    }
    frame = pd.DataFrame(columns, index=index)
    frame.columns.names = ["mode", "quantity"]
    return frame
