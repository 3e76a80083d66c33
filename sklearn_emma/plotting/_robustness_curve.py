"""Score against the level of a corruption, for several estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self, Unpack

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklearn_emma.plotting._bands import draw_band, draw_line
from sklearn_emma.plotting._noise_axis import (
    TrainedLevel,
    dress,
    mark_trained,
    positions,
    resolve_scale,
)
from sklearn_emma.plotting._style import (
    add_legend,
    axes_for,
    check_matplotlib,
    series_style,
)
from sklearn_emma.robustness import RobustnessCurve, robustness_curves
from sklearn_emma.robustness._failing import LEVELS
from sklearn_emma.robustness._results import check_comparable
from sklearn_emma.robustness._score_curve import ScoreOptions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

# Floors are all grey and differ by line: they are yardsticks, not competitors.
_FLOOR_LINES = ((0, (1, 1.5)), (0, (6, 2)), (0, (6, 2, 1, 2)), (0, (3, 1)))


class DrawOptions(ScoreOptions, total=False):
    """Arguments that ``from_estimators`` takes by name."""

    mode: str | None
    levels: ArrayLike
    floors: Mapping[str, float] | None
    trained_level: TrainedLevel
    ax: Axes | None
    x_scale: str


class RobustnessCurveDisplay:
    """Score of estimators while one mode fails more and more.

    Make it with :meth:`from_estimators`, :meth:`from_estimator` or :meth:`from_curves`.

    Parameters
    ----------
    curves : dict of str to RobustnessCurve
        Curves by name of the estimator; all of the same mode, corruption and score.
    floors : dict of str to float or None, default=None
        Scores to compare with, by name, drawn as horizontal lines: usually that of the
        healthy mode alone, below which no estimator should fall.
    trained_level : float, tuple of (float, float) or None, default=None
        Noise seen in training, σ or its range, to be marked.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        Mean score, by name of the estimator.
    bands_ : dict of str to matplotlib collection
        Mean ± one standard deviation over the repeats.
    floor_lines_ : dict of str to matplotlib Line2D
        Horizontal lines, by name of the floor.
    trained_ : matplotlib artist or None
        Mark of the trained noise.
    ax_ : matplotlib Axes
        Axes with the drawing.
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
    ...     models, X[500:], y[500:], mode="mode_0", modes=modes,
    ...     reference=X[:500], levels=[0, 1, 2, 4], random_state=0,
    ... )
    >>> list(display.lines_)
    ['forest', 'logistic']
    """

    def __init__(
        self,
        curves: Mapping[str, RobustnessCurve],
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
        """Compute and draw the curve of one estimator.

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
        """
        label = type(estimator).__name__ if name is None else name
        return cls.from_estimators({label: estimator}, X, y, **options)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, BaseEstimator] | Sequence[BaseEstimator],
        X: ArrayLike,
        y: ArrayLike,
        *,
        mode: str | None = None,
        levels: ArrayLike = LEVELS,
        floors: Mapping[str, float] | None = None,
        trained_level: TrainedLevel = None,
        ax: Axes | None = None,
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
        mode : str or None, default=None
            Name of the mode that fails; None: all of them at once.
        levels : array-like of shape (n_levels,), default=(0, 0.25, 0.5, 1, 2, 4)
            Levels of the corruption; noise σ in training standard deviations.
        floors : dict of str to float or None, default=None
            As in the class.
        trained_level : float, tuple of (float, float) or None, default=None
            As in the class.
        ax : matplotlib Axes or None, default=None
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
        check_matplotlib(cls.__name__)
        curves = robustness_curves(
            estimators, X, y, mode=mode, levels=levels, **options
        )
        display = cls(curves, floors=floors, trained_level=trained_level)
        return display.plot(ax, x_scale=x_scale)

    @classmethod
    def from_curves(
        cls,
        curves: Mapping[str, RobustnessCurve],
        *,
        floors: Mapping[str, float] | None = None,
        trained_level: TrainedLevel = None,
        ax: Axes | None = None,
        x_scale: str = "auto",
    ) -> Self:
        """Draw curves that are already computed.

        Parameters
        ----------
        curves : dict of str to RobustnessCurve
            As in the class.
        floors : dict of str to float or None, default=None
            As in the class.
        trained_level : float, tuple of (float, float) or None, default=None
            As in the class.
        ax : matplotlib Axes or None, default=None
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

    def plot(self, ax: Axes | None = None, *, x_scale: str = "auto") -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.
        x_scale : {"auto", "log2", "linear", "dB", "snr"}, default="auto"
            Scale of the noise: log2(1 + σ), labelled with σ; σ; its power 10 log10 σ²;
            or the signal-to-noise ratio 10 log10 1/σ². On the last two σ = 0 has no
            place and is left out. ``"auto"`` is ``"log2"`` for Gaussian noise and
            ``"linear"`` for any other corruption.

        Returns
        -------
        self : RobustnessCurveDisplay
            The display itself.
        """
        first = check_comparable(self.curves)
        ax = axes_for(ax, type(self).__name__)
        scale = resolve_scale(x_scale, first.corruption)
        self.lines_: dict[str, Line2D] = {}
        self.bands_: dict[str, PolyCollection] = {}
        for i, (name, curve) in enumerate(self.curves.items()):
            x, style = positions(curve.levels, scale), series_style(i)
            limits = curve.mean - curve.std, curve.mean + curve.std
            self.bands_[name] = draw_band(ax, x, limits, style)
            self.lines_[name] = draw_line(ax, x, curve.mean, label=name, style=style)
        self.floor_lines_ = {
            name: ax.axhline(
                score,
                color="0.4",
                linewidth=1.2,
                linestyle=_FLOOR_LINES[i % len(_FLOOR_LINES)],
                label=name,
                zorder=1,
            )
            for i, (name, score) in enumerate((self.floors or {}).items())
        }
        self.trained_ = mark_trained(ax, self.trained_level, scale)
        levels = np.concatenate([curve.levels for curve in self.curves.values()])
        dress(ax, levels, scale, first.mode, first.corruption)
        ax.set_ylabel(first.score_name)
        add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self
