"""Energies in a fit: how often each row is scored, and that it is scored rightly."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from helpers import UNEQUAL_MODES, quick, three_unequal_modes
from sklearn_emma.corruption import Failures, GaussianNoise

# Of each mode, the models of all rows and of all rows but a fold, of five folds.
_MODELS = 6
_TRIED = 5  # rows that show whether an estimator answers in the right shape


def scorings(clean, beside, given):
    """Rows that a mode's energies score in a fit.

    ``clean`` rows are scored by all models: by one that has not seen them, and by five
    that have, whose origins are compared. ``beside`` are further ones to train or to
    stop by. ``attention_`` is that of the rows ``given``.
    """
    return _MODELS * (_TRIED + clean) + beside + given


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
    ("params", "held"),
    [
        ({}, 0),
        ({"predictor": LogisticRegression()}, 0),
        ({"early_stopping": True, "validation_fraction": 0.24}, 36),
        (
            {
                "early_stopping": True,
                "predictor": LogisticRegression(),
                "attention_function": "hard",
            },
            15,
        ),
        ({"joint_energy": True, "energy_scaling": "shift"}, 0),
    ],
    ids=str,
)
def test_each_training_row_is_scored_once_by_each_of_its_energies(scored, params, held):
    X, y = three_unequal_modes()
    model = quick(
        energy_estimator=Counting(), modes=UNEQUAL_MODES, corruption=None, **params
    ).fit(X, y)
    expected = scorings(150 - held, held, given=150)
    assert scored == dict.fromkeys([1, 2, 3], expected)
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
    known = np.nan_to_num(np.c_[X, y, corrupted], nan=-9e9)
    distinct = np.unique(known[weight > 0], axis=0)
    assert len(distinct) < (weight > 0).sum()
    for mode, (column, width) in enumerate([(0, 3), (3, 2), (5, 1)]):
        present, broken = distinct[:, column] > -9e9, distinct[:, 7 + mode] > 0
        expected = scorings(
            clean=(present & ~broken).sum(),
            beside=(present & broken).sum(),
            given=(known[:, column] > -9e9).sum(),
        )
        assert scored[width] == expected


def test_a_further_chunk_is_scored_by_one_model_and_for_its_attention(scored):
    X, y = three_unequal_modes()
    model = quick(energy_estimator=Counting(), modes=UNEQUAL_MODES, corruption=None)
    model.partial_fit(X, y, classes=[0, 1])
    first = scorings(150, 0, given=150)
    assert scored == dict.fromkeys([1, 2, 3], first)
    model.partial_fit(X[:50], y[:50])
    assert scored == dict.fromkeys([1, 2, 3], first + 50 + 50)


def test_what_fails_is_scored_beside_and_nothing_else_again(scored):
    """Of 150 rows in each of 3 epochs, those whose mode was made to fail."""
    X, y = three_unequal_modes()
    failures = Failures(GaussianNoise(1.0), clean_fraction=0.4, n_failing=1)
    quick(energy_estimator=Counting(), modes=UNEQUAL_MODES, corruption=failures).fit(
        X, y
    )
    beside = sum(scored.values()) - 3 * scorings(150, 0, given=150)
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
