"""Seeds and weights of estimators that the user brings along."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_emma._inputs import sub_estimators
from sklearn_emma._inputs.sub_estimators import honours, set_random_states

X = np.random.default_rng(0).normal(size=(12, 2))
y = np.arange(12) % 2
WEIGHTS = {
    "ones": np.ones(12),
    "whole": np.arange(12.0) % 3,
    "equal": np.full(12, 0.3),
    "any": np.linspace(0.1, 2.0, 12),
}


def fit_weighted(estimator, *data):
    """Fit in place; return the estimator."""
    assert sub_estimators.fit_weighted(estimator, *data) is None
    return estimator


class Recorder(BaseEstimator):
    """Takes no weights; keeps what it was fitted on."""

    def fit(self, X, y=None):
        self.seen_ = X, y
        return self


class WeightedRecorder(BaseEstimator):
    """Takes weights, and keeps them."""

    def fit(self, X, y=None, sample_weight=None):
        self.seen_ = X, y
        self.weight_ = sample_weight
        return self


# ------------------------------------------------------------------------------- seeds


def test_every_seed_that_is_unset_is_set_and_no_other():
    trees = VotingClassifier(
        [
            ("free", RandomForestClassifier()),
            ("fixed", RandomForestClassifier(random_state=7)),
            ("bag", BaggingClassifier(RandomForestClassifier())),
        ]
    )
    set_random_states(trees, 3)
    seeds = {k: v for k, v in trees.get_params().items() if k.endswith("random_state")}
    assert seeds.pop("fixed__random_state") == 7
    assert len(seeds) == 3 and 3 in seeds.values()
    assert len(set(seeds.values())) == 3  # members of an ensemble differ
    again = clone(trees).set_params(**dict.fromkeys(seeds))
    set_random_states(again, 3)
    assert seeds.items() <= again.get_params().items()


@given(seed=st.integers(0, 2**31 - 2))
def test_a_single_seed_is_the_seed_itself(seed):
    forest = RandomForestClassifier()
    set_random_states(forest, seed)
    assert forest.random_state == seed


def test_an_estimator_without_seed_is_left_alone():
    estimator = KernelDensity(bandwidth=2.0)
    set_random_states(estimator, 3)
    assert estimator.get_params() == KernelDensity(bandwidth=2.0).get_params()


# ----------------------------------------------------------------------------- weights


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_go_where_they_are_taken(kind):
    weight = WEIGHTS[kind]
    estimator = fit_weighted(WeightedRecorder(), X, weight, y)
    seen = estimator.weight_
    np.testing.assert_array_equal(np.ones(12) if seen is None else seen, weight)
    assert (seen is None) == (kind == "ones")  # some warn of weights they get
    assert all(a is b for a, b in zip(estimator.seen_, (X, y), strict=True))


@pytest.mark.parametrize(
    ("kind", "counts"),
    [("ones", 1), ("whole", np.arange(12) % 3), ("equal", 1)],
)
def test_else_rows_are_repeated(kind, counts):
    seen = fit_weighted(Recorder(), X, WEIGHTS[kind], y).seen_
    np.testing.assert_array_equal(seen[0], np.repeat(X, counts, axis=0))
    np.testing.assert_array_equal(seen[1], np.repeat(y, counts))
    assert fit_weighted(Recorder(), X, WEIGHTS[kind]).seen_[1] is None


def test_weights_that_are_whole_but_for_rounding():
    weight = np.full(12, 0.1, dtype="f4") * np.where(y == 0, 30, 20)
    assert len(fit_weighted(Recorder(), X, weight).seen_[0]) == 6 * 3 + 6 * 2
    assert not honours(Recorder(), np.array([100_000.5, 1.0]))


@pytest.mark.parametrize("value", [1e-300, 1e-7, 1 / 12, 0.5])
def test_equal_weights_leave_every_row_once(value):
    weight = np.full(12, value)
    assert honours(Recorder(), weight)
    np.testing.assert_array_equal(fit_weighted(Recorder(), X, weight, y).seen_[0], X)


@given(
    weight=st.lists(
        st.one_of(st.integers(0, 3).map(float), st.floats(1e-12, 3.0)),
        min_size=12,
        max_size=12,
    ).map(np.array)
)
def test_what_is_honoured_loses_no_row_of_positive_weight(weight):
    if not honours(Recorder(), weight) or not weight.any():
        return
    seen = fit_weighted(Recorder(), np.arange(12)[:, np.newaxis], weight).seen_[0]
    counts = np.bincount(seen.ravel(), minlength=12)
    np.testing.assert_array_equal(counts > 0, weight > 0)
    # In proportion to the weights.
    np.testing.assert_allclose(counts * weight.sum(), weight * counts.sum(), rtol=1e-5)


@pytest.mark.parametrize("unit", [1, 0.25, 0.3, 1.5, 2e7, 1e15, 1e300])
def test_rows_are_repeated_without_the_common_factor_of_the_weights(unit):
    weight = np.array([2.0, 4.0, 6.0, 0.0] * 3) * unit
    assert honours(Recorder(), weight)
    seen = fit_weighted(Recorder(), X, weight).seen_[0]
    np.testing.assert_array_equal(seen, np.repeat(X, [1, 2, 3, 0] * 3, axis=0))


@pytest.mark.parametrize("many", [1e8, 1e12, 1e300])
def test_rows_are_not_repeated_without_limit(many):
    weight = np.where(y == 0, 1.0, many)
    with pytest.raises(ValueError, match=r"Recorder takes no `sample_weight`.* rows"):
        honours(Recorder(), weight)
    assert honours(WeightedRecorder(), weight)


def test_a_row_may_be_repeated_as_often_as_some_rows_are_in_data_at_hand():
    assert honours(Recorder(), np.where(y == 0, 1.0, 1_000_000.0))
    assert honours(Recorder(), np.tile([1.0, 18.0], 1_000_000))


def test_weights_of_all_sizes_are_no_multiples_of_one():
    """Their ratios overflow, which is an error with this suite's warnings."""
    assert not honours(Recorder(), np.array([1e-300, 0.5, 1e300]))


