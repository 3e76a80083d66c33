"""AttentionFunctionDisplay against the formulas of the attention."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_emma import EMMAClassifier
from sklearn_emma.attention import (
    AttentionModule,
    ClassicalAttention,
    HardAttention,
    ImportanceAttention,
    NoAttention,
    SoftAttention,
)
from sklearn_emma.plotting import AttentionFunctionDisplay

GAIN, BIAS = 3.0, 0.9
CAPACITY = quad(lambda a: math.tanh(GAIN * a - BIAS), 0, 1)[0]


def learnt(function):
    """Module of an attention function with this gain and bias."""
    module = function(gain=GAIN).build(n_modes=4).double()
    module.bias.data.fill_(BIAS)
    return module


def make(function=SoftAttention, **options):
    return AttentionFunctionDisplay(learnt(function), **({"n_modes": 4} | options))


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


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
    alpha, beta = make(HardAttention).plot().line_.get_data()
    off = alpha != BIAS / GAIN
    np.testing.assert_array_equal(beta[off], alpha[off] > BIAS / GAIN)
    assert (np.diff(beta) >= 0).all()
    # The line rises in one place.
    assert alpha[beta == 1].min() - alpha[beta == 0].max() < 1e-5


def test_attention_without_a_limit_is_importance_and_no_attention_is_1():
    alpha, beta = (
        AttentionFunctionDisplay(ImportanceAttention(), n_modes=2)
        .plot()
        .line_.get_data()
    )
    np.testing.assert_array_equal(beta, alpha)
    alpha, beta = (
        AttentionFunctionDisplay(NoAttention(), n_modes=2).plot().line_.get_data()
    )
    assert (alpha.min(), alpha.max()) == (0, 1)
    assert (beta == 1).all()


@pytest.mark.parametrize("function", [SoftAttention, HardAttention])
def test_shaded_areas_are_the_capacity(function):
    display = make(function).plot()
    signed = area(display.area_) - area(display.area_below_)
    assert signed == pytest.approx(CAPACITY, abs=1e-4)
    assert f"capacity {CAPACITY:.3f}" in legend_of(display)
    assert "subtracted from the capacity" in legend_of(display)


@pytest.mark.parametrize(
    "function, capacity", [(ImportanceAttention, 0.5), (NoAttention, 1.0)]
)
def test_without_a_threshold_none_is_marked_and_nothing_subtracted(function, capacity):
    display = AttentionFunctionDisplay(function(), n_modes=2).plot()
    assert area(display.area_) == pytest.approx(capacity)
    assert display.threshold_ is display.below_ is display.area_below_ is None
    assert legend_of(display) == [
        f"capacity {capacity:.3f}",
        "attention β",
        "equal importance 1/2",
    ]


def test_threshold_and_equal_importance_are_marked():
    display = make().plot()
    assert set(display.threshold_.get_xdata()) == {BIAS / GAIN}
    assert set(display.equal_.get_xdata()) == {1 / 4}
    assert make(n_modes=None).plot().equal_ is None


def test_without_a_bias_nothing_is_subtracted():
    display = AttentionFunctionDisplay(SoftAttention(2.0), n_modes=2).plot()
    assert set(display.threshold_.get_xdata()) == {0}
    assert display.below_ is display.area_below_ is None
    assert "subtracted from the capacity" not in legend_of(display)


class Square(AttentionModule):
    """β = α², of which a part below zero is cut off."""

    def forward(self, importance):
        return self.curve(importance).clamp_min(0.0)

    def curve(self, importance):
        return importance**2 - 0.25

    def capacity(self):
        return torch.tensor(1 / 3 - 0.25)


def test_an_attention_function_of_ones_own_is_called():
    display = AttentionFunctionDisplay(Square()).plot()
    alpha, beta = display.line_.get_data()
    np.testing.assert_allclose(beta, np.maximum(alpha**2 - 0.25, 0))
    signed = area(display.area_) - area(display.area_below_)
    assert signed == pytest.approx(1 / 12, abs=1e-3)
    assert display.threshold_ is None
    assert f"capacity {1 / 12:.3f}" in legend_of(display)


def test_a_function_before_training_is_drawn_by_object_or_name():
    by_object = AttentionFunctionDisplay(SoftAttention(), n_modes=3).plot()
    by_name = AttentionFunctionDisplay("soft", n_modes=3).plot()
    alpha, beta = by_object.line_.get_data()
    np.testing.assert_allclose(beta, np.tanh(2 * 3 * alpha), atol=1e-12)
    np.testing.assert_array_equal(by_name.line_.get_data(), (alpha, beta))


def test_the_module_itself_stays_as_it_is():
    module = SoftAttention().build(n_modes=2)
    AttentionFunctionDisplay(module, n_modes=2).plot()
    assert module.gain.dtype == torch.float32
    assert module.gain.requires_grad
    assert module.gain.grad is None


def test_from_estimator_draws_what_was_learnt(emma, samples):
    X = samples[0]
    for estimator in (emma, FrozenEstimator(emma)):
        display = AttentionFunctionDisplay.from_estimator(estimator)
        alpha, beta = display.line_.get_data()
        # Read off the line, the importance of real samples gives their attention.
        drawn = np.interp(emma.importance(X), alpha, beta)
        np.testing.assert_allclose(drawn, emma.attention(X), atol=1e-3)
        signed = area(display.area_)
        if display.area_below_ is not None:
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
        assert display.function is emma.network_.gate.attention_function
        assert display.n_modes == 2


def test_an_estimator_without_attention_is_named(samples):
    X, y, _ = samples
    pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    with pytest.raises(TypeError, match="LogisticRegression has learnt no attention"):
        AttentionFunctionDisplay.from_estimator(pipe)


@pytest.mark.parametrize("function", ["hard", "importance", "none"])
def test_every_attention_function_of_a_classifier_is_drawn(samples, function):
    X, y, modes = samples
    clf = EMMAClassifier(
        modes, attention_function=function, max_iter=1, pretraining_max_iter=1
    ).fit(X, y)
    alpha, beta = AttentionFunctionDisplay.from_estimator(clf).line_.get_data()
    drawn = np.interp(clf.importance(X), alpha, beta)
    np.testing.assert_allclose(drawn, clf.attention(X), atol=1e-3)


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(NotFittedError):
        AttentionFunctionDisplay.from_estimator(EMMAClassifier())
    with pytest.raises(ValueError, match=r"`n_modes` is needed .* SoftAttention\(\)"):
        AttentionFunctionDisplay(SoftAttention()).plot()
    for nothing in (3.0, "tanh"):
        with pytest.raises(ValueError, match=f"'none'.* got {nothing!r}"):
            AttentionFunctionDisplay(nothing, n_modes=2).plot()


def test_of_a_classical_function_it_draws_the_mean_over_the_modes():
    module = ClassicalAttention().build(2).double()
    module.weight.data = torch.tensor([[2.0, -1.0], [0.5, 3.0]], dtype=torch.float64)
    module.offset.data = torch.tensor([0.1, -0.4], dtype=torch.float64)
    display = AttentionFunctionDisplay(module).plot()
    alpha, beta = display.line_.get_data()
    pairs = torch.from_numpy(np.stack([alpha, 1 - alpha], axis=1))
    expected = (module(pairs)[:, 0] + module(pairs.flip(1))[:, 1]) / 2
    np.testing.assert_allclose(beta, expected.detach(), atol=1e-12)
    assert display.threshold_ is None
