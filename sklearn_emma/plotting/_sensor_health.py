"""Health of sensors against time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklearn_emma._validation import validate_parameter_constraints
from sklearn_emma.monitoring import SensorHealthMonitor
from sklearn_emma.plotting._style import COLOURS, QUANTITIES, check_matplotlib
from sklearn_emma.robustness._inside import quantity_function

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


class SensorHealthDisplay:
    """Show p-values, attention and evidence of each mode, row after row.

    Three panels, one above the other: the p-value of each mode's energy, the attention
    that it got, and the evidence against it, with the threshold at which an alarm
    rings. Below the evidence, bars show when a mode was failing (full) or frozen
    (hatched).

    Make it with :meth:`from_estimator`, or from the states that a monitor has returned.

    Parameters
    ----------
    states : pandas.DataFrame
        What :meth:`~sklearn_emma.monitoring.SensorHealthMonitor.update` has returned;
        those of several updates go through :func:`pandas.concat`.
    attention : ndarray of shape (n_samples, n_modes) or None, default=None
        Attention β of the same rows; None: the panel is left out.
    run_length : float or None, default=None
        That of the monitor; None: no threshold is drawn.

    Attributes
    ----------
    points_ : dict of str to matplotlib Line2D
        p-values of each mode.
    attention_ : dict of str to matplotlib Line2D
        Attention of each mode; empty without attention.
    evidence_ : dict of str to matplotlib Line2D
        Evidence against each mode, in powers of ten.
    axes_ : ndarray of matplotlib Axes
        The panels.
    figure_ : matplotlib Figure
        Figure with the panels.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.plotting import SensorHealthDisplay
    >>> X, y, modes = make_multimodal_classification(900, 2, random_state=0)
    >>> clf = EMMAClassifier(modes, max_iter=5, random_state=0).fit(X[:800], y[:800])
    >>> stream = X[800:].copy()
    >>> stream[50:, modes["mode_1"]] += 3
    >>> display = SensorHealthDisplay.from_estimator(clf, stream)
    >>> bool(display.evidence_["mode_1"].get_ydata()[-1] > 4)
    True
    """

    def __init__(
        self,
        states: pd.DataFrame,
        attention: np.ndarray | None = None,
        *,
        run_length: float | None = None,
    ) -> None:
        self.states = states
        self.attention = attention
        self.run_length = run_length

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        run_length: float = 10_000,
        confidence: float = 0.9,
        freeze_after: int | None = 10,
        axes: Sequence[Axes] | None = None,
    ) -> Self:
        """Watch some rows by a new monitor, and draw.

        Parameters
        ----------
        estimator : fitted EMMAClassifier
            Or a pipeline, a search or a threshold classifier around one.
        X : array-like of shape (n_samples, n_features)
            Samples in the order in which they were measured.
        y : array-like or None, default=None
            Ignored; here so that all displays can be called alike.
        run_length, confidence, freeze_after : default as in the monitor
            See :class:`~sklearn_emma.monitoring.SensorHealthMonitor`.
        axes : sequence of three matplotlib Axes or None, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        display : SensorHealthDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a parameter or X is at fault.
        TypeError
            If the estimator has no p-values.
        NotFittedError
            If it is not fitted.
        ImportError
            Without matplotlib.
        """
        check_matplotlib(cls.__name__)
        monitor = SensorHealthMonitor(
            estimator,
            run_length=run_length,
            confidence=confidence,
            freeze_after=freeze_after,
        )
        validate_parameter_constraints(
            monitor._parameter_constraints,
            monitor.get_params(deep=False),
            caller_name=f"{cls.__name__}.from_estimator",
        )
        states = monitor.update(X)
        attention = quantity_function(estimator, "attention", "parts")[0](X)
        return cls(states, attention, run_length=run_length).plot(axes)

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        axes : sequence of matplotlib Axes or None, default=None
            Where to draw: three, or two without attention. None: a new figure.

        Returns
        -------
        self : SensorHealthDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are too few axes, or too many.
        ImportError
            Without matplotlib.
        """
        check_matplotlib(type(self).__name__)
        self.axes_ = _panels(axes, 2 if self.attention is None else 3)
        modes = list(self.states.columns.unique(0))
        index, time = self.states.index, np.arange(len(self.states))
        is_time = pd.api.types.is_datetime64_any_dtype(index)
        if is_time or pd.api.types.is_numeric_dtype(index):
            time = index.to_numpy()
        # Bars below the evidence are seen however far it rises.
        evidence = self.states.xs("evidence", axis=1, level=1)
        bar = max(1.0, 0.05 * float(np.nanmax(evidence, initial=0)))
        top, bottom = self.axes_[0], self.axes_[-1]
        self.points_: dict[str, Line2D] = {}
        self.attention_: dict[str, Line2D] = {}
        self.evidence_: dict[str, Line2D] = {}
        for i, mode in enumerate(modes):
            colour, states = COLOURS[i % len(COLOURS)], self.states[mode]
            (self.points_[mode],) = top.plot(
                time, states["p_value"], ".", color=colour, markersize=3, label=mode
            )
            (self.evidence_[mode],) = bottom.plot(
                time, states["evidence"].clip(lower=0), color=colour, label=mode
            )
            if self.attention is not None:
                (self.attention_[mode],) = self.axes_[1].plot(
                    time, self.attention[:, i], color=colour, label=mode
                )
            for name, hatch in (("failing", ""), ("frozen", "///")):
                bottom.fill_between(
                    time,
                    -bar * (1 + i),
                    -bar * (0.4 + i),
                    where=states[name].to_numpy(dtype=bool),
                    step="mid",
                    facecolor=colour if name == "failing" else "none",
                    edgecolor=colour,
                    hatch=hatch,
                    linewidth=0,
                )
        if self.run_length is not None:
            bottom.axhline(math.log10(self.run_length), color="0.4", linestyle="--")
        top.set(yscale="log", ylabel="p-value")
        bottom.set(
            xlabel="time" if is_time else "row", ylabel="evidence\n(powers of ten)"
        )
        if self.attention is not None:
            self.axes_[1].set(ylim=(-0.03, 1.03), ylabel=QUANTITIES["attention"])
        # Above the points: those at the bottom are the ones to be seen.
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False}
        top.legend(**place, ncols=4, markerscale=3)
        self.figure_ = top.figure
        return self


def _panels(axes: Sequence[Axes] | None, n: int) -> np.ndarray:
    if axes is None:
        import matplotlib.pyplot as plt

        size = (6.4, 1.9 * n)
        drawn: np.ndarray = plt.subplots(
            n, sharex=True, figsize=size, layout="constrained"
        )[1]
        return drawn
    given = np.array(axes, dtype=object).ravel()
    if len(given) != n:
        raise ValueError(f"`axes` must be {n} matplotlib Axes, got {len(given)}.")
    return given
