"""Arrays and frames by mode → one X, and where each mode lies in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sklearn_emma._inputs.missing import missing_as_nan
from sklearn_emma._inputs.sequences import are_ragged, padded
from sklearn_emma._inputs.shapes import Mode
from sklearn_emma._inputs.tables import (
    SEPARATOR,
    as_known_frame,
    flatten_columns,
)


def pack_modes(
    arrays: Mapping[str, ArrayLike | None],
    *,
    like: Mapping[str, slice | Mode] | None = None,
) -> tuple[Any, dict[str, slice | Mode]]:
    """Make one X of the arrays and frames of each mode.

    Rows are samples, and are matched by their position. X stays one matrix or one
    frame, which is what cross-validation, searches and pipelines can handle.

    Parameters
    ----------
    arrays : dict of str to array-like or frame
        Values of each mode, by its name: (n,) or (n, n_columns) of plain columns, which
        may be a data frame; (n, channels, length) of signals; (n, channels, height,
        width) of images. Images in grey have one channel: ``images[:, None]`` gives
        them one. A list of arrays (channels, length) or (length,) of different lengths
        is a ragged mode: NaN follows the end of each, and None in the list stands for a
        signal that is lost. NaN and masked values are missing; a sample without any
        value of a mode has lost it. With ``like``, None stands for a mode that all have
        lost.
    like : dict, default=None
        Modes that this function returned before, of training data: new data are laid
        out in the same way. Signals of a ragged mode may be as long as the longest of
        the training data.

    Returns
    -------
    X : ndarray or DataFrame of shape (n_samples, n_features)
        All modes side by side, in float32 if that holds all values, else in float64. A
        data frame if one of the modes is, with columns named ``mode__column``.
    modes : dict of str to slice or Mode
        For the parameter ``modes`` of an estimator.

    Raises
    ------
    ValueError
        Names the mode whose values do not fit, and what was expected.

    See Also
    --------
    Mode : Columns whose values have a shape.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_emma import pack_modes
    >>> rng = np.random.default_rng(0)
    >>> images, weather = rng.normal(size=(5, 3, 8, 8)), rng.normal(size=(5, 2))
    >>> X, modes = pack_modes({"camera": images, "weather": weather})
    >>> X.shape
    (5, 194)
    >>> modes["weather"]
    slice(192, 194, None)
    >>> modes["camera"]
    Mode(columns=slice(0, 192, None), shape=(3, 8, 8))
    >>> new, _ = pack_modes({"camera": None, "weather": weather[:2]}, like=modes)
    >>> np.isnan(new).sum(axis=1)
    array([192, 192])

    Signals of different lengths:

    >>> X, modes = pack_modes({"mic": [np.array([1.0, 2.0, 3.0]), np.array([4.0])]})
    >>> modes["mic"]
    Mode(columns=slice(0, 3, None), shape=(1, 3), ragged=True)
    >>> X
    array([[ 1.,  2.,  3.],
           [ 4., nan, nan]])
    """
    if not isinstance(arrays, Mapping) or not arrays:
        raise ValueError(
            "`arrays` must be a dict of the name of a mode to its values, got "
            f"{arrays if isinstance(arrays, Mapping) else type(arrays).__name__}."
        )
    if like is not None:
        _check_names(arrays, like)
        arrays = {name: arrays[name] for name in like}
    tables = {name: as_known_frame(given) for name, given in arrays.items()}
    ragged = {
        name: _expected(name, like[name]) if like else None
        for name, given in tables.items()
        if (_is_ragged(like[name]) if like else are_ragged(given))
    }
    found = {
        name: padded(name, given, ragged[name])
        if name in ragged
        else _as_numbers(name, given)
        for name, given in tables.items()
        if given is not None
    }
    n_samples = _common_length(found)
    shapes = {name: values.shape[1:] for name, values in found.items()}
    if like is not None:
        _check_shapes(shapes, like)
        shapes = {name: _expected(name, mode) for name, mode in like.items()}
    elif lost := [name for name in arrays if name not in found]:
        raise ValueError(
            f"Mode {lost[0]!r} has no values: without `like` nothing says how many "
            "columns it has."
        )
    dtype = np.result_type(np.float32, *found.values())
    widths = {name: int(np.prod(shape)) for name, shape in shapes.items()}
    X = np.full((n_samples, sum(widths.values())), np.nan, dtype=dtype)
    modes: dict[str, slice | Mode] = {}
    start = 0
    for name, shape in shapes.items():
        columns = slice(start, start + widths[name])
        if name in found:
            X[:, columns] = found[name].reshape(n_samples, -1)
        modes[name] = columns
        if len(shape) > 1:
            modes[name] = Mode(columns, shape=shape, ragged=name in ragged)
        start = columns.stop
    if any(hasattr(given, "columns") for given in tables.values()):
        return _as_frame(X, tables, modes), modes
    return X, modes


def _as_numbers(name: str, given: Any) -> np.ndarray:
    """Values (n, …) of a mode, floating or smaller integers, NaN where missing."""
    try:
        values = np.asarray(missing_as_nan(given))
    except ValueError as error:  # numpy's, of rows that make no array
        raise ValueError(
            f"Mode {name!r}: its samples do not have one shape. Fill those that are "
            "too short with NaN, which is taken for missing; signals of different "
            f"lengths are a list of arrays (channels, length) or (length,). ({error})"
        ) from error
    if values.dtype == object:
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Mode {name!r} must hold numbers in an array (n_samples, ...): {error}"
            ) from error
    if values.dtype.kind not in "fiub":
        raise ValueError(
            f"Mode {name!r} must hold numbers, got values of {values.dtype}. Encode "
            "categories before."
        )
    if values.ndim == 0 or 0 in values.shape[1:]:
        raise ValueError(
            f"Mode {name!r} must be an array of shape (n_samples, ...), got one of "
            f"{values.shape}."
        )
    return values[:, np.newaxis] if values.ndim == 1 else values


def _common_length(found: Mapping[str, np.ndarray]) -> int:
    lengths = {name: len(values) for name, values in found.items()}
    if not lengths:
        raise ValueError("All modes are None: nothing says how many samples there are.")
    first, n_samples = next(iter(lengths.items()))
    for name, length in lengths.items():
        if length != n_samples:
            raise ValueError(
                f"Mode {name!r} has {length} samples, but mode {first!r} has "
                f"{n_samples}. Rows are samples, the same in all modes; where one has "
                "lost a mode, put NaN."
            )
    return n_samples


def _check_names(arrays: Mapping[str, Any], like: object) -> None:
    if not isinstance(like, Mapping) or not all(map(_is_packed, like.values())):
        raise ValueError(
            f"`like` must be the modes that pack_modes returned, got {like!r}."
        )
    if unknown := [name for name in arrays if name not in like]:
        raise ValueError(
            f"Mode {unknown[0]!r} is not in `like`, whose modes are {list(like)}."
        )
    if absent := [name for name in like if name not in arrays]:
        raise ValueError(
            f"Mode {absent[0]!r} of `like` is not given. If all samples have lost it, "
            f"give {{{absent[0]!r}: None}}."
        )


def _is_packed(mode: object) -> bool:
    columns = mode.columns if isinstance(mode, Mode) else mode
    return isinstance(columns, slice) and isinstance(columns.stop, int)


def _is_ragged(mode: slice | Mode) -> bool:
    return isinstance(mode, Mode) and mode.ragged


def _check_shapes(
    shapes: Mapping[str, tuple[int, ...]], like: Mapping[str, slice | Mode]
) -> None:
    for name, shape in shapes.items():
        expected = _expected(name, like[name])
        if shape != expected:
            raise ValueError(
                f"Mode {name!r}: each sample has values of shape {shape}, but of "
                f"{expected} in `like`."
            )


def _expected(name: str, mode: slice | Mode) -> tuple[int, ...]:
    if isinstance(mode, Mode):
        return tuple(mode.shape or _expected(name, mode.columns))
    return (mode.stop - mode.start,)


def _as_frame(
    X: np.ndarray, tables: Mapping[str, Any], modes: Mapping[str, slice | Mode]
) -> pd.DataFrame:
    """X with names ``mode__column``, and the index that its frames share."""
    names: list[str] = []
    index, owner = None, ""
    for name, mode in modes.items():
        given = tables[name]
        if hasattr(given, "columns"):
            labels: list[object] = list(flatten_columns(given).columns)
            own = getattr(given, "index", None)
            if index is not None and own is not None and not index.equals(own):
                raise ValueError(
                    f"Mode {name!r} has another index than mode {owner!r}. Rows are "
                    "matched by their position: bring the frames into one order, and "
                    "give them one index."
                )
            if index is None:
                index, owner = own, name
        else:
            labels = list(range(int(np.prod(_expected(name, mode)))))
        names += [f"{name}{SEPARATOR}{label}" for label in labels]
    return pd.DataFrame(X, columns=names, index=index, copy=False)
