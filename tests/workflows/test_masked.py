"""A masked value is a missing value, wherever X goes."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.corruption import GaussianNoise
from sklearn_emma.model_selection import EMMAGridSearchCV
from sklearn_emma.robustness import corrupt, robustness_curve

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4))
y = (X[:, 0] + X[:, 2] > 0).astype(int)
MASK = rng.random(X.shape) < 0.15
MASK[::7, 2:] = True  # whole modes
MASKED = np.ma.array(np.where(MASK, -9999.0, X), mask=MASK)
MISSING = np.where(MASK, np.nan, X)


@pytest.fixture(scope="module")
def model():
    return helpers.quick().fit(MISSING, y)


@pytest.mark.parametrize("method", ["predict", *helpers.METHODS])
def test_every_method_takes_it_for_missing(model, method):
    answer = getattr(model, method)
    np.testing.assert_array_equal(answer(MASKED), answer(MISSING))
    np.testing.assert_array_equal(answer(MASKED[:1]), answer(MISSING[:1]))


def test_so_do_explain_and_the_score(model):
    assert model.explain(MASKED).equals(model.explain(MISSING))
    assert model.score(MASKED, y) == model.score(MISSING, y)


def test_fit_takes_it_for_missing(model):
    masked = helpers.quick().fit(MASKED, y)
    np.testing.assert_array_equal(masked.scaler_.mean_, model.scaler_.mean_)
    helpers.assert_same(masked, model, MISSING, rtol=0)


def test_so_does_partial_fit():
    chunks = [helpers.quick() for _ in range(2)]
    for model, values in zip(chunks, (MASKED, MISSING), strict=True):
        for rows in (slice(0, 45), slice(45, 90)):
            model.partial_fit(values[rows], y[rows], classes=[0, 1])
    helpers.assert_same(*chunks, MISSING, rtol=0)


@pytest.mark.parametrize("search", [GridSearchCV, EMMAGridSearchCV])
def test_so_does_a_search(search):
    scores = [
        search(helpers.quick(epochs=1), {"lambda_e": [0.0, 0.1]}, cv=2)
        .fit(values, y)
        .cv_results_["mean_test_score"]
        for values in (MASKED, MISSING)
    ]
    np.testing.assert_array_equal(*scores)


def test_so_do_corruptions_and_curves(model):
    options = {"modes": helpers.TWO_MODES, "random_state": 0}
    both, noise = (MASKED, MISSING), GaussianNoise()
    failed = [corrupt(values, noise, **options) for values in both]
    np.testing.assert_array_equal(*failed)
    units = [corrupt(X, noise, reference=values, **options) for values in both]
    np.testing.assert_array_equal(*units)
    curves = [
        robustness_curve(model, values, y, mode="a", levels=[1.0], random_state=0)
        for values in both
    ]
    np.testing.assert_array_equal(curves[0].scores, curves[1].scores)


def test_an_energy_refuses_it_as_it_refuses_nan():
    with pytest.raises(ValueError, match="contains NaN"):
        PotentialEnergyTransformer().fit(MASKED)
    fitted = helpers.small().fit(X)
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.transform(MASKED)
    clean = np.ma.array(X, mask=False)
    np.testing.assert_array_equal(fitted.transform(clean), fitted.transform(X))


def test_what_may_not_be_missing_may_not_be_masked(no_training):
    some = np.arange(90) == 3
    with pytest.raises(ValueError, match="`y` has masked"):
        helpers.quick().fit(X, np.ma.array(y, mask=some))
    with pytest.raises(ValueError, match="`sample_weight` has masked"):
        helpers.quick().fit(X, y, np.ma.array(np.ones(90), mask=some))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        masked = np.ma.array(np.zeros((90, 2)), mask=np.c_[some, some])
        with pytest.raises(ValueError, match="`corrupted` must hold True"):
            helpers.quick().fit(X, y, corrupted=masked)
