"""A small regressor and data for it."""

import numpy as np

from sklearn_emma import EMMARegressor, PotentialEnergyTransformer
from sklearn_emma.predictors import MLP

MODES = {"a": [0, 1], "b": [2, 3], "c": [4, 5]}


def linear_data(n=240):
    """X (n, 6) whose three modes each carry the same signal, and y in odd units."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(n, 2))
    X = np.tile(signal, 3) + 0.3 * rng.normal(size=(n, 6))
    return X, 1000 + 50 * signal @ [1.0, -2.0]


def quick(**params):
    """Regressor of which each part trains a few epochs; `params` take precedence."""
    defaults = {
        "modes": MODES,
        "energy_estimator": PotentialEnergyTransformer(max_iter=5),
        "predictor": MLP(16, dropout=0.0),
        "max_iter": 20,
        "pretraining_max_iter": 10,
        "random_state": 0,
    }
    return EMMARegressor(**defaults | params)
