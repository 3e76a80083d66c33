"""More than one machine: search and scoring on a real cluster, and what is shipped."""

import pickle
from contextlib import contextmanager

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import helpers
from sklearn_emma import EMMAClassifier
from sklearn_emma.datasets import make_multimodal_classification
from sklearn_emma.model_selection import EMMAGridSearchCV
from sklearn_emma.predictors import MLP

rng = np.random.default_rng(0)
X = pd.DataFrame(
    rng.normal(size=(200, 4)), columns=["a__x", "a__y", "b__x", "b__y"]
).set_index(pd.RangeIndex(1000, 1200))
y = np.where(X["a__x"] + X["b__x"] > 0, "up", "down")


def quick(**params):
    return helpers.quick(
        epochs=2, modes=None, predictor=MLP(4, evidence=False), **params
    )


@pytest.fixture(name="client", scope="module")
def two_worker_processes():
    reason = 'needs the extra "dask"'
    distributed = pytest.importorskip("distributed", reason=reason)
    pytest.importorskip("dask.dataframe", reason=reason)
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",  # any port: another cluster may be running
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2)
        yield client


@contextmanager
def on_both_workers(client):
    """See that tasks of the block ran on both."""
    from distributed import get_task_stream

    with get_task_stream(client) as stream:
        yield
    assert len({task["worker"] for task in stream.data}) == 2


@pytest.mark.parametrize(
    ("make", "name", "search_class"),
    [
        (quick, "lambda_e", GridSearchCV),
        (
            lambda: make_pipeline(FunctionTransformer(), quick()),
            "emmaclassifier__lambda_e",
            EMMAGridSearchCV,
        ),
    ],
    ids=["classifier", "pipeline, trained together"],
)
def test_grid_search_on_two_workers_as_in_sequence(client, make, name, search_class):
    grid = {name: [0.0, 0.01, 1.0]}
    expected = search_class(make(), grid, cv=2).fit(X, y)
    search = search_class(make(), grid, cv=2)
    with on_both_workers(client), joblib.parallel_config(backend="dask"):
        search.fit(X, y)
    for column in ("split0_test_score", "split1_test_score", "rank_test_score"):
        np.testing.assert_array_equal(
            search.cv_results_[column], expected.cv_results_[column]
        )
    np.testing.assert_allclose(
        search.predict_proba(X), expected.predict_proba(X), rtol=1e-7
    )


def test_scoring_a_frame_by_partitions(client):
    import dask.dataframe as dd

    model = quick().fit(X, y)
    rows = X.copy()
    rows.iloc[::7, :2] = np.nan
    partitions = dd.from_pandas(rows, npartitions=5)
    for method in ("predict", "predict_proba", "attention", "total_energy", "explain"):
        scored = partitions.map_partitions(
            getattr(model, method), meta=getattr(model, method)(rows[:2])[:0]
        )
        with on_both_workers(client):
            got = client.compute(scored).result()
        expected = getattr(model, method)(rows)
        if method == "explain":
            pd.testing.assert_frame_equal(got, expected)
        elif method == "predict":
            np.testing.assert_array_equal(got, expected)
        else:
            np.testing.assert_allclose(got, expected, rtol=1e-12)


# ------------------------------------------------------------------- what is shipped


def shipped(n_samples, dtype):
    """Size of a fitted estimator of default architecture: without attention, with."""
    X, y, modes = make_multimodal_classification(n_samples, 2, random_state=0)
    model = EMMAClassifier(modes, max_iter=2, pretraining_max_iter=2, random_state=0)
    size = len(pickle.dumps(model.fit(X.astype(dtype), y)))
    return size - model.attention_.nbytes, size


@pytest.mark.parametrize(("dtype", "bound"), [("f4", 132_000), ("f8", 240_000)])
def test_a_fitted_estimator_is_small_and_keeps_no_data_but_attention(dtype, bound):
    few, _ = shipped(300, dtype)
    many, with_attention = shipped(1200, dtype)
    # Of the energies of clean rows, which alarms compare with, so many are kept that
    # their number grows like its logarithm. Energies have eight components, not four.
    assert abs(many - few) < 12_000 and many < bound
    assert with_attention - many == 1200 * 2 * np.dtype(dtype).itemsize


def test_between_chunks_an_estimator_keeps_no_data_either():
    X, y, modes = make_multimodal_classification(1200, 2, random_state=0)
    sizes = []
    for lengths in ((300, 900, 300), (900, 300, 900)):
        model = helpers.quick(modes=modes, epochs=1)
        sizes.append([])
        for length in lengths:
            model.partial_fit(X[:length], y[:length], [0, 1])
            held_out = model._model.held_out
            known = (model.attention_, held_out._keys, held_out._fold)
            size = len(pickle.dumps(model)) - sum(array.nbytes for array in known)
            sizes[-1].append(size)
            # By a number of each row of the first chunk, it is known when it comes
            # again: its energies are then those of models that have not seen it.
            assert len(held_out._keys) == lengths[0]
    few_first, many_first = np.array(sizes)
    assert np.abs(few_first - many_first).max() < 10_000  # however long the chunks
    assert np.abs(np.diff(sizes)[:, 1:]).max() < 100  # and however many
    # From the second chunk on, `modes_` and the model have columns of their own.
    assert np.abs(np.diff(sizes)).max() < 300
