"""Attention or energy against the level of a corruption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, Unpack

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklearn_emma.plotting._bands import (
    Band,
    band_limits,
    describe,
    draw_band,
    draw_line,
)
from sklearn_emma.plotting._noise_axis import (
    TrainedLevel,
    dress,
    mark_trained,
    positions,
    resolve_scale,
)
from sklearn_emma.plotting._style import (
    QUANTITIES,
    add_legend,
    axes_for,
    check_matplotlib,
    series_style,
)
from sklearn_emma.robustness import DistributionCurve, attention_curve, energy_curve
from sklearn_emma.robustness._distribution_curves import DistributionOptions
from sklearn_emma.robustness._failing import LEVELS, check_options
from sklearn_emma.robustness._inside import ATTENTION, ENERGY, check_quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D


class DistributionCurveDisplay:
    """Attention or energy of the samples while a mode fails more and more.

    A line is the mean over the samples, the band around it their spread. Make it with
    :meth:`from_estimator` or :meth:`from_curve`.

    Parameters
    ----------
    curve : DistributionCurve
        From :func:`~sklearn_emma.robustness.attention_curve` or
        :func:`~sklearn_emma.robustness.energy_curve`.
    trained_level : float, tuple of (float, float) or None, default=None
        Noise seen in training, σ or its range, to be marked.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        Mean over the samples, one line for each column that is drawn.
    bands_ : list of matplotlib collections
        Spread over the samples, in the same order; empty without a band.
    trained_ : matplotlib artist or None
        Mark of the trained noise.
    ax_ : matplotlib Axes
        Axes with the drawing.
    figure_ : matplotlib Figure
        Figure with the axes.

    See Also
    --------
    RobustnessCurveDisplay : Draws the score instead.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.plotting import DistributionCurveDisplay
    >>> X, y, modes = make_multimodal_classification(
    ...     n_modes=2, redundancy=1.0, random_state=0
    ... )
    >>> clf = EMMAClassifier(modes=modes, max_iter=20, random_state=0).fit(X, y)
    >>> display = DistributionCurveDisplay.from_estimator(
    ...     clf, X, mode="mode_0", levels=[0, 1, 2, 4], random_state=0
    ... )
    >>> failing, healthy = display.lines_
    >>> bool(failing.get_ydata()[-1] < healthy.get_ydata()[-1])
    True

    The potential energy of one mode, without any classifier:

    >>> import numpy as np
    >>> from sklearn_emma import PotentialEnergyTransformer
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> energy = PotentialEnergyTransformer(random_state=0).fit(X)
    >>> display = DistributionCurveDisplay.from_estimator(
    ...     energy, X, quantity="potential_energy", levels=[0, 1, 2], random_state=0
    ... )
    >>> bool((np.diff(display.lines_[0].get_ydata()) > 0).all())
    True
    """

    def __init__(
        self, curve: DistributionCurve, *, trained_level: TrainedLevel = None
    ) -> None:
        self.curve = curve
        self.trained_level = trained_level

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        quantity: str = "attention",
        mode: str | None = None,
        levels: ArrayLike = LEVELS,
        trained_level: TrainedLevel = None,
        ax: Axes | None = None,
        columns: Sequence[str] | None = None,
        band: Band = (0.25, 0.75),
        x_scale: str = "auto",
        **options: Unpack[DistributionOptions],
    ) -> Self:
        """Compute and draw.

        Parameters
        ----------
        estimator : fitted EMMAClassifier or density estimator
            Or a pipeline, a search or a threshold classifier around one. A density
            estimator has only a potential energy.
        X : array-like of shape (n_samples, n_features)
            Test samples, clean.
        y : array-like or None, default=None
            Ignored; here so that all displays can be called alike.
        quantity : str, default="attention"
            What to draw: ``"attention"`` β or ``"importance"`` α of each mode;
            ``"modal_energy"`` E or ``"potential_energy"`` Ψ of each mode; or
            ``"total_energy"``, the sum of the modal energies.
        mode : str or None, default=None
            Name of the mode that fails; None: all of them at once.
        levels : array-like of shape (n_levels,), default=(0, 0.25, 0.5, 1, 2, 4)
            Levels of the corruption; noise σ in training standard deviations.
        trained_level : float, tuple of (float, float) or None, default=None
            As in the class.
        ax : matplotlib Axes or None, default=None
            As in :meth:`plot`.
        columns : sequence of str or None, default=None
            As in :meth:`plot`.
        band : tuple of (float, float), float or None, default=(0.25, 0.75)
            As in :meth:`plot`.
        x_scale : {"auto", "log2", "linear", "dB", "snr"}, default="auto"
            As in :meth:`plot`.
        **options
            The options ``level``, ``corruption``, ``n_repeats``, ``quantiles``,
            ``modes``, ``reference`` and ``random_state`` of
            :func:`~sklearn_emma.robustness.attention_curve`.

        Returns
        -------
        display : DistributionCurveDisplay
            The display, drawn.

        Raises
        ------
        ValueError, TypeError, NotFittedError
            As :func:`~sklearn_emma.robustness.attention_curve` and
            :func:`~sklearn_emma.robustness.energy_curve`.
        ImportError
            Without matplotlib.
        """
        check_options(f"{cls.__name__}.from_estimator", options, DistributionOptions)
        check_matplotlib(cls.__name__)
        check_quantity(quantity, (*ATTENTION, *ENERGY))
        compute = attention_curve if quantity in ATTENTION else energy_curve
        curve = compute(
            estimator, X, mode=mode, levels=levels, quantity=quantity, **options
        )
        display = cls(curve, trained_level=trained_level)
        return display.plot(ax, columns=columns, band=band, x_scale=x_scale)

    @classmethod
    def from_curve(
        cls,
        curve: DistributionCurve,
        *,
        trained_level: TrainedLevel = None,
        ax: Axes | None = None,
        columns: Sequence[str] | None = None,
        band: Band = (0.25, 0.75),
        x_scale: str = "auto",
    ) -> Self:
        """Draw a curve that is already computed.

        Parameters
        ----------
        curve : DistributionCurve
            As in the class.
        trained_level : float, tuple of (float, float) or None, default=None
            As in the class.
        ax : matplotlib Axes or None, default=None
            As in :meth:`plot`.
        columns : sequence of str or None, default=None
            As in :meth:`plot`.
        band : tuple of (float, float), float or None, default=(0.25, 0.75)
            As in :meth:`plot`.
        x_scale : {"auto", "log2", "linear", "dB", "snr"}, default="auto"
            As in :meth:`plot`.

        Returns
        -------
        display : DistributionCurveDisplay
            The display, drawn.
        """
        display = cls(curve, trained_level=trained_level)
        return display.plot(ax, columns=columns, band=band, x_scale=x_scale)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        columns: Sequence[str] | None = None,
        band: Band = (0.25, 0.75),
        x_scale: str = "auto",
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.
        columns : sequence of str or None, default=None
            Columns of the curve to draw, such as names of modes; None: all.
        band : tuple of (float, float), float or None, default=(0.25, 0.75)
            Two quantiles of the curve; or k for mean ± k standard deviations; or None
            for lines without bands.
        x_scale : {"auto", "log2", "linear", "dB", "snr"}, default="auto"
            As in :meth:`RobustnessCurveDisplay.plot`.

        Returns
        -------
        self : DistributionCurveDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the curve has no such column or quantile.
        ImportError
            Without matplotlib.
        """
        ax = axes_for(ax, type(self).__name__)
        curve = self.curve
        scale = resolve_scale(x_scale, curve.corruption)
        x = positions(curve.levels, scale)
        limits = band_limits(curve, band)
        self.lines_: list[Line2D] = []
        self.bands_: list[PolyCollection] = []
        for i in self._places(columns):
            style = series_style(i)
            if limits is not None:
                of_column = limits[0][:, i], limits[1][:, i]
                self.bands_.append(draw_band(ax, x, of_column, style))
            name, mean = curve.columns[i], curve.mean[:, i]
            self.lines_.append(draw_line(ax, x, mean, label=name, style=style))
        self.trained_ = mark_trained(ax, self.trained_level, scale)
        dress(ax, curve.levels, scale, curve.mode, curve.corruption)
        ax.set_ylabel(f"{QUANTITIES[curve.quantity]} ({describe(band)})")
        if curve.quantity in ATTENTION:
            ax.set_ylim(-0.03, 1.03)
        # The label of the axis says all about the only column of a curve.
        if len(curve.columns) > 1 or self.trained_ is not None:
            add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _places(self, columns: Sequence[str] | None) -> list[int]:
        """Where the columns to be drawn are among those of the curve."""
        known = self.curve.columns
        chosen = known if columns is None else tuple(columns)
        strange = [name for name in chosen if name not in known]
        if strange:
            raise ValueError(
                f"The curve has no column {strange[0]!r}; it has {list(known)}."
            )
        return [known.index(name) for name in chosen]
