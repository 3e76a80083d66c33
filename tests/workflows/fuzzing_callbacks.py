"""Hostile callbacks, and what a process may have set around a call."""

import threading

from skorch.callbacks import Callback, EarlyStopping, EpochScoring, LRScheduler
from workflows.fuzzing import EITHER, FAILS, BrokenPartError, Case, Piece, part

from helpers import ambient_states

# ---------------------------------------------------------------------------- callbacks


class Holds(Callback):
    """Holds what cannot be copied or pickled."""

    def __init__(self):
        self.lock_ = threading.Lock()

    def on_epoch_end(self, net, **kwargs):
        with self.lock_:
            net.history.record("held", True)


class Breaks(Callback):
    def __init__(self, hook):
        setattr(self, hook, self._break)

    def _break(self, net, **kwargs):
        raise BrokenPartError("the callback")


class Stops(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise KeyboardInterrupt  # as skorch's own callbacks do


callback = part("callbacks", "callbacks", early=False)
CALLBACKS = [
    callback("none", []),
    callback("one", [Callback()]),
    callback("named", [("mine", Callback())]),
    callback("two alike", [Callback(), Callback()]),
    callback("holds a lock", [Holds()]),
    callback("stops", [Stops()]),
    callback("scheduler", [LRScheduler("StepLR", step_size=1)]),
    callback("watches training", [EarlyStopping(monitor="train_loss")]),
    callback("watches nothing", [EarlyStopping()], FAILS),
    callback(
        "scores nobody", [EpochScoring("nonsense", on_train=True)], FAILS, "nonsense"
    ),
    callback("no scheduler", [LRScheduler("Nonsense")], FAILS, "Nonsense"),
    callback("a word", ["early"], FAILS),
    callback("not in a list", EarlyStopping(monitor="train_loss"), FAILS),
    callback("in a tuple", (Callback(),), FAILS),
    callback("a class", [Callback]),
    callback("a triple", [("a", Callback(), 1)], FAILS),
    callback("same names", [("a", Callback()), ("a", Callback())], EITHER),
    callback("None", [None], FAILS),
    *[
        callback(f"breaks {hook}", [Breaks(hook)], FAILS, "training of")
        for hook in (
            "on_train_begin",
            "on_epoch_begin",
            "on_batch_begin",
            "on_batch_end",
            "on_epoch_end",
            "on_train_end",
        )
    ],
]


# ----------------------------------------------------------------------- ambient states


def _ambient(name, make):
    def change(case: Case, rng) -> None:
        case.ambient = make

    return Piece("ambient", name, change, same=True)


AMBIENT = [_ambient(name, make) for name, make in ambient_states().items()]
