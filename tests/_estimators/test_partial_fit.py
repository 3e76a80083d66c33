"""Training by chunks: against ``fit``, on chunks that lack something, on bad ones."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from helpers import assert_same, quick, random_state_kept, three_classes
from sklearn_emma import EMMAClassifier
from sklearn_emma._training.passes import Progress
from sklearn_emma.datasets import make_multimodal_classification

X, y = three_classes()
CLASSES = [0, 1, 2]


def smooth(**params):
    """Nothing is drawn in the second phase, and a pass is one step."""
    exact = {"corruption": None, "dropout": 0.0, "batch_size": 1000}
    return quick(**exact, lr_schedule="constant", **params)


def chunks(n=3):
    return list(zip(np.array_split(X, n), np.array_split(y, n), strict=True))


def state(model):
    return {n: v for n, v in vars(model).items() if n.endswith("_") or n[0] == "_"}


# ---------------------------------------------------------------------- against `fit`


def test_the_first_call_is_a_fit_of_one_epoch(monkeypatch):
    monkeypatch.setattr(Progress, "next_seed", lambda self: self.seed)
    fitted = quick(max_iter=1).fit(X, y)
    model = quick(max_iter=50).partial_fit(X, y, CLASSES)
    assert_same(model, fitted, X, rtol=1e-12)
    assert model.loss_curve_ == fitted.loss_curve_ and model.n_iter_ == 1
    assert model.pretraining_loss_curve_ == fitted.pretraining_loss_curve_
    np.testing.assert_array_equal(model.attention_, model.attention(X))


@pytest.mark.parametrize("pickled", [False, True])
def test_passes_over_one_chunk_are_the_epochs_of_a_fit(pickled):
    fitted = smooth(max_iter=5).fit(X, y)
    model = smooth(max_iter=50)
    for _ in range(5):
        model.partial_fit(X, y, CLASSES)
        if pickled:
            model = pickle.loads(pickle.dumps(model))
    assert_same(model, fitted, X, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(model.loss_curve_, fitted.loss_curve_, rtol=1e-9)


def test_the_learning_rate_stays_and_can_be_set():
    one, other = (smooth().partial_fit(X, y, CLASSES) for _ in range(2))
    other.set_params(lr_schedule="cosine", n_draws=2, max_iter=1).partial_fit(X, y)
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
    np.testing.assert_array_equal(model.attention_, model.attention(X[:50] + 5))


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
    progress = Progress(seed=3)
    assert len({progress.next_seed() for _ in range(20)}) == 20
    assert Progress(seed=3).next_seed() != Progress(seed=4).next_seed()


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


# ----------------------------------------------------------------------------- errors


@pytest.fixture(name="fitted")
def after_one_pass():
    return quick().partial_fit(X, y, CLASSES)


@pytest.mark.parametrize(
    ("params", "arguments", "error"),
    [
        ({}, {}, "partial_fit needs `classes`"),
        ({}, {"classes": [0]}, r"`classes` must be two or more, got \[0\]"),
        ({}, {"classes": [0, 1]}, r"label 2, which is none of the classes.*\[0, 1\]"),
        ({}, {"classes": ["0", "1", "2"]}, "Mix of label input types"),
        ({}, {"classes": [0, "1", 2]}, "[Mm]ix of"),
        ({"early_stopping": True}, {"classes": CLASSES}, "early_stopping must be Fal"),
        ({"class_weight": "balanced"}, {"classes": CLASSES}, "not 'balanced'"),
        ({"lr": -1.0}, {"classes": CLASSES}, "'lr' parameter"),
        ({}, {"classes": CLASSES, "sample_weight": np.zeros(120)}, "zero"),
        ({}, {"classes": CLASSES, "corrupted": np.zeros((120, 3))}, "`corrupted` must"),
    ],
)
def test_a_bad_first_call(no_training, params, arguments, error):
    model = quick(**params)
    with pytest.raises(ValueError, match=error):
        model.partial_fit(X, y, **arguments)
    assert not any(name.endswith("_") for name in vars(model))


@pytest.mark.parametrize(
    ("params", "arguments", "error"),
    [
        ({}, (X, y, [0, 1]), r"those of the first call, \[0, 1, 2\]; got \[0, 1\]"),
        ({}, (X, y + 1), "label 3, which is none of the classes"),
        ({}, (X, y.astype(str)), "Mix of label input types"),
        ({}, (X[:, :3], y), "3 features.*expecting 4"),
        ({}, (np.where(X > 4, np.inf, X), y), "infinity"),
        ({}, (X, y[:50]), "inconsistent numbers of samples"),
        ({"modes": {"a": [0], "b": [1, 2, 3]}}, (X, y), "partial_fit needs the modes"),
        ({"lr": -1.0}, (X, y), "'lr' parameter"),
        ({"early_stopping": True}, (X, y), "early_stopping must be False"),
    ],
)
def test_a_bad_later_call_changes_nothing(
    fitted, no_training, params, arguments, error
):
    before, proba = state(fitted), fitted.predict_proba(X)
    with pytest.raises(ValueError, match=error):
        fitted.set_params(**params).partial_fit(*arguments)
    assert state(fitted).keys() == before.keys()
    assert all(value is before[name] for name, value in state(fitted).items())
    np.testing.assert_array_equal(fitted.predict_proba(X), proba)


def test_a_classifier_as_predictor_has_no_partial_fit(fitted, no_training):
    proba = fitted.predict_proba(X)
    for model in (quick(), fitted):
        assert hasattr(model, "partial_fit")
        model.set_params(predictor=LogisticRegression())
        assert not hasattr(model, "partial_fit")
        with pytest.raises(AttributeError, match="no attribute 'partial_fit'") as error:
            model.partial_fit(X, y, CLASSES)
        why = r"torch predictors only.*`predictor`, LogisticRegression\(\)"
        assert re.search(why, str(error.value.__cause__))
    np.testing.assert_array_equal(fitted.predict_proba(X), proba)
    # What is no classifier after all is an error of its own.
    with pytest.raises(ValueError, match="must be an instance, got the class"):
        quick(predictor=LogisticRegression).partial_fit(X, y, CLASSES)


def test_a_pass_that_diverges_changes_nothing(fitted):
    twin = pickle.loads(pickle.dumps(fitted))
    with pytest.raises(FloatingPointError, match=r"diverged.*attention"):
        fitted.set_params(lr=1e300).partial_fit(X, y)
    assert fitted.n_iter_ == 1
    fitted.set_params(lr=twin.lr).partial_fit(X, y)
    assert_same(fitted, twin.partial_fit(X, y), X, rtol=1e-12)


def test_a_chunk_whose_samples_weigh_nothing_teaches_nothing():
    """No error either: its mean loss is one over nothing."""
    model = quick(class_weight={0: 0.0}).partial_fit(X, y, CLASSES)
    model.partial_fit(X[y == 0], y[y == 0])
    after = model.network_.state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in after.values())
    assert model.loss_curve_[-1] == 0
