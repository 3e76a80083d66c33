"""Detectors as energies: whose decision function is high for what."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from sklearn_emma.energies import OutlierEnergy


class FarFromZero(BaseEstimator):
    """Has PyOD's convention: high for outliers, and training scores by that name."""

    def fit(self, X, y=None):
        self.decision_scores_ = self.decision_function(X)
        return self

    def decision_function(self, X):
        return np.abs(X).sum(axis=1)


DETECTORS = [
    EllipticEnvelope(random_state=0),
    IsolationForest(n_estimators=10, random_state=0),
    LocalOutlierFactor(novelty=True),
    OneClassSVM(),
]


@pytest.fixture(name="X", scope="module")
def samples():
    return np.random.default_rng(0).normal(size=(100, 2))


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: type(d).__name__)
def test_those_of_scikit_learn_are_low_for_outliers(X, detector):
    energy = OutlierEnergy(detector).fit(X)
    expected = detector.fit(X).decision_function(X)
    np.testing.assert_allclose(energy.score_samples(X), expected)
    usual, unusual = -energy.score_samples([[0.0, 0.0], [9.0, -9.0]])
    assert usual < unusual
    assert energy.detector_ is not detector


def test_those_with_decision_scores_are_high_for_outliers(X):
    energy = OutlierEnergy(FarFromZero()).fit(X)
    np.testing.assert_allclose(-energy.score_samples(X), np.abs(X).sum(axis=1))


def test_those_of_pyod_are_high_for_outliers(X):
    knn = pytest.importorskip("pyod.models.knn", reason="needs PyOD").KNN
    energy = OutlierEnergy(knn(n_neighbors=3, method="largest")).fit(X)
    found = -energy.score_samples([[9.0, -9.0]])
    distances = np.sort(np.linalg.norm(X - [9.0, -9.0], axis=1))
    np.testing.assert_allclose(found, distances[2:3])


def test_a_detector_of_no_new_rows_is_refused(X):
    with pytest.raises(ValueError, match="'decision_function'"):
        OutlierEnergy(LocalOutlierFactor()).fit(X)
