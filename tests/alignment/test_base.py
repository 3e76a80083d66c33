import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_emma.alignment import (
    CanonicalTimeWarping,
    DeepCanonicalTimeWarping,
    DynamicTimeWarping,
    GeneralizedCanonicalTimeWarping,
)

METHODS = [
    DynamicTimeWarping(window=2),
    CanonicalTimeWarping(window=2),
    GeneralizedCanonicalTimeWarping(window=2),
    DeepCanonicalTimeWarping(
        window=2,
        hidden_layer_sizes=(3,),
        n_gradient_steps=3,
        n_iter_no_change=1,
        tol=0.5,
        random_state=0,
    ),
]


def pair(n_samples=3):
    x = np.cumsum(np.random.default_rng(0).normal(size=(n_samples, 2, 12)), axis=2)
    return [x[:, :, :10], x[:, :, 2:]]


@pytest.fixture(params=METHODS, ids=lambda method: type(method).__name__)
def method(request):
    return clone(request.param)


def test_the_cost_is_that_of_the_path_through_the_projections(method):
    method.fit(pair())
    first, second = method.project(pair())
    for found, x, y in zip(method.align(pair()), first, second, strict=True):
        gap = x[:, found.path[:, 0]] - y[:, found.path[:, 1]]
        assert np.isclose(found.cost, np.square(gap).sum())


def test_a_sample_is_aligned_as_if_it_were_alone(method):
    method.fit(pair())
    together = method.align(pair())
    alone = method.align([x[1] for x in pair()])
    assert np.isclose(alone.cost, together[1].cost)
    np.testing.assert_array_equal(alone.path, together[1].path)
    projected = method.project([x[1] for x in pair()])
    np.testing.assert_allclose(projected[0], method.project(pair())[0][1])


def test_new_sequences_may_have_other_numbers_of_steps(method):
    method.fit(pair())
    longer = [np.repeat(x, 2, axis=2) for x in pair()]
    assert method.align(longer)[0].path[-1].tolist() == [19, 19]


def test_a_pickled_one_aligns_as_before(method):
    method.fit(pair())
    copied = pickle.loads(pickle.dumps(method))
    for one, other in zip(method.align(pair()), copied.align(pair()), strict=True):
        np.testing.assert_array_equal(one.path, other.path)


def test_other_numbers_of_channels_are_refused(method):
    method.fit(pair())
    with pytest.raises(ValueError, match=r"\[2, 1\] channels.*sequences of \[2, 2\]"):
        method.align([pair()[0], pair()[1][:, :1]])


def test_a_fit_that_fails_leaves_the_last_one(method):
    method.fit(pair())
    before = method.align(pair())[0]
    with pytest.raises(ValueError):
        method.set_params(window=0).fit([pair()[0], pair()[1][:, :, :4]])
    np.testing.assert_array_equal(
        method.set_params(window=2).align(pair())[0].path, before.path
    )


def test_parameters_are_checked(method):
    with pytest.raises(InvalidParameterError, match="'window' parameter"):
        method.set_params(window=-1).fit(pair())


def test_unfitted_it_says_so(method):
    with pytest.raises(NotFittedError):
        method.align(pair())


def test_a_pair_is_a_pair():
    with pytest.raises(ValueError, match="aligns two sequences, got 3"):
        DynamicTimeWarping().fit([*pair(), pair()[0]])
