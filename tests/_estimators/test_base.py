"""What a fit stores, and scoring: what is checked, and how much at a time."""

import copy
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.predictors import MLP

METHODS = ["predict", *helpers.METHODS, "explain"]
rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4)).astype("f4")
y = np.array(["low", "mid", "high"])[np.digitize(X[:, 0] + X[:, 2], [-0.5, 0.5])]


def quick(**params):
    return helpers.quick(**{"epochs": 2, "predictor": MLP(4, evidence=False)} | params)


@pytest.fixture(scope="module")
def model():
    return quick().fit(X, y)


# -------------------------------------------------------------------- what a fit stores


def test_fitted_attributes():
    X, y = helpers.three_unequal_modes()
    modes = helpers.UNEQUAL_MODES
    fitted = quick(modes=modes, max_iter=20, pretraining_max_iter=10).fit(X, y)
    assert list(fitted.modes_) == ["a", "b", "c"]
    for name, columns in modes.items():
        np.testing.assert_array_equal(fitted.modes_[name], columns)
        assert isinstance(fitted.energies_[name], PotentialEnergyTransformer)
    assert fitted.attention_.shape == (150, 3)
    np.testing.assert_allclose(fitted.attention_, fitted.attention(X), rtol=1e-12)
    np.testing.assert_array_equal(fitted.classes_, [0, 1])
    np.testing.assert_allclose(fitted.scaler_.mean_, X.mean(axis=0))
    np.testing.assert_allclose(fitted.scaler_.scale_, X.std(axis=0))
    assert fitted.energy_weights_.shape == fitted.energy_biases_.shape == (3,)
    assert fitted.coupling_weights_.shape == (3, 3)
    assert fitted.coupling_exponents_.shape == (3, 3)
    numbers = fitted.rho_, fitted.attention_gain_, fitted.attention_bias_
    assert all(isinstance(number, float) for number in numbers)
    assert 0 < fitted.capacity_ < 1
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 20
    assert len(fitted.pretraining_loss_curve_) == 10
    assert fitted.validation_loss_curve_ == []
    assert fitted.n_features_in_ == 6 and not hasattr(fitted, "feature_names_in_")
    assert isinstance(fitted.network_, torch.nn.Module)


@pytest.mark.parametrize("method", METHODS)
def test_unfitted(method):
    with pytest.raises(NotFittedError):
        getattr(quick(), method)(X)
    assert not hasattr(quick(), "network_")


def test_a_state_to_be_pickled_is_no_part_of_the_live_estimator(monkeypatch):
    """That of a model on a GPU holds a copy on the CPU; the model stays on the GPU."""
    fitted = quick().fit(X, y)
    model, elsewhere = fitted._model, copy.deepcopy(fitted._model)
    monkeypatch.setattr(type(model), "on_cpu", lambda self: elsewhere)
    state = fitted.__getstate__()
    assert state["_model"] is elsewhere and fitted._model is model
    assert state is not vars(fitted)
    assert copy.copy(fitted)._model is elsewhere and fitted._model is model


# -------------------------------------------------------------------- scoring by chunks


@pytest.fixture(name="chunks")
def small_chunks(monkeypatch):
    """Score seven rows at a time."""
    monkeypatch.setattr("sklearn_emma._model.model._CHUNK_VALUES", 64 * 7)


