import numpy as np
import pytest
import torch

from helpers import random_state_kept
from sklearn_emma.alignment import CanonicalTimeWarping, DeepCanonicalTimeWarping
from sklearn_emma.alignment._deep import total_correlation
from sklearn_emma.alignment._projections import canonical_step

T = np.linspace(0, 1, 40)


def pair(power=1, n_samples=10, noise=0.02, seed=0):
    """A signal, and a power of it on another clock."""
    rng = np.random.default_rng(seed)
    warp = rng.uniform(0.8, 1.3, size=(n_samples, 1))
    phase = rng.uniform(0, 6, size=(n_samples, 1))
    X = np.stack([np.sin(9 * T + phase), np.cos(4 * T - phase)], axis=1)
    Y = np.sin(9 * T**warp + phase)[:, np.newaxis] ** power
    Y = np.concatenate([Y, rng.normal(size=Y.shape)], axis=1)
    return [x + noise * rng.normal(size=x.shape) for x in (X, Y)], warp


@pytest.mark.parametrize("window", [0, 6])
def test_with_linear_layers_the_objective_is_that_of_canonical_time_warping(window):
    sequences, _ = pair(noise=0.3)
    linear = DeepCanonicalTimeWarping(
        hidden_layer_sizes=(), window=window, tol=1e-4, random_state=0
    ).fit(sequences)
    ctw = CanonicalTimeWarping(window=window).fit(sequences)
    assert linear.objective_ == pytest.approx(ctw.objective_, rel=0.01)


def test_networks_find_what_no_projection_can():
    sequences, warp = pair(power=2)
    deep = DeepCanonicalTimeWarping(
        hidden_layer_sizes=(8,), window=6, n_gradient_steps=20, tol=0.1, random_state=0
    ).fit(sequences)
    ctw = CanonicalTimeWarping(window=6).fit(sequences)
    assert deep.objective_ < 0.2 * ctw.objective_
    errors = [
        np.abs(found.path[:, 0] / 39 - (found.path[:, 1] / 39) ** p).mean() * 39
        for found, p in zip(deep.align(sequences), warp[:, 0], strict=True)
    ]
    assert np.mean(errors) < 0.8
    assert np.mean([np.abs(T - T**p).mean() * 39 for p in warp]) > 1.2


def test_each_half_step_falls_under_its_own_constraint_and_the_best_is_kept():
    sequences, _ = pair(noise=0.3)
    deep = DeepCanonicalTimeWarping(
        hidden_layer_sizes=(4,), window=6, n_gradient_steps=5, tol=0.05, random_state=1
    ).fit(sequences)
    projecting, warping = deep.objectives_.T
    assert len(projecting) > 2
    assert (warping <= projecting + 1e-9).all()
    assert deep.objective_ == projecting.min()


def test_gradient_steps_lower_the_objective_while_the_warping_is_fixed():
    sequences, _ = pair(noise=0.3, n_samples=3)
    few, many = (
        DeepCanonicalTimeWarping(window=0, n_gradient_steps=steps, random_state=0).fit(
            sequences
        )
        for steps in (1, 10)
    )
    assert len(few.objectives_) == len(many.objectives_) == 1  # nothing to warp
    assert many.objective_ < few.objective_


def test_the_sum_of_correlations_is_that_of_canonical_correlation_analysis():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2))
    y = x @ rng.normal(size=(2, 2)) + rng.normal(size=(50, 2))
    total = total_correlation(torch.tensor(x), torch.tensor(y), 1e-3)
    ridges = [1e-3 * np.square(z - z.mean(0)).sum() / 2 for z in (x, y)]
    _, objective = canonical_step(x, y, 2, tuple(ridges))
    assert float(total) == pytest.approx(2 - objective / 100)


def test_it_repeats_itself_and_leaves_global_state_alone():
    sequences, _ = pair(n_samples=2)
    deep = DeepCanonicalTimeWarping(
        n_gradient_steps=3, window=3, n_iter_no_change=1, tol=1, random_state=0
    )
    with random_state_kept():
        one = deep.fit(sequences).project(sequences)
    other = deep.fit(sequences).project(sequences)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_layers_must_have_units():
    with pytest.raises(ValueError, match="`hidden_layer_sizes` must be positive"):
        DeepCanonicalTimeWarping(hidden_layer_sizes=(0,)).fit(pair(n_samples=2)[0])
