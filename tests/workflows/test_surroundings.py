"""The classifier with all kinds of tables, copied, pickled, in other processes."""

import copy
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import quick, rare_class
from sklearn_emma import EMMAClassifier
from sklearn_emma.corruption import Bias
from sklearn_emma.robustness import corrupt


@pytest.fixture(scope="module")
def data():
    return rare_class()


@pytest.fixture(scope="module")
def fitted(data):
    return quick().fit(*data)


# ------------------------------------------------------------------------------ tables


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(data, fitted, library):
    X, y = data
    columns = {name: X[:, i] for i, name in enumerate(["u", "v", "w", "x"])}
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library](columns)
    labels = {"pandas": pd.Series, "polars": pl.Series}[library](y)
    modes = {"a": ["u", "v"], "b": ["w", "x"]}
    model = quick(modes=modes).fit(frame, labels)
    assert list(model.feature_names_in_) == ["u", "v", "w", "x"]
    expected = fitted.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(frame), expected, rtol=1e-9)
    assert model.explain(frame).shape == (120, 12)
    assert list(quick(modes=None).fit(frame, labels).modes_) == ["u", "v", "w", "x"]


def test_nullable_and_integer_columns(data):
    X, y = data
    frame = pd.DataFrame(X.round(), columns=["u", "v", "w", "x"])
    frame = frame.astype({"u": "Int64", "v": "int32", "w": "Float64"})
    frame.loc[:9, ["u", "w"]] = pd.NA
    model = quick(modes=None).fit(frame, y)
    attention = model.attention(frame)
    assert np.all(attention[:10, [0, 2]] == 0) and np.all(attention[10:, 1] > 0)


@pytest.mark.parametrize("kind", ["all objects", "some objects", "array"])
def test_missing_among_objects(data, kind):
    X, y = data
    gaps = X.copy()
    gaps[:9, [0, 2]] = np.nan
    frame = pd.DataFrame(gaps, columns=["u", "v", "w", "x"])
    objects = ["u", "w"] if kind == "some objects" else list(frame.columns)
    given = frame.astype(dict.fromkeys(objects, object))
    given.loc[:4, "u"], given.loc[:4, "w"] = pd.NA, None
    before = given.copy()
    expected = quick(modes=None).fit(frame, y).predict_proba(frame)
    if kind == "array":
        given, before = given.to_numpy(), before.to_numpy()
    proba = quick(modes=None).fit(given, y).predict_proba(given)
    np.testing.assert_allclose(proba, expected, rtol=1e-9)
    assert np.array_equal(pd.isna(given), pd.isna(before))
    assert np.asarray(given)[0, 0] is pd.NA
    corrupted = corrupt(given, Bias(), modes=[[0, 1], [2, 3]], random_state=0)
    np.testing.assert_allclose(
        np.asarray(corrupted, dtype=float),
        corrupt(gaps, Bias(), modes=[[0, 1], [2, 3]], random_state=0),
        rtol=1e-9,
    )


@pytest.mark.parametrize(
    "kind", ["list", "read-only", "memory map", "Fortran", "strided"]
)
def test_kinds_of_arrays(data, fitted, tmp_path, kind):
    X, y = data
    if kind == "list":
        given = X.tolist()
    elif kind == "read-only":
        given = X.copy()
        given.setflags(write=False)
    elif kind == "memory map":
        joblib.dump(X, tmp_path / "X")
        given = joblib.load(tmp_path / "X", mmap_mode="r")
        assert isinstance(given, np.memmap)
    elif kind == "Fortran":
        given = np.asfortranarray(X)
    else:
        given = np.repeat(X, 2, axis=1)[:, ::2]
    model = quick().fit(given, y)
    expected = fitted.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(given), expected, rtol=1e-9)
    np.testing.assert_allclose(model.attention_, fitted.attention_, rtol=1e-9)


# -------------------------------------------------------------------- copies, processes


def test_clone(fitted):
    fresh = clone(fitted)
    assert not hasattr(fresh, "classes_")
    assert repr(fresh) == repr(quick())


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))],
    ids=["copy", "pickle"],
)
def test_copies(data, fitted, copied):
    X, y = data
    other = copied(fitted)
    expected = fitted.predict_proba(X)
    np.testing.assert_array_equal(other.predict_proba(X), expected)
    np.testing.assert_array_equal(other.attention_, fitted.attention_)
    other.set_params(warm_start=True).fit(X, y)
    assert other.n_iter_ == 6 and fitted.n_iter_ == 3
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


def test_a_pickle_does_not_hold_the_training_data(fitted):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8000, 40)), rng.integers(0, 2, 8000)
    model = quick(modes=None, max_iter=1, pretraining_max_iter=1).fit(X, y)
    del model.attention_  # that one is as long as the training data, and meant to be
    assert len(pickle.dumps(model)) < X.nbytes / 2


def test_a_pickle_loads_in_another_process(data, fitted, tmp_path):
    X, _ = data
    joblib.dump((fitted, X), tmp_path / "model")
    code = (
        "import sys, joblib, numpy\n"
        "model, X = joblib.load(sys.argv[1] + '/model')\n"
        "numpy.save(sys.argv[1] + '/proba.npy', model.predict_proba(X))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    proba = np.load(tmp_path / "proba.npy")
    np.testing.assert_allclose(proba, fitted.predict_proba(X), rtol=1e-9)


def test_workers(data, fitted):
    X, _ = data
    jobs = (joblib.delayed(fitted.attention)(part) for part in np.split(X, 4))
    parts = joblib.Parallel(n_jobs=2)(jobs)
    np.testing.assert_allclose(np.vstack(parts), fitted.attention_, rtol=1e-9)


# --------------------------------------------------------------------------- appearance


def test_representations(fitted):
    html = fitted._repr_html_()
    for text in ("EMMAClassifier", "lambda_e", "attention_", "PotentialEnergyTrans"):
        assert text in html
    assert "EMMAClassifier" in make_pipeline(StandardScaler(), quick())._repr_html_()
    # What differs from the defaults is shown, and nothing else.
    assert repr(EMMAClassifier(rho=2.0)) == "EMMAClassifier(rho=2.0)"
