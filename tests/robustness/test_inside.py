"""Searches, pipelines and threshold classifiers around an estimator."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_emma import EMMAClassifier
from sklearn_emma.corruption import Bias
from sklearn_emma.robustness import attention_curve, robustness_curve

MODES = {"left": [0, 1, 2], "right": [3, 4, 5]}
LEFT, RIGHT = MODES.values()


def test_wrappers_that_pass_x_on_know_modes_and_units(data, emma):
    X_train, X, y_train, y = data
    options = {"mode": "right", "levels": [0, 2], "random_state": 0}
    direct = attention_curve(emma, X, **options)
    frozen = FrozenEstimator(emma)
    threshold = FixedThresholdClassifier(frozen, threshold=0.3).fit(X_train, y_train)
    for wrapper in (frozen, threshold):
        curve = attention_curve(wrapper, X, **options)
        np.testing.assert_array_equal(curve.quantiles, direct.quantiles)
        scores = robustness_curve(wrapper, X, y, **options).scores
        assert (scores[0] == wrapper.score(X, y)).all()


def test_a_pipeline_of_one_step_is_that_step(data, emma):
    X = data[1]
    options = {"mode": "right", "levels": [0, 2], "random_state": 0}
    found = attention_curve(Pipeline([("emma", emma)]), X, **options)
    direct = attention_curve(emma, X, **options)
    np.testing.assert_array_equal(found.quantiles, direct.quantiles)


def test_a_search_knows_what_its_best_estimator_knows(data):
    X_train, X, y_train, _ = data
    clf = EMMAClassifier(MODES, max_iter=1, pretraining_max_iter=1, random_state=0)
    search = GridSearchCV(clf, {"lr": [0.01]}, cv=2).fit(X_train, y_train)
    options = {"mode": "right", "levels": [2], "random_state": 0}
    found = attention_curve(search, X, **options)
    direct = attention_curve(search.best_estimator_, X, **options)
    np.testing.assert_array_equal(found.quantiles, direct.quantiles)


def test_a_wrapper_that_selects_columns_hides_what_is_inside(data, emma, recorder):
    X_train, X, y_train, y = data
    wrapper = clone(recorder).fit(X_train, y_train)
    wrapper.estimator_, wrapper.n_features_in_ = emma, 9
    with pytest.raises(ValueError, match="no mode 'left'"):
        robustness_curve(wrapper, X, y, mode="left", levels=[1])


def test_pipelines_are_corrupted_at_their_entrance(data, biased):
    X_train, X, y_train, _ = data
    pipe = make_pipeline(
        StandardScaler(), EMMAClassifier(MODES, max_iter=2, pretraining_max_iter=2)
    ).fit(X_train, y_train)
    curve = attention_curve(
        pipe,
        X,
        mode="left",
        levels=[3],
        corruption=Bias,
        modes=MODES,
        reference=X_train,
        n_repeats=1,
    )
    failed = pipe[0].transform(biased(X, LEFT, 3))
    np.testing.assert_allclose(curve.mean[0], pipe[1].attention(failed).mean(axis=0))
