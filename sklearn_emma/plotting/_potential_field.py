"""An energy over the plane, with the field that leads down it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from sklearn_emma._inputs.tables import read_table
from sklearn_emma.plotting._style import COLOURS, HEAT, axes_for, check_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize

_LABELS = {
    "potential": "potential energy Ψ",
    "reconstruction_error": "reconstruction error ‖r(x) − x‖²",
}


class PotentialFieldDisplay:
    """Energy of a mode with two features as a heat map, with the field r(x) − x.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    grid : tuple of two ndarrays, of shape (n_x,) and (n_y,)
        Coordinates of the heat map.
    energy : ndarray of shape (n_y, n_x)
        Energy at each point of the grid.
    quantity : {"potential", "reconstruction_error"}, default="potential"
        Name of the energy.
    origins : ndarray of shape (n_arrows, 2) or None, default=None
        Points x at which there is an arrow.
    field : ndarray of shape (n_arrows, 2) or None, default=None
        Vectors r(x) − x at these points.
    X : ndarray of shape (n_samples, 2) or None, default=None
        Samples, drawn as points.
    feature_names : tuple of two str, default=("feature 0", "feature 1")
        Labels of the axes.

    Attributes
    ----------
    image_ : matplotlib QuadMesh
        Heat map of the energy.
    quiver_ : matplotlib Quiver or None
        Arrows along the field. Their lengths are proportional to it up to its median,
        and equal beyond, or arrows far from the samples would dwarf all others. An
        arrow of full length is nearly as long as the distance between arrows.
    points_ : matplotlib collection or None
        Samples.
    colorbar_ : matplotlib Colorbar
        Scale of the energy.
    ax_ : matplotlib Axes
        Axes with the drawing.
    figure_ : matplotlib Figure
        Figure with the axes.

    Examples
    --------
    >>> from sklearn_emma import PotentialEnergyTransformer
    >>> from sklearn_emma.datasets import make_circle
    >>> from sklearn_emma.plotting import PotentialFieldDisplay
    >>> X, _ = make_circle(500, random_state=0)
    >>> energy = PotentialEnergyTransformer(random_state=0).fit(X)
    >>> display = PotentialFieldDisplay.from_estimator(energy, X, grid_resolution=50)
    >>> display.energy.shape
    (50, 50)
    """

    def __init__(
        self,
        grid: tuple[np.ndarray, np.ndarray],
        energy: np.ndarray,
        *,
        quantity: str = "potential",
        origins: np.ndarray | None = None,
        field: np.ndarray | None = None,
        X: np.ndarray | None = None,
        feature_names: tuple[str, ...] = ("feature 0", "feature 1"),
    ) -> None:
        self.grid = grid
        self.energy = energy
        self.quantity = quantity
        self.origins = origins
        self.field = field
        self.X = X
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: object = None,
        *,
        quantity: str = "potential",
        grid_resolution: int = 100,
        n_arrows: int = 18,
        eps: float = 1.0,
        ax: Axes | None = None,
        show_points: bool = True,
        cmap: str | Colormap = HEAT,
        norm: str | Normalize | None = None,
    ) -> Self:
        """Compute and draw.

        Parameters
        ----------
        estimator : fitted PotentialEnergyTransformer or density estimator
            Of two features. The potential Ψ needs ``score_samples``, which every
            density estimator has; the reconstruction error ``reconstruction_error``;
            the field ``reconstruct``.
        X : array-like of shape (n_samples, 2)
            Samples, which determine the extent of the map.
        y : None
            Ignored.
        quantity : {"potential", "reconstruction_error"}, default="potential"
            What the heat map shows.
        grid_resolution : int, default=100
            Number of points of the heat map along each axis.
        n_arrows : int, default=18
            Number of arrows along the longer side of the map; 0: none.
        eps : float, default=1.0
            How far the map extends beyond the samples on each side, in their units.
        ax : matplotlib Axes or None, default=None
            As in :meth:`plot`.
        show_points : bool, default=True
            As in :meth:`plot`.
        cmap : str or matplotlib Colormap, default="viridis"
            As in :meth:`plot`.
        norm : str, matplotlib Normalize or None, default=None
            As in :meth:`plot`.

        Returns
        -------
        display : PotentialFieldDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If X does not have two features, or the quantity is unknown.
        TypeError, NotFittedError
            If the estimator lacks the method that the quantity needs, or is not fitted.
        ImportError
            Without matplotlib.
        """
        check_matplotlib(cls.__name__)
        check_is_fitted(estimator)
        columns = getattr(table := read_table(X), "columns", None)
        samples: np.ndarray = check_array(table)
        if (n_features := samples.shape[1]) != 2:
            raise ValueError(f"X must have 2 features to be drawn, got {n_features}.")
        energy_of = _energy_function(estimator, quantity)

        def named(points: np.ndarray) -> np.ndarray | pd.DataFrame:
            # An estimator that was fitted on a data frame expects one.
            return points if columns is None else pd.DataFrame(points, columns=columns)

        low, high = samples.min(axis=0) - eps, samples.max(axis=0) + eps
        grid_x, grid_y = np.linspace(low, high, grid_resolution).T
        values = energy_of(named(_points(grid_x, grid_y)))
        origins = field = None
        if n_arrows and hasattr(estimator, "reconstruct"):
            origins = _cell_centres(low, high, n_arrows)
            field = estimator.reconstruct(named(origins)) - origins
        plain = ("feature 0", "feature 1")
        display = cls(
            (grid_x, grid_y),
            np.reshape(values, (grid_resolution, -1)),
            quantity=quantity,
            origins=origins,
            field=field,
            X=samples,
            feature_names=plain if columns is None else tuple(map(str, columns)),
        )
        return display.plot(ax, show_points=show_points, cmap=cmap, norm=norm)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        show_points: bool = True,
        cmap: str | Colormap = HEAT,
        norm: str | Normalize | None = None,
    ) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: a new figure.
        show_points : bool, default=True
            Whether to draw the samples.
        cmap : str or matplotlib Colormap, default="viridis"
            Colours of the energy.
        norm : str, matplotlib Normalize or None, default=None
            How energies become colours; ``"log"`` suits the reconstruction error.

        Returns
        -------
        self : PotentialFieldDisplay
            The display itself.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        ax = axes_for(ax, type(self).__name__)
        self.image_ = ax.pcolormesh(
            *self.grid, self.energy, shading="gouraud", cmap=cmap, norm=norm
        )
        self.points_ = None
        if show_points and self.X is not None:
            x, y = self.X.T
            self.points_ = ax.scatter(
                x, y, s=3, color=COLOURS[1], linewidth=0, label="samples"
            )
        self.quiver_ = None
        if self.origins is not None and self.field is not None:
            arrows = _shorten(self.field) * _spacing(self.origins)
            self.quiver_ = ax.quiver(
                *self.origins.T,
                *arrows.T,
                angles="xy",
                scale_units="xy",
                scale=1,
                pivot="mid",
                color="white",
                edgecolor="black",
                linewidth=0.5,
                width=0.005,
                headwidth=4,
                headlength=4,
                headaxislength=3.5,
            )
        # An inset keeps the height of the map, which follows from its aspect.
        self.colorbar_ = ax.figure.colorbar(
            self.image_,
            cax=ax.inset_axes((1.03, 0, 0.04, 1)),
            label=_LABELS[self.quantity],
        )
        ax.set(xlabel=self.feature_names[0], ylabel=self.feature_names[1])
        ax.set_aspect("equal")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _energy_function(
    estimator: BaseEstimator, quantity: str
) -> Callable[[ArrayLike], np.ndarray]:
    if quantity not in _LABELS:
        raise ValueError(
            f"`quantity` must be one of {list(_LABELS)}, got {quantity!r}."
        )
    needed = "score_samples" if quantity == "potential" else quantity
    if not hasattr(estimator, needed):
        raise TypeError(
            f"{type(estimator).__name__} has no method {needed!r}, which "
            f"quantity={quantity!r} needs."
        )
    if quantity == "potential":
        return lambda X: -estimator.score_samples(X)
    return lambda X: estimator.reconstruction_error(X)


def _points(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Points (n_x · n_y, 2) of a grid, row by row."""
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def _cell_centres(low: np.ndarray, high: np.ndarray, n: int) -> np.ndarray:
    """Centres (k, 2) of nearly square cells, n along the longer side of the map."""
    counts = np.ceil(n * (high - low) / (high - low).max()).astype(int)
    x, y = (
        a + (b - a) * (np.arange(count) + 0.5) / count
        for a, b, count in zip(low, high, counts, strict=True)
    )
    return _points(x, y)


def _shorten(field: np.ndarray) -> np.ndarray:
    """Vectors (k, 2) in units of their median length, and none longer than 1."""
    length = np.linalg.norm(field, axis=1, keepdims=True)
    return field / np.maximum(length, max(np.median(length), np.finfo(float).tiny))


def _spacing(origins: np.ndarray) -> float:
    """Length at which arrows from these origins (k, 2) do not touch."""
    gaps = np.concatenate([np.diff(np.unique(side)) for side in origins.T])
    return 0.9 * float(gaps.min()) if len(gaps) else 1.0
