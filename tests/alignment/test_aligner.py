import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_emma import EMMAClassifier
from sklearn_emma.alignment import (
    CanonicalTimeWarping,
    DeepCanonicalTimeWarping,
    DynamicTimeWarping,
    SequenceAligner,
    _aligner,
)

T = np.arange(16)
MODES = {"fast": (slice(0, 16), (1, 16)), "slow": (slice(16, 32), (1, 16))}
QUICK = DeepCanonicalTimeWarping(
    hidden_layer_sizes=(3,),
    n_gradient_steps=5,
    n_iter_no_change=1,
    tol=0.5,
    window=4,
    random_state=0,
)
METHODS = ["dtw", "ctw", "gctw", QUICK]


def name_of(method):
    return method if isinstance(method, str) else "dctw"


class Half:
    """Columns of a half; a function would have its address in the names of tests."""

    def __init__(self, second):
        self.second = second

    def __call__(self, X):
        middle = (np.shape(X)[1] + 1) // 2
        return list(range(middle, np.shape(X)[1]) if self.second else range(middle))

    def __repr__(self):
        return f"Half({self.second})"


HALVES = {"first": (Half(False), (1, -1)), "second": (Half(True), (1, -1))}


def bumps(n=30, late=3, noise=0.0, seed=0):
    """The same event in both modes, in the second one later."""
    rng = np.random.default_rng(seed)
    when = rng.integers(3, 10, size=(n, 1))
    X = np.hstack([np.exp(-((T - when - lag) ** 2) / 4) for lag in (0, late)])
    return X + noise * rng.normal(size=X.shape)


def aligner(method="dtw", **params):
    window = None if method is QUICK else 4
    return SequenceAligner(MODES, method=method, window=window, **params)


def aligned(X, **params):
    return np.hsplit(aligner(**params).fit(bumps()).transform(X), 2)


@parametrize_with_checks(
    [SequenceAligner(HALVES), SequenceAligner(HALVES, method="gctw")]
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize(
    "check",
    [
        "check_transformer_get_feature_names_out",
        "check_transformer_get_feature_names_out_pandas",
        "check_get_feature_names_out_error",
        "check_set_output_transform",
        "check_set_output_transform_pandas",
        "check_param_validation",
        "check_dataframe_column_names_consistency",
    ],
)
def test_more_checks_of_scikit_learn(check):
    estimator = SequenceAligner(HALVES)
    getattr(estimator_checks, check)("SequenceAligner", clone(estimator))


@pytest.mark.parametrize("method", ["dtw", "ctw", "gctw"])
def test_the_same_event_comes_to_lie_in_the_same_step(method):
    X = bumps(seed=1)
    fast, slow = aligned(X, method=method)
    np.testing.assert_array_equal(fast, X[:, :16])  # the reference is as it was
    assert np.abs(slow - fast).max() < 0.25
    assert np.abs(X[:, 16:] - fast).max() > 0.8


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_a_row_depends_on_no_other(method, monkeypatch):
    X = bumps(8, noise=0.1)
    X[3, :16] = np.nan
    fitted = aligner(method).fit(X)
    whole, cost = fitted.transform(X), fitted.alignment_cost(X)
    monkeypatch.setattr(_aligner, "_ROWS", 3)
    np.testing.assert_allclose(fitted.transform(X), whole, atol=1e-12)
    rows = [5, 3]
    np.testing.assert_allclose(fitted.transform(X[rows]), whole[rows], atol=1e-12)
    np.testing.assert_allclose(fitted.alignment_cost(X[rows]), cost[rows], atol=1e-12)


def test_the_reference_decides_whose_clock_it_is():
    X = bumps(seed=1)
    fast, slow = aligned(X, reference="slow")
    np.testing.assert_array_equal(slow, X[:, 16:])
    assert np.abs(fast - slow).max() < 0.25


def test_modes_come_out_with_the_steps_of_the_reference_and_the_rest_behind():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6, 24))
    modes = {
        "table": [0],
        "mic": SimpleNamespace(columns=slice(2, 14), shape=(2, 6)),
        "wind": (slice(14, 22), (2, 4)),
    }
    fitted = SequenceAligner(modes, reference="wind").fit(X)
    out = fitted.transform(X)
    assert fitted.shapes_ == {"mic": (2, 4), "wind": (2, 4)}
    assert out.shape == (6, 16 + 4)
    np.testing.assert_array_equal(out[:, fitted.modes_["wind"]], X[:, 14:22])
    np.testing.assert_array_equal(out[:, fitted.modes_["table"]], X[:, [0]])
    np.testing.assert_array_equal(out[:, 16:], X[:, [0, 1, 22, 23]])
    names = fitted.get_feature_names_out()
    assert names[[0, 7, 8]].tolist() == ["mic__c0_t0", "mic__c1_t3", "wind__c0_t0"]
    assert names[16:].tolist() == ["x0", "x1", "x22", "x23"]


