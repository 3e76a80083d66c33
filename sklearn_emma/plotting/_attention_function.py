"""The learnt function from importance to attention."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._attention.gate import EMMAGate
from sklearn_emma._attention.interface import AttentionFunction, AttentionModule
from sklearn_emma._model.network import EMMANetwork
from sklearn_emma.plotting._style import COLOURS, add_legend, axes_for, check_matplotlib
from sklearn_emma.robustness._inside import last_step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Where attention is drawn on both sides of a threshold, for a step to rise there.
_STEP = 1e-6


class AttentionFunctionDisplay:
    """Attention β as a function of importance α.

    Shaded is the capacity: the area under the curve before anything is cut off at
    zero, for the soft attention ∫₀¹ tanh(g α − b_a) dα. As in the thesis, what lies
    below zero counts as negative there, although the attention itself stops at zero.
    Where the function has a threshold b_a / g, below which a mode is shut out, it is
    marked.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    function : AttentionModule or attention function
        Torch module, such as ``clf.network_.gate.attention_function``; or an object of
        :mod:`sklearn_emma.attention`, or its name, for the function before training.
    n_modes : int or None, default=None
        Number of modes M; α = 1/M, modes of equal importance, is marked. Required
        unless ``function`` is a torch module.

    Attributes
    ----------
    line_ : matplotlib Line2D
        Attention β against importance α.
    below_ : matplotlib Line2D or None
        The part of the curve below zero, which the attention cuts off.
    area_ : matplotlib collection
        What counts as positive in the capacity.
    area_below_ : matplotlib collection or None
        What counts as negative in the capacity.
    threshold_ : matplotlib Line2D or None
        Mark at b_a / g.
    equal_ : matplotlib Line2D or None
        Mark at 1/M.
    ax_ : matplotlib Axes
        Axes with the drawing.
    figure_ : matplotlib Figure
        Figure with the axes.

    Examples
    --------
    >>> from sklearn_emma.attention import SoftAttention
    >>> from sklearn_emma.plotting import AttentionFunctionDisplay
    >>> display = AttentionFunctionDisplay(SoftAttention(gain=4.0), n_modes=2).plot()
    >>> float(display.equal_.get_xdata()[0])
    0.5
    """

    def __init__(
        self,
        function: AttentionModule | AttentionFunction | str,
        *,
        n_modes: int | None = None,
    ) -> None:
        self.function = function
        self.n_modes = n_modes

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        ax: Axes | None = None,
    ) -> Self:
        """Draw what a classifier has learnt.

        Parameters
        ----------
        estimator : fitted EMMAClassifier
            Or a pipeline, a search or a threshold classifier around one.
        X, y : array-like or None, default=None
            Ignored; here so that all displays can be called alike.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        display : AttentionFunctionDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the estimator has no attention.
        NotFittedError
            If it is not fitted.
        ImportError
            Without matplotlib.
        """
        check_matplotlib(cls.__name__)
        check_is_fitted(estimator)
        fitted = last_step(estimator)
        network = getattr(fitted, "network_", None)
        if not isinstance(network, EMMANetwork):
            raise TypeError(
                f"{type(fitted).__name__} has learnt no attention function: pass a "
                "fitted EMMAClassifier."
            )
        gate = network.gate
        return cls(gate.attention_function, n_modes=len(gate.weight)).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.

        Returns
        -------
        self : AttentionFunctionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``function`` is no attention function, or needs ``n_modes``.
        ImportError
            Without matplotlib.
        """
        module = self._module()
        ax = axes_for(ax, type(self).__name__)
        threshold = _threshold(module)
        alpha = _importances(threshold)
        with torch.no_grad():
            importance = torch.from_numpy(alpha)
            beta = module.by_own_importance(importance).mean(1).numpy()
            curve = module.curve(importance).numpy()
            capacity = float(module.capacity())
        blue, orange = COLOURS[:2]
        self.area_ = ax.fill_between(
            alpha,
            np.maximum(curve, 0),
            color=blue,
            alpha=0.18,
            linewidth=0,
            label=f"capacity {capacity:.3f}",
        )
        self.area_below_, self.below_ = None, None
        if (curve < 0).any():
            below = curve < 0 if threshold is None else alpha <= threshold
            self.area_below_ = ax.fill_between(
                alpha[below],
                curve[below],
                color="0.5",
                alpha=0.4,
                linewidth=0,
                label="subtracted from the capacity",
            )
            (self.below_,) = ax.plot(
                alpha[below], curve[below], color=blue, linestyle=":", linewidth=1.2
            )
        (self.line_,) = ax.plot(
            alpha, beta, color=blue, linewidth=2, label="attention β"
        )
        self.threshold_ = None
        if threshold is not None:
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

    def _module(self) -> AttentionModule:
        """The function as a module of its own, in double precision on the CPU."""
        if isinstance(self.function, AttentionModule):
            return copy.deepcopy(self.function).double().cpu()
        if self.n_modes is None:
            raise ValueError(f"`n_modes` is needed to build {self.function!r}.")
        # The gate knows the functions by name, and refuses what is none.
        gate = EMMAGate(self.n_modes, attention_function=self.function)
        return gate.attention_function.double()


def _threshold(module: AttentionModule) -> float | None:
    threshold = module.threshold()
    return None if threshold is None else float(threshold.detach())


def _importances(threshold: float | None) -> np.ndarray:
    """Where the function is evaluated: evenly, and on both sides of its threshold."""
    alpha = np.linspace(0, 1, 401)
    if threshold is not None:
        around = threshold + _STEP * np.array([-1, 0, 1])
        alpha = np.unique(np.r_[alpha, around])
    return alpha[(alpha >= 0) & (alpha <= 1)]
