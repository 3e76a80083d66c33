"""Data of three modes, and an energy that notes what it is given."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator


@pytest.fixture(name="data", scope="module")
def three_modes():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=120)
    return rng.normal(size=(120, 6)) * [1, 9, 1, 1, 0.1, 1] + y[:, np.newaxis], y


class Recorder(BaseEstimator):
    """The least that an energy must be; notes what it is given."""

    fitted, scored = [], []

    def fit(self, X, y=None):
        self.fitted.append(X.copy())
        return self

    def score_samples(self, X):
        self.scored.append(X.copy())
        return -np.square(X).sum(axis=1)


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setattr(Recorder, "fitted", [])
    monkeypatch.setattr(Recorder, "scored", [])
    return Recorder()
