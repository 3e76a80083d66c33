"""Energies in a fit: each training row is scored once, and rightly so."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from helpers import UNEQUAL_MODES, quick, three_unequal_modes
from sklearn_emma.corruption import Failures, GaussianNoise

_TRIED = 5  # rows that show whether an estimator answers in the right shape


class Counting(KernelDensity):
    """Counts the rows that it is asked to score, by the number of its columns."""

    scored = {}

    def score_samples(self, X):
        self.scored[X.shape[1]] = self.scored.get(X.shape[1], 0) + len(X)
        return super().score_samples(X)


@pytest.fixture
def scored(monkeypatch):
    """Rows scored by the energies of one, two and three columns."""
    monkeypatch.setattr(Counting, "scored", {})
    return Counting.scored


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"predictor": LogisticRegression()},
        {"early_stopping": True, "validation_fraction": 0.25},
        {
            "early_stopping": True,
            "predictor": LogisticRegression(),
            "attention_function": "hard",
        },
        {"joint_energy": True, "energy_scaling": "shift"},
    ],
    ids=str,
)
def test_each_training_row_is_scored_once(scored, params):
    X, y = three_unequal_modes()
    model = quick(
        energy_estimator=Counting(), modes=UNEQUAL_MODES, corruption=None, **params
    ).fit(X, y)
    assert scored == dict.fromkeys([1, 2, 3], 150 + _TRIED)
    np.testing.assert_allclose(model.attention_, model.attention(X), atol=1e-12)


def gaps_repeats_and_weights():
    """Data with missing and corrupted modes, repeated rows and rows of weight 0."""
    X, y = three_unequal_modes()
    rng = np.random.default_rng(0)
    X[:10, :3], X[10:15, 4], X[15] = np.nan, np.nan, np.nan
    X[20:40], y[20:40] = X[40:60], y[40:60]
    weight, corrupted = rng.integers(0, 3, 150), rng.random((150, 3)) < 0.1
    assert (weight == 0).sum() > 30
    return X, y, weight, corrupted


def test_repeated_rows_count_once_and_missing_modes_never(scored):
    X, y, weight, corrupted = gaps_repeats_and_weights()
    quick(energy_estimator=Counting(), modes=UNEQUAL_MODES, corruption=None).fit(
        X, y, sample_weight=weight, corrupted=corrupted
    )
    distinct = np.unique(np.c_[X, y, corrupted][weight > 0], axis=0, equal_nan=False)
    rows = {tuple(np.nan_to_num(row, nan=-9e9)) for row in distinct}
    of_no_weight = np.c_[X, y, corrupted][weight == 0]
    scored_rows = np.array([*rows, *np.nan_to_num(of_no_weight, nan=-9e9)])
    present = scored_rows[:, [0, 3, 5]] > -9e9
    for mode, width in enumerate([3, 2, 1]):
        assert scored[width] == present[:, mode].sum() + _TRIED


def test_a_first_chunk_is_scored_once_too(scored):
    X, y = three_unequal_modes()
    model = quick(energy_estimator=Counting(), modes=UNEQUAL_MODES, corruption=None)
    model.partial_fit(X, y, classes=[0, 1])
    assert scored == dict.fromkeys([1, 2, 3], 150 + _TRIED)
    model.partial_fit(X[:50], y[:50])
    assert scored == dict.fromkeys([1, 2, 3], 200 + _TRIED)


def test_what_fails_is_scored_beside_and_nothing_else_again(scored):
    """Of 150 rows in each of 3 epochs, those whose mode was made to fail."""
    X, y = three_unequal_modes()
    failures = Failures(GaussianNoise(1.0), clean_fraction=0.4, n_failing=1)
    quick(energy_estimator=Counting(), modes=UNEQUAL_MODES, corruption=failures).fit(
        X, y
    )
    beside = sum(scored.values()) - 3 * (150 + _TRIED)
    assert beside == pytest.approx(3 * 150 * 0.6, rel=0.1)


@pytest.mark.parametrize("energy_estimator", [None, GaussianMixture()], ids=str)
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"corruption": None},
        {"early_stopping": True},
        {"predictor": LogisticRegression()},
        {"joint_energy": False, "attention_function": "importance"},
    ],
    ids=str,
)
def test_attention_of_training_rows_is_that_of_the_same_rows(energy_estimator, params):
    X, y, weight, corrupted = gaps_repeats_and_weights()
    model = quick(energy_estimator=energy_estimator, modes=UNEQUAL_MODES, **params)
    model.fit(X, y, sample_weight=weight, corrupted=corrupted)
    np.testing.assert_allclose(model.attention_, model.attention(X), rtol=0, atol=1e-12)
