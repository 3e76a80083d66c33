"""Score against the level of a corruption, for several estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self, Unpack

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklearn_emma.plotting._noise_axis import TrainedLevel
from sklearn_emma.plotting._robustness_panel import (
    Curves,
    DrawOptions,
    Panels,
    Yardsticks,
    by_name,
    draw_panel,
    first_of,
    share_labels,
    split_by_panel,
)
from sklearn_emma.plotting._style import (
    add_legend,
    add_legend_of_figure,
    check_matplotlib,
    panels_for,
)
from sklearn_emma.robustness import robustness_curves
from sklearn_emma.robustness._failing import LEVELS, check_options, each_mode
from sklearn_emma.robustness._score_curve import ScoreOptions


class RobustnessCurveDisplay:
    """Score of estimators while a mode fails more and more, a panel for each mode.

    Make it with :meth:`from_estimators`, :meth:`from_estimator` or :meth:`from_curves`.

    Parameters
    ----------
    curves : dict of str to RobustnessCurve, or to a list of them
        Curves by name of the estimator. Lists have a curve for each panel. Those of one
        panel are of the same mode, corruption and score.
    floors : dict of str to float or None, default=None
        Scores to compare with, by name, drawn as horizontal lines: usually that of the
        healthy mode alone, below which no estimator should fall.
    trained_level : float, tuple of (float, float) or None, default=None
        Noise seen in training, σ or its range, to be marked.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D, or to a list of them
        Mean score, by name of the estimator; a list if ``curves`` has lists.
    bands_ : dict of str to matplotlib collection, or to a list of them
        Mean ± one standard deviation over the repeats.
    floor_lines_ : dict of str to matplotlib Line2D, or to a list of them
        Horizontal lines, by name of the floor.
    trained_ : matplotlib artist or None
        Mark of the trained noise, in the first panel.
    ax_ : matplotlib Axes
        Axes of the first panel.
    axes_ : list of matplotlib Axes
        Axes of all panels.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    sklearn_emma.robustness.robustness_curves : Computes the curves.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.plotting import RobustnessCurveDisplay
    >>> X, y, modes = make_multimodal_classification(n_modes=2, random_state=0)
    >>> models = {
    ...     "forest": RandomForestClassifier(random_state=0).fit(X[:500], y[:500]),
    ...     "logistic": LogisticRegression().fit(X[:500], y[:500]),
    ... }
    >>> display = RobustnessCurveDisplay.from_estimators(
    ...     models, X[500:], y[500:], modes=modes, reference=X[:500], random_state=0
    ... )
    >>> list(display.lines_)
    ['forest', 'logistic']
    >>> [curve.mode for curve in display.curves["forest"]]  # a panel for each
    ['mode_0', 'mode_1']
    """

    def __init__(
        self,
        curves: Curves,
        *,
        floors: Mapping[str, float] | None = None,
        trained_level: TrainedLevel = None,
    ) -> None:
        self.curves = curves
        self.floors = floors
        self.trained_level = trained_level

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        name: str | None = None,
        **options: Unpack[DrawOptions],
    ) -> Self:
        """Compute and draw the curves of one estimator.

        Parameters
        ----------
        estimator : fitted estimator
            Of any kind.
        X : array-like of shape (n_samples, n_features)
            Test samples, clean.
        y : array-like of shape (n_samples,)
            Their targets.
        name : str or None, default=None
            Name of the estimator in the legend; None: the name of its class.
        **options
            As in :meth:`from_estimators`.

        Returns
        -------
        display : RobustnessCurveDisplay
            The display, drawn.

        Raises
        ------
        ValueError, TypeError, NotFittedError, ImportError
            As :meth:`from_estimators`.
        """
        check_options(f"{cls.__name__}.from_estimator", options, DrawOptions)
        label = type(estimator).__name__ if name is None else name
        return cls.from_estimators({label: estimator}, X, y, **options)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, BaseEstimator] | Sequence[BaseEstimator],
        X: ArrayLike,
        y: ArrayLike,
        *,
        mode: str | Sequence[str] | None = "each",
        levels: ArrayLike = LEVELS,
        floors: Mapping[str, float] | None = None,
        trained_level: TrainedLevel = None,
        ax: Panels = None,
        x_scale: str = "auto",
        **options: Unpack[ScoreOptions],
    ) -> Self:
        """Compute and draw curves of several estimators, on the same corrupted samples.

        Parameters
        ----------
        estimators : dict of str to fitted estimator, or list of them
            Of any kind, by their names in the legend. Those of a list are named by
            their classes, and numbered where several are of one class.
        X : array-like of shape (n_samples, n_features)
            Test samples, clean.
        y : array-like of shape (n_samples,)
            Their targets.
        mode : str, list of str or None, default="each"
            Name of the mode that fails, or a list of them, with a panel for each; None:
            all of them at once. ``"each"``: those that ``modes``, one of the estimators
            or the columns of X name, one after the other, or all columns at once where
            none does. A mode that is itself called so is chosen by ``["each"]``.
        levels : array-like of shape (n_levels,), default=(0, 0.25, 0.5, 1, 2, 4)
            Levels of the corruption; noise σ in training standard deviations.
        floors : dict of str to float or None, default=None
            As in the class.
        trained_level : float, tuple of (float, float) or None, default=None
            As in the class.
        ax : matplotlib Axes, list of them or None, default=None
            As in :meth:`plot`.
        x_scale : {"auto", "log2", "linear", "dB", "snr"}, default="auto"
            As in :meth:`plot`.
        **options
            The options ``corruption``, ``scoring``, ``n_repeats``, ``modes``,
            ``reference`` and ``random_state`` of
            :func:`~sklearn_emma.robustness.robustness_curves`.

        Returns
        -------
        display : RobustnessCurveDisplay
            The display, drawn.

        Raises
        ------
        ValueError, TypeError, NotFittedError
            As :func:`~sklearn_emma.robustness.robustness_curves`.
        ImportError
            Without matplotlib.
        """
        check_options(f"{cls.__name__}.from_estimators", options, DrawOptions)
        check_matplotlib(cls.__name__)
        if mode == "each":
            mode = each_mode(estimators, X, options.get("modes"))
        listed = [mode] if mode is None or isinstance(mode, str) else list(mode)
        found = [
            robustness_curves(estimators, X, y, mode=one, levels=levels, **options)
            for one in listed
        ]
        curves: Curves = found[0]
        if len(found) > 1:
            curves = {name: [of_mode[name] for of_mode in found] for name in found[0]}
        display = cls(curves, floors=floors, trained_level=trained_level)
        return display.plot(ax, x_scale=x_scale)

    @classmethod
    def from_curves(
        cls,
        curves: Curves,
        *,
        floors: Mapping[str, float] | None = None,
        trained_level: TrainedLevel = None,
        ax: Panels = None,
        x_scale: str = "auto",
    ) -> Self:
        """Draw curves that are already computed.

        Parameters
        ----------
        curves : dict of str to RobustnessCurve, or to a list of them
            As in the class.
        floors : dict of str to float or None, default=None
            As in the class.
        trained_level : float, tuple of (float, float) or None, default=None
            As in the class.
        ax : matplotlib Axes, list of them or None, default=None
            As in :meth:`plot`.
        x_scale : {"auto", "log2", "linear", "dB", "snr"}, default="auto"
            As in :meth:`plot`.

        Returns
        -------
        display : RobustnessCurveDisplay
            The display, drawn.

        Raises
        ------
        ValueError, TypeError
            If there are no curves, or they are not of one mode, corruption and score;
            TypeError if ``curves`` is no dict.
        ImportError
            Without matplotlib.
        """
        display = cls(curves, floors=floors, trained_level=trained_level)
        return display.plot(ax, x_scale=x_scale)

    def plot(self, ax: Panels = None, *, x_scale: str = "auto") -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, list of them or None, default=None
            Where to draw: as many as there are panels; None: a new figure.
        x_scale : {"auto", "log2", "linear", "dB", "snr"}, default="auto"
            Scale of the noise: log2(1 + σ), labelled with σ; σ; its power 10 log10 σ²;
            or the signal-to-noise ratio 10 log10 1/σ². On the last two σ = 0 has no
            place and is left out. ``"auto"`` is ``"log2"`` for Gaussian noise and
            ``"linear"`` for any other corruption.

        Returns
        -------
        self : RobustnessCurveDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are too few axes, or too many.
        ImportError
            Without matplotlib.
        """
        panels = split_by_panel(self.curves)
        self.axes_ = panels_for(ax, len(panels), type(self).__name__)
        yardsticks = Yardsticks(self.floors, self.trained_level)
        drawn = [
            draw_panel(one, curves, yardsticks, x_scale)
            for one, curves in zip(self.axes_, panels, strict=True)
        ]
        several = any(isinstance(curves, list) for curves in self.curves.values())
        self.lines_ = by_name([panel.lines for panel in drawn], several)
        self.bands_ = by_name([panel.bands for panel in drawn], several)
        self.floor_lines_ = by_name([panel.floor_lines for panel in drawn], several)
        self.trained_ = drawn[0].trained
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        if ax is None and len(panels) > 1:
            share_labels(self.axes_, [first_of(panel) for panel in panels], x_scale)
            add_legend_of_figure(self.ax_)
        else:
            add_legend(self.ax_)
        return self
