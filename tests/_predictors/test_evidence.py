"""What is common to evidence of all kinds."""

import numpy as np
import pytest
import torch

from sklearn_emma._predictors.evidence import (
    STRENGTHS,
    HeldOutAnswers,
    Labelled,
    mixing_powers,
    relevance,
)


def squares(answers, y):
    return (answers - y).square().sum(-1)


def held_out(n=60, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, 2))
    samples = Labelled(
        rng.normal(size=(n, 6)), rng.random((n, 3)) < 0.8, y, rng.uniform(0.5, 2, n)
    )
    joint = y + rng.normal(size=y.shape)
    noise = rng.normal(size=(len(STRENGTHS), n, 3, 2))
    each = y[:, np.newaxis] + noise * rng.uniform(0, 3, (len(STRENGTHS), 1, 3, 1))
    return HeldOutAnswers(joint, each, samples, squares)


def test_joined_answers_are_those_of_all_parts():
    whole = held_out(150)
    parts = [
        HeldOutAnswers(whole.joint[i], whole.each[:, i], whole.samples.rows(i), squares)
        for i in np.split(np.arange(150), [40, 41])
    ]
    joined = HeldOutAnswers.joined(parts)
    assert joined.loss is squares
    for one, other in zip(joined[:2], whole[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(joined.samples, whole.samples, strict=True):
        np.testing.assert_array_equal(one, other)


def test_losses_are_means_over_the_samples_that_have_the_mode():
    found = held_out()
    _, present, y, weight = found.samples
    losses = found.losses()
    for s in range(len(STRENGTHS)):
        for mode in range(3):
            rows = present[:, mode]
            error = ((found.each[s, rows, mode] - y[rows]) ** 2).sum(1)
            assert losses[s, mode] == pytest.approx(
                np.average(error, weights=weight[rows])
            )
    best = [min(zip(column, STRENGTHS, strict=True))[1] for column in losses.T]
    assert found.best_strengths() == best
    assert len(set(best)) > 1


def test_powers_are_those_of_a_linear_regression_that_is_pulled_to_halves():
    _, _, y, weight = held_out().samples
    rng = np.random.default_rng(1)
    joint, pooled = (y + rng.normal(size=y.shape) * spread for spread in (0.5, 1))
    found = mixing_powers(
        joint, pooled, lambda mixed: squares(mixed, torch.from_numpy(y)), weight
    )
    design = np.stack([joint.ravel(), pooled.ravel()], axis=1)
    counts = np.repeat(weight, 2)[:, np.newaxis]
    normal = design.T @ (counts * design) + np.eye(2)
    right = design.T @ (counts[:, 0] * y.ravel()) + 0.5
    expected = np.linalg.solve(normal, right)
    assert (expected > 0.05).all()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_best_mode_counts_half_as_much_again_as_one_that_says_nothing():
    shares = relevance(torch.tensor([0.0, 0.2, 0.8]))
    torch.testing.assert_close(shares, torch.tensor([1.0, 1.125, 1.5]))
    torch.testing.assert_close(relevance(torch.zeros(3)), torch.ones(3))