def test_a_small_weight_beside_whole_ones_is_not_none():
    weight = np.where(y == 0, 1e-7, 1.0)
    assert not honours(Recorder(), weight)
    assert honours(Recorder(), np.where(y == 0, 0.0, 1.0))


@pytest.mark.parametrize("kind", WEIGHTS)
def test_what_can_be_honoured(kind):
    weight = WEIGHTS[kind]
    assert honours(Recorder(), weight) == (kind != "any")
    assert honours(WeightedRecorder(), weight)
    assert honours(make_pipeline(StandardScaler(), WeightedRecorder()), weight)
    assert honours(make_pipeline(WeightedRecorder(), Recorder()), weight) == (
        kind != "any"
    )


def test_the_last_step_of_a_pipeline_gets_the_weights():
    weight = WEIGHTS["any"]
    inner = make_pipeline(StandardScaler(), LogisticRegression())
    pipeline = fit_weighted(make_pipeline(StandardScaler(), inner), X, weight, y)
    z = StandardScaler().fit_transform(X)
    by_hand = LogisticRegression().fit(z, y, weight)
    np.testing.assert_allclose(pipeline.predict_proba(X), by_hand.predict_proba(z))
    unweighted = LogisticRegression().fit(z, y)
    assert not np.allclose(unweighted.coef_, by_hand.coef_)


def test_metadata_routing_decides_where_it_is_enabled():
    weight = WEIGHTS["any"]
    with config_context(enable_metadata_routing=True):
        asks = WeightedRecorder().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False), asks
        )
        assert honours(pipeline, weight)
        fitted = fit_weighted(pipeline, X, weight, y)
        np.testing.assert_array_equal(fitted[-1].weight_, weight)
        silent = make_pipeline(StandardScaler(), WeightedRecorder())
        assert not honours(silent, weight)
        fitted = fit_weighted(silent, X, WEIGHTS["whole"], y)
        assert fitted[-1].weight_ is None and len(fitted[-1].seen_[0]) == 12
