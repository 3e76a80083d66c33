"""Classifiers found inside whatever scikit-learn puts around them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
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
from sklearn_emma.inspection import classifier_inside

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
    clf, arrived = classifier_inside(model, X)
    assert isinstance(clf, EMMAClassifier)
    np.testing.assert_allclose(clf.predict_proba(arrived), model.predict_proba(X))
    assert clf.explain(arrived).shape == (150, 18)


def test_frames_stay_frames_where_the_steps_leave_them():
    frame = pd.DataFrame(X, columns=list("abcdef"), index=np.arange(150) + 7)
    model = make_pipeline(StandardScaler(), quick()).set_output(transform="pandas")
    model.fit(frame, Y)
    clf, arrived = classifier_inside(model, frame)
    assert clf.explain(arrived).index.equals(frame.index)


def test_models_without_one_classifier_are_refused_by_name():
    with pytest.raises(TypeError, match=r"in Pipeline.*found LogisticRegression"):
        classifier_inside(
            make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), X
        )
    several = CalibratedClassifierCV(quick(), cv=2).fit(X, Y)
    with pytest.raises(TypeError, match="several: found CalibratedClassifierCV"):
        classifier_inside(several, X)
    with pytest.raises(NotFittedError):
        classifier_inside(quick(), X)
