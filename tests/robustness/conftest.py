"""Data in units of their own, a classifier, and one that keeps what it sees."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from sklearn_emma import EMMAClassifier, PotentialEnergyTransformer
from sklearn_emma.datasets import make_multimodal_classification


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps every X that it is scored on."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.seen_ = []
        return self

    def score(self, X, y):
        self.seen_.append(X)
        return float(len(self.seen_))

    def attention(self, X):
        self.seen_.append(X)
        return np.zeros((len(X), len(self.modes_)))


@pytest.fixture(scope="package")
def data():
    """X_train, X, y_train and y: two modes, columns of very different scale."""
    X, y, _ = make_multimodal_classification(
        500, n_modes=2, n_features_per_mode=3, redundancy=1.0, random_state=0
    )
    X = X * [1, 10, 100, 1, 0.1, 5] + [0, 50, -20, 3, 0, 1]
    return X[:300], X[300:], y[:300], y[300:]


@pytest.fixture(scope="package")
def emma(data):
    X_train, _, y_train, _ = data
    return EMMAClassifier(
        {"left": [0, 1, 2], "right": [3, 4, 5]},
        energy_estimator=PotentialEnergyTransformer(max_iter=15),
        max_iter=8,
        pretraining_max_iter=8,
        random_state=0,
    ).fit(X_train, y_train)


@pytest.fixture
def recorder(data):
    return Recorder().fit(data[0], data[2])


@pytest.fixture(scope="package")
def biased(data):
    """Function that shifts columns by a number of training standard deviations."""
    scale = data[0].std(axis=0)

    def shift(X, columns, level):
        X = X.copy()
        X[:, columns] += level * scale[columns]
        return X

    return shift
