"""The learnt function from importance to attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_emma.plotting._style import COLOURS, add_legend, axes_for, check_matplotlib
from sklearn_emma.robustness._inside import last_step

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class AttentionFunctionDisplay:
    """Attention β = max(0, tanh(g α − b_a)) as a function of importance α.

    Marks the threshold b_a / g, below which a mode is shut out, and shades the capacity
    ∫₀¹ tanh(g α − b_a) dα. What lies below zero counts as negative there, as in the
    source, although the attention itself stops at zero.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    gain : float
        g > 0.
    bias : float
        b_a in [0, 1].
    capacity : float
        The integral.
    n_modes : int or None, default=None
        Number of modes M; α = 1/M, modes of equal importance, is marked.
    function : {"soft", "hard"}, default="soft"
        Whether β is the function above, or 1 beyond the same threshold.

    Attributes
    ----------
    line_ : matplotlib Line2D
        β against α.
    below_ : matplotlib Line2D
        The part of the tanh below zero, which the attention cuts off.
    area_, area_below_ : matplotlib collections
        The capacity: what counts as positive and as negative.
    threshold_ : matplotlib Line2D
        At b_a / g.
    equal_ : matplotlib Line2D or None
        At 1/M.
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        In which it is drawn.

    Examples
    --------
    >>> from sklearn_emma.plotting import AttentionFunctionDisplay
    >>> display = AttentionFunctionDisplay(4.0, 0.5, capacity=0.69, n_modes=2).plot()
    >>> float(display.threshold_.get_xdata()[0])
    0.125
    """

    def __init__(
        self,
        gain: float,
        bias: float,
        *,
        capacity: float,
        n_modes: int | None = None,
        function: str = "soft",
    ) -> None:
        self.gain = gain
        self.bias = bias
        self.capacity = capacity
        self.n_modes = n_modes
        self.function = function

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Axes | None = None
    ) -> AttentionFunctionDisplay:
        """Draw what a classifier has learnt.

        Parameters
        ----------
        estimator : fitted EMMAClassifier
            With ``attention_function`` "soft" or "hard", or a pipeline, a search or a
            threshold classifier around one.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        display : AttentionFunctionDisplay
            Drawn.

        Raises
        ------
        ValueError
            If the classifier's attention has no threshold.
        TypeError
            If the estimator pays no attention.
        NotFittedError
            If it is not fitted.
        ImportError
            Without matplotlib.
        """
        check_matplotlib(cls.__name__)
        check_is_fitted(estimator)
        fitted = last_step(estimator)
        if not hasattr(fitted, "attention_gain_"):
            raise TypeError(
                f"{type(fitted).__name__} has learnt no attention function: pass a "
                "fitted EMMAClassifier."
            )
        display = cls(
            fitted.attention_gain_,
            fitted.attention_bias_,
            capacity=fitted.capacity_,
            n_modes=len(fitted.modes_),
            function=fitted.attention_function,
        )
        return display.plot(ax)

    def plot(self, ax: Axes | None = None) -> AttentionFunctionDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        self : AttentionFunctionDisplay

        Raises
        ------
        ValueError
            If ``function`` has no threshold.
        ImportError
            Without matplotlib.
        """
        ax = axes_for(ax, type(self).__name__)
        if self.function not in ("soft", "hard"):
            raise ValueError(
                "Only 'soft' and 'hard' attention have a learnt threshold, got "
                f"{self.function!r}."
            )
        threshold = self.bias / self.gain
        # The threshold twice: a step must rise in one place.
        alpha = np.sort(np.r_[np.linspace(0, 1, 401), threshold, threshold])
        alpha = alpha[alpha <= 1]
        curve = np.tanh(self.gain * alpha - self.bias)
        beta = np.maximum(curve, 0)
        if self.function == "hard":
            beta = (alpha > threshold).astype(float)
            beta[np.searchsorted(alpha, threshold, side="right") - 1] = 1.0
        blue, orange = COLOURS[:2]
        below = alpha <= threshold
        self.area_ = ax.fill_between(
            alpha,
            np.maximum(curve, 0),
            color=blue,
            alpha=0.18,
            linewidth=0,
            label=f"capacity {self.capacity:.3f}",
        )
        self.area_below_ = ax.fill_between(
            alpha[below],
            curve[below],
            color="0.5",
            alpha=0.4,
            linewidth=0,
            label="subtracted from the capacity" if self.bias > 0 else None,
        )
        (self.below_,) = ax.plot(
            alpha[below], curve[below], color=blue, linestyle=":", linewidth=1.2
        )
        (self.line_,) = ax.plot(
            alpha, beta, color=blue, linewidth=2, label="attention β"
        )
        self.threshold_ = ax.axvline(
            threshold,
            color=orange,
            linestyle="--",
            label=f"threshold $b_a/g$ = {threshold:.3f}",
        )
        self.equal_ = None
        if self.n_modes is not None:
            self.equal_ = ax.axvline(
                1 / self.n_modes,
                color="0.4",
                linestyle=":",
                label=f"equal importance 1/{self.n_modes}",
            )
        ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        ax.set(
            xlim=(-0.02, 1.02),
            ylim=(min(-0.03, 1.15 * curve.min()), 1.05),
            xlabel="importance α",
            ylabel="attention β",
        )
        add_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self
