"""Sensors that read values at the limit of the floating-point type."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from torch import nn

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.predictors import MLP

MODES = {"left": [0, 1], "middle": [2, 3], "right": [4, 5]}
rng = np.random.default_rng(0)
y = np.arange(90) % 2
X = rng.normal(size=(90, 6)) + y[:, np.newaxis]
# One feature that hardly varies: dividing by its deviation overflows first.
X[:, 2] = 5 + 1e-6 * X[:, 2]

METHODS = ["predict", *helpers.METHODS, "explain"]
DTYPES = [np.float32, np.float64]


def linear(n_in, n_out):
    return nn.Linear(n_in, n_out)


PREDICTORS = {
    "default": MLP(4, evidence=False),
    "torch": linear,
    "logistic": LogisticRegression(),
    "forest": RandomForestClassifier(5),
}


ENERGY = PotentialEnergyTransformer(n_components=4, max_iter=3)
quick = partial(
    helpers.quick,
    modes=MODES,
    energy_estimator=ENERGY,
    predictor=MLP(4, evidence=False),
)


def answers(model, X):
    return {name: np.asarray(getattr(model, name)(X)) for name in METHODS}


def extremes():
    for dtype in DTYPES:
        limits = np.finfo(dtype)
        for value in (limits.min, limits.max, dtype(-1e33), dtype(3e38)):
            yield dtype, value
    for value in (1e39, -1.797e308, 1e155, 1e300):
        yield np.float64, value


def assert_as_if_very_broken(model, dtype, value):
    broken = X[:20].astype(dtype)
    broken[:, MODES["middle"]] = value
    broken[3, 4] = np.nan
    very = X[:20].astype(np.float64)
    mean, sd = model.scaler_.mean_[2:4], model.scaler_.scale_[2:4]
    very[:, 2:4] = mean + np.sign(float(value)) * 1.01e6 * sd
    very[3, 4] = np.nan
    with np.errstate(all="raise"):
        found = answers(model, broken)
    expected = answers(model, very.astype(dtype))
    for name, answer in found.items():
        assert np.isfinite(answer.astype(float)).all(), name
        np.testing.assert_allclose(
            answer.astype(float), expected[name].astype(float), rtol=1e-4, err_msg=name
        )
    assert len(np.unique(model.predict(broken))) == 2


@pytest.mark.parametrize("fit_dtype", DTYPES)
@pytest.mark.parametrize("predictor", PREDICTORS)
def test_every_predictor_answers_as_for_a_very_broken_mode(predictor, fit_dtype):
    model = quick(predictor=PREDICTORS[predictor]).fit(X.astype(fit_dtype), y)
    for dtype, value in extremes():
        assert_as_if_very_broken(model, dtype, value)
        one = X[:1].astype(dtype)
        one[0, 2:4] = value
        assert np.isfinite(model.predict_proba(one)).all()


@pytest.mark.parametrize(
    "params",
    [
        {"attention_function": "hard"},
        {"attention_function": "importance"},
        {"attention_function": "none"},
        {"energy_scaling": "shift", "rho": 0.1},
        {"energy_estimator": GaussianMixture()},
        {"joint_energy": False},
        {"modes": {"right": [4, 5], "middle": [2, 3], "left": [1, 0]}},
    ],
    ids=str,
)
def test_every_gate_answers_as_for_a_very_broken_mode(params):
    if params.get("attention_function") == "none":  # then the broken mode decides
        params = params | {"predictor": RandomForestClassifier(20)}
    model = quick(**params).fit(X.astype(np.float32), y)
    for dtype, value in extremes():
        if "modes" in params:
            values = X[:20].astype(dtype)
            values[:, 2:4] = value
            assert np.isfinite(model.predict_proba(values)).all()
        else:
            assert_as_if_very_broken(model, dtype, value)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("missing", [[0, 1, 2], [2, 3]])
def test_all_modes_at_the_limit(dtype, missing):
    model = quick().fit(X.astype(np.float32), y)
    # So many that sums of them overflow, and cancel.
    broken = np.full((400, 6), np.finfo(dtype).max, dtype=dtype)
    broken[1::3] *= -1
    broken[2::3, missing] = np.nan
    for name, answer in answers(model, broken).items():
        if name not in ("potential_energy", "modal_energy", "explain"):
            assert np.isfinite(answer.astype(float)).all(), name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("predictor", ["default", "logistic"])
@pytest.mark.parametrize("value", ["min", "max", "both"])
def test_training_with_such_values(dtype, predictor, value):
    largest = np.finfo(dtype).max
    values = X.astype(dtype)
    column = {"min": [-largest] * 3, "max": [largest] * 3}.get(
        value, [largest, -largest, largest]
    )
    values[:3, 0] = column
    chosen = clone(PREDICTORS[predictor], safe=False)
    model = quick(predictor=chosen, pretraining_max_iter=30).fit(values, y)
    assert np.isfinite(model.scaler_.scale_).all()
    for name, answer in answers(model, values).items():
        assert np.isfinite(answer.astype(float)).all(), name
    assert np.isfinite(model.loss_curve_).all()
    # Modes that are in order teach as ever.
    assert model.score(values, y) > 0.7


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_later_chunk_with_such_values(dtype):
    model = quick().partial_fit(X.astype(np.float32), y, classes=[0, 1])
    chunk = X[:40].astype(dtype)
    chunk[:10, 2] = np.finfo(dtype).min
    model.partial_fit(chunk, y[:40])
    assert np.isfinite(model.loss_curve_).all()
    for name, answer in answers(model, chunk).items():
        assert np.isfinite(answer.astype(float)).all(), name


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_an_error_as_ever(value):
    model = quick().fit(X, y)
    broken = X.copy()
    broken[4, 2] = value
    for call in (model.predict, model.attention, lambda X: clone(model).fit(X, y)):
        with pytest.raises(ValueError, match="infinity"):
            call(broken)
    with pytest.raises(ValueError, match="infinity"):
        model.partial_fit(broken, y)
