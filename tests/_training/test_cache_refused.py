"""What the cache cannot store is computed, with a warning that says why."""

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
