"""What is checked, and what shapes are settled, before anything is trained."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import validate_data

from sklearn_emma._missing import missing_as_nan
from sklearn_emma._modes import flatten_columns, mode_index, resolve_modes
from sklearn_emma._phases import TrainingSet
from sklearn_emma._samples import check_weights, merge_duplicates
from sklearn_emma._standardisation import bounded
from sklearn_emma._validation import sums_overflow


class CheckedData(NamedTuple):
    """Training data, ready to learn from.

    ``X`` is the validated input, bounded, all rows in their order; ``data`` the
    distinct samples.
    """

    X: np.ndarray
    data: TrainingSet
    modes: dict[str, np.ndarray]
    mode_index: np.ndarray
    classes: np.ndarray


def check_training_data(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    corrupted: Any,
    *,
    classes: np.ndarray | None = None,
    dtype: np.dtype | None = None,
) -> CheckedData:
    """Validate what ``fit`` was given; sets ``n_features_in_`` of the estimator.

    ``classes`` are all labels, of which y may lack some; None: those of y. With a
    ``dtype`` X is a further chunk, for a model of that type: it must have the features
    that the estimator knows.

    Raises
    ------
    ValueError
        Names what is wrong.
    """
    X = missing_as_nan(flatten_columns(X))
    frame = X if hasattr(X, "columns") else None
    X, y = sums_overflow(validate_data)(
        estimator,
        X,
        y,
        dtype=[np.float64, np.float32],
        ensure_all_finite="allow-nan",
        ensure_min_samples=2 if dtype is None else 1,
        reset=dtype is None,
    )
    check_classification_targets(y)
    X = bounded(X, X.dtype if dtype is None else dtype)
    weight = check_weights(sample_weight, X)
    modes = resolve_modes(
        X if frame is None else frame, estimator.modes, estimator.remainder
    )
    failed = _check_corrupted(corrupted, len(X), list(modes))
    columns = np.concatenate(list(modes.values()))

    kept = weight > 0
    if not kept.any():
        raise ValueError("Sample weights are all zero: there is nothing to learn from.")
    if classes is None:
        classes = np.unique(y[kept])
        _check_classes(classes, int(kept.sum()))
    else:
        _check_labels(y[kept], classes)
    labels = np.searchsorted(classes, np.where(kept, y, classes[0]))
    (values, labels, failed), weight = merge_duplicates(
        [X[:, columns], labels, failed], weight
    )
    loss_weight = weight * _class_weight(
        estimator.class_weight, classes, labels, weight
    )
    data = TrainingSet(values, labels, weight, loss_weight.astype(X.dtype), failed)
    return CheckedData(X, data, modes, mode_index(modes), classes)


def chunk_classes(known: np.ndarray | None, classes: Any) -> np.ndarray:
    """All labels: those ``known`` from before or, in the first call, ``classes``.

    Raises
    ------
    ValueError
        If there are none, fewer than two, or others than before.
    """
    if classes is None:
        if known is None:
            raise ValueError(
                "partial_fit needs `classes`, all labels that will ever come, in its "
                "first call."
            )
        return known
    given = unique_labels(classes)
    if known is not None and not np.array_equal(given, known):
        raise ValueError(
            f"`classes` must be None or those of the first call, {known.tolist()}; got "
            f"{given.tolist()}."
        )
    if len(given) < 2:
        raise ValueError(f"`classes` must be two or more, got {given.tolist()}.")
    return given


def check_continues(
    modes: dict[str, np.ndarray],
    classes: np.ndarray,
    checked: CheckedData,
    what: str = "warm_start=True",
) -> None:
    """See that ``what`` goes on with the modes and classes of the fit before.

    Raises
    ------
    ValueError
        Names both.
    """
    before = {name: columns.tolist() for name, columns in modes.items()}
    now = {name: columns.tolist() for name, columns in checked.modes.items()}
    if list(before.items()) != list(now.items()):
        raise ValueError(
            f"{what} needs the modes of the previous fit, {before}; got {now}."
        )
    if not np.array_equal(classes, checked.classes):
        raise ValueError(
            f"{what} needs the classes of the previous fit, "
            f"{classes.tolist()}; got {checked.classes.tolist()}."
        )


def check_modes_seen(data: TrainingSet, modes: dict[str, np.ndarray]) -> None:
    """See that every mode has at least one clean value to learn its energy from.

    Raises
    ------
    ValueError
        Names the mode, and why it has none.
    """
    index = mode_index(modes)
    known, clean = ~np.isnan(data.X), ~np.isnan(data.clean(index))
    for number, name in enumerate(modes):
        if not clean[:, index == number].any():
            why = "corrupted" if known[:, index == number].any() else "missing"
            raise ValueError(
                f"Mode {name!r} is {why} in every training sample: nothing can be "
                "learnt about it. Leave its columns out."
            )


def _check_classes(classes: np.ndarray, n_samples: int) -> None:
    if len(classes) < 2:
        raise ValueError(
            f"The number of classes has to be greater than one; y has 1 class: "
            f"{classes.tolist()[0]!r}."
        )
    if len(classes) >= n_samples > 2:
        raise ValueError(
            f"y has {len(classes)} classes in {n_samples} samples: fewer samples than "
            "two a class teach nothing. Are these labels rather a target of regression?"
        )


def _check_labels(y: np.ndarray, classes: np.ndarray) -> None:
    labels = unique_labels(y, classes)
    if len(labels) > len(classes):
        unknown = labels[~np.isin(labels, classes)]
        raise ValueError(
            f"y has the label {unknown.tolist()[0]!r}, which is none of the classes of "
            f"the first call: {classes.tolist()}."
        )


def _check_corrupted(corrupted: Any, n_samples: int, names: list[str]) -> np.ndarray:
    shape = (n_samples, len(names))
    if corrupted is None:
        return np.zeros(shape, dtype=bool)
    if hasattr(corrupted, "columns"):
        corrupted = _by_mode(corrupted, names)
    array = missing_as_nan(np.asarray(corrupted))
    if array.shape != shape:
        raise ValueError(
            f"`corrupted` must have shape (n_samples, n_modes) = {shape}, a column for "
            f"each of {names}; got {array.shape}."
        )
    if not np.isin(array, (0, 1)).all():
        raise ValueError("`corrupted` must hold True and False (or 1 and 0) only.")
    return array.astype(bool)


def _by_mode(corrupted: Any, names: list[str]) -> Any:
    """Columns of a data frame in the order of the modes, if they have names."""
    labels = list(corrupted.columns)
    if labels == list(range(len(labels))):
        return corrupted
    if len(labels) != len(names) or set(labels) != set(names):
        raise ValueError(
            f"`corrupted` must have a column for each mode, named {names}; got "
            f"{labels}."
        )
    return corrupted[names]


def _class_weight(
    class_weight: Any, classes: np.ndarray, labels: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Factor for each sample."""
    if class_weight is None:
        return np.ones(len(labels))
    if class_weight == "balanced":
        # scikit-learn's own formula, with samples counted by their weight.
        mass = np.bincount(labels, weights=weight, minlength=len(classes))
        return (mass.sum() / (len(classes) * mass))[labels]
    known = classes.tolist()
    unknown = [label for label in class_weight if label not in known]
    # As in scikit-learn: a class may be absent from a fold, but if one that is there
    # has no weight, and one that is not there has, it is a slip.
    if unknown and any(label not in class_weight for label in known):
        raise ValueError(
            f"`class_weight` names {unknown[0]!r}, which is not a class of y; the "
            f"classes are {known}."
        )
    try:
        factors = np.array([float(class_weight.get(label, 1.0)) for label in known])
    except (TypeError, ValueError):
        factors = np.full(len(known), np.nan)
    if not (np.isfinite(factors) & (factors >= 0)).all() or not factors.any():
        raise ValueError(
            f"`class_weight` must be finite, >= 0 and not all 0, got {class_weight!r}."
        )
    return factors[labels]
