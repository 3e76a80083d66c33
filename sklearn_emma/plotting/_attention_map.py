"""Attention of a mode over the noise of two modes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, Unpack

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklearn_emma.plotting._noise_axis import level_label
from sklearn_emma.plotting._style import HEAT, QUANTITIES, axes_for, check_matplotlib
from sklearn_emma.robustness import AttentionMap, attention_map
from sklearn_emma.robustness._attention_map import MapOptions
from sklearn_emma.robustness._failing import LEVELS, check_options

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.text import Text

# With more rows or columns than this, cells have no room for their numbers.
_MOST_VALUES = 9
_MOST_TICKS = 12


class AttentionMapDisplay:
    """Attention of a mode while two modes fail more and more, as a heat map.

    Make it with :meth:`from_estimator` or :meth:`from_map`.

    Parameters
    ----------
    attention_map : AttentionMap
        From :func:`~sklearn_emma.robustness.attention_map`.
    mode : str or None, default=None
        Mode whose attention is drawn; None: the first failing mode.

    Attributes
    ----------
    image_ : matplotlib QuadMesh
        Heat map with one cell for each pair of levels: those of the first failing mode
        along x, those of the second along y.
    texts_ : list of matplotlib Text
        Numbers in the cells, row by row; empty on a large map.
    colorbar_ : matplotlib Colorbar
        Scale of the colours, from 0 to 1.
    ax_ : matplotlib Axes
        Axes with the drawing.
    figure_ : matplotlib Figure
        Figure with the axes.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.plotting import AttentionMapDisplay
    >>> X, y, modes = make_multimodal_classification(
    ...     n_modes=2, redundancy=1.0, random_state=0
    ... )
    >>> clf = EMMAClassifier(modes=modes, max_iter=20, random_state=0).fit(X, y)
    >>> display = AttentionMapDisplay.from_estimator(
    ...     clf, X, failing=("mode_0", "mode_1"), levels=[0, 1, 4], random_state=0
    ... )
    >>> display.image_.get_array().shape
    (3, 3)
    """

    def __init__(self, attention_map: AttentionMap, *, mode: str | None = None) -> None:
        self.attention_map = attention_map
        self.mode = mode

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        failing: tuple[str, str] | None = None,
        levels: ArrayLike = LEVELS,
        mode: str | None = None,
        ax: Axes | None = None,
        cmap: str | Colormap = HEAT,
        **options: Unpack[MapOptions],
    ) -> Self:
        """Compute and draw.

        Parameters
        ----------
        estimator : fitted EMMAClassifier
            Or a pipeline, a search or a threshold classifier around one.
        X : array-like of shape (n_samples, n_features)
            Test samples, clean.
        y : array-like or None, default=None
            Ignored; here so that all displays can be called alike.
        failing : tuple of two str or None, default=None
            Names of the modes that fail; None: the first two.
        levels : array-like of shape (n_levels,), default=(0, 0.25, 0.5, 1, 2, 4)
            Levels of the corruption; noise σ in training standard deviations.
        mode : str or None, default=None
            As in the class.
        ax : matplotlib Axes or None, default=None
            As in :meth:`plot`.
        cmap : str or matplotlib Colormap, default="viridis"
            As in :meth:`plot`.
        **options
            The options ``second_levels``, ``quantity``, ``level``, ``corruption``,
            ``n_repeats``, ``modes``, ``reference`` and ``random_state`` of
            :func:`~sklearn_emma.robustness.attention_map`.

        Returns
        -------
        display : AttentionMapDisplay
            The display, drawn.

        Raises
        ------
        ValueError, TypeError, NotFittedError
            As :func:`~sklearn_emma.robustness.attention_map`.
        ImportError
            Without matplotlib.
        """
        check_options(f"{cls.__name__}.from_estimator", options, MapOptions)
        check_matplotlib(cls.__name__)
        computed = attention_map(
            estimator, X, failing=failing, levels=levels, **options
        )
        return cls(computed, mode=mode).plot(ax, cmap=cmap)

    @classmethod
    def from_map(
        cls,
        attention_map: AttentionMap,
        *,
        mode: str | None = None,
        ax: Axes | None = None,
        cmap: str | Colormap = HEAT,
    ) -> Self:
        """Draw a map that is already computed.

        Parameters
        ----------
        attention_map : AttentionMap
            As in the class.
        mode : str or None, default=None
            As in the class.
        ax : matplotlib Axes or None, default=None
            As in :meth:`plot`.
        cmap : str or matplotlib Colormap, default="viridis"
            As in :meth:`plot`.

        Returns
        -------
        display : AttentionMapDisplay
            The display, drawn.
        """
        return cls(attention_map, mode=mode).plot(ax, cmap=cmap)

    def plot(self, ax: Axes | None = None, *, cmap: str | Colormap = HEAT) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.
        cmap : str or matplotlib Colormap, default="viridis"
            Colours from 0 to 1.

        Returns
        -------
        self : AttentionMapDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is no such mode.
        ImportError
            Without matplotlib.
        """
        ax = axes_for(ax, type(self).__name__)
        data = self.attention_map
        mode = data.failing[0] if self.mode is None else self.mode
        if mode not in data.columns:
            raise ValueError(
                f"There is no mode {mode!r}; the modes are {list(data.columns)}."
            )
        values = data.mean[:, :, data.columns.index(mode)].T
        self.image_ = ax.pcolormesh(values, cmap=cmap, vmin=0, vmax=1)
        for axis, levels in zip((ax.xaxis, ax.yaxis), data.levels, strict=True):
            step = -(-len(levels) // _MOST_TICKS)
            at = np.arange(0, len(levels), step)
            axis.set_ticks(at + 0.5, [f"{level:.3g}" for level in levels[at]])
        labels = [level_label(f"mode {m!r}", data.corruption) for m in data.failing]
        ax.set(xlabel=labels[0], ylabel=labels[1])
        self.texts_: list[Text] = []
        if max(values.shape) <= _MOST_VALUES:
            for (row, column), value in np.ndenumerate(values):
                red, green, blue, _ = self.image_.to_rgba(value)
                light = 0.3 * red + 0.59 * green + 0.11 * blue > 0.5
                self.texts_.append(
                    ax.text(
                        column + 0.5,
                        row + 0.5,
                        f"{value:.2f}",
                        color="black" if light else "white",
                        ha="center",
                        va="center",
                        fontsize="small",
                    )
                )
        self.colorbar_ = ax.figure.colorbar(
            self.image_,
            ax=ax,
            label=f"mean {QUANTITIES[data.quantity]} of mode {mode!r}",
        )
        self.ax_, self.figure_ = ax, ax.figure
        return self
