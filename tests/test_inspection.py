"""Estimators found inside whatever scikit-learn puts around them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import helpers
from sklearn_emma import EMMAClassifier
from sklearn_emma.inspection import estimator_inside

X, Y = helpers.three_unequal_modes()


def quick():
    return helpers.quick(modes=helpers.UNEQUAL_MODES, epochs=1)


def wrapped():
    pipeline = make_pipeline(StandardScaler(), quick())
    return {
        "the classifier": quick(),
        "pipeline": pipeline,
        "pipeline of one": make_pipeline(quick()),
        "pipelines": make_pipeline(MinMaxScaler(), pipeline),
        "search": GridSearchCV(pipeline, {"emmaclassifier__rho": [1.0]}, cv=2),
        "threshold": FixedThresholdClassifier(pipeline, threshold=0.4),
        "tuned": TunedThresholdClassifierCV(pipeline, cv=2),
        "frozen": FrozenEstimator(pipeline),
    }


@pytest.mark.parametrize("name", wrapped())
def test_the_classifier_sees_x_as_it_does_in_predicting(name):
    model = wrapped()[name]
    if name == "frozen":
        model.estimator.fit(X, Y)
    else:
        model.fit(X, Y)
    clf, arrived = estimator_inside(model, X)
    assert isinstance(clf, EMMAClassifier)
    np.testing.assert_allclose(clf.predict_proba(arrived), model.predict_proba(X))
    assert clf.explain(arrived).shape == (150, 18)


@pytest.mark.parametrize("wrap", [lambda m: m, TransformedTargetRegressor])
def test_a_regressor_is_found_too(wrap):
    X, y = helpers.linear_values(80)
    inner = helpers.quick_regressor(max_iter=1, pretraining_max_iter=1)
    model = wrap(make_pipeline(StandardScaler(), inner)).fit(X, y)
    found, arrived = estimator_inside(model, X)
    np.testing.assert_allclose(found.predict(arrived), model.predict(X))
    assert len(found.explain(arrived)) == 80


def test_frames_stay_frames_where_the_steps_leave_them():
    frame = pd.DataFrame(X, columns=list("abcdef"), index=np.arange(150) + 7)
    model = make_pipeline(StandardScaler(), quick()).set_output(transform="pandas")
    model.fit(frame, Y)
    clf, arrived = estimator_inside(model, frame)
    assert clf.explain(arrived).index.equals(frame.index)


def test_models_without_one_classifier_are_refused_by_name():
    with pytest.raises(TypeError, match=r"in Pipeline.*found LogisticRegression"):
        estimator_inside(
            make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), X
        )
    several = CalibratedClassifierCV(quick(), cv=2).fit(X, Y)
    with pytest.raises(TypeError, match="several: found CalibratedClassifierCV"):
        estimator_inside(several, X)
    with pytest.raises(NotFittedError):
        estimator_inside(quick(), X)