@pytest.mark.parametrize("method", METHODS)
def test_chunks_of_a_memory_map_as_all_rows_at_once(
    model, monkeypatch, tmp_path, method
):
    broken = X.copy()
    broken[::5, :2] = np.nan
    expected = getattr(model, method)(broken)
    np.save(tmp_path / "X.npy", broken)
    file = np.load(tmp_path / "X.npy", mmap_mode="r")
    monkeypatch.setattr("sklearn_emma._model.model._CHUNK_VALUES", 64 * 7)
    got = getattr(model, method)(file)
    assert type(got) is type(expected)
    if method == "explain":
        pd.testing.assert_frame_equal(got, expected, rtol=1e-4)
        assert got["a", "missing"].dtype == bool
    elif method == "predict":
        np.testing.assert_array_equal(got, expected)
    else:
        assert got.dtype == expected.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "kind",
    [
        lambda X: X.astype("i1"),
        lambda X: X.astype("f2"),
        np.asfortranarray,
        lambda X: X.astype(object),
        lambda X: X.tolist(),
        pd.DataFrame,
    ],
    ids=["int8", "float16", "Fortran", "object", "list", "frame"],
)
def test_any_kind_of_matrix_is_scored_in_chunks(model, chunks, kind):
    whole = np.round(3 * X)
    np.testing.assert_allclose(
        model.predict_proba(kind(whole)), model.predict_proba(whole), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (
            np.where(np.arange(90)[:, None] == 80, np.inf, X),
            "Input X contains infinity",
        ),
        (X[:, :3], "3 features.*EMMAClassifier is expecting 4"),
        (X.astype(complex), "Complex data"),
        (np.full((90, 4), "low"), "could not convert string"),
        (X[:0], "Found array with 0 sample"),
        (X[0], "Reshape your data"),
        (X[:, :, np.newaxis], "Found array with dim 3"),
    ],
    ids=["infinity", "width", "complex", "text", "empty", "1-D", "3-D"],
)
def test_bad_rows_are_refused_in_any_chunk(model, chunks, rows, error):
    for method in ("predict_proba", "attention"):
        with pytest.raises(ValueError, match=error):
            getattr(model, method)(rows)


def test_missing_feature_names_are_warned_of_once(chunks):
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = quick().fit(frame, y)
    with pytest.warns(UserWarning, match="valid feature names") as record:
        model.predict_proba(X)
    assert len(record) == 1


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[2] / "examples" / "benchmarks" / "_memory.py"
    spec = importlib.util.spec_from_file_location("_memory", path)
    assert spec is not None and spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    return benchmark


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_rows(benchmark):
    few = benchmark.peak_memory(50_000, "predict_proba")
    many = benchmark.peak_memory(250_000, "predict_proba")
    # 26 MB more to read, and the result. What the allocator keeps differs by run.
    grown = many["peak"] - few["peak"] - (many["result"] - few["result"])
    assert grown < 55


# ------------------------------------------------------------- what need not be checked


def inside(changes):
    changed = X.astype("f8")
    changed[3, 1] = changes
    return changed


@pytest.mark.parametrize(
    "rows", [X, X[:1], X.astype("f8"), X[::-2], np.asfortranarray(X), inside(np.nan)]
)
def test_what_needs_no_check_scores_as_if_it_had_been_checked(model, monkeypatch, rows):
    taken = model.predict_proba(rows)
    with monkeypatch.context() as patch:
        patch.setattr("sklearn_emma._estimators.base.validate_data", None)
        model.predict_proba(rows)  # is not called
    monkeypatch.setattr(type(model), "_has_nothing_to_check", lambda self, X: False)
    np.testing.assert_array_equal(model.predict_proba(rows), taken)


@pytest.mark.parametrize(
    "rows",
    [
        X[:0],
        X[:, :3],
        X[0],
        X.astype("i8"),
        X.astype("f2"),
        X.astype(">f8"),
        X.astype(object),
        X.tolist(),
        pd.DataFrame(X),
        np.ma.masked_invalid(X),
        inside(np.inf),
        inside(-np.inf),
    ],
    ids=lambda rows: f"{type(rows).__name__} {getattr(rows, 'dtype', '')}",
)
def test_everything_else_is_checked(model, rows):
    assert not model._has_nothing_to_check(rows)


def test_an_array_for_a_model_that_knows_names_gets_scikit_learns_warning():
    frame = pd.DataFrame(X, columns=list("uvwx"))
    named = quick(epochs=1).fit(frame, y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        named.predict(X)


def test_other_dtype_than_in_training(model):
    double = X.astype("f8")
    answer = model.predict_proba(double)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, model.predict_proba(X), atol=1e-4)


def test_a_file_of_another_version_says_so():
    model = helpers.quick(epochs=1).fit(*helpers.three_classes())
    state = model.__getstate__()
    loaded = type(model).__new__(type(model))
    loaded.__setstate__(state)  # of this version: no warning, which would be an error
    with pytest.warns(
        UserWarning, match=r"stored by sklearn_emma 0\.0\.1, and this is"
    ):
        type(model).__new__(type(model)).__setstate__(state | {"_version": "0.0.1"})
