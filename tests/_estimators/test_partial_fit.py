"""Training by chunks: against ``fit``, and on chunks that lack something."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import check_random_state

from helpers import assert_same, quick, random_state_kept, three_classes
from sklearn_emma import EMMAClassifier
from sklearn_emma._optim.torch_state import draw_seed
from sklearn_emma._training import fit as fit_module
from sklearn_emma._training.plan import Seeds
from sklearn_emma.corruption import Failures
from sklearn_emma.datasets import make_multimodal_classification
from sklearn_emma.predictors import MLP

X, y = three_classes()
CLASSES = [0, 1, 2]


def smooth(**params):
    """Nothing is drawn in joint training, and a pass is one step."""
    predictor = MLP(8, dropout=0.0)
    exact = {"corruption": None, "predictor": predictor, "batch_size": 1000}
    return quick(**exact, lr_schedule="constant", **params)


def chunks(n=3):
    return list(zip(np.array_split(X, n), np.array_split(y, n), strict=True))


# ---------------------------------------------------------------------- against `fit`


def test_the_first_call_is_a_fit_of_one_epoch(monkeypatch):
    rng = check_random_state(0)
    seeds = Seeds(*(draw_seed(rng) for _ in Seeds._fields))
    # A pass draws by a seed of its own: let it be that of the fit.
    monkeypatch.setattr(fit_module, "draw_seed", lambda rng: seeds.joint_training)
    fitted = quick(max_iter=1).fit(X, y)
    model = quick(max_iter=50).partial_fit(X, y, CLASSES)
    assert_same(model, fitted, X, rtol=1e-12)
    assert model.loss_curve_ == fitted.loss_curve_ and model.n_iter_ == 1
    assert model.pretraining_loss_curve_ == fitted.pretraining_loss_curve_
    np.testing.assert_allclose(model.attention_, model.attention(X), atol=1e-12)


@pytest.mark.parametrize("pickled", [False, True])
def test_passes_over_one_chunk_are_the_epochs_of_a_fit(pickled):
    # Both learn from all samples in pretraining, which is longer.
    fitted = smooth(max_iter=5, pretraining_max_iter=6).fit(X, y)
    model = smooth(max_iter=50, pretraining_max_iter=6)
    for _ in range(5):
        model.partial_fit(X, y, CLASSES)
        if pickled:
            model = pickle.loads(pickle.dumps(model))
    assert_same(model, fitted, X, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.loss_curve_, fitted.loss_curve_, rtol=1e-6)


def test_the_learning_rate_stays_and_can_be_set():
    one, other = (smooth().partial_fit(X, y, CLASSES) for _ in range(2))
    few = Failures(None, n_draws=2)
    other.set_params(lr_schedule="cosine", corruption=few, max_iter=1).partial_fit(X, y)
    assert_same(one.partial_fit(X, y), other, X, rtol=1e-12)
    before = {k: v.clone() for k, v in one.network_.named_parameters()}
    one.set_params(lr=1e-12).partial_fit(X, y)
    for name, value in one.network_.named_parameters():
        torch.testing.assert_close(value, before[name], rtol=1e-6, atol=1e-9)


def test_energies_and_statistics_stay_after_fit():
    model = quick().fit(X, y)
    energy, scaler = model.potential_energy(X), model.scaler_.mean_.copy()
    network, curve = model.network_, model.loss_curve_
    model.partial_fit(X[:50] + 5, y[:50])
    assert model.network_ is not network  # the one of before is left as it was
    np.testing.assert_array_equal(model.potential_energy(X), energy)
    np.testing.assert_array_equal(model.scaler_.mean_, scaler)
    assert model.n_iter_ == 4 and model.loss_curve_[:3] == curve
    assert model.attention_.shape == (50, 2)
    scored = model.attention(X[:50] + 5)
    np.testing.assert_allclose(model.attention_, scored, atol=1e-12)


def test_fit_begins_anew():
    model = quick().partial_fit(*chunks()[0], CLASSES).fit(X, y)
    assert_same(model, quick().fit(X, y), X, rtol=1e-12)
    assert model.n_iter_ == 3
    again = quick().fit(X, y).partial_fit(X, y)
    assert_same(model.partial_fit(X, y), again, X, rtol=1e-12)


def test_chunks_teach_what_all_data_teach():
    X, y, modes = make_multimodal_classification(1800, random_state=0)
    train, test = slice(0, 1200), slice(1200, None)
    params = {"pretraining_max_iter": 5, "random_state": 0}
    fitted = EMMAClassifier(modes, max_iter=10, **params).fit(X[train], y[train])
    model = EMMAClassifier(modes, **params)
    for start in [*range(0, 1200, 300)] * 10:
        rows = slice(start, start + 300)
        model.partial_fit(X[rows], y[rows], [0, 1])
    scores = [m.score(X[test], y[test]) for m in (model, fitted)]
    assert abs(scores[0] - scores[1]) < 0.02 and scores[0] > 0.9


# ------------------------------------------------------------------------ randomness


@random_state_kept()
def test_random_state_decides_everything_and_no_pass_draws_as_another():
    def train(random_state):
        model = quick(random_state=random_state)
        for X_chunk, y_chunk in chunks():
            model.partial_fit(X_chunk, y_chunk, CLASSES)
        return model

    one, same, other = train(0), train(0), train(1)
    assert_same(one, same, X, rtol=1e-7)
    assert not np.allclose(one.predict_proba(X), other.predict_proba(X))


def test_every_pass_has_a_seed_of_its_own(monkeypatch):
    seeds = []

    def noted(model, task):
        seeds.append(task.seed)
        return train_jointly(model, task)

    train_jointly = fit_module.train_jointly
    monkeypatch.setattr(fit_module, "train_jointly", noted)
    for random_state in (3, 4):
        model = quick(random_state=random_state)
        for _ in range(10):
            model.partial_fit(X, y, CLASSES)
    assert len(seeds) == len(set(seeds)) == 20


def test_a_number_of_draws_does_not_apply():
    """A pass is one epoch: there is nothing to take in turn."""
    one, other = (
        quick(corruption=Failures(n_draws=n)).partial_fit(X, y, CLASSES)
        for n in (None, 3)
    )
    assert_same(one.partial_fit(X, y), other.partial_fit(X, y), X, rtol=1e-12)


def test_a_random_state_object_draws_once_for_all_passes():
    states = [np.random.RandomState(7) for _ in range(2)]
    one, other = (quick(random_state=s).partial_fit(X, y, CLASSES) for s in states)
    states[1].rand(5)
    assert_same(one.partial_fit(X, y), other.partial_fit(X, y), X, rtol=1e-12)


def test_a_weight_counts_as_repeated_rows_of_a_later_chunk():
    one, other = (smooth().partial_fit(X, y, CLASSES) for _ in range(2))
    rows, weight = X[:40], np.arange(40) % 3
    one.partial_fit(rows, y[:40], sample_weight=weight)
    other.partial_fit(np.repeat(rows, weight, axis=0), np.repeat(y[:40], weight))
    assert_same(one, other, X, rtol=1e-9)


# ------------------------------------------------------------ what a chunk may lack


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0]])
def test_chunks_of_one_class_each(order):
    labels = np.array(["low", "mid", "high"])
    model = quick()
    for k in order:
        model.partial_fit(X[y == k], labels[y[y == k]], labels)
        assert model.predict_proba(X).shape == (120, 3)
    assert model.classes_.tolist() == ["high", "low", "mid"]
    assert set(model.predict(X)) <= set(labels)


def test_a_later_chunk_of_one_row_and_one_without_a_mode():
    model = quick().partial_fit(X, y, CLASSES)
    model.partial_fit(X[:1], y[:1])
    without = X.copy()
    without[:, :2] = np.nan
    model.partial_fit(without, y)
    assert np.all(model.attention_[:, 0] == 0) and model.n_iter_ == 3
    with pytest.raises(ValueError, match="Mode 'a' is missing in every"):
        quick().partial_fit(without, y, CLASSES)


def test_a_known_corruption_of_a_later_chunk_counts():
    one, other = (quick(corruption=None).partial_fit(X, y, CLASSES) for _ in range(2))
    corrupted = np.zeros((120, 2), dtype=bool)
    other.partial_fit(X, y, corrupted=corrupted)
    corrupted[:, 0] = True
    one.partial_fit(X, y, corrupted=corrupted)
    assert not np.allclose(one.attention(X), other.attention(X), atol=1e-6)


def test_computed_in_the_type_of_the_first_chunk():
    model = quick().partial_fit(X.astype("f4"), y, CLASSES).partial_fit(X, y)
    assert model.attention_.dtype == model.predict_proba(X).dtype == np.float32
    model = quick().fit(X, y).partial_fit(X.astype("f4"), y)
    assert model.predict_proba(X).dtype == np.float64


def test_frames_and_memory_maps(tmp_path):
    frame = pd.DataFrame(X, columns=["a__x", "a__y", "b__x", "b__y"])
    model = quick(modes=None).partial_fit(frame[:60], y[:60], CLASSES)
    model.partial_fit(frame[60:], pd.Series(y[60:], index=range(60, 120)))
    assert list(model.modes_) == ["a", "b"] and model.n_iter_ == 2
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit(frame.rename(columns={"b__y": "b__z"}), y)
    assert model.feature_names_in_.tolist() == frame.columns.tolist()

    np.save(tmp_path / "X.npy", X)
    file = np.load(tmp_path / "X.npy", mmap_mode="r")
    mapped = quick().partial_fit(file[:60], y[:60], CLASSES)
    assert_same(mapped, quick().partial_fit(X[:60], y[:60], CLASSES), X, rtol=1e-12)


def test_another_optimiser_starts_anew_and_callbacks_run():
    model = quick().partial_fit(X, y, CLASSES)
    model.set_params(optimizer=torch.optim.SGD).partial_fit(X, y).partial_fit(X, y)
    assert np.isfinite(model.loss_curve_).all() and model.n_iter_ == 3


def test_metadata_can_be_requested():
    with config_context(enable_metadata_routing=True):
        model = quick().set_partial_fit_request(
            sample_weight=True, corrupted=True, classes=True
        )
        requests = clone(model).get_metadata_routing().partial_fit.requests
    assert requests == {"sample_weight": True, "corrupted": True, "classes": True}
