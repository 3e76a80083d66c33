"""AttentionFunctionDisplay against the formulas of the attention."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_emma import EMMAClassifier
from sklearn_emma.plotting import AttentionFunctionDisplay

GAIN, BIAS = 3.0, 0.9
CAPACITY = quad(lambda a: math.tanh(GAIN * a - BIAS), 0, 1)[0]


def make(**options):
    return AttentionFunctionDisplay(GAIN, BIAS, capacity=CAPACITY, n_modes=4, **options)


def area(collection):
    """Of a filled polygon, by the shoelace formula."""
    x, y = collection.get_paths()[0].vertices.T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2


def test_soft_attention():
    display = make().plot()
    alpha, beta = display.line_.get_data()
    assert (alpha[0], alpha[-1]) == (0, 1)
    expected = [max(0.0, math.tanh(GAIN * a - BIAS)) for a in alpha]
    np.testing.assert_allclose(beta, expected, atol=1e-12)
    below, tanh = display.below_.get_data()
    assert below.max() == pytest.approx(BIAS / GAIN)
    np.testing.assert_allclose(tanh, np.tanh(GAIN * below - BIAS), atol=1e-12)


def test_hard_attention_steps_at_the_same_threshold():
    alpha, beta = make(function="hard").plot().line_.get_data()
    off = alpha != BIAS / GAIN
    np.testing.assert_array_equal(beta[off], alpha[off] > BIAS / GAIN)
    assert set(beta[~off]) == {0, 1}
    assert (np.diff(beta) >= 0).all()


@pytest.mark.parametrize("function", ["soft", "hard"])
def test_shaded_areas_are_the_capacity(function):
    display = make(function=function).plot()
    signed = area(display.area_) - area(display.area_below_)
    assert signed == pytest.approx(CAPACITY, abs=1e-4)
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert f"capacity {CAPACITY:.3f}" in legend
    assert "subtracted from the capacity" in legend


def test_threshold_and_equal_importance_are_marked():
    display = make().plot()
    assert set(display.threshold_.get_xdata()) == {BIAS / GAIN}
    assert set(display.equal_.get_xdata()) == {1 / 4}
    assert AttentionFunctionDisplay(2.0, 0.0, capacity=0.6).plot().equal_ is None


def test_from_estimator_draws_what_was_learnt(emma, samples):
    X = samples[0]
    for estimator in (emma, FrozenEstimator(emma)):
        display = AttentionFunctionDisplay.from_estimator(estimator)
        alpha, beta = display.line_.get_data()
        # Read off the line, the importance of real samples gives their attention.
        drawn = np.interp(emma.importance(X), alpha, beta)
        np.testing.assert_allclose(drawn, emma.attention(X), atol=1e-3)
        signed = area(display.area_)
        if display.bias > 0:
            signed -= area(display.area_below_)
        assert signed == pytest.approx(emma.capacity_, abs=1e-3)
        assert set(display.equal_.get_xdata()) == {1 / 2}


def test_a_pipeline_is_drawn_by_its_last_step(emma, samples):
    X, y, _ = samples
    scaler = StandardScaler().fit(X)
    inner = Pipeline([("clf", emma)])
    pipe = Pipeline([("scale", scaler), ("inner", FrozenEstimator(inner))])
    search = GridSearchCV(pipe, {"scale__with_mean": [True]}, cv=2).fit(X, y)
    for estimator in (inner, pipe, search):
        display = AttentionFunctionDisplay.from_estimator(estimator)
        assert (display.gain, display.bias) == (
            emma.attention_gain_,
            emma.attention_bias_,
        )


def test_an_estimator_without_attention_is_named(samples):
    X, y, _ = samples
    pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    with pytest.raises(TypeError, match="LogisticRegression has learnt no attention"):
        AttentionFunctionDisplay.from_estimator(pipe)


def test_attention_without_a_threshold_is_refused(samples):
    X, y, modes = samples
    clf = EMMAClassifier(
        modes, attention_function="importance", max_iter=1, pretraining_max_iter=1
    ).fit(X, y)
    with pytest.raises(ValueError, match="threshold, got 'importance'"):
        AttentionFunctionDisplay.from_estimator(clf)
    with pytest.raises(NotFittedError):
        AttentionFunctionDisplay.from_estimator(EMMAClassifier())
