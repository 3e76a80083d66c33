"""The units of X change nothing: a power of two no bit, others no more than that."""

from functools import cache

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

import helpers
from sklearn_emma.corruption import GaussianNoise
from sklearn_emma.robustness import corrupt

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
y = (X[:, 0] > 0).astype(int)
X[::9, 2:] = np.nan
X[1::9, 3] = np.nan
WEIGHT = np.arange(120.0) % 3 + 1
PARTS = [
    {},
    {"predictor": LogisticRegression()},
    {"energy_estimator": GaussianMixture(reg_covar=1e-3)},
    {"early_stopping": True},
]


def quick(**params):
    return helpers.quick(**params)


@cache
def plainly_fitted(part):
    """The model of X as it is, with the parameters of one of ``PARTS``."""
    return quick(**PARTS[part]).fit(X, y, WEIGHT)


@pytest.mark.parametrize("part", range(len(PARTS)), ids=map(str, PARTS))
@pytest.mark.parametrize("power", [-980, -30, 1, 30, 600, 1015])
def test_a_power_of_two_changes_no_bit(part, power):
    plain = plainly_fitted(part)
    scaled = quick(**PARTS[part]).fit(np.ldexp(X, power), y, WEIGHT)
    for method in helpers.METHODS:
        np.testing.assert_array_equal(
            getattr(scaled, method)(np.ldexp(X, power)), getattr(plain, method)(X)
        )


@pytest.mark.parametrize("power", [-90, -3, 60, 110])
def test_nor_does_it_in_single_precision(power):
    values = X.astype("f4")
    plain = quick().fit(values, y)
    scaled = quick().fit(np.ldexp(values, power), y)
    np.testing.assert_array_equal(
        scaled.predict_proba(np.ldexp(values, power)), plain.predict_proba(values)
    )


@pytest.fixture(scope="module")
def well_fitted():
    model = quick(pretraining_max_iter=60).fit(X, y)
    assert model.score(X, y) > 0.8
    return model


@pytest.mark.parametrize("factor", [1e-300, 1e-200, 1e200, 1e305])
def test_any_scale_that_a_float_can_hold_gives_the_same_model(well_fitted, factor):
    plain, scaled = well_fitted, quick(pretraining_max_iter=60).fit(X * factor, y)
    for method in ("predict_proba", "attention"):
        np.testing.assert_allclose(
            getattr(scaled, method)(X * factor), getattr(plain, method)(X), atol=1e-6
        )
    np.testing.assert_allclose(scaled.scaler_.scale_, plain.scaler_.scale_ * factor)


def test_each_column_may_have_a_scale_of_its_own():
    factors = np.array([1e-250, 1.0, 1e250, 1e-9])
    plain, scaled = quick().fit(X, y), quick().fit(X * factors, y)
    np.testing.assert_allclose(
        scaled.predict_proba(X * factors), plain.predict_proba(X), atol=1e-6
    )


@pytest.mark.parametrize("factor", [2.0**-600, 2.0**600])
def test_noise_has_the_same_units_at_any_scale(factor):
    options = {"modes": helpers.TWO_MODES, "random_state": 0}
    failed = corrupt(X, GaussianNoise(), **options)
    scaled = corrupt(X * factor, GaussianNoise(), **options)
    np.testing.assert_array_equal(scaled, failed * factor)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mode_that_varies_by_rounding_only_does_not_depend_on_the_batch(dtype):
    noise = np.finfo(dtype).eps * rng.integers(-2, 3, size=(120, 2))
    values = np.hstack([np.nan_to_num(X), 0.1 * (1 + noise)]).astype(dtype)
    model = helpers.quick(modes={**helpers.TWO_MODES, "flat": [4, 5]}).fit(values, y)
    together = model.attention(values)
    alone = np.vstack([model.attention(row[np.newaxis]) for row in values])
    np.testing.assert_allclose(alone, together, atol=1e-4)
    assert np.ptp(together[:, 2]) < 0.9 and np.isfinite(together).all()


def test_rows_that_are_equal_are_one_row_of_their_weight_at_any_scale():
    counts = WEIGHT.astype(int)
    repeated = np.repeat(X * 1e200, counts, axis=0), np.repeat(y, counts)
    helpers.assert_same(
        quick().fit(X * 1e200, y, WEIGHT), quick().fit(*repeated), X * 1e200, rtol=0
    )
