import numpy as np
import pytest
from scipy.linalg import subspace_angles

from sklearn_emma.alignment._clock import pairwise_cost, uniform_clock
from sklearn_emma.alignment._projections import (
    Projection,
    canonical_step,
    features,
    joint_step,
    ridge_of,
    scatter,
)


def related(n=300, seed=0):
    """Two groups of channels with two signals in common, as rows."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 2))
    X = np.hstack([common, rng.normal(size=(n, 2))]) @ rng.normal(size=(4, 4))
    noisy = common + [0.3, 1] * rng.normal(size=(n, 2))
    Y = np.hstack([noisy, rng.normal(size=(n, 1))]) @ rng.normal(size=(3, 3)) + 5
    return X, Y


def correlations(X, Y):
    """Canonical correlations as cosines of the angles between column spaces."""
    return np.sort(np.cos(subspace_angles(X - X.mean(0), Y - Y.mean(0))))[::-1]


def test_the_objective_is_that_of_the_canonical_correlations():
    X, Y = related()
    projection, objective = canonical_step(X, Y, 2, (1e-9, 1e-9))
    expected = correlations(X, Y)[:2]
    assert np.isclose(objective, 2 * len(X) * (2 - expected.sum()))
    U, V = projection.weights
    A, B = X - projection.means[0], Y - projection.means[1]
    assert np.isclose(objective, np.linalg.norm(A @ U - B @ V) ** 2)
    for rows, weights in ((A, U), (B, V)):
        np.testing.assert_allclose(
            weights.T @ rows.T @ rows @ weights / len(X), np.eye(2), atol=1e-9
        )


def test_with_a_ridge_no_other_projection_under_the_constraint_is_better():
    X, Y = related(40)
    ridges = 7.0, 3.0
    projection, best = canonical_step(X, Y, 1, ridges)
    rng = np.random.default_rng(0)
    centred = [X - X.mean(0), Y - Y.mean(0)]

    def objective(weights):
        scaled = []
        for rows, w, ridge in zip(centred, weights, ridges, strict=True):
            norm = w.T @ (rows.T @ rows + ridge * np.eye(len(w))) @ w / len(X)
            scaled.append(w / np.sqrt(norm))
        gap = centred[0] @ scaled[0] - centred[1] @ scaled[1]
        penalty = sum(r * w @ w for r, w in zip(ridges, scaled, strict=True))
        return gap @ gap + penalty

    found = [w[:, 0] for w in projection.weights]
    assert np.isclose(objective(found), best)
    others = [[w + s * rng.normal(size=len(w)) for w in found] for s in [0.01, 1] * 50]
    assert min(map(objective, others)) >= best - 1e-9


def test_the_joint_step_on_equal_clocks_is_canonical_correlation_analysis():
    X, Y = related()
    sequences = [X.T[np.newaxis], Y.T[np.newaxis]]
    clock = uniform_clock([300, 300], 1)
    joint, objective = joint_step(sequences, clock, 2, 1e-10)
    cca, _ = canonical_step(X, Y, 2, (1e-9, 1e-9))
    for one, other in zip(joint.weights, cca.weights, strict=True):
        for k in range(2):  # the same directions, each of its own length
            cosine = one[:, k] @ other[:, k]
            cosine /= np.linalg.norm(one[:, k]) * np.linalg.norm(other[:, k])
            assert abs(cosine) > 1 - 1e-6
    # Eigenvalues of the pencil are 1 − ρ.
    assert np.isclose(objective, (1 - correlations(X, Y)[:2]).sum())


def test_the_joint_objective_is_the_cost_of_the_clock():
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(3, d, n)) for d, n in ((2, 6), (3, 9), (2, 7))]
    clock = uniform_clock([6, 9, 7], 3)
    projection, objective = joint_step(sequences, clock, 2, 1e-3)
    projected = [projection(x, i) for i, x in enumerate(sequences)]
    assert np.isclose(pairwise_cost(projected, clock).sum(), objective)
    constraint = sum(
        w.T @ (scatter(x) + ridge_of(scatter(x), 1e-3) * np.eye(len(w))) @ w
        for w, x in zip(projection.weights, sequences, strict=True)
    )
    np.testing.assert_allclose(constraint, np.eye(2), atol=1e-9)


def test_scatter_is_of_all_samples_around_one_mean():
    x = np.array([[[1.0, 2.0]], [[3.0, 6.0]]])
    assert scatter(x) == pytest.approx(np.array([[14.0]]))


def test_a_channel_without_variance_still_has_a_ridge():
    assert ridge_of(np.zeros((2, 2)), 1e-3) == 1


def test_features_are_those_of_a_network_with_tanh_between_layers():
    x = np.array([[1.0, -2.0]])
    layers = [(np.eye(2), np.array([0.5, 0])), (np.array([[2.0], [1.0]]), np.ones(1))]
    expected = 2 * np.tanh(1.5) + np.tanh(-2) + 1
    assert np.isclose(features(x, layers)[0, 0], expected)
    projection = Projection([np.array([[3.0]])], [np.ones(1)], networks=[layers])
    projected = projection(x.T[np.newaxis], 0)
    assert projected.shape == (1, 1, 1)
    assert np.isclose(projected[0, 0, 0], 3 * (expected - 1))
