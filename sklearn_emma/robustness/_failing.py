"""Copies of samples in which one mode fails at a given level."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.modes import flatten_columns, resolve_modes
from sklearn_emma._validation import Interval, validate_parameter_constraints
from sklearn_emma.corruption import Corruption, Failures, GaussianNoise
from sklearn_emma.robustness._columns import as_table, put, take
from sklearn_emma.robustness._corrupt import fail_values
from sklearn_emma.robustness._inside import unwrap
from sklearn_emma.robustness._units import Units, reference_units

Factory = Callable[[float], Corruption]


class FailingMode:
    """Makes copies of samples in which a mode fails in every row.

    Parameters
    ----------
    estimator : fitted estimator
        Which may know the modes and the units.
    X : array-like of shape (n_samples, n_features)
        Samples.
    mode : str or None
        Name of the mode; None: all columns that are in a mode.
    modes, corruption, reference
        As :func:`~sklearn_emma.robustness.robustness_curve` takes them.
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        mode: str | None,
        modes: Any,
        corruption: Factory | None,
        reference: Any,
    ) -> None:
        check_is_fitted(estimator)
        X = as_table(X, "X")
        self.mode = mode
        self.factory: Factory = GaussianNoise if corruption is None else corruption
        if not callable(self.factory):
            raise TypeError(
                "`corruption` must be a class or function that makes a corruption of a "
                "given level, such as GaussianNoise (not GaussianNoise(1.0)); got "
                f"{corruption!r}."
            )
        _check_takes_level(self.factory, self.corruption_name)
        self.columns = find_columns(estimator, X, mode, modes)
        self.units = find_units(estimator, X, self.columns, reference)

    @property
    def corruption_name(self) -> str:
        """Under which the corruption stands on an axis."""
        return getattr(self.factory, "__name__", type(self.factory).__name__)

    def copy(self, X: Any, level: float, seed: int) -> Any:
        """X with the mode failing at a level: a container of the kind of X."""
        values, _ = fail_values(
            take(X, self.columns),
            ModeLayout.from_columns({"failing": self.columns}),
            self.units,
            Failures(self.factory(level), clean_fraction=0.0),
            seed,
        )
        return put(X, self.columns, values)


def check_levels(levels: Any) -> np.ndarray:
    """Levels as a finite array (n_levels,)."""
    array = np.array(levels, dtype=np.float64)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ValueError(
            f"`levels` must be a non-empty list of finite numbers, got {levels!r}."
        )
    return array


def _check_takes_level(factory: Factory, name: str) -> None:
    """Raise TypeError unless the factory can be called with a level."""
    try:
        signature = inspect.signature(factory)
    except ValueError:
        # Some callables written in C do not tell; a call will.
        return
    try:
        signature.bind(1.0)
    except TypeError as error:
        advice = (
            f"it takes no level; `lambda level: {name}()` would do."
            if not signature.parameters
            else f"{name}(level) does not work: {error}."
        )
        raise TypeError(
            "`corruption` must make a corruption of a given level, but got "
            f"{factory!r}: {advice}"
        ) from error


def draw_seeds(
    caller: str, random_state: Any, n_repeats: int, n_modes: int = 1
) -> list[list[int]]:
    """One seed for each repeat and failing mode, n_repeats × n_modes.

    ``caller`` was given ``n_repeats`` and is named if that is no count.
    """
    validate_parameter_constraints(
        {"n_repeats": [Interval(Integral, 1, None, closed="left")]},
        {"n_repeats": n_repeats},
        caller_name=caller,
    )
    rng = check_random_state(random_state)
    return rng.randint(np.iinfo(np.int32).max, size=(n_repeats, n_modes)).tolist()


def find_columns(estimator: Any, X: Any, mode: str | None, modes: Any) -> np.ndarray:
    """Columns of the mode, as ``modes``, the estimator or X itself names them."""
    named = getattr(unwrap(estimator), "modes_", None) if modes is None else None
    if named is None:
        named = resolve_modes(flatten_columns(X), modes, remainder="drop")
    if mode is None:
        return np.concatenate(list(named.values()))
    if mode not in named:
        raise ValueError(
            f"There is no mode {mode!r}; the modes are {list(named)}. Pass `modes`, "
            "a dict of name to columns, if neither the estimator nor X knows them."
        )
    return named[mode]


def find_units(estimator: Any, X: Any, columns: np.ndarray, reference: Any) -> Units:
    """Mean and standard deviation of columns in the reference, in training or in X."""
    if reference is not None:
        return reference_units(reference, X, columns)
    inner = unwrap(estimator)
    if hasattr(inner, "modes_") and hasattr(inner, "scaler_"):
        order = np.concatenate(list(inner.modes_.values())).tolist()
        if set(columns.tolist()) <= set(order):
            known = [order.index(column) for column in columns.tolist()]
            return inner.scaler_.mean_[known], inner.scaler_.scale_[known]
    return reference_units(X, X, columns)
