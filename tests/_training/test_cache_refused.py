"""What the cache cannot store is computed, with a warning that says why."""

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

from helpers import quick, three_classes

X, y = three_classes()


class Energy(BaseEstimator):
    """Cannot be pickled once it holds a function without a name."""

    def __init__(self, function=None):
        self.function = function

    def fit(self, X, y=None):
        return self

    def score_samples(self, X):
        return -np.square(X).sum(axis=1)


def local_class():
    class Local(nn.Linear):
        pass

    return Local


def lock_keeper(n_in, n_out):
    module = nn.Linear(n_in, n_out)
    module.activation = lambda x: x
    return module


UNCACHEABLE = {
    "local class": {"predictor": local_class()},
    "holds a lambda": {"predictor": lock_keeper},
    "energy": {"energy_estimator": Energy(lambda x: x)},
    "pipeline": {
        "energy_estimator": make_pipeline(
            FunctionTransformer(lambda x: 2 * x), GaussianMixture()
        )
    },
}


@pytest.mark.parametrize("kind", UNCACHEABLE)
def test_what_pickle_does_not_know_is_computed_with_a_warning(kind, tmp_path, computed):
    model = quick(memory=str(tmp_path), **UNCACHEABLE[kind])
    with pytest.warns(UserWarning, match="`memory` is not used in this fit") as record:
        fitted = [clone(model).fit(X, y) for _ in range(2)]
    assert len(computed) == len(record) == 2
    for warning in record:
        assert len(str(warning.message)) < 500  # no data in it
        assert "top level" in str(warning.message)
    plain = clone(model).set_params(memory=None).fit(X, y)
    for one in fitted:
        np.testing.assert_array_equal(one.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("memory", ["", "  "])
def test_no_folder_at_all_is_named(memory, tmp_path, monkeypatch):
    """joblib takes it for the working directory."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"`memory` must be .* got '{memory}'"):
        quick(memory=memory).fit(X, y)
    assert list(tmp_path.iterdir()) == []


class Elsewhere:
    """A cache that holds what another program has put there."""

    def __init__(self, held):
        self.held = held

    def cache(self, function, **options):
        return lambda *args: self.held


@pytest.mark.parametrize("held", [None, {"scaler": 1}, (1, 2, 3, 4, 5, 6)], ids=repr)
def test_a_foreign_object_in_the_cache_is_named_and_not_used(held):
    name = type(held).__name__
    with pytest.warns(UserWarning, match=f"`memory` gave an object .* {name},"):
        fitted = quick(memory=Elsewhere(held)).fit(X, y)
    plain = quick().fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), plain.predict_proba(X))


def test_a_foreign_file_in_the_cache_is_named_and_not_used(tmp_path):
    model = quick(memory=str(tmp_path))
    expected = clone(model).fit(X, y).predict_proba(X)
    (file,) = tmp_path.rglob("output.pkl")
    joblib.dump("of another program", file)
    with pytest.warns(UserWarning, match="`memory` gave an object of the class str"):
        fitted = clone(model).fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)
