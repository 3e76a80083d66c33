"""Modes whose values have a shape: images, signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import Any

import numpy as np

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.parts import one_level, two_levels


@dataclass(frozen=True)
class Mode:
    """Columns of a mode whose values have a shape, such as an image or a signal.

    X stays one matrix or one frame, so that pipelines, searches and cross-validation
    work as they do: the values of a mode lie flattened in its columns, in the order of
    ``numpy.ravel``. :func:`pack_modes` makes both X and modes of arrays.

    Parameters
    ----------
    columns : str, int, slice, list, array or callable
        As in the ``modes`` of :class:`EMMAClassifier`.
    shape : tuple of int, default=None
        Shape of the values in one sample: ``(channels, length)`` of a signal,
        ``(channels, height, width)`` of an image. Channels come first, as in torch; an
        image in grey has one. These two are read by convolutions. Other shapes are
        for energies and encoders of your own. None: columns without a shape.
    ragged : bool, default=False
        Whether samples differ in length: signals of up to ``length`` positions, NaN
        behind the end of each. A NaN before that is a missing value, as ever, and a
        sample that is NaN throughout has lost the mode. Energies are those of a
        position, on average, and neither they nor the default encoder see what lies
        behind the end.

    See Also
    --------
    pack_modes : X and modes from arrays.
    ConvolutionalEnergy : The energy of images.
    OctaveEnergy : The energy of signals.
    sklearn_emma.predictors.Encoders : Networks that read modes with a shape.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_emma import EMMAClassifier, Mode
    >>> X, y = load_digits(return_X_y=True)
    >>> halves = {
    ...     "upper": Mode(slice(0, 32), shape=(1, 4, 8)),
    ...     "lower": Mode(slice(32, 64), shape=(1, 4, 8)),
    ... }
    >>> clf = EMMAClassifier(halves, max_iter=2, pretraining_max_iter=5, random_state=0)
    >>> clf.fit(X[:300], y[:300]).attention(X[300:]).shape
    (1497, 2)
    """

    columns: Any
    _: KW_ONLY
    shape: Sequence[int] | None = None
    ragged: bool = False

    def __repr__(self) -> str:
        given = [f"{self.columns!r}", f"shape={self.shape!r}"]
        given += ["ragged=True"] if self.ragged else []
        return f"Mode(columns={', '.join(given)})"


def columns_of(given: object) -> Any:
    """Columns of a mode as the user gave them, with a shape or without."""
    return given.columns if isinstance(given, Mode) else given


def check_shape(name: str, given: object, n_columns: int) -> None:
    """Check that the columns of a mode are as many as its shape holds values.

    Raises
    ------
    ValueError
        Names the mode, its shape and its number of columns.
    """
    if not isinstance(given, Mode):
        return
    shape = given.shape
    if not isinstance(given.ragged, bool | np.bool_):
        raise ValueError(
            f"Mode {name!r}: `ragged` must be True or False, got {given.ragged!r}."
        )
    if given.ragged and (shape is None or np.ndim(shape) != 1 or len(shape) != 2):
        raise ValueError(
            f"Mode {name!r}: ragged=True is for signals of different lengths, and "
            "needs their shape, (channels, length of the longest), got "
            f"shape={shape!r}."
        )
    if shape is None:
        return
    sizes = list(shape) if isinstance(shape, Sequence | np.ndarray) else []
    whole = all(isinstance(n, Integral) and not isinstance(n, bool) for n in sizes)
    if not sizes or not whole or min(sizes) < 1 or isinstance(shape, str):
        raise ValueError(
            f"Mode {name!r}: `shape` must be a tuple of positive integers, such as "
            "(channels, length) or (channels, height, width), got "
            f"{shape!r}."
        )
    size = int(np.prod(sizes, dtype=object))
    if size != n_columns:
        raise ValueError(
            f"Mode {name!r}: a shape of {tuple(sizes)} holds {size} values, but the "
            f"mode has {n_columns} columns."
        )


def shapes_of(modes: object) -> dict[str, tuple[int, ...]]:
    """Shape of each mode or part that has one, by name; of modes that were checked."""
    return {
        name: tuple(int(n) for n in given.shape)
        for name, given in _with_a_shape(modes)
        if given.shape is not None
    }


def layout_of(columns: Mapping[str, np.ndarray], modes: object) -> ModeLayout:
    """Layout of columns, by the names of modes or parts, and of what these say.

    ``modes`` as the user gave them, and as they were checked.
    """
    ragged = [name for name, given in _with_a_shape(modes) if given.ragged]
    return ModeLayout.from_columns(two_levels(columns, modes), shapes_of(modes), ragged)


def _with_a_shape(modes: object) -> list[tuple[str, Mode]]:
    named: Mapping[str, object] = {}
    if isinstance(modes, Mapping):
        named = modes
    elif isinstance(modes, Sequence) and not isinstance(modes, str):
        named = {f"mode{i}": given for i, given in enumerate(modes)}
    given = one_level(named).items()
    return [(name, one) for name, one in given if isinstance(one, Mode)]
