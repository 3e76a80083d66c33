"""Random tensors: their distribution, and that the generator alone decides them."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import loguniform, norm, uniform

from helpers import generator, p_value
from sklearn_emma.corruption import _draws

X = torch.zeros(4000, 3)
DRAWS = {
    "uniform": (lambda x, g: _draws.uniform(x, x.shape, g), uniform(0, 1)),
    "normal": (_draws.normal, norm()),
    "log uniform": (
        lambda x, g: _draws.log_uniform(x, 0.1, 2.0, g),
        loguniform(0.1, 2.0),
    ),
}
each = pytest.mark.parametrize(("draw", "distribution"), DRAWS.values(), ids=DRAWS)


@each
def test_distribution(draw, distribution):
    assert p_value(draw(X.double(), generator()), distribution) > 0.01


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_type_of_the_data_and_the_state_of_the_generator(draw, distribution, dtype):
    state, x = torch.get_rng_state(), X.to(dtype)
    first, again, other = (draw(x, generator(seed)) for seed in (0, 0, 1))
    assert first.dtype == dtype
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_log_uniform_draws_one_for_each_row():
    assert _draws.log_uniform(X, 0.5, 4.0, generator()).shape == (4000, 1)


def test_log_uniform_of_an_interval_without_width():
    drawn = _draws.log_uniform(X, 3.0, 3.0, generator())
    np.testing.assert_allclose(drawn, 3.0, rtol=1e-6)
    assert math.isclose(float(drawn.std()), 0.0, abs_tol=1e-6)
