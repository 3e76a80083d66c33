"""Callbacks are checked at once, and copied without what they hold."""

import threading

import pytest
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
    PrintLog,
)

from sklearn_emma._optim.callbacks import check_callbacks, check_monitors, own_copies


def test_callbacks_may_have_names_and_may_be_classes():
    check_callbacks([PrintLog(), ("name", PrintLog()), PrintLog])
    for wrong in (3, ("name", 3), ("name", PrintLog(), 1)):
        with pytest.raises(ValueError, match="must be skorch callbacks, or pairs"):
            check_callbacks([PrintLog(), wrong])


# ---------------------------------------------------------------------------- monitors


def watch(*callbacks, holds_out=False, can_hold_out=True):
    check_monitors([c.initialize() for c in callbacks], holds_out, can_hold_out)


@pytest.mark.parametrize(
    "callback",
    [
        EarlyStopping(),
        Checkpoint(),
        Checkpoint(monitor="valid_loss"),
        LRScheduler(policy="ReduceLROnPlateau", monitor="valid_loss"),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_a_loss_of_held_out_samples_needs_some(callback):
    watch(callback, holds_out=True)
    name = type(callback).__name__
    with pytest.raises(ValueError, match=f"{name} watches 'valid_loss.*early_stopping"):
        watch(callback)
    with pytest.raises(ValueError, match=r"recorded here. Use `monitor='train_loss'`."):
        watch(callback, can_hold_out=False)


@pytest.mark.parametrize(
    "callback",
    [
        EarlyStopping(monitor="train_loss"),
        Checkpoint(monitor="train_loss_best"),
        Checkpoint(monitor=None),
        Checkpoint(monitor=lambda net: True),
        LRScheduler(policy="StepLR", step_size=1),
        PrintLog(),
    ],
)
def test_what_is_always_there_may_be_watched(callback):
    watch(callback)
    watch(callback, holds_out=True)


def test_a_score_may_be_watched_where_a_callback_records_it():
    stopping = EarlyStopping(monitor="acc")
    of_training = EpochScoring("accuracy", name="acc", on_train=True)
    of_validation = EpochScoring("accuracy", name="acc")
    watch(of_training, stopping)
    watch(of_validation, stopping, holds_out=True)
    for others in ([], [of_validation], [PrintLog()]):
        with pytest.raises(ValueError, match="EarlyStopping watches 'acc'"):
            watch(*others, stopping)


def test_what_a_callback_of_the_user_records_is_not_known():
    watch(Callback(), EarlyStopping(monitor="train_loss"))

    class Mine(Callback):
        pass

    watch(Mine(), EarlyStopping(monitor="something"))
    with pytest.raises(ValueError, match="watches 'valid_loss'"):
        watch(Mine(), EarlyStopping())


# ------------------------------------------------------------------------------ copies


class Writes(Callback):
    def __init__(self, writer):
        self.writer = writer


class Unique(Callback):
    def __copy__(self):
        raise TypeError("there is only one")


def test_state_is_a_copy_s_own_and_what_it_was_made_with_is_shared():
    writer = threading.Lock()  # no such thing can be copied
    given = Writes(writer)
    (copied,) = own_copies([given])
    copied.epochs_ = 3
    assert type(copied) is Writes and copied is not given
    assert copied.writer is writer and not hasattr(given, "epochs_")


def test_names_and_classes_stay():
    given = PrintLog()
    (name, copied), cls = own_copies([("log", given), PrintLog])
    assert name == "log" and cls is PrintLog and copied is not given


def test_what_cannot_be_copied_is_used_as_it_is():
    given = Unique()
    alone, (_, named) = own_copies([given, ("name", given)])
    assert alone is named is given
