"""early_stopping="refit": the epochs that early stopping finds, on all samples."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from skorch.callbacks import Callback, EarlyStopping, EpochScoring
from skorch.history import History

from sklearn_emma import EMMAClassifier, EMMARegressor
from sklearn_emma._training.refit import best_epoch
from sklearn_emma.attention import Annealed
from sklearn_emma.datasets import make_multimodal_classification

X, Y, MODES = make_multimodal_classification(160, 2, random_state=0)
QUICK = {
    "energy_estimator": GaussianMixture(random_state=0),
    "predictor": torch.nn.Linear,
    "pretraining_max_iter": 3,
    "max_iter": 25,
    "lr": 0.05,
    "n_iter_no_change": 3,
    "joint_energy": False,
    "random_state": 0,
}


def classifier(**params):
    return EMMAClassifier(MODES, **QUICK | params)


@pytest.fixture(scope="module")
def both():
    return [classifier(early_stopping=how).fit(X, Y) for how in (True, "refit")]


# ---------------------------------------------------------------------------- the epoch


@pytest.mark.parametrize("tol", [0.0, 1e-4, 0.05, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_the_best_epoch_is_that_of_skorch(tol, seed):
    rng = np.random.default_rng(seed)
    losses = (np.exp(-np.arange(12) / 5) + 0.1 * rng.random(12)).tolist()
    stopping = EarlyStopping(patience=100, threshold=tol).initialize()

    class Net:
        history = History()

    stopping.on_train_begin(Net)
    for epoch, loss in enumerate(losses, start=1):
        Net.history.new_epoch()
        Net.history.record("epoch", epoch)
        Net.history.record("valid_loss", loss)
        stopping.on_epoch_end(Net)
    assert best_epoch(losses, tol) == stopping.best_epoch_


def test_the_best_epoch_by_hand():
    assert best_epoch([3.0, 2.0, 1.99, 2.5, 1.5], 0.1) == 5
    assert best_epoch([3.0, 2.0, 1.99, 2.5], 0.1) == 2
    assert best_epoch([1.0], 0.0) == 1


# ----------------------------------------------------------------------- what is learnt


def test_it_trains_for_the_epochs_that_early_stopping_found(both):
    stopped, refitted = both
    assert refitted.validation_loss_curve_ == stopped.validation_loss_curve_
    assert refitted.stopping_loss_curve_ == stopped.loss_curve_
    best = best_epoch(stopped.validation_loss_curve_, 1e-4)
    assert refitted.n_iter_ == len(refitted.loss_curve_) == best < stopped.n_iter_
    assert stopped.stopping_loss_curve_ == []


def test_it_learns_from_all_samples(both):
    stopped, refitted = both
    np.testing.assert_allclose(refitted.scaler_.mean_, X.mean(axis=0))
    assert (stopped.scaler_.n_samples_seen_, refitted.scaler_.n_samples_seen_) == (
        144,
        160,
    )
    assert refitted.attention_.shape == (160, 2)


def test_it_is_the_beginning_of_a_training_without_held_out_samples():
    refitted = classifier(early_stopping="refit").fit(X, Y)
    plain = classifier(early_stopping=False).fit(X, Y)
    n = refitted.n_iter_
    assert refitted.loss_curve_ == plain.loss_curve_[:n] and n < len(plain.loss_curve_)


def test_coldness_is_that_of_the_same_epoch():
    schedule = Annealed(0.1, 10.0)
    clf = classifier(early_stopping="refit", rho=schedule).fit(X, Y)
    assert clf.rho_ == pytest.approx(schedule.at((clf.n_iter_ - 1) / 24))


def test_it_goes_on_with_a_model():
    clf = classifier(early_stopping="refit", warm_start=True).fit(X, Y)
    n, found = clf.n_iter_, len(clf.stopping_loss_curve_)
    clf.fit(X, Y)
    assert clf.n_iter_ > n and len(clf.stopping_loss_curve_) > found
    assert len(clf.loss_curve_) == clf.n_iter_ == len(clf.history_)
    assert len(clf.stopping_loss_curve_) == len(clf.validation_loss_curve_)


def test_a_scikit_learn_classifier_is_fitted_once(monkeypatch):
    fits = []

    class Counted(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            fits.append(len(X))
            return super().fit(X, y, sample_weight)

    params = {"predictor": Counted(), "early_stopping": "refit", "max_iter": 2}
    clf = classifier(**params).fit(X, Y)
    assert len(fits) == 1 and clf.score(X, Y) > 0.5


def test_a_regressor_refits_too():
    y = X @ np.arange(1.0, X.shape[1] + 1)
    reg = EMMARegressor(MODES, early_stopping="refit", **QUICK).fit(X, y)
    assert reg.n_iter_ == best_epoch(reg.validation_loss_curve_, 1e-4)


# --------------------------------------------------------------------- its surroundings


def test_callbacks_see_both_trainings():
    begun = []

    class Note(Callback):
        def on_train_begin(self, net, **kwargs):
            begun.append(net)

    classifier(early_stopping="refit", callbacks=[Note()], max_iter=3).fit(X, Y)
    assert len(begun) == 2


def test_a_callback_cannot_watch_what_the_second_training_has_not():
    scoring = EpochScoring("accuracy", on_train=False, name="valid_acc")
    watching = EarlyStopping(monitor="valid_loss")
    both = [scoring, watching]
    classifier(early_stopping=True, callbacks=both, max_iter=2).fit(X, Y)
    clf = classifier(early_stopping="refit", callbacks=[watching])
    with pytest.raises(ValueError, match="watches 'valid_loss', which is not recorded"):
        clf.fit(X, Y)


def test_chunks_cannot_be_held_out():
    assert not hasattr(classifier(early_stopping="refit"), "partial_fit")


@pytest.mark.parametrize("wrong", ["again", 2, None])
def test_any_other_value_is_refused(wrong):
    with pytest.raises(ValueError, match="'early_stopping' parameter"):
        classifier(early_stopping=wrong).fit(X, Y)
