"""Callbacks of a fit: refused before anything is trained, told everything, kept."""

import pickle
import signal
import threading

import numpy as np
import pytest
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, PrintLog

from helpers import quick, rare_class, small
from sklearn_emma import EMMAClassifier


@pytest.fixture(scope="module")
def data():
    return rare_class()


# -------------------------------------------------------------------- before training


@pytest.mark.parametrize(
    ("make", "remedy"),
    [(quick, "early_stopping=True.*or `monitor=.train"), (small, "Use `monitor=.tra")],
)
def test_a_loss_that_nobody_records_is_refused_before_training(
    data, no_training, make, remedy
):
    model = make(callbacks=[EarlyStopping()])
    with pytest.raises(
        ValueError, match=f"EarlyStopping watches 'valid_loss'.*{remedy}"
    ):
        model.fit(*data)


def test_so_it_is_by_chunks_where_nothing_can_be_held_out(data, no_training):
    X, y = data
    with pytest.raises(ValueError, match="EarlyStopping watches 'valid_loss'"):
        quick(callbacks=[EarlyStopping()]).partial_fit(X, y, [0, 1])


def test_names_given_twice_are_refused_before_training(data, no_training):
    callbacks = [("log", PrintLog()), ("log", PrintLog())]
    with pytest.raises(ValueError, match="duplicate user-set callback name 'log'"):
        quick(callbacks=callbacks).fit(*data)


def test_early_stopping_of_skorch_works_with_samples_held_out(data):
    stopping = EarlyStopping(patience=1, threshold=10.0, sink=str)
    model = quick(callbacks=[stopping], early_stopping=True, epochs=9).fit(*data)
    assert model.n_iter_ < 9


# ------------------------------------------------------------------- what they hold


class Trial:
    """What an optimisation of parameters hands out, with a lock as such things have."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reported = []

    def report(self, loss):
        with self.lock:
            self.reported.append(loss)


class Report(Callback):
    def __init__(self, trial):
        self.trial = trial

    def on_epoch_end(self, net, **kwargs):
        self.epochs_ = getattr(self, "epochs_", 0) + 1
        self.trial.report(net.history[-1, "train_loss"])


@pytest.mark.parametrize("named", [False, True])
def test_a_trial_is_told_all_and_the_callback_stays_as_it_was(data, named):
    trial = Trial()
    callback = Report(trial)
    model = quick(callbacks=[("report", callback)] if named else [callback])
    model.fit(*data)
    assert trial.reported == model.loss_curve_ and len(trial.reported) == 3
    assert vars(callback) == {"trial": trial}


# --------------------------------------------------------------------- how they end it


class Press(Callback):
    """Presses Ctrl-C in the second epoch."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_during_a_callback_ends_the_fit(data):
    model = quick(callbacks=[Press()])
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data)
    assert not hasattr(model, "classes_")


# ----------------------------------------------------------------------------- history


def test_what_epochs_record_stays(data):
    X, y = data
    scoring = EpochScoring("accuracy", name="acc", on_train=True)
    model = quick(callbacks=[scoring], early_stopping=True).fit(X, y)
    history = model.history_
    assert history[:, "train_loss"] == model.loss_curve_
    assert history[:, "valid_loss"] == model.validation_loss_curve_
    assert history[:, "epoch"] == [1, 2, 3]
    assert all(0 <= accuracy <= 1 for accuracy in history[:, "acc"])
    assert pickle.loads(pickle.dumps(model)).history_ == history
    model.set_params(callbacks=None).fit(X, y)
    assert "acc" not in model.history_[-1] and len(model.history_) == 3


def test_it_goes_on_with_the_training(data):
    X, y = data
    model = quick(warm_start=True).fit(X, y)
    first = model.history_
    model.fit(X, y).partial_fit(X, y)
    assert model.history_[:, "train_loss"] == model.loss_curve_
    assert model.history_[:, "epoch"] == list(range(1, 8))
    assert len(first) == 3


def test_it_does_not_hold_every_batch(data):
    model = quick(batch_size=1).fit(*data)
    assert all(row["batches"] == [] for row in model.history_)
    assert EMMAClassifier.__doc__.count("history_ :") == 1
    assert np.isfinite(model.history_[:, "train_loss"]).all()
