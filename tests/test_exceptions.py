"""Warnings of the package can be filtered by their class, and by nothing else's."""

import pickle
import warnings

import numpy as np
import pytest

import helpers
from sklearn_emma import exceptions
from sklearn_emma.exceptions import ModesWarning


@pytest.mark.parametrize("name", exceptions.__all__)
def test_every_class_is_a_warning_that_survives_a_pickle(name):
    kind = getattr(exceptions, name)
    assert issubclass(kind, UserWarning)
    assert pickle.loads(pickle.dumps(kind("text"))).args == ("text",)


def test_the_classifier_gives_the_class_that_is_public():
    X, y = np.random.default_rng(0).normal(size=(40, 4)), np.arange(40) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ModesWarning)
        helpers.quick(epochs=1, modes=None, predictor=None, lr=1e-3).fit(X, y)
    with pytest.warns(ModesWarning):
        helpers.quick(epochs=1, modes=None).fit(X, y)
