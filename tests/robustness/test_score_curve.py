"""Scores against those of samples corrupted by hand."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.preprocessing import StandardScaler

from sklearn_emma.corruption import Bias
from sklearn_emma.robustness import robustness_curve

MODES = {"left": [0, 1, 2], "right": [3, 4, 5]}
LEFT, RIGHT = MODES.values()


def test_scores_are_those_of_the_corrupted_samples(data, biased):
    X_train, X, y_train, y = data
    forest = RandomForestClassifier(20, random_state=0).fit(X_train, y_train)
    levels = [-2.0, 0.0, 0.5, 4.0]
    curve = robustness_curve(
        forest,
        X,
        y,
        mode="left",
        modes=MODES,
        levels=levels,
        corruption=Bias,
        reference=X_train,
        n_repeats=2,
    )
    expected = [forest.score(biased(X, LEFT, level), y) for level in levels]
    np.testing.assert_array_equal(curve.scores, np.array([expected] * 2).T)
    np.testing.assert_array_equal(curve.levels, levels)
    np.testing.assert_array_equal(curve.mean, expected)
    assert (curve.mode, curve.corruption, curve.score_name) == (
        "left",
        "Bias",
        "accuracy",
    )
    assert len(set(expected)) > 1


def test_mean_and_deviation_are_over_the_repeats(data, emma):
    _, X, _, y = data
    curve = robustness_curve(
        emma, X, y, mode="left", levels=[0, 3], n_repeats=4, random_state=0
    )
    assert curve.scores.shape == (2, 4)
    assert curve.std[0] == 0 < curve.std[1]
    np.testing.assert_allclose(curve.mean[1], sum(curve.scores[1]) / 4)
    spread = sum((curve.scores[1] - curve.mean[1]) ** 2) / 4
    np.testing.assert_allclose(curve.std[1] ** 2, spread)


@pytest.mark.parametrize(
    "scoring, name, function",
    [
        ("f1", "F1", f1_score),
        (make_scorer(f1_score, pos_label=0), "F1", lambda y, p: f1_score(1 - y, 1 - p)),
        ("neg_log_loss", "neg log loss", None),
    ],
)
def test_scoring_is_scikit_learns(data, scoring, name, function):
    X_train, X, y_train, y = data
    model = LogisticRegression().fit(StandardScaler().fit_transform(X_train), y_train)
    curve = robustness_curve(
        model, X, y, mode="left", modes=MODES, levels=[0], scoring=scoring
    )
    assert curve.score_name == name
    if function is not None:
        assert curve.mean[0] == pytest.approx(function(y, model.predict(X)))


def test_regressors_have_their_score(data):
    X_train, X, y_train, y = data
    curve = robustness_curve(
        Ridge().fit(X_train, y_train), X, y, mode="left", modes=MODES, levels=[0, 1]
    )
    assert curve.score_name == "R²"
    assert curve.mean[1] < curve.mean[0]
