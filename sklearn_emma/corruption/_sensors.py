"""What sensors do in service: hold, saturate, shift, read nonsense, lose columns."""

from __future__ import annotations

from numbers import Integral, Real

import torch
from torch import Generator, Tensor

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._validation import Constraints, Interval
from sklearn_emma.corruption._draws import normal, uniform
from sklearn_emma.corruption._interface import BaseCorruption


class FrozenMode(BaseCorruption):
    """The mode holds its last values: rows repeat those of a row before them.

    Every value is valid by itself, and was the right one once. The order of the rows
    matters, as time does to a sensor.

    Parameters
    ----------
    n_rows : int >= 1, default=10
        How many rows the mode is frozen for, one such failure following the other: each
        of these rows repeats the row before the first of them. The rows of the first
        failure repeat the last row.

    See Also
    --------
    StuckMode : One value in every feature.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.corruption import FrozenMode, ModeLayout
    >>> layout = ModeLayout.from_columns({"only": [0]})
    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0]])
    >>> frozen = FrozenMode(n_rows=2).corrupt(x, layout, torch.Generator())
    >>> frozen.ravel().tolist()
    [4.0, 4.0, 1.0, 1.0, 3.0]
    """

    _parameter_constraints: Constraints = {
        "n_rows": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_rows: int = 10) -> None:
        self.n_rows = n_rows

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` with rows repeated."""
        rows = torch.arange(len(x), device=x.device)
        return x[rows - rows % self.n_rows - 1]


class Sentinel(BaseCorruption):
    """A number that stands for no measurement, such as −200 or 999, in every feature.

    How far it lies from the training mean depends on the mean and the unit of each
    feature; whether above or below is drawn for the whole mode.

    Parameters
    ----------
    low : float > 0, default=5.0
        Least distance from the training mean, in training standard deviations.
    high : float > 0, default=100.0
        Largest distance, at least ``low``; each cell draws its own, log-uniformly.

    See Also
    --------
    MissingMode : Missing, and known to be.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.corruption import ModeLayout, Sentinel
    >>> layout = ModeLayout.from_columns({"only": [0, 1]})
    >>> x, generator = torch.zeros(4, 2), torch.Generator().manual_seed(0)
    >>> bool((Sentinel().corrupt(x, layout, generator).abs() >= 5).all())
    True
    """

    _parameter_constraints: Constraints = {
        "low": [Interval(Real, 0, None, closed="neither")],
        "high": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, low: float = 5.0, high: float = 100.0) -> None:
        self.low = low
        self.high = high

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return far values instead of ``x``."""
        if self.high < self.low:
            raise ValueError(
                f"Sentinel: high must be at least low={self.low!r}, got {self.high!r}."
            )
        below = uniform(x, (len(x), layout.n_modes), generator) < 0.5
        u = uniform(x, x.shape, generator)
        distance = self.low * (self.high / self.low) ** u
        return torch.where(layout.spread(below), -distance, distance)


class Clipping(BaseCorruption):
    """Saturation: values beyond a limit read as the limit.

    Parameters
    ----------
    limit : float >= 0, default=1.0
        Largest distance from the training mean that can be read, in units of the
        training standard deviation.
    """

    _parameter_constraints: Constraints = {
        "limit": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, limit: float = 1.0) -> None:
        self.limit = limit

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` within ±``limit``."""
        return x.clamp(-self.limit, self.limit)


class Shift(BaseCorruption):
    """A moved distribution: an offset of its own for each feature, alike in all rows.

    With all modes failing in all rows, this is covariate shift: other devices, another
    season.

    Parameters
    ----------
    sigma : float >= 0, default=1.0
        Standard deviation of the offsets, which are drawn from a normal distribution,
        in units of the training standard deviation.

    See Also
    --------
    Bias : The same offset for all features.
    """

    _parameter_constraints: Constraints = {
        "sigma": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, sigma: float = 1.0) -> None:
        self.sigma = sigma

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` plus one drawn offset a feature."""
        return x + self.sigma * normal(x[:1], generator)


class DeadColumns(BaseCorruption):
    """Some neighbouring columns of the mode are dead: all of them read one value.

    Parameters
    ----------
    fraction : float in [0, 1], default=0.3
        Share of the mode's columns that are dead, at least one. Which ones is drawn for
        each row.
    bound : float >= 0, default=3.0
        Their value is drawn from U(−bound, bound), in units of the training standard
        deviation.

    See Also
    --------
    StuckMode : The whole mode reads one value.
    SaltAndPepper : Cells here and there read extremes.

    Examples
    --------
    >>> import torch
    >>> from sklearn_emma.corruption import DeadColumns, ModeLayout
    >>> layout = ModeLayout.from_columns({"only": range(10)})
    >>> x, generator = torch.zeros(4, 10), torch.Generator().manual_seed(0)
    >>> dead = DeadColumns(fraction=0.3).corrupt(x, layout, generator) != x
    >>> dead.sum(dim=1).tolist()
    [3, 3, 3, 3]
    """

    _parameter_constraints: Constraints = {
        "fraction": [Interval(Real, 0, 1, closed="both")],
        "bound": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, fraction: float = 0.3, bound: float = 3.0) -> None:
        self.fraction = fraction
        self.bound = bound

    def _corrupt(self, x: Tensor, layout: ModeLayout, generator: Generator) -> Tensor:
        """Return ``x`` with one run of columns of each mode replaced."""
        shape = len(x), layout.n_modes
        place = uniform(x, shape, generator)
        value = self.bound * (2.0 * uniform(x, shape, generator) - 1.0)
        modes = zip(layout.split(x), place.T, strict=True)
        dead = [self._run(mode, u) for mode, u in modes]
        return torch.where(layout.join(dead), layout.spread(value), x)

    def _run(self, mode: Tensor, place: Tensor) -> Tensor:
        """Whether a cell of the mode (n, d_m) is dead; ``place`` (n,) is in [0, 1)."""
        width = mode.shape[1]
        n_dead = max(1, round(self.fraction * width))
        start = (place * (width - n_dead + 1)).long().unsqueeze(1)
        columns = torch.arange(width, device=mode.device)
        return (columns >= start) & (columns < start + n_dead)
