"""Score against the level of a corruption, for several estimators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_emma.plotting._noise_axis import (
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
from sklearn_emma.robustness import RobustnessCurve
from sklearn_emma.robustness._failing import FailingMode, check_levels, draw_seeds
from sklearn_emma.robustness._inside import unwrap
from sklearn_emma.robustness._score_curve import score_levels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart by line, since all are grey: a floor is a yardstick, not a competitor.
_FLOOR_LINES = ((0, (1, 1.5)), (0, (6, 2)), (0, (6, 2, 1, 2)), (0, (3, 1)))


class RobustnessCurveDisplay:
    """Score of estimators while one mode fails more and more.

    Make it with :meth:`from_estimators`, :meth:`from_estimator` or :meth:`from_curves`.

    Parameters
    ----------
    curves : dict of str to RobustnessCurve
        By name of the estimator; all of the same mode, corruption and score.
    floors : dict of str to float, default=None
        Scores to compare with, drawn as level lines: usually that of the healthy mode
        alone, below which nothing should fall.
    trained_level : float or tuple of (float, float), default=None
        Noise seen in training, σ or its range; marked.

    Attributes
    ----------
    lines_ : dict of str to matplotlib Line2D
        Mean score, by name of the estimator.
    bands_ : dict of str to matplotlib collection
        Mean ± one standard deviation over the repeats.
    floor_lines_ : dict of str to matplotlib Line2D
        The floors.
    trained_ : matplotlib artist or None
        Mark of the trained noise.
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        In which it is drawn.

    See Also
    --------
    sklearn_emma.robustness.robustness_curve : Computes a curve.

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
        trained_level: float | tuple[float, float] | None = None,
    ) -> None:
        self.curves = curves
        self.floors = floors
        self.trained_level = trained_level

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, name: str | None = None, **options: Any
    ) -> RobustnessCurveDisplay:
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
            In the legend; None: the name of its class.
        **options
            As :meth:`from_estimators` takes them; ``mode`` and ``levels`` are required.

        Returns
        -------
        display : RobustnessCurveDisplay
            Drawn.
        """
        label = type(estimator).__name__ if name is None else name
        return cls.from_estimators({label: estimator}, X, y, **options)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        X: Any,
        y: Any,
        *,
        mode: str,
        levels: Any,
        corruption: Any = None,
        scoring: Any = None,
        n_repeats: int = 5,
        modes: Any = None,
        reference: Any = None,
        random_state: Any = None,
        floors: Mapping[str, float] | None = None,
        trained_level: float | tuple[float, float] | None = None,
        ax: Axes | None = None,
        x_scale: str = "auto",
    ) -> RobustnessCurveDisplay:
        """Compute and draw curves of several estimators, on the same corrupted samples.

        Parameters
        ----------
        estimators : dict of str to fitted estimator
            Of any kind, by their name in the legend.
        X : array-like of shape (n_samples, n_features)
            Test samples, clean.
        y : array-like of shape (n_samples,)
            Their targets.
        mode, levels, corruption, scoring, n_repeats, random_state
            As in :func:`~sklearn_emma.robustness.robustness_curve`.
        modes, reference : default=None
            The same; None takes both, for all, from the first of the estimators that
            knows its modes and its training statistics.
        floors, trained_level
            As in the class.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.
        x_scale : {"auto", "log2", "linear", "dB"}, default="auto"
            As in :meth:`plot`.

        Returns
        -------
        display : RobustnessCurveDisplay
            Drawn.

        Raises
        ------
        ValueError, TypeError, NotFittedError
            As :func:`~sklearn_emma.robustness.robustness_curve`; TypeError also if
            ``estimators`` is no dict.
        ImportError
            Without matplotlib.
        """
        check_matplotlib(cls.__name__)
        _check_dict(estimators, "estimators", "fitted estimator")
        fitted = list(estimators.values())
        guides = [e for e in fitted if hasattr(unwrap(e), "scaler_")]
        failing = FailingMode(
            (guides or fitted)[0], X, mode, modes, corruption, reference
        )
        seeds = draw_seeds(cls.__name__, random_state, n_repeats)
        sigmas = check_levels(levels)
        curves = {
            name: score_levels(estimator, X, y, failing, sigmas, scoring, seeds)
            for name, estimator in estimators.items()
        }
        display = cls(curves, floors=floors, trained_level=trained_level)
        return display.plot(ax, x_scale=x_scale)

    @classmethod
    def from_curves(
        cls,
        curves: Mapping[str, RobustnessCurve],
        *,
        floors: Mapping[str, float] | None = None,
        trained_level: float | tuple[float, float] | None = None,
        **options: Any,
    ) -> RobustnessCurveDisplay:
        """Draw curves that are already computed.

        Parameters
        ----------
        curves, floors, trained_level
            As in the class.
        **options
            As in :meth:`plot`.

        Returns
        -------
        display : RobustnessCurveDisplay
            Drawn.

        Raises
        ------
        ValueError, TypeError
            If there are no curves, or they are not of one mode, corruption and score;
            TypeError if ``curves`` is no dict.
        ImportError
            Without matplotlib.
        """
        display = cls(curves, floors=floors, trained_level=trained_level)
        return display.plot(**options)

    def plot(
        self, ax: Axes | None = None, *, x_scale: str = "auto"
    ) -> RobustnessCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.
        x_scale : {"auto", "log2", "linear", "dB"}, default="auto"
            Scale of the noise: log2(1 + σ), labelled with σ; σ; or its power
            10 log10 σ², where σ = 0 has no place and is left out. ``"auto"`` is
            ``"log2"`` for Gaussian noise and ``"linear"`` for any other corruption.

        Returns
        -------
        self : RobustnessCurveDisplay
        """
        first = _check_alike(self.curves)
        ax = axes_for(ax, type(self).__name__)
        scale = resolve_scale(x_scale, first.corruption)
        self.lines_, self.bands_ = {}, {}
        for i, (name, curve) in enumerate(self.curves.items()):
            x, style = positions(curve.levels, scale), series_style(i)
            kept = np.isfinite(x)
            low, high = curve.mean - curve.std, curve.mean + curve.std
            self.bands_[name] = ax.fill_between(
                x[kept],
                low[kept],
                high[kept],
                color=style["color"],
                alpha=0.2,
                linewidth=0,
            )
            (self.lines_[name],) = ax.plot(
                x[kept], curve.mean[kept], label=name, **style
            )
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
        self.trained_ = None
        if self.trained_level is not None:
            self.trained_ = mark_trained(ax, self.trained_level, scale)
        levels = np.concatenate([curve.levels for curve in self.curves.values()])
        dress(ax, levels, scale, first.mode, first.corruption)
        ax.set_ylabel(first.score_name)
        add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _check_dict(given: Any, name: str, content: str) -> None:
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise TypeError(f"`{name}` must be a dict of name to {content}, got a {kind}.")
    if not given:
        raise ValueError(f"`{name}` is empty: there is nothing to draw.")


def _check_alike(curves: Mapping[str, RobustnessCurve]) -> RobustnessCurve:
    _check_dict(curves, "curves", "RobustnessCurve")
    kinds = {
        name: (curve.mode, curve.corruption, curve.score_name)
        for name, curve in curves.items()
    }
    if len(set(kinds.values())) > 1:
        raise ValueError(
            "Curves on one axis must be of the same mode, corruption and score; got "
            + ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
            + "."
        )
    return next(iter(curves.values()))