def test_in_frames_modes_are_found_again_by_the_classifier_behind():
    X = pd.DataFrame(bumps(40, noise=0.1), columns=[f"v{i}" for i in range(32)])
    modes = {
        "fast": ([f"v{i}" for i in range(16)], (1, 16)),
        "slow": ([f"v{i}" for i in range(16, 32)], (1, 16)),
    }
    y = np.arange(40) % 2
    clf = EMMAClassifier(max_iter=2, pretraining_max_iter=2, random_state=0)
    front = SequenceAligner(modes, window=4).set_output(transform="pandas")
    pipeline = make_pipeline(front, clf).fit(X, y)
    assert list(pipeline[-1].modes_) == ["fast", "slow"]
    assert pipeline.predict(X).shape == (40,)


def test_it_is_cross_validated_in_a_pipeline():
    X, y = bumps(60, noise=0.1), np.arange(60) % 2
    X[y == 1, 16:] = X[y == 1, 16:][:, ::-1]
    fitted = aligner().fit(X)
    clf = EMMAClassifier(
        fitted.modes_, max_iter=2, pretraining_max_iter=2, random_state=0
    )
    assert cross_val_score(make_pipeline(aligner(), clf), X, y, cv=2).shape == (2,)


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_missing_modes_stay_missing_and_a_missing_reference_lets_the_others_be(method):
    X = bumps(8)
    X[0, 16:] = np.nan
    X[1, :16] = np.nan
    X[2] = np.nan
    fitted = aligner(method).fit(bumps())
    out, cost = fitted.transform(X), fitted.alignment_cost(X)
    np.testing.assert_array_equal(out[[0, 2], 16:], np.nan)
    np.testing.assert_array_equal(out[1], X[1])  # equal numbers of steps: as it was
    assert np.isnan(cost[:3]).all()
    assert np.isfinite(cost[3:]).all()
    np.testing.assert_allclose(out[3:], fitted.transform(bumps(8))[3:])


def test_with_three_modes_one_that_is_missing_leaves_the_others_aligned():
    X = np.hstack([bumps(), bumps(late=2)[:, 16:]])
    modes = {**MODES, "third": (slice(32, 48), (1, 16))}
    fitted = SequenceAligner(modes, method="gctw", window=4).fit(X)
    gone = X.copy()
    gone[:, 32:] = np.nan
    out = fitted.transform(gone)
    assert np.abs(out[:, 16:32] - out[:, :16]).max() < 0.25
    assert np.isnan(out[:, 32:]).all()


def test_single_missing_values_hardly_matter():
    X = bumps(seed=1)
    fitted = aligner().fit(bumps())
    holes = X.copy()
    holes[:, 20] = np.nan
    before, after = fitted.transform(X), fitted.transform(holes)
    known = ~np.isnan(after)
    assert known[:, 16:].mean() > 0.9
    assert np.abs(before - after)[known].mean() < 0.02


def test_the_cost_is_large_where_a_mode_does_not_fit_and_small_where_it_is_late():
    fitted = aligner().fit(bumps(noise=0.02))
    X = bumps(3, seed=2)
    X[1, 16:] = X[1, 16:][::-1].copy() * 0 + X[1, 16:].mean()  # stands still
    X[2, 16:] *= -1
    cost = fitted.alignment_cost(X)
    assert cost.shape == (3, 2)
    assert cost[0, 1] < 0.1
    assert (cost[1:, 1] > 5 * cost[0, 1]).all()
    np.testing.assert_array_equal(cost[:, 0], cost[:, 1])  # of a pair


def test_single_precision_is_kept():
    X = bumps().astype(np.float32)
    assert aligner().fit(X).transform(X).dtype == np.float32


def test_a_pickled_one_aligns_as_before():
    fitted = aligner("ctw").fit(bumps())
    copied = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copied.transform(bumps()), fitted.transform(bumps()))


def test_options_of_a_method_are_those_of_its_object():
    method = CanonicalTimeWarping(window=4, slope=2)
    by_object = SequenceAligner(MODES, method=method).fit(bumps())
    assert by_object.methods_["slow"].slope == 2
    assert not hasattr(method, "weights_")
    assert by_object.set_params(method__window=2).method.window == 2


@pytest.mark.parametrize(
    "params, message",
    [
        ({"reference": "third"}, r"reference='third' is none.*\['fast', 'slow'\]"),
        (
            {"window": 2, "method": DynamicTimeWarping()},
            "give it to DynamicTimeWarping",
        ),
    ],
)
def test_parameters_that_do_not_fit_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        SequenceAligner(MODES, **params).fit(bumps())


def test_channels_that_cannot_be_compared_name_the_modes():
    modes = {"a": (slice(0, 16), (1, 16)), "b": (slice(16, 32), (2, 8))}
    with pytest.raises(ValueError, match="method='ctw'") as raised:
        SequenceAligner(modes).fit(bumps())
    assert "['b'] with 'a'" in raised.value.__notes__[0]


def test_a_mode_that_was_never_seen_is_named():
    X = bumps()
    X[:, 16:] = np.nan
    with pytest.raises(ValueError, match="Mode 'slow' is missing in every sample"):
        aligner().fit(X)
    X = bumps(4)
    X[:2, 16:], X[2:, :16] = np.nan, np.nan
    with pytest.raises(ValueError, match=r"No sample has all of .*'fast', 'slow'"):
        aligner().fit(X)
