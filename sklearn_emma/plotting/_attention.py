"""Distribution of attention over the samples, by mode and by corruption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sklearn_emma._inputs.modes import ModesLike
from sklearn_emma._optim.torch_state import RandomStateLike
from sklearn_emma.corruption import Corruption, GaussianNoise
from sklearn_emma.plotting._style import (
    COLOURS,
    QUANTITIES,
    add_legend,
    axes_for,
    check_matplotlib,
)
from sklearn_emma.robustness._failing import Factory, FailingMode, draw_seeds
from sklearn_emma.robustness._inside import ATTENTION, check_quantity, quantity_function

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.lines import Line2D

N_BINS = 25
# Share of the distance between two conditions that the histograms of one take up.
_GROUP_WIDTH = 0.84


class AttentionDisplay:
    """Distribution of attention over the samples, for every mode and failing mode.

    Each condition and mode has an upright histogram, whose bars extend to both sides.
    The widest bar of every histogram has the same width. A white dot marks the mean.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    values : dict of str to ndarray of shape (n_samples, n_modes)
        Attention or importance, in [0, 1], by condition.
    columns : sequence of str
        Names of the modes.
    quantity : {"attention", "importance"}, default="attention"
        Name of the values.
    condition_name : str, default="condition"
        Label of the axis of conditions.

    Attributes
    ----------
    bars_ : dict of (str, str) to matplotlib BarContainer
        Histogram of each condition and mode: 25 bins from 0 to 1, upwards.
    means_ : dict of (str, str) to matplotlib Line2D
        Mean of each condition and mode.
    ax_ : matplotlib Axes
        Axes with the drawing.
    figure_ : matplotlib Figure
        Figure with the axes.

    Examples
    --------
    >>> from sklearn_emma import EMMAClassifier
    >>> from sklearn_emma.corruption import GaussianNoise
    >>> from sklearn_emma.datasets import make_multimodal_classification
    >>> from sklearn_emma.plotting import AttentionDisplay
    >>> X, y, modes = make_multimodal_classification(
    ...     n_modes=2, redundancy=1.0, random_state=0
    ... )
    >>> clf = EMMAClassifier(modes=modes, max_iter=20, random_state=0).fit(X, y)
    >>> display = AttentionDisplay.from_estimator(
    ...     clf, X, corruption=GaussianNoise(2.0), random_state=0
    ... )
    >>> list(display.values)
    ['none', 'mode_0', 'mode_1']
    """

    def __init__(
        self,
        values: Mapping[str, np.ndarray],
        columns: Sequence[str],
        *,
        quantity: str = "attention",
        condition_name: str = "condition",
    ) -> None:
        self.values = values
        self.columns = columns
        self.quantity = quantity
        self.condition_name = condition_name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        corruption: Corruption | Mapping[str, Corruption] | None = None,
        failing: Sequence[str] | None = None,
        quantity: str = "attention",
        level: str = "modes",
        modes: ModesLike = None,
        reference: ArrayLike | None = None,
        random_state: RandomStateLike = None,
        ax: Axes | None = None,
    ) -> Self:
        """Compute and draw: clean samples, then each mode failing in turn.

        Parameters
        ----------
        estimator : fitted EMMAClassifier
            Or a pipeline, a search or a threshold classifier around one.
        X : array-like of shape (n_samples, n_features)
            Test samples, clean.
        y : array-like or None, default=None
            Ignored; here so that all displays can be called alike.
        corruption : Corruption, dict of str to Corruption or None, default=None
            What happens to a failing mode; a dict names several corruptions, each
            tried on its own. None is ``GaussianNoise(1.0)``.
        failing : sequence of str or None, default=None
            Modes, or parts, that fail, one at a time; None: all that are drawn.
        quantity : {"attention", "importance"}, default="attention"
            Attention β or importance α.
        level : {"modes", "parts"}, default="modes"
            What is drawn: each mode or, where modes have parts, each part.
        modes : dict, list or None, default=None
            As in :func:`~sklearn_emma.robustness.robustness_curve`.
        reference : array-like of shape (n_reference, n_features), default=None
            As in :func:`~sklearn_emma.robustness.robustness_curve`.
        random_state : int, RandomState instance or None, default=None
            Source of all random draws; pass an int for reproducible results.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        display : AttentionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For an unknown quantity or mode.
        TypeError
            If the estimator has no attention.
        NotFittedError
            If it is not fitted.
        ImportError
            Without matplotlib.
        """
        check_matplotlib(cls.__name__)
        check_quantity(quantity, ATTENTION)
        function, columns = quantity_function(estimator, quantity, level)
        ((seed,),) = draw_seeds(f"{cls.__name__}.from_estimator", random_state, 1)
        if corruption is None:
            corruption = GaussianNoise(1.0)
        named = corruption if isinstance(corruption, Mapping) else {"": corruption}
        values = {"none": function(X)}
        for name, what in named.items():
            for mode in columns if failing is None else failing:
                failed = FailingMode(
                    estimator, X, mode, modes, _always(what), reference
                ).copy(X, 0.0, seed)
                values[f"{mode}\n{name}" if name else mode] = function(failed)
        label = "failing mode" + (f" ({named['']})" if "" in named else "")
        display = cls(values, columns, quantity=quantity, condition_name=label)
        return display.plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        self : AttentionDisplay
            The display itself.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        ax = axes_for(ax, type(self).__name__)
        edges = np.linspace(0, 1, N_BINS + 1)
        symbol = QUANTITIES[self.quantity][-1]
        slot = _GROUP_WIDTH / len(self.columns)
        self.bars_: dict[tuple[str, str], BarContainer] = {}
        self.means_: dict[tuple[str, str], Line2D] = {}
        for group, (condition, values) in enumerate(self.values.items()):
            for i, mode in enumerate(self.columns):
                counts, _ = np.histogram(values[:, i], edges)
                width = 0.92 * slot * counts / counts.max()
                middle = group + slot * (i - (len(self.columns) - 1) / 2)
                self.bars_[condition, mode] = ax.barh(
                    edges[:-1],
                    width,
                    height=1 / N_BINS,
                    left=middle - width / 2,
                    align="edge",
                    color=COLOURS[i % len(COLOURS)],
                    label=f"{symbol} of {mode!r}" if group == 0 else None,
                )
                (self.means_[condition, mode],) = ax.plot(
                    middle,
                    values[:, i].mean(),
                    marker="o",
                    markersize=6,
                    color="white",
                    markeredgecolor="black",
                    linestyle="none",
                    label="mean" if group == i == 0 else None,
                )
        ax.set_xticks(range(len(self.values)), list(self.values))
        ax.set(
            xlim=(-0.5, len(self.values) - 0.5),
            ylim=(-0.03, 1.03),
            xlabel=self.condition_name,
            ylabel=f"{QUANTITIES[self.quantity]} (distribution over samples)",
        )
        add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _always(corruption: Corruption) -> Factory:
    """Present a corruption without levels as one that has levels."""
    return lambda level: corruption
