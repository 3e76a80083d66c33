"""Copies of samples in which one mode fails at a given level."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from numbers import Integral
from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_emma._inputs.found_modes import named_modes
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.modes import ModesLike, resolve_modes
from sklearn_emma._inputs.parts import whole_modes
from sklearn_emma._optim.torch_state import RandomStateLike
from sklearn_emma._validation import Interval, validate_parameter_constraints
from sklearn_emma.corruption import Corruption, GaussianNoise
from sklearn_emma.robustness._columns import Table, as_table, put, take
from sklearn_emma.robustness._corrupt import fail_values
from sklearn_emma.robustness._inside import known_modes, unwrap
from sklearn_emma.robustness._units import Units, reference_units

#: Makes the corruption of a level.
Factory: TypeAlias = Callable[[float], Corruption]


#: Standard deviations of noise, from none to one in which a mode is lost.
LEVELS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)


class FailureOptions(TypedDict, total=False):
    """Optional arguments that every function about a failing mode takes."""

    corruption: Factory | None
    n_repeats: int
    modes: ModesLike
    reference: ArrayLike | None
    random_state: RandomStateLike


class FailingMode:
    """Makes copies of samples in which a mode fails in every row.

    Parameters
    ----------
    estimator : fitted estimator
        It may know the modes and the units.
    X : array-like of shape (n_samples, n_features)
        Samples.
    mode : str or None
        Name of the mode; None: all columns that are in a mode.
    modes, corruption, reference
        As :func:`~sklearn_emma.robustness.robustness_curve` takes them.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        X: ArrayLike,
        mode: str | None,
        modes: ModesLike,
        corruption: Factory | None,
        reference: ArrayLike | None,
    ) -> None:
        check_is_fitted(estimator)
        table = as_table(X, "X")
        self.mode = mode
        self.factory: Factory = GaussianNoise if corruption is None else corruption
        if not callable(self.factory):
            raise TypeError(
                "`corruption` must be a class or function that makes a corruption of a "
                "given level, such as GaussianNoise (not GaussianNoise(1.0)); got "
                f"{corruption!r}."
            )
        _check_takes_level(self.factory, self.corruption_name)
        self.columns = find_columns(estimator, table, mode, modes)
        self.units = find_units(estimator, table, self.columns, reference)

    @property
    def corruption_name(self) -> str:
        """Name of the corruption, for the label of an axis."""
        name: str = getattr(self.factory, "__name__", type(self.factory).__name__)
        return name

    def copy(self, X: ArrayLike, level: float, seed: int) -> Table:
        """Copy of X, in the same container, with the mode failing at a level."""
        values, _ = fail_values(
            take(X, self.columns),
            ModeLayout.from_columns({"failing": self.columns}),
            self.units,
            self.factory(level),
            seed,
        )
        return put(X, self.columns, values)


def each_mode(estimators: Any, X: ArrayLike, modes: ModesLike) -> list[str] | None:
    """Names of the modes, as ``modes``, one of the estimators or X knows them."""
    if modes is not None:
        table = as_table(X, "X")
        resolved = resolve_modes(table, modes, remainder="drop", one_will_do=True)
        return list(whole_modes(resolved, modes))
    given = estimators.values() if isinstance(estimators, Mapping) else estimators
    for estimator in given if isinstance(given, Iterable) else ():
        found = known_modes(estimator)
        if found is not None:
            return list(found)
    named = named_modes(as_table(X, "X")) or {}
    # One mode, or one for each column, is hardly meant.
    return list(named) if 1 < len(named) < np.shape(X)[1] else None


def check_options(caller: str, given: Mapping[str, object], allowed: type) -> None:
    """Raise, naming the caller, if it takes no option of such a name or value.

    Raises
    ------
    TypeError
        If there is no such option.
    ValueError
        If ``n_repeats`` is no whole number from 1.
    """
    known = sorted(allowed.__annotations__)
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise TypeError(
                f"{caller}() got an unexpected keyword argument {name!r}."
                + (f" Did you mean {near[0]!r}?" if near else f" It takes {known}.")
            )
    check_repeats(caller, given.get("n_repeats", 1))


def check_repeats(caller: str, n_repeats: object) -> None:
    """Raise ValueError unless the caller's ``n_repeats`` is a whole number from 1."""
    validate_parameter_constraints(
        {"n_repeats": [Interval(Integral, 1, None, closed="left")]},
        {"n_repeats": n_repeats},
        caller_name=caller,
    )


def check_levels(levels: ArrayLike) -> np.ndarray:
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
        # Some callables written in C have no signature; calling them will show.
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
    caller: str, random_state: RandomStateLike, n_repeats: int, n_modes: int = 1
) -> list[list[int]]:
    """One seed for each repeat and failing mode, n_repeats × n_modes.

    An error about ``n_repeats`` names ``caller`` as the function that was given it.
    """
    check_repeats(caller, n_repeats)
    rng = check_random_state(random_state)
    return rng.randint(np.iinfo(np.int32).max, size=(n_repeats, n_modes)).tolist()


def find_columns(
    estimator: BaseEstimator, X: Table, mode: str | None, modes: ModesLike
) -> np.ndarray:
    """Columns of the mode, as ``modes``, the estimator or X itself names them."""
    named = known_modes(estimator) if modes is None else None
    if named is None:
        if mode is None and modes is None:
            return np.arange(np.shape(X)[1])
        parts = resolve_modes(X, modes, remainder="drop", one_will_do=True)
        named = whole_modes(parts, modes)
    else:
        parts = known_modes(estimator, "parts") or {}
    if mode is None:
        return np.concatenate(list(named.values()))
    named = named | parts
    if mode not in named:
        raise ValueError(
            f"There is no mode {mode!r}; the modes are {list(named)}. Pass `modes`, "
            "a dict of name to columns, if neither the estimator nor X knows them."
        )
    return named[mode]


def find_units(
    estimator: BaseEstimator,
    X: Table,
    columns: np.ndarray,
    reference: ArrayLike | None,
) -> Units:
    """Mean and standard deviation of columns in the reference, in training or in X."""
    if reference is not None:
        return reference_units(reference, X, columns)
    modes = known_modes(estimator)
    scaler = getattr(unwrap(estimator), "scaler_", None)
    if modes is not None and scaler is not None:
        order = np.concatenate(list(modes.values())).tolist()
        if set(columns.tolist()) <= set(order):
            known = [order.index(column) for column in columns.tolist()]
            return scaler.mean_[known], scaler.scale_[known]
    return reference_units(X, X, columns)
