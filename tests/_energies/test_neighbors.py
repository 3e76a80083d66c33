"""Distances to neighbours, against a slow loop; training rows leave themselves out."""

import numpy as np
import pytest

from sklearn_emma.energies import NeighborsEnergy


def samples(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def slow(x, rows, k):
    """Mean distance of ``x`` to the k nearest ``rows``; of one of them, to others."""
    distances = sorted(
        sum((a - b) ** 2 for a, b in zip(x, r, strict=True)) for r in rows
    )
    if distances[0] == 0:
        del distances[0]
    return sum(distance**0.5 for distance in distances[:k]) / k


@pytest.mark.parametrize("d", [1, 3, 40])
@pytest.mark.parametrize("k", [1, 4])
def test_it_is_the_mean_distance_to_the_nearest_other_rows(d, k):
    seen, unseen = samples(50, d), samples(7, d, seed=1)
    energy = NeighborsEnergy(k).fit(seen)
    for X in (seen, unseen):
        expected = [slow(x, seen, k) for x in X]
        np.testing.assert_allclose(-energy.score_samples(X), expected, rtol=1e-6)


def test_of_equal_training_rows_one_is_left_out():
    energy = NeighborsEnergy(2).fit([[0.0], [0.0], [3.0], [9.0]])
    np.testing.assert_allclose(-energy.score_samples([[0.0], [3.0]]), [1.5, 3.0])


def test_training_rows_look_no_more_usual_than_others():
    seen, unseen = samples(400, 2), samples(4000, 2, seed=1)
    energy = NeighborsEnergy(1).fit(seen)
    of_seen, of_unseen = (-energy.score_samples(X).mean() for X in (seen, unseen))
    assert of_seen == pytest.approx(of_unseen, rel=0.06)


def test_no_more_neighbours_are_asked_for_than_there_are_other_rows():
    energy = NeighborsEnergy(5).fit([[0.0], [2.0], [6.0]])
    assert energy.n_neighbors_ == 2
    np.testing.assert_allclose(-energy.score_samples([[0.0], [1.0]]), [4.0, 1.0])
    with pytest.raises(ValueError, match="1 sample"):
        NeighborsEnergy().fit([[0.0]])
