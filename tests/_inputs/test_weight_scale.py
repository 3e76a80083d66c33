"""Weights that are shares: their scale changes nothing that is learnt."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from torch import nn

import helpers
from sklearn_emma import PotentialEnergyTransformer

N = 120
rng = np.random.default_rng(0)
y = np.arange(N) % 3
# Features of a mode go together: what is lost if whitening takes them for few samples.
X = (rng.normal(size=(N, 3)) + y[:, np.newaxis]).repeat(2, axis=1)
X[:, ::2] += 0.1 * rng.normal(size=(N, 3))
X[90:] = X[:30]  # rows that are merged
y[90:] = y[:30]
BROKEN = X + np.where(np.arange(6) < 2, 0.5 * rng.normal(size=X.shape), 0)
SCALES = [1e-6, 1 / N, 1.0]


def with_norm(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, 6), nn.BatchNorm1d(6), nn.Linear(6, n_out))


quick = partial(
    helpers.quick,
    epochs=2,
    modes={"a": [0, 1], "b": [2, 3], "c": [4, 5]},
    energy_estimator=PotentialEnergyTransformer(n_components=4, max_iter=2),
)


def assert_same(one, other, rtol=1e-6):
    for method in ("attention", "predict_proba", "potential_energy"):
        np.testing.assert_allclose(
            getattr(one, method)(BROKEN), getattr(other, method)(BROKEN), rtol=rtol
        )


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"energy_estimator": GaussianMixture(reg_covar=1e-2)},
        {"predictor": LogisticRegression()},
        {"predictor": with_norm},
        {"class_weight": "balanced", "energy_scaling": "shift"},
        {"early_stopping": True, "joint_energy": False},
    ],
    ids=["default", "mixture", "logistic", "norm", "balanced", "stopping"],
)
def test_equal_weights_are_none(params):
    plain = quick(**params).fit(X, y)
    for scale in (1e-9, 1 / N, 1.0):
        assert_same(quick(**params).fit(X, y, np.full(N, scale)), plain, rtol=1e-12)


@pytest.mark.parametrize(
    "params",
    [{}, {"predictor": LogisticRegression()}, {"predictor": with_norm}],
    ids=["default", "logistic", "norm"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_scale_of_shares_changes_nothing(params, dtype):
    shares = np.random.default_rng(1).uniform(0.05, 1.0, size=N)
    shares[::11] = 0
    values = X.astype(dtype)
    models = [quick(**params).fit(values, y, scale * shares) for scale in SCALES]
    rtol = 1e-2 if dtype == np.float32 else 1e-6
    for model in models[:-1]:
        assert_same(model, models[-1], rtol)
    kept = shares > 0
    assert_same(
        quick(**params).fit(values[kept], y[kept], 1e-6 * shares[kept]),
        models[-1],
        rtol,
    )


@pytest.mark.parametrize("scale", SCALES)
def test_energies_of_one_mode(scale):
    plain = PotentialEnergyTransformer(max_iter=5, random_state=0).fit(X[:, :2])
    shares = PotentialEnergyTransformer(max_iter=5, random_state=0).fit(
        X[:, :2], sample_weight=np.full(N, scale)
    )
    np.testing.assert_allclose(
        shares.transform(BROKEN[:, :2]), plain.transform(BROKEN[:, :2]), rtol=1e-12
    )


def test_a_mode_that_only_light_samples_have():
    """Its correlation is that of as many samples as have it."""
    values = X.copy()
    values[: N // 2, :2] = np.nan
    weight = np.where(np.arange(N) < N // 2, 1.0, 1e-6)
    whitened = PotentialEnergyTransformer(preprocessing="whiten", max_iter=2)
    model = quick(energy_estimator=whitened)
    light = clone(model).fit(values, y, weight).energies_["a"]
    alone = clone(model).fit(values[N // 2 :], y[N // 2 :]).energies_["a"]
    # In the directions of the sum and of the difference, which differ in length.
    steps = np.array([[1.0, 1.0], [1.0, -1.0]])

    def ratio(energy):
        along, across = np.linalg.norm(steps @ energy.whitening_, axis=1)
        return across / along

    assert ratio(alone) > 3
    np.testing.assert_allclose(ratio(light), ratio(alone), rtol=0.2)


@pytest.mark.parametrize("scale", [1e-6, 1 / 60])
def test_chunks(scale):
    plain, shares = quick(), quick()
    for rows in (slice(0, 60), slice(60, N)):
        plain.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        weight = np.full(60, scale)
        shares.partial_fit(X[rows], y[rows], [0, 1, 2], sample_weight=weight)
    assert_same(shares, plain, rtol=1e-12)


def test_boosting():
    """It hands over weights of a sum of 1, equal ones at first."""
    boosted = AdaBoostClassifier(quick(), n_estimators=2, random_state=0).fit(X, y)
    first = boosted.estimators_[0]
    assert_same(first, clone(first).fit(X, y), rtol=1e-12)
    assert boosted.score(X, y) > 0.5
