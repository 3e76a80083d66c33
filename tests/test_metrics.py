"""The ROC corner score against the ROC curve of scikit-learn."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, roc_curve
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV

from sklearn_emma.metrics import roc_corner_score, roc_corner_scorer


def by_hand(y_true, y_score, sample_weight=None):
    """Scores of all thresholds by scikit-learn's curve."""
    fpr, tpr, thresholds = roc_curve(
        y_true, y_score, sample_weight=sample_weight, drop_intermediate=False
    )
    corner = np.array([0.0, 1.0])
    points = np.stack([fpr, tpr], axis=1)
    return 1 - np.linalg.norm(points - corner, axis=1) / math.sqrt(2), thresholds


@pytest.fixture
def overlapping():
    """Scores of two classes that overlap, the positive one rare."""
    rng = np.random.default_rng(0)
    y = (rng.random(200) < 0.2).astype(int)
    return y, y + rng.normal(size=200)


@pytest.mark.parametrize("weighted", [False, True])
def test_every_point_of_the_roc_curve(overlapping, weighted):
    y, score = overlapping
    weight = np.random.default_rng(1).random(200) if weighted else None
    expected, thresholds = by_hand(y, score, weight)
    scores = [
        roc_corner_score(y, (score >= t).astype(int), sample_weight=weight)
        for t in thresholds
    ]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_range_and_complement(pairs):
    y_true, y_pred = np.array(pairs).astype(int).T
    assume(len(set(y_true)) == 2)
    score = roc_corner_score(y_true, y_pred)
    assert 0.0 <= score <= 1.0
    # Renaming the classes mirrors the ROC plane at its other diagonal: same distance.
    mirrored = roc_corner_score(1 - y_true, 1 - y_pred)
    assert score == pytest.approx(mirrored, abs=1e-12)


def test_fixed_points():
    y = np.array([0, 0, 1, 1])
    assert roc_corner_score(y, y) == 1.0
    assert roc_corner_score(y, 1 - y) == pytest.approx(0.0, abs=1e-15)
    for constant in (np.zeros(4, int), np.ones(4, int)):
        assert roc_corner_score(y, constant) == pytest.approx(1 - 1 / math.sqrt(2))


def test_weight_is_repetition():
    y_true, y_pred = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 0, 1])
    weight = np.array([3, 1, 2, 4, 0])
    repeated = roc_corner_score(np.repeat(y_true, weight), np.repeat(y_pred, weight))
    weighted = roc_corner_score(y_true, y_pred, sample_weight=weight)
    assert weighted == pytest.approx(repeated)


def test_prefers_balance():
    """Of two points with equal sums of errors, the even one is nearer."""
    y = np.repeat([0, 1], 10)
    even = np.r_[np.repeat([0, 1], [8, 2]), np.repeat([0, 1], [2, 8])]
    uneven = np.r_[np.repeat([0, 1], [10, 0]), np.repeat([0, 1], [4, 6])]
    assert roc_corner_score(y, even) > roc_corner_score(y, uneven)


@pytest.mark.parametrize(
    "convert",
    [list, pd.Series, lambda y: y.astype(object), lambda y: pd.Series(y, dtype="str")],
)
def test_string_labels(convert):
    y_true = np.array(["no", "no", "yes", "yes"])
    y_pred = np.array(["no", "yes", "yes", "no"])
    numbers = roc_corner_score([0, 0, 1, 1], [0, 1, 1, 0])
    got = roc_corner_score(convert(y_true), convert(y_pred), pos_label="yes")
    assert got == pytest.approx(numbers)


def test_other_labels():
    y_true, y_pred = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0])
    expected = roc_corner_score(y_true, y_pred)
    assert roc_corner_score(2 * y_true - 1, 2 * y_pred - 1) == expected
    assert roc_corner_score(y_true == 1, y_pred == 1) == expected
    assert roc_corner_score(y_true + 1, y_pred + 1, pos_label=2) == expected


@pytest.mark.parametrize(
    ("y_true", "y_pred", "options", "message"),
    [
        ([0, 1, 2], [0, 1, 1], {}, "two labels at most, got 3"),
        ([0, 1, 1], [0, 1, 5], {}, "two labels at most, got 3"),
        ([0, 1, 1], [0.2, 0.7, 0.9], {}, "y_pred must hold class labels"),
        ([0.1, 1, 1], [0, 1, 1], {}, "y_true must hold class labels"),
        (["a", "b"], ["a", "b"], {}, r"make_scorer\(roc_corner_score, pos_label"),
        ([0, 1], [0, 1], {"pos_label": 7}, "pos_label=7 is not one of"),
        ([0, 1], [0, 1, 1], {}, "inconsistent numbers of samples"),
        ([[0, 1], [1, 0]], [0, 1], {}, "1d array"),
        ([0, 1], [0, 1], {"sample_weight": [1, -1]}, "Negative values"),
        ([0, 1], [0, 1], {"sample_weight": [1]}, "sample_weight"),
    ],
)
def test_bad_input(y_true, y_pred, options, message):
    with pytest.raises(ValueError, match=message):
        roc_corner_score(y_true, y_pred, **options)


@pytest.mark.parametrize(
    ("y_true", "weight", "missing"),
    [([0, 0], None, "positive"), ([1, 1], None, "negative"), ([0, 1], [1, 0], "pos")],
)
def test_undefined(y_true, weight, missing):
    with pytest.warns(UndefinedMetricWarning, match=f"no {missing}"):
        assert math.isnan(roc_corner_score(y_true, [0, 1], sample_weight=weight))


class Threshold(ClassifierMixin, BaseEstimator):
    """Predicts 1 above a threshold; learns nothing."""

    def __init__(self, at=0.0):
        self.at = at

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return (X[:, 0] >= self.at).astype(int)


def test_grid_search_finds_the_corner(overlapping):
    y, score = overlapping
    expected, thresholds = by_hand(y, score)
    grid = {"at": thresholds[1:].tolist()}
    everything = [(np.arange(200), np.arange(200))]
    search = GridSearchCV(Threshold(), grid, scoring=roc_corner_scorer, cv=everything)
    search.fit(score[:, np.newaxis], y)
    assert search.best_score_ == pytest.approx(expected.max())
    assert search.best_params_["at"] == thresholds[expected.argmax()]


@pytest.mark.parametrize(
    ("names", "scoring"),
    [
        ([0, 1], roc_corner_scorer),
        (["no", "yes"], make_scorer(roc_corner_score, pos_label="yes")),
        # The positive class need not be the second in order.
        (["on", "off"], make_scorer(roc_corner_score, pos_label="off")),
    ],
)
def test_tuned_threshold(overlapping, names, scoring):
    y, score = overlapping
    tuned = TunedThresholdClassifierCV(
        LogisticRegression(), scoring=scoring, thresholds=500, cv="prefit", refit=False
    )
    model = LogisticRegression().fit(score[:, np.newaxis], np.array(names)[y])
    tuned.set_params(estimator=model).fit(score[:, np.newaxis], np.array(names)[y])
    expected, _ = by_hand(y, score)
    assert tuned.best_score_ == pytest.approx(expected.max(), abs=1e-12)
    assert np.mean(tuned.predict(score[:, np.newaxis]) == names[1]) > np.mean(y)
