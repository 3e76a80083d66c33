"""Weights of any size: divided by what they share, weighed, or refused in time."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.predictors import GatedCopies

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
y = (X[:, 0] > 0).astype(int)
MIXTURE = GaussianMixture(reg_covar=1e-3)
PARTS = [
    {},
    {"energy_estimator": MIXTURE},
    {"predictor": KNeighborsClassifier()},
    {"predictor": LogisticRegression()},
]


@pytest.mark.parametrize("value", [1.0, 3.0, 2e7, 1e15, 1e300])
def test_equal_weights_of_any_size_repeat_no_row(value):
    model = helpers.quick(
        energy_estimator=MIXTURE, predictor=GatedCopies(KNeighborsClassifier(), 2)
    )
    model.fit(X, y, np.full(120, value))
    assert model.predictor_.n_samples_fit_ == 2 * 120
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("params", PARTS, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_beyond_counting_are_as_good_as_large_ones(params, dtype):
    weight = np.where(y == 0, 2.0, 1.0)
    models = [
        helpers.quick(**params).fit(X.astype(dtype), y, factor * weight)
        for factor in (2.0**36, 2.0**900)
    ]
    helpers.assert_same(*models, X.astype(dtype), rtol=0)


@pytest.mark.parametrize("value", [1e20, 1e300])
def test_an_energy_takes_them_too(value):
    energies = [
        helpers.small().fit(X, sample_weight=np.full(120, v)) for v in (2.0**39, value)
    ]
    np.testing.assert_allclose(
        energies[1].transform(X), energies[0].transform(X), rtol=1e-6
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_of_classes_may_be_of_any_size(dtype):
    model = helpers.quick(class_weight={0: 1e300, 1: 2e300})
    same = helpers.quick(class_weight={0: 1.0, 1: 2.0})
    values = X.astype(dtype)
    helpers.assert_same(model.fit(values, y), same.fit(values, y), values, rtol=1e-4)


def test_what_would_repeat_rows_without_limit_is_refused_in_time(no_training):
    for weight in (1e8, 1e300):
        model = helpers.quick(
            predictor=KNeighborsClassifier(), class_weight={0: 1, 1: weight}
        )
        with pytest.raises(ValueError, match=r"KNeighborsClassifier.* takes no .*rows"):
            model.fit(X, y)
    with pytest.raises(ValueError, match=r"GaussianMixture takes no .* rows"):
        helpers.quick(energy_estimator=MIXTURE).fit(X, y, np.where(y, 1e8, 1.0))


# That all are predicted to be of the heavy class is warned of, and right.
@pytest.mark.filterwarnings("ignore:1 is predicted for every training sample")
def test_what_takes_weights_is_given_them():
    model = helpers.quick(predictor=LogisticRegression(), class_weight={0: 1, 1: 1e8})
    assert (model.fit(X, y).predict(X) == 1).mean() > 0.9
    energy = PotentialEnergyTransformer(max_iter=3)
    helpers.quick(energy_estimator=energy).fit(X, y, np.where(y, 1e8, 1.0))


def test_multiples_of_a_fraction_are_repetitions():
    fractions = helpers.quick(
        predictor=KNeighborsClassifier(), class_weight={0: 0.25, 1: 0.75}
    )
    whole = helpers.quick(predictor=KNeighborsClassifier(), class_weight={0: 1, 1: 3})
    helpers.assert_same(fractions.fit(X, y), whole.fit(X, y), X, rtol=1e-9)
