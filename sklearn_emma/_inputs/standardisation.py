"""Values in units of the training data, bounded so that nothing later overflows.

A broken sensor may read anything up to the limit of its type, and attention 0 times
infinity would be NaN. Values are bounded here and nowhere else; NaN stays NaN.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_emma._inputs.layout import ModeLayout

#: In standard deviations from the mean. No training sample of n equally weighted ones
# lies further out than √n, so this bounds nothing that could be learnt from; and its
# square leaves room for products and for sums of many in float32.
FARTHEST = 1e6

# A column is constant if its standard deviation is no more than so many units in the
# last place of its values: what varies then is rounding, which reaches a bit further.
_ROUNDING, _ROUNDING_REACH = 4, 32

# Powers of two between which values can be squared, and scales can be divided by.
_SQUARED = 400
_DIVIDED_BY = {np.dtype(np.float32): 60, np.dtype(np.float64): 500}


def bounded(X: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Copy X into ``dtype``, float32 or float64, with what it cannot hold made smaller.

    That is so many standard deviations from any mean that only its direction matters.
    """
    largest = np.finfo(dtype).max
    return np.clip(X, -largest, largest).astype(dtype, copy=False)


def fit_scaler(X: np.ndarray, weight: np.ndarray | None = None) -> StandardScaler:
    """Mean and standard deviation of ``bounded`` X (n, d), whatever its scale.

    Rows count ``weight`` (n,) times; NaN is left out. A column that does not vary,
    rounding apart, has its own size for a scale. One without a single value has the
    mean 0.
    """
    size = np.fmax.reduce(np.abs(X), axis=0, initial=0.0)
    # Powers of two round nothing.
    power = np.frexp(size)[1]
    if (np.abs(power) > _SQUARED).any():
        X = np.ldexp(X, -power)
    else:
        power = np.zeros_like(power)
    with np.errstate(invalid="ignore"):  # of columns without values
        scaler = StandardScaler().fit(X, sample_weight=weight)
    mean, variance = np.nan_to_num(scaler.mean_), np.nan_to_num(scaler.var_)
    deviation = np.sqrt(variance)
    constant = deviation <= _ROUNDING * np.finfo(X.dtype).eps * np.abs(mean)
    scale = np.where(constant, np.abs(mean), deviation)
    scale[scale == 0] = 1.0
    scaler.mean_, scaler.scale_ = np.ldexp(mean, power), np.ldexp(scale, power)
    # Beside its root, which is in use, the variance may leave the range of the type.
    with np.errstate(over="ignore", under="ignore"):
        scaler.var_ = np.ldexp(variance, 2 * power)
    return scaler


def fit_scaler_of_modes(
    X: np.ndarray, weight: np.ndarray, layout: ModeLayout
) -> StandardScaler:
    """:func:`fit_scaler`, but one mean and scale for each channel of a shape.

    So neighbours stay comparable, and a pixel that hardly ever varies is not blown up.
    """
    scaler = fit_scaler(X, weight)
    for columns, shape in zip(layout.slices, layout.shapes, strict=True):
        if len(shape) > 1:
            values = X[:, columns].reshape(len(X), shape[0], -1)
            n_values = values.shape[2]
            rows = values.swapaxes(1, 2).reshape(-1, shape[0])
            pooled = fit_scaler(rows, np.repeat(weight, n_values))
            for name in ("mean_", "scale_", "var_"):
                of_columns = np.repeat(getattr(pooled, name), n_values)
                getattr(scaler, name)[columns] = of_columns
    return scaler


class Standardisation(NamedTuple):
    """Numbers (d,) that standardise columns: z = (unit₁ unit₂ x − shift) / scale.

    ``units`` (2, d) are powers of two that bring scale within what can be divided by;
    two, as one of them may not be a number of the type. A z of no more than
    ``dead_zone`` is rounding, and 0.
    """

    units: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    dead_zone: np.ndarray

    @classmethod
    def of(cls, mean: np.ndarray, scale: np.ndarray, dtype: np.dtype) -> Self:
        """For X of this type; see ``fit_scaler`` for columns that do not vary."""
        power = np.frexp(scale)[1]
        if (np.abs(power) > _DIVIDED_BY[np.dtype(dtype)]).any():
            with np.errstate(over="ignore", under="ignore"):
                mean, scale = np.ldexp(mean, -power), np.ldexp(scale, -power)
        else:
            power = np.zeros_like(power)
        half = power // 2
        units = np.ldexp(1.0, [-half, half - power]).astype(dtype)
        mean, scale = mean.astype(dtype), scale.astype(dtype)
        reach = _ROUNDING_REACH * np.finfo(dtype).eps
        dead_zone = np.where(scale == np.abs(mean), reach, 0.0).astype(dtype)
        return cls(units, mean, scale, dead_zone)

    def in_units(self, X: np.ndarray) -> np.ndarray:
        """(X − mean) / scale in the type of X, row after row; infinite if too large."""
        with np.errstate(over="ignore", under="ignore"):
            if (self.units != 1).any():
                X = X * self.units[0] * self.units[1]
            # The scaler's own `transform` would check X once more. Data frames and
            # chosen columns lie column by column in memory; all that follows is for
            # rows.
            z: np.ndarray = np.subtract(X, self.shift, order="C")
            z /= self.scale
        if self.dead_zone.any():
            z[np.abs(z) <= self.dead_zone] = 0.0
        return z

    def standardise(self, X: np.ndarray) -> np.ndarray:
        """(X − mean) / sd of ``bounded`` X in its type, at most a million from 0.

        In a column that does not vary, what differs from the mean by rounding is 0.
        """
        z = self.in_units(X)
        return np.clip(z, -FARTHEST, FARTHEST, out=z)


def standardise(X: np.ndarray, scaler: StandardScaler) -> np.ndarray:
    """Standardise ``bounded`` X; see :meth:`Standardisation.standardise`."""
    return Standardisation.of(scaler.mean_, scaler.scale_, X.dtype).standardise(X)


def in_units(X: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(X − mean) / scale; see :meth:`Standardisation.in_units`."""
    return Standardisation.of(mean, scale, X.dtype).in_units(X)
