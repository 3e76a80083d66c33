import numpy as np
import pytest

from sklearn_emma.alignment import (
    CanonicalTimeWarping,
    GeneralizedCanonicalTimeWarping,
)

T = np.linspace(0, 1, 40)


def three_clocks(n_samples=8, seed=0):
    """One signal on three clocks, in two, one and three channels of other rates."""
    rng = np.random.default_rng(seed)
    powers = rng.uniform(0.75, 1.35, size=(n_samples, 3))
    phase = rng.uniform(0, 6, size=(n_samples, 1))
    sequences = []
    for number, (channels, n) in enumerate([(2, 40), (1, 40), (3, 50)]):
        t = np.linspace(0, 1, n) ** powers[:, [number]]
        signal = np.sin(9 * t + phase)
        own = rng.normal(size=(n_samples, channels - 1, n))
        x = np.concatenate([signal[:, np.newaxis], own], axis=1)
        sequences.append(rng.normal(size=(channels, channels)) @ x)
    return sequences, powers


@pytest.mark.parametrize("seed", range(4))
def test_the_objective_never_rises(seed):
    rng = np.random.default_rng(seed)
    three = [rng.normal(size=(2, d, n)) for d, n in ((3, 9), (2, 12), (4, 10))]
    gctw = GeneralizedCanonicalTimeWarping(2, tol=0, n_sweeps=1).fit(three)
    way = gctw.objectives_.ravel()
    assert len(way) >= 4
    assert (np.diff(way) <= 1e-9 * way[0]).all()
    assert gctw.objective_ == way[-2]


def test_three_known_clocks_are_brought_together():
    sequences, powers = three_clocks()
    gctw = GeneralizedCanonicalTimeWarping(window=8).fit(sequences)
    before, after = [], []
    for found, power in zip(gctw.align(sequences), powers, strict=True):
        shares = found.path / (np.array([40, 40, 50]) - 1)
        after.append(np.ptp(shares**power, axis=1).mean())
        before.append(np.ptp(T[:, np.newaxis] ** power, axis=1).mean())
    assert np.mean(after) < 0.4 * np.mean(before)


def test_two_on_equal_clocks_are_canonical_correlation_analysis():
    rng = np.random.default_rng(0)
    common = rng.normal(size=(1, 100))
    pair = [
        rng.normal(size=(d, d)) @ np.vstack([common, rng.normal(size=(d - 1, 100))])
        for d in (2, 3)
    ]
    both = [
        method.fit(pair).project(pair)
        for method in (
            GeneralizedCanonicalTimeWarping(window=0, ridge=1e-9),
            CanonicalTimeWarping(window=0, ridge=1e-9),
        )
    ]
    for one, other in zip(*both, strict=True):
        assert abs(np.corrcoef(one[0], other[0])[0, 1]) > 1 - 1e-6


def test_a_path_leaves_no_step_out():
    sequences, _ = three_clocks(2)
    found = GeneralizedCanonicalTimeWarping(window=8).fit(sequences).align(sequences)
    for alignment in found:
        assert alignment.path[0].tolist() == [0, 0, 0]
        assert alignment.path[-1].tolist() == [39, 39, 49]
        assert np.diff(alignment.path, axis=0).max() == 1


def test_one_sequence_is_refused():
    with pytest.raises(ValueError, match="two sequences or more, got 1"):
        GeneralizedCanonicalTimeWarping().fit([np.zeros((1, 4))])
