"""Attention against the level of a corruption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sklearn_emma.plotting._bands import Band, draw_distribution
from sklearn_emma.plotting._style import add_legend, axes_for, check_matplotlib
from sklearn_emma.robustness import DistributionCurve, attention_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class AttentionCurveDisplay:
    """Attention that every mode gets while one of them fails more and more.

    Make it with :meth:`from_estimator` or :meth:`from_curve`.

    Parameters
    ----------
    curve : DistributionCurve
        From :func:`~sklearn_emma.robustness.attention_curve`.
    trained_level : float or tuple of (float, float), default=None
        Noise seen in training, σ or its range; marked.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        Mean over the samples, one for each mode that is drawn.
    bands_ : list of matplotlib collections
        Spread over the samples, in the same order.
    trained_ : matplotlib artist or None
        Mark of the trained noise.
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        In which it is drawn.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.plotting import AttentionCurveDisplay
    >>> X, y, modes = make_multimodal_classification(
    ...     n_modes=2, redundancy=1.0, random_state=0
    ... )
    >>> clf = EMMAClassifier(modes=modes, max_iter=20, random_state=0).fit(X, y)
    >>> display = AttentionCurveDisplay.from_estimator(
    ...     clf, X, mode="mode_0", levels=[0, 1, 2, 4], random_state=0
    ... )
    >>> failing, healthy = display.lines_
    >>> bool(failing.get_ydata()[-1] < healthy.get_ydata()[-1])
    True
    """

    def __init__(
        self,
        curve: DistributionCurve,
        *,
        trained_level: float | tuple[float, float] | None = None,
    ) -> None:
        self.curve = curve
        self.trained_level = trained_level

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        mode: str,
        levels: Any,
        trained_level: float | tuple[float, float] | None = None,
        ax: Axes | None = None,
        columns: Sequence[str] | None = None,
        band: Band = (0.25, 0.75),
        x_scale: str = "auto",
        **options: Any,
    ) -> AttentionCurveDisplay:
        """Compute and draw.

        Parameters
        ----------
        estimator : fitted EMMAClassifier
            Or a pipeline, a search or a threshold classifier around one.
        X : array-like of shape (n_samples, n_features)
            Test samples, clean.
        mode : str
            Name of the mode that fails.
        levels : array-like of shape (n_levels,)
            Levels of the corruption; noise σ in training standard deviations.
        trained_level
            As in the class.
        ax, columns, band, x_scale
            As in :meth:`plot`.
        **options
            ``quantity``, ``corruption``, ``n_repeats``, ``quantiles``, ``modes``,
            ``reference`` and ``random_state`` as in
            :func:`~sklearn_emma.robustness.attention_curve`.

        Returns
        -------
        display : AttentionCurveDisplay
            Drawn.

        Raises
        ------
        ValueError, TypeError, NotFittedError
            As :func:`~sklearn_emma.robustness.attention_curve`.
        ImportError
            Without matplotlib.
        """
        check_matplotlib(cls.__name__)
        curve = attention_curve(estimator, X, mode=mode, levels=levels, **options)
        display = cls(curve, trained_level=trained_level)
        return display.plot(ax, columns=columns, band=band, x_scale=x_scale)

    @classmethod
    def from_curve(
        cls,
        curve: DistributionCurve,
        *,
        trained_level: float | tuple[float, float] | None = None,
        **options: Any,
    ) -> AttentionCurveDisplay:
        """Draw a curve that is already computed.

        Parameters
        ----------
        curve, trained_level
            As in the class.
        **options
            As in :meth:`plot`.

        Returns
        -------
        display : AttentionCurveDisplay
            Drawn.
        """
        return cls(curve, trained_level=trained_level).plot(**options)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        columns: Sequence[str] | None = None,
        band: Band = (0.25, 0.75),
        x_scale: str = "auto",
    ) -> AttentionCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.
        columns : sequence of str or None, default=None
            Modes to draw; None: all.
        band : tuple of (float, float), float or None, default=(0.25, 0.75)
            Two quantiles of the curve, or k for mean ± k standard deviations, or none.
        x_scale : {"auto", "log2", "linear", "dB"}, default="auto"
            As in :meth:`RobustnessCurveDisplay.plot`.

        Returns
        -------
        self : AttentionCurveDisplay

        Raises
        ------
        ValueError
            If the curve has no such column or quantile.
        ImportError
            Without matplotlib.
        """
        ax = axes_for(ax, type(self).__name__)
        self.lines_, self.bands_, self.trained_ = draw_distribution(
            ax,
            self.curve,
            columns=columns,
            band=band,
            x_scale=x_scale,
            trained_level=self.trained_level,
        )
        ax.set_ylim(-0.03, 1.03)
        add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self
