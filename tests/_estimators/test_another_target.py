"""Another kind of y needs one target and one short estimator: a regressor, here."""

import numpy as np
import pytest
from sklearn.base import RegressorMixin, clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from sklearn_emma import EMMAClassifier, PotentialEnergyTransformer
from sklearn_emma._estimators.base import BaseEMMA
from sklearn_emma.predictors import MLP

MODES = {"a": [0, 1], "b": [2, 3], "c": [4, 5]}


class Values:
    """Numbers, standardised for training."""

    n_outputs = n_groups = 1

    def __init__(self, y):
        self.mean, self.scale = y.mean(), y.std()

    def encode(self, y):
        return (y - self.mean) / self.scale

    def decode(self, output):
        return output[:, 0] * self.scale + self.mean

    def loss(self, output, y):
        return (output[:, 0] - y.to(output.dtype)).square() / 2

    def factors(self, y, weight):
        return np.ones(len(y))

    def stratify(self, y):
        return None

    def groups(self, y):
        return np.zeros(len(y), dtype=int)


class Regressor(RegressorMixin, BaseEMMA):
    """All that a regressor needs beside its parameters."""

    __init__ = EMMAClassifier.__init__
    _parameter_constraints = EMMAClassifier._parameter_constraints

    def _read_target(self, y):
        return Values(y)

    def _store(self, checked, trained, continues):
        super()._store(checked, trained, continues)
        self._target = checked.target

    def predict(self, X):
        return self._gather(X, lambda scores: self._target.decode(scores.logits))


def linear_data(n=240):
    """X (n, 6) whose three modes each carry the same signal, and y in odd units."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(n, 2))
    X = np.tile(signal, 3) + 0.3 * rng.normal(size=(n, 6))
    return X, 1000 + 50 * signal @ [1.0, -2.0]


def quick(**params):
    return Regressor(
        **{
            "modes": MODES,
            "energy_estimator": PotentialEnergyTransformer(max_iter=10),
            "predictor": MLP(16, dropout=0.0),
            "max_iter": 30,
            "random_state": 0,
        }
        | params
    )


def test_values_are_learnt_and_answered_in_their_own_units():
    X, y = linear_data()
    model = quick().fit(X[:180], y[:180])
    expected = LinearRegression().fit(X[:180], y[:180]).score(X[180:], y[180:])
    assert model.score(X[180:], y[180:]) > expected - 0.02 > 0.9


def test_a_failing_mode_costs_less_with_attention():
    X, y = linear_data()
    broken = X[180:].copy()
    broken[:, :2] = 30
    errors = [
        np.abs(
            quick(attention_function=name).fit(X[:180], y[:180]).predict(broken)
            - y[180:]
        )
        for name in ("soft", "none")
    ]
    assert errors[0].mean() < 0.5 * errors[1].mean()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_around_a_target_works_for_values_too(dtype):
    X, y = linear_data()
    X = X.astype(dtype)
    X[::5, :2] = np.nan
    weight = np.arange(len(y)) % 3
    model = quick(early_stopping=True, joint_energy=True, max_iter=3)
    model.fit(X, y, sample_weight=weight)
    assert model.validation_loss_curve_
    np.testing.assert_allclose(model.attention_, model.attention(X), rtol=1e-5)
    assert model.explain(X).shape == (len(X), 18)
    same = clone(model).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(same.predict(X), model.predict(X))
    assert len(cross_val_score(quick(max_iter=2), X, y, cv=2)) == 2
