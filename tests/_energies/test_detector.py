"""The detector: scikit-learn's conventions around any energy."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, is_outlier_detector
from sklearn.model_selection import GridSearchCV

from helpers import correlated_features, random_state_kept, small
from sklearn_emma.energies import NeighborsEnergy, PotentialEnergyDetector

X = correlated_features()


def test_a_share_of_the_training_rows_are_outliers():
    for share in (0.05, 0.1, 0.5):
        detector = PotentialEnergyDetector(NeighborsEnergy(3), contamination=share)
        assert (detector.fit_predict(X) == -1).sum() == round(share * len(X))
    assert is_outlier_detector(detector)


def test_scores_are_those_of_the_energy():
    detector = PotentialEnergyDetector(small(), contamination=0.2).fit(X)
    expected = small().fit(X).score_samples(X)
    np.testing.assert_array_equal(detector.score_samples(X), expected)
    decision = detector.decision_function(X)
    np.testing.assert_allclose(decision, expected - np.quantile(expected, 0.2))
    np.testing.assert_array_equal(detector.predict(X), np.where(decision < 0, -1, 1))
    (far,) = detector.predict(X[:1] + 100)
    assert far == -1


@random_state_kept()
def test_the_seed_decides_what_the_energy_leaves_open():
    one, same, other = (
        PotentialEnergyDetector(small(random_state=None), random_state=seed).fit(X)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.score_samples(X), same.score_samples(X))
    assert not np.allclose(one.score_samples(X), other.score_samples(X))
    kept = PotentialEnergyDetector(small(random_state=3), random_state=0).fit(X)
    assert kept.energy_.random_state == 3


def test_it_can_be_searched_by_labels_of_outliers():
    """Noisy rows are labelled −1, the score is accuracy."""
    noise = np.random.default_rng(1).normal(size=X.shape) * X.std(axis=0)
    rows, y = np.vstack([X, X[:60] + 3 * noise[:60]]), np.repeat([1, -1], [120, 60])
    search = GridSearchCV(
        PotentialEnergyDetector(NeighborsEnergy()),
        {"energy__n_neighbors": [1, 5], "contamination": [0.01, 0.3]},
        scoring="accuracy",
        cv=3,
    ).fit(rows, y)
    assert search.best_params_["contamination"] == 0.3
    assert search.best_score_ > 0.7


def test_an_energy_without_scores_is_refused():
    with pytest.raises(ValueError, match="'score_samples'"):
        PotentialEnergyDetector(BaseEstimator()).fit(X)
