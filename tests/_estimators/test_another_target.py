"""Another kind of y needs one target and one short estimator: counts, here."""

import numpy as np
from sklearn.base import RegressorMixin, clone
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score
from torch.nn.functional import poisson_nll_loss

from sklearn_emma import EMMARegressor, PotentialEnergyTransformer
from sklearn_emma._estimators.base import BaseEMMA
from sklearn_emma.predictors import MLP

MODES = {"a": [0, 1], "b": [2, 3], "c": [4, 5]}


class Counts:
    """Whole numbers from 0; the predictor gives the logarithm of their mean."""

    n_outputs = n_groups = 1
    n_classes = None

    def learn(self, y, weight):
        return self

    def encode(self, y):
        return np.asarray(y, dtype=np.float64)

    def decode(self, output):
        return np.exp(output[:, 0])

    def loss(self, output, y):
        return poisson_nll_loss(output[:, 0], y.to(output.dtype), reduction="none")

    def factors(self, y, weight):
        return np.ones(len(y))

    def stratify(self, y):
        return None

    def groups(self, y):
        return np.zeros(len(y), dtype=int)

    def baseline(self, y, weight):
        return None


class Counter(RegressorMixin, BaseEMMA):
    """All that such an estimator needs beside its parameters."""

    __init__ = EMMARegressor.__init__
    _parameter_constraints = EMMARegressor._parameter_constraints

    def _read_target(self, y):
        return Counts()

    def predict(self, X):
        return self._gather(X, lambda scores: Counts().decode(scores.logits))


def counts(n=240):
    """X (n, 6) whose three modes each carry the same signal, and Poisson counts."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(n, 2))
    X = np.tile(signal, 3) + 0.3 * rng.normal(size=(n, 6))
    return X, rng.poisson(np.exp(1 + signal @ [0.5, -0.8]))


def quick(**params):
    return Counter(
        **{
            "modes": MODES,
            "energy_estimator": PotentialEnergyTransformer(max_iter=10),
            "predictor": MLP((), evidence=False),
            "max_iter": 30,
            "random_state": 0,
        }
        | params
    )


def test_counts_are_learnt_as_well_as_by_a_model_made_for_them():
    X, y = counts()
    model = quick(lr=0.02, corruption=None).fit(X[:180], y[:180])
    peer = PoissonRegressor(alpha=0).fit(X[:180], y[:180])
    found, expected = (
        d2_tweedie_score(y[180:], fitted.predict(X[180:]), power=1)
        for fitted in (model, peer)
    )
    assert found > expected - 0.05 > 0.5


def test_everything_around_a_target_works_for_counts_too():
    X, y = counts()
    X[::5, :2] = np.nan
    model = quick(early_stopping=True, joint_energy=True, max_iter=3).fit(X, y)
    assert model.validation_loss_curve_
    np.testing.assert_allclose(model.attention_, model.attention(X), rtol=1e-5)
    assert model.explain(X).shape == (len(X), 18)
    same = clone(model).fit(X, y)
    np.testing.assert_array_equal(same.predict(X), model.predict(X))
