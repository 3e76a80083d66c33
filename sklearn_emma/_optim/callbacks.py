"""The user's callbacks: checked before anything is trained, then used as copies."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from skorch.callbacks import Callback

Callbacks: TypeAlias = Sequence[Callback | tuple[str, Callback]]


def check_callbacks(callbacks: Iterable[object]) -> None:
    """Check that each is a skorch callback, or a pair of a name and one.

    Raises
    ------
    ValueError
        Names the one that is not.
    """
    for given in callbacks:
        if not hasattr(_alone(given), "on_train_begin"):
            raise ValueError(
                "`callbacks` must be skorch callbacks, or pairs of a name and one; got "
                f"{given!r}."
            )


def check_monitors(
    callbacks: Sequence[Any], holds_out: bool, can_hold_out: bool
) -> None:
    """Check that every loss or score that a callback watches will be there.

    Parameters
    ----------
    callbacks : list of Callback
        As a net has initialised them.
    holds_out : bool
        Whether there are held-out samples.
    can_hold_out : bool
        Whether the user could have asked for them.

    Raises
    ------
    ValueError
        Names callback and loss.
    """
    recorded: set[object] = {"train_loss"}
    if holds_out:
        recorded.add("valid_loss")
    for callback in callbacks:
        if holds_out or getattr(callback, "on_train", True):
            recorded.add(getattr(callback, "name_", None))
    # What classes of the user's record is not known.
    all_known = all(type(c).__module__.startswith("skorch.") for c in callbacks)
    for callback in callbacks:
        watched = getattr(callback, "monitor", None)
        if not isinstance(watched, str) or watched.removesuffix("_best") in recorded:
            continue
        if all_known or watched.startswith("valid_loss"):
            remedy = "`monitor='train_loss'`"
            if can_hold_out and not holds_out:
                remedy = f"`early_stopping=True`, which holds out samples, or {remedy}"
            raise ValueError(
                f"`callbacks`: {type(callback).__name__} watches {watched!r}, which is "
                f"not recorded here. Use {remedy}."
            )


def own_copies(callbacks: Callbacks) -> Iterator[object]:
    """Copies that keep the state of a training; what they hold is shared.

    A parameter of an estimator is never changed. But a writer, a trial or a lock that
    a callback was made with is the user's own, where a copy of it would be of no use.
    """
    for given in callbacks:
        if isinstance(given, tuple):
            name, callback = given
            yield name, _copy(callback)
        else:
            yield _copy(given)


def _copy(callback: Callback) -> Callback:
    try:
        return copy.copy(callback)
    except Exception:  # the user's classes may refuse in any way
        return callback


def _alone(given: object) -> object:
    """The callback of a pair."""
    return given[1] if isinstance(given, tuple) and len(given) == 2 else given
