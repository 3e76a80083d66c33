"""The potential energy in its surroundings: seeds, copies, frames, bad input."""

import copy
import io
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from helpers import correlated_features, random_state_kept, same_model, small


@pytest.fixture(name="X", scope="module")
def samples():
    return correlated_features()


@pytest.fixture(scope="module")
def energy(X):
    return small().fit(X)


@random_state_kept()
def test_random_state(X, energy):
    again = small().fit(X)
    same_model(again, energy, rtol=1e-7)
    from_instance = small(random_state=np.random.RandomState(0)).fit(X)
    same_model(from_instance, energy, rtol=1e-7)
    other = small(random_state=1).fit(X)
    assert not np.allclose(other.components_, energy.components_)


def test_random_state_instance_moves_on(X):
    state = np.random.RandomState(0)
    first = small(random_state=state).fit(X).components_
    assert not np.allclose(first, small(random_state=state).fit(X).components_)


def test_global_torch_seed_does_not_matter(X, energy):
    with torch.random.fork_rng():
        torch.manual_seed(123)
        same_model(small().fit(X), energy, rtol=1e-7)


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize(
    "copied",
    [lambda e: pickle.loads(pickle.dumps(e)), through_joblib, copy.deepcopy],
    ids=["pickle", "joblib", "deepcopy"],
)
def test_copies(X, energy, copied):
    np.testing.assert_array_equal(copied(energy).transform(X), energy.transform(X))
    assert len(pickle.dumps(energy)) < 20_000  # the training data are not kept


def test_column_transformer_gives_the_matrix_of_energies(X):
    modes = {"a": [0, 1], "b": [2]}
    union = ColumnTransformer([(name, small(), modes[name]) for name in modes])
    potential = union.fit_transform(X)
    expected = [small().fit_transform(X[:, columns]) for columns in modes.values()]
    np.testing.assert_allclose(potential, np.hstack(expected), rtol=1e-9)
    assert list(union.get_feature_names_out()) == [
        "a__potentialenergytransformer0",
        "b__potentialenergytransformer0",
    ]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(X, energy, library):
    kind = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
    frame = kind({name: X[:, i] for i, name in enumerate("abc")})
    out = clone(energy).set_output(transform=library).fit(frame).transform(frame)
    assert isinstance(out, kind)
    assert list(out.columns) == ["potentialenergytransformer0"]
    np.testing.assert_allclose(out.to_numpy(), energy.transform(X), rtol=1e-7)


def test_pipeline(X):
    pipe = make_pipeline(StandardScaler(), small())
    assert pipe.fit(X).score_samples(X).shape == (120,)


class Recorder(Callback):
    def __init__(self, stop=None):
        self.stop = stop
        self.epochs = []

    def on_epoch_end(self, net, **kwargs):
        self.epochs = [*self.epochs, net.history[-1, "train_loss"]]
        if len(self.epochs) == self.stop:
            raise KeyboardInterrupt


def test_callbacks_are_copied_and_may_stop(X):
    recorder = Recorder(stop=2)
    fitted = small(callbacks=[recorder]).fit(X)
    assert recorder.epochs == []
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 2


def test_optimizer_and_verbose(X, energy, capsys):
    fitted = small(optimizer=torch.optim.SGD, lr=1e-3, verbose=True).fit(X)
    assert not np.allclose(fitted.components_, energy.components_)
    captured = capsys.readouterr()
    assert "potential energies" in captured.err and captured.out == ""


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 0}, "'n_components' parameter"),
        ({"sigma": 0}, "'sigma' parameter"),
        ({"preprocessing": "pca"}, "'preprocessing' parameter"),
        ({"shrinkage": 1.5}, "'shrinkage' parameter"),
        ({"shrinkage": "most"}, "'shrinkage' parameter"),
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"batch_size": "all"}, "'batch_size' parameter"),
        ({"lr": -1.0}, "'lr' parameter"),
        ({"lr_schedule": "step"}, "'lr_schedule' parameter"),
    ],
)
def test_bad_parameters(X, params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(X)


@pytest.mark.parametrize(
    ("X", "weight", "message"),
    [
        ([[1.0, np.nan], [0.0, 1.0]], None, "contains NaN"),
        ([[1.0, np.inf], [0.0, 1.0]], None, "contains infinity"),
        ([[1.0, 2.0]], None, "minimum of 2"),
        ([1.0, 2.0], None, "Expected 2D array"),
        ([[1.0], [2.0]], [0.0, 0.0], "non-zero"),
        ([[1.0], [2.0]], [1.0, -1.0], "Negative"),
    ],
)
def test_bad_data(X, weight, message):
    with pytest.raises(ValueError, match=message):
        small().fit(X, sample_weight=weight)


def test_unfitted_and_wrong_width(X, energy):
    for method in ("transform", "score_samples", "reconstruct", "reconstruction_error"):
        with pytest.raises(NotFittedError):
            getattr(small(), method)(X)
        with pytest.raises(ValueError, match="expecting 3 features"):
            getattr(energy, method)(X[:, :2])
    with pytest.raises(NotFittedError):
        small().get_feature_names_out()


@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value")
def test_a_failed_refit_leaves_the_model_as_it_was(X):
    fitted = small().fit(X)
    before = fitted.transform(X)
    with pytest.raises(FloatingPointError, match=r"potential energies.*Lower `lr`"):
        fitted.set_params(lr=1e200).fit(X[:, :2])
    np.testing.assert_array_equal(fitted.transform(X), before)
    assert fitted.n_features_in_ == 3
    with pytest.raises(FloatingPointError):
        small(lr=1e200).fit(X)


def test_unknown_device(X):
    with pytest.raises(ValueError, match=r"device.*nowhere"):
        small(device="nowhere").fit(X)
