"""Joint energies of an estimator: what it is given, what is made of what it says."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator

import helpers
from sklearn_emma import EMMAClassifier
from sklearn_emma._energies.comparing import (
    DensityComparison,
    EstimatedComparison,
    EstimatedRatio,
)
from sklearn_emma._energies.densities import DensityRatio, JointSamples, fit_densities
from sklearn_emma._energies.joint import fit_joint_energy
from sklearn_emma._inputs.layout import ModeLayout

LAYOUT = ModeLayout.from_columns({"a": [0, 1], "b": [2]})


class FirstColumns(BaseEstimator):
    """Modes go together if their first columns are alike, the more so by ``scale``."""

    seen = []

    def __init__(self, scale=1.0, random_state=None):
        self.scale = scale
        self.random_state = random_state

    def fit(self, X, modes, y):
        self.first_ = [columns[0] for columns in modes.values()]
        self.seen.append((X, modes, y, self.random_state))
        return self

    def score_samples(self, X):
        own = X[:, self.first_]
        others = (own.sum(axis=1, keepdims=True) - own) / (own.shape[1] - 1)
        return -self.scale * np.abs(own - others)


class Weighted(FirstColumns):
    def fit(self, X, modes, y, sample_weight=None):
        self.weight_ = sample_weight
        return super().fit(X, modes, y)


@pytest.fixture(name="samples")
def alike():
    """Samples of two modes whose first columns are alike."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 3))
    x[:, 2] = x[:, 0] + 0.1 * rng.normal(size=100)
    return JointSamples(x, np.arange(100) % 3, np.zeros((100, 2)), np.ones(100))


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch):
    monkeypatch.setattr(FirstColumns, "seen", [])


def test_densities_are_the_default_and_need_three_modes(samples):
    x = torch.from_numpy(samples.x)
    found = DensityComparison().learn(samples, LAYOUT, 3)(x)
    expected = DensityRatio(fit_densities(samples, LAYOUT, 3))(x)
    torch.testing.assert_close(found, expected)
    assert fit_joint_energy(samples, LAYOUT, 3) is None


def test_an_estimator_is_given_samples_modes_and_classes(samples):
    given = FirstColumns(2.0)
    ratio = EstimatedComparison(given).learn(samples, LAYOUT, 3)
    ((X, modes, y, _),) = FirstColumns.seen
    np.testing.assert_array_equal(X, samples.x)
    np.testing.assert_array_equal(y, samples.group)
    assert modes == {"a": [0, 1], "b": [2]}
    assert not hasattr(given, "first_") and ratio.estimator.scale == 2.0
    weighted = EstimatedComparison(Weighted()).learn(samples, LAYOUT, 3)
    np.testing.assert_array_equal(weighted.estimator.weight_, samples.weight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_joint_energy_is_minus_its_scores(samples, dtype):
    ratio = EstimatedComparison(FirstColumns()).learn(samples, LAYOUT, 3)
    x = torch.from_numpy(samples.x).to(dtype)
    distance = (x[:, 0] - x[:, 2]).abs()
    torch.testing.assert_close(ratio(x), torch.stack([distance, distance], dim=1))
    ratio.scores = lambda x: np.array([[np.inf, -np.inf]])
    assert ratio(x[:1]).isfinite().all()


def test_usual_is_what_those_that_have_not_seen_a_sample_say_of_it(samples):
    joint = fit_joint_energy(samples, LAYOUT, 3, EstimatedComparison(FirstColumns()))
    assert [len(X) for X, *_ in FirstColumns.seen] == [100, 80, 80, 80, 80, 80]
    distance = np.sort(np.abs(samples.x[:, 0] - samples.x[:, 2]))
    assert joint.joint_limit.item() == pytest.approx(distance[-1])
    swapped = torch.from_numpy(samples.x)
    swapped[:, 2] = swapped[:, 2].flip(0)
    calm = torch.zeros(100, 2, dtype=torch.float64)
    trust = joint.trust(swapped, calm, calm == 0)
    differ = (swapped[:, 0] - swapped[:, 2]).abs() > 3
    # Of two, nothing says which is foreign: each gets half of the suspicion.
    assert 0.4 < trust[differ].min() < trust[differ].max() < 0.75


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (lambda X: np.zeros(len(X)), r"\(2, 2\); that of Wrong is one of \(2,\)"),
        (lambda X: np.full((len(X), 2), np.nan), "is NaN for samples"),
    ],
)
def test_wrong_scores_are_found_in_fit(samples, scores, message):
    class Wrong(FirstColumns):
        def score_samples(self, X):
            return scores(X)

    with pytest.raises(ValueError, match=message) as caught:
        EstimatedComparison(Wrong()).learn(samples, LAYOUT, 3)
    assert "`joint_energy`, Wrong()" in caught.value.__notes__[0]


def alike_modes():
    rng = np.random.default_rng(0)
    y = np.arange(160) % 2
    signal = rng.normal(size=(160, 1)) + 3 * y[:, np.newaxis]
    return signal + 0.1 * rng.normal(size=(160, 4)), y


def test_the_classifier_takes_it_for_two_modes():
    X, y = alike_modes()
    model = helpers.quick(joint_energy=FirstColumns(20.0)).fit(X, y)
    assert model._model.joint is not None
    swapped = X.copy()
    swapped[:, 2:] = X[::-1, 2:]
    assert model._model.scores(swapped).trust.mean() < 0.8
    assert model._model.scores(X).trust.mean() > 0.97
    plain = helpers.quick(joint_energy=False).fit(X, y)
    np.testing.assert_array_equal(model.importance(X), plain.importance(X))
    states = {state for *_, state in FirstColumns.seen}
    assert len(states) == 1 and states != {None}
    assert model.joint_energy.random_state is None


def test_its_parameters_can_be_searched():
    model = EMMAClassifier(joint_energy=FirstColumns())
    assert model.set_params(joint_energy__scale=3.0).joint_energy.scale == 3.0


def test_what_cannot_compare_is_refused_and_what_is_no_module_is_not_exported():
    X, y = alike_modes()
    with pytest.raises(ValueError, match="'joint_energy' parameter of EMMA"):
        helpers.quick(joint_energy="always").fit(X, y)
    model = helpers.quick(joint_energy=FirstColumns(), max_iter=1).fit(X, y)
    assert isinstance(model._model.joint.ratio, EstimatedRatio)
    with pytest.raises(TypeError, match="`joint_energy`, FirstColumns, is no torch"):
        model.to_torch()
