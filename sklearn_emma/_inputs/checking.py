"""What is checked, and what shapes are settled, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_regressor
from sklearn.utils import get_tags
from sklearn.utils.validation import validate_data

from sklearn_emma._inputs.by_mode import check_corrupted
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.missing import refuse_missing
from sklearn_emma._inputs.modes import ModesLike, resolve_modes
from sklearn_emma._inputs.shapes import layout_of
from sklearn_emma._inputs.standardisation import bounded
from sklearn_emma._inputs.tables import read_table
from sklearn_emma._inputs.targets import Target
from sklearn_emma._inputs.training_set import TrainingSet
from sklearn_emma._inputs.values import explained
from sklearn_emma._inputs.weights import check_weights, countable, merge_duplicates
from sklearn_emma._validation import sums_overflow


class TakesModes(Protocol):
    """An estimator with parameters that say what the modes are."""

    modes: ModesLike
    remainder: str


class Given(NamedTuple):
    """What a user hands to ``fit`` or ``partial_fit``, as it came."""

    X: ArrayLike
    y: ArrayLike
    sample_weight: ArrayLike | None = None
    corrupted: ArrayLike | None = None


class CheckedData(NamedTuple):
    """Training data, ready to learn from.

    ``X`` is the validated input, bounded, all rows in their order; ``data`` are the
    distinct samples; ``sample_of_row`` (n,) says which of them each row is, −1 where a
    row counts nothing.
    """

    X: np.ndarray
    data: TrainingSet
    sample_of_row: np.ndarray
    layout: ModeLayout
    target: Target


def check_training_data(
    estimator: TakesModes,
    given: Given,
    read_target: Callable[[np.ndarray], Target],
    dtype: np.dtype | None = None,
) -> CheckedData:
    """Validate what ``fit`` was given; sets ``n_features_in_`` of the estimator.

    ``read_target`` makes a target from the y of the rows that count. With a ``dtype``,
    X is a further chunk for a model of that type, and must have the features that the
    estimator knows.

    Raises
    ------
    ValueError
        Names the argument and what is wrong with it.
    """
    refuse_missing(given.y, "y")
    X = read_table(given.X)
    has_names = hasattr(X, "columns")
    find_modes = partial(
        resolve_modes, modes=estimator.modes, remainder=estimator.remainder
    )
    with explained(X, partial(find_modes, given.X)):
        X, y = sums_overflow(validate_data)(
            estimator,
            X,
            given.y,
            y_numeric=is_regressor(estimator),
            multi_output=get_tags(estimator).target_tags.multi_output,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
            ensure_min_samples=2 if dtype is None else 1,
            reset=dtype is None,
        )
    X = bounded(X, X.dtype if dtype is None else dtype)
    weight = check_weights(given.sample_weight, X)
    columns = find_modes(given.X if has_names else X)
    layout = layout_of(columns, estimator.modes)
    failed = check_corrupted(given.corrupted, layout, len(X))
    kept = weight > 0
    if not kept.any():
        raise ValueError("Sample weights are all zero: there is nothing to learn from.")
    target = read_target(y[kept])
    (values, encoded, failed), weight, sample_of_row = merge_duplicates(
        [X[:, layout.order], _encode(target, y, kept), failed], weight
    )
    target = target.learn(encoded, weight)
    factors = countable(target.factors(encoded, weight))
    loss_weight = countable(weight.astype(np.float64) * factors).astype(X.dtype)
    data = TrainingSet(values, encoded, weight, loss_weight, failed)
    return CheckedData(X, data, sample_of_row, layout, target)


def check_continues(
    before: dict[str, np.ndarray], layout: ModeLayout, what: str
) -> None:
    """Check that ``what`` continues with the modes, and parts, of the fit before.

    Raises
    ------
    ValueError
        If the modes differ; names those before and those now.
    """
    old = {name: columns.tolist() for name, columns in before.items()}
    now = layout.modes.as_dict() | layout.as_dict()
    new = {name: columns.tolist() for name, columns in now.items()}
    if list(old.items()) != list(new.items()):
        raise ValueError(
            f"{what} needs the modes of the previous fit, {old}; got {new}."
        )


def check_modes_seen(data: TrainingSet, layout: ModeLayout) -> None:
    """Check that every mode has at least one clean value to learn its energy from.

    Raises
    ------
    ValueError
        If a mode has none; names the mode and the reason.
    """
    known, clean = ~np.isnan(data.X), ~np.isnan(data.clean(layout))
    for name, columns in zip(layout.names, layout.slices, strict=True):
        if not clean[:, columns].any():
            why = "corrupted" if known[:, columns].any() else "missing"
            raise ValueError(
                f"Mode {name!r} is {why} in every training sample: nothing can be "
                "learnt about it. Leave its columns out."
            )


def _encode(target: Target, y: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Encoded y of all rows, 0 for rows that do not count."""
    encoded = target.encode(y[kept])
    result = np.zeros((len(y), *encoded.shape[1:]), dtype=encoded.dtype)
    result[kept] = encoded
    return result
