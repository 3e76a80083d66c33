"""What weights of samples teach the energy of a mode, and who is told if nothing."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.pipeline import make_pipeline

import helpers

MODES = {"a": [4, 0, 1], "b": [2, 3], "c": [5]}


def quick(energy_estimator, **params):
    return helpers.quick(energy_estimator=energy_estimator, **{"modes": MODES} | params)


def weights(kind, n=120):
    draw = np.random.default_rng(1)
    return {
        "none": None,
        "tiny": np.full(n, 1e-7),
        "equal": np.full(n, 0.5),
        "whole": draw.integers(1, 4, size=n).astype(float),
        "any": draw.uniform(0.5, 2.0, size=n),
        "mixed": np.where(np.arange(n) < 60, 1e-7, 1.0),
    }[kind]


def test_weights_are_repetitions_where_it_takes_none(data, recorder):
    X, y = data
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    quick(recorder).fit(X, y, sample_weight=weight)
    assert [len(rows) for rows in recorder.fitted[:3]] == [weight.sum()] * 3
    # A row is repeated in four of five folds.
    of_folds = np.reshape([len(rows) for rows in recorder.fitted[3:]], (5, 3))
    assert of_folds.sum(axis=0).tolist() == [4 * weight.sum()] * 3


@pytest.mark.parametrize("estimator", [KernelDensity(), GaussianMixture()], ids=str)
def test_weight_is_repetition(data, estimator):
    X, y = data
    weight = np.random.default_rng(0).integers(0, 4, size=len(y))
    weighted = quick(estimator).fit(X, y, sample_weight=weight)
    repeated = quick(estimator).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    potential = repeated.potential_energy(X)
    np.testing.assert_allclose(weighted.potential_energy(X), potential, rtol=1e-7)


@pytest.mark.parametrize("kind", ["tiny", "equal"])
def test_equal_weights_are_none(data, kind):
    X, y = data
    weighted = quick(GaussianMixture(2)).fit(X, y, weights(kind))
    plain = quick(GaussianMixture(2)).fit(X, y)
    np.testing.assert_allclose(weighted.attention(X), plain.attention(X), rtol=1e-12)


@pytest.mark.parametrize("kind", ["any", "mixed"])
def test_weights_that_an_energy_cannot_take_are_named(data, kind):
    """Once in a fit, whichever modes it concerns; all samples teach it alike."""
    X, y = data
    energies = {"a": GaussianMixture(), "c": make_pipeline(PCA(), GaussianMixture())}
    message = r"energy of mode 'a' \(GaussianMixture\), 'c' \(Pipeline\): .*no `sample_"
    with pytest.warns(UserWarning, match=message) as record:
        weighted = quick(energies).fit(X, y, weights(kind))
    assert len(record) == 1
    # What can take them does.
    potential = quick(energies).fit(X, y).potential_energy(X)
    assert not np.allclose(weighted.potential_energy(X)[:, 1], potential[:, 1])


@pytest.mark.parametrize("kind", ["any", "mixed"])
def test_all_samples_teach_alike_what_takes_no_weights(data, recorder, kind):
    with pytest.warns(UserWarning, match="ignored by the energy"):
        quick(recorder).fit(*data, weights(kind))
    assert [len(rows) for rows in recorder.fitted] == [120] * 3 + [96] * 15


@pytest.mark.parametrize("kind", ["none", "tiny", "equal", "whole"])
def test_weights_that_it_can_take_need_no_warning(data, kind):
    quick(GaussianMixture()).fit(*data, weights(kind))  # a warning is an error here


@pytest.mark.parametrize(
    "estimator", [KernelDensity(), IsolationForest(n_estimators=3), None], ids=str
)
def test_an_energy_that_takes_weights_is_not_warned_of(data, estimator):
    quick(estimator).fit(*data, weights("any"))


def test_weights_that_are_equal_where_the_mode_is_there(data):
    X, y = data[0].copy(), data[1]
    weight = np.where(np.arange(120) < 60, 0.3, 1.7)
    X[:60, MODES["a"]] = np.nan
    with pytest.warns(UserWarning, match=r"energy of mode 'b' \(GaussianM.*, 'c'"):
        quick(GaussianMixture()).fit(X, y, weight)


def test_a_cached_energy_is_warned_of_too(data, tmp_path):
    for _ in range(2):
        with pytest.warns(UserWarning, match="energy of mode 'a'"):
            quick(GaussianMixture(), memory=str(tmp_path)).fit(*data, weights("any"))


def test_a_further_chunk_teaches_no_energy(data):
    X, y = data
    model = quick(GaussianMixture())
    with pytest.warns(UserWarning, match="energy of mode 'a'"):
        model.partial_fit(X, y, [0, 1], sample_weight=weights("any"))
    model.partial_fit(X, y, sample_weight=weights("any"))


@pytest.mark.parametrize("kind", ["tiny", "equal"])
def test_a_classifier_without_weights_takes_equal_ones(data, kind):
    X, y = data
    model = quick(None, predictor=KNeighborsClassifier())
    weighted = clone(model).fit(X, y, weights(kind))
    np.testing.assert_allclose(
        weighted.predict_proba(X), model.fit(X, y).predict_proba(X)
    )


def test_no_class_of_small_weight_vanishes(data):
    X, y = data
    weight = np.where(y == 0, 1e-7, 1.0)
    with pytest.raises(ValueError, match="takes no `sample_weight`"):
        quick(None, predictor=KNeighborsClassifier()).fit(X, y, weight)
