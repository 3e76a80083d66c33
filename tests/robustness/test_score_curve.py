"""Scores against those of samples corrupted by hand."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.preprocessing import StandardScaler

from sklearn_emma.corruption import Bias
from sklearn_emma.robustness import robustness_curve, robustness_curves

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


def test_several_estimators_are_scored_on_the_same_samples(data, emma):
    X_train, X, y_train, y = data
    forest = RandomForestClassifier(20, random_state=0).fit(X_train, y_train)
    options = {"mode": "left", "levels": [0, 1, 3], "n_repeats": 2, "scoring": "f1"}
    # Modes and units come from the one that knows them, wherever it stands.
    found = robustness_curves(
        {"forest": forest, "EMMA": emma}, X, y, random_state=3, **options
    )
    assert list(found) == ["forest", "EMMA"]
    options |= {"modes": MODES, "reference": X_train, "random_state": 3}
    for name, estimator in (("forest", forest), ("EMMA", emma)):
        expected = robustness_curve(estimator, X, y, **options)
        np.testing.assert_allclose(found[name].scores, expected.scores)
        np.testing.assert_array_equal(found[name].levels, expected.levels)
        assert (found[name].mode, found[name].score_name) == ("left", "F1")


def test_a_random_state_object_is_drawn_from_once_for_all_estimators(data, emma):
    _, X, _, y = data
    found = robustness_curves(
        {"one": emma, "again": emma},
        X,
        y,
        mode="left",
        levels=[2],
        random_state=np.random.RandomState(0),
    )
    np.testing.assert_array_equal(found["one"].scores, found["again"].scores)
    assert len(set(found["one"].scores[0])) > 1


def test_the_name_of_a_score_is_that_of_its_metric_or_of_the_kind_of_estimator(data):
    _, X, _, y = data
    cases = [
        ("roc_auc", "ROC AUC"),
        ("balanced_accuracy", "balanced accuracy"),
        (lambda estimator, X, y: 0.5, "<lambda>"),
    ]
    model = LogisticRegression(max_iter=10_000).fit(X, y)
    for scoring, name in cases:
        curve = robustness_curve(
            model, X, y, mode="left", modes=MODES, levels=[0], scoring=scoring
        )
        assert curve.score_name == name


@pytest.mark.parametrize(
    "estimators, error, culprit",
    [({}, ValueError, "`estimators` is empty"), ({1}, TypeError, "got a set")],
)
def test_several_estimators_are_a_dict(data, estimators, error, culprit):
    _, X, _, y = data
    with pytest.raises(error, match=culprit):
        robustness_curves(estimators, X, y, mode="left", levels=[0])
