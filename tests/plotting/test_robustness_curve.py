"""RobustnessCurveDisplay against the curves that it draws."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from sklearn.linear_model import LogisticRegression

from sklearn_emma.corruption import Bias
from sklearn_emma.plotting import RobustnessCurveDisplay
from sklearn_emma.robustness import RobustnessCurve, robustness_curve

LEVELS = np.array([0, 0.1, 1, 10])


def curve(scores, levels=LEVELS, mode="radar", corruption="GaussianNoise"):
    return RobustnessCurve(levels, np.array(scores), mode, corruption, "F1")


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.fixture
def curves():
    return {
        "steady": curve([[0.9, 0.9], [0.9, 0.8], [0.8, 0.6], [0.7, 0.5]]),
        "fragile": curve([[1.0, 1.0], [0.6, 0.8], [0.3, 0.2], [0.1, 0.0]]),
    }


@pytest.mark.parametrize("x_scale", ["auto", "log2", "linear"])
def test_lines_are_means_and_bands_one_deviation(curves, x_scale):
    display = RobustnessCurveDisplay.from_curves(curves, x_scale=x_scale)
    for name, means, deviations in (
        ("steady", [0.9, 0.85, 0.7, 0.6], [0, 0.05, 0.1, 0.1]),
        ("fragile", [1.0, 0.7, 0.25, 0.05], [0, 0.1, 0.05, 0.05]),
    ):
        line = display.lines_[name]
        np.testing.assert_allclose(line.get_xdata(), LEVELS)
        np.testing.assert_allclose(line.get_ydata(), means)
        corners = display.bands_[name].get_paths()[0].vertices
        for x, mean, deviation in zip(LEVELS, means, deviations, strict=True):
            at = corners[corners[:, 0] == x, 1]
            np.testing.assert_allclose(at.min(), mean - deviation)
            np.testing.assert_allclose(at.max(), mean + deviation)
        assert (
            to_hex(display.bands_[name].get_facecolor()[0]) == line.get_color().lower()
        )
    assert legend_of(display) == ["steady", "fragile"]
    assert display.ax_.get_ylabel() == "F1"
    assert "'radar' (training standard deviations)" in display.ax_.get_xlabel()


def test_log2_axis_spaces_log2_of_1_plus_sigma_and_is_labelled_in_sigma(curves):
    ax = RobustnessCurveDisplay.from_curves(curves).ax_
    places = ax.transData.transform(np.c_[[0, 1, 3, 7], [0, 0, 0, 0]])[:, 0]
    np.testing.assert_allclose(np.diff(places), np.diff(places)[0])
    # 0.1 is too near to 0 for a label of its own.
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1", "10"]


def test_levels_without_a_place_leave_an_empty_axis():
    nothing = {"a": curve([[1.0]], np.array([-1.0]), corruption="Bias")}
    display = RobustnessCurveDisplay.from_curves(nothing, x_scale="log2")
    assert len(display.lines_["a"].get_xdata()) == 0


def test_decibels_have_no_place_for_zero(curves):
    display = RobustnessCurveDisplay.from_curves(curves, x_scale="dB")
    line = display.lines_["steady"]
    np.testing.assert_allclose(line.get_xdata(), [-20, 0, 20])
    np.testing.assert_allclose(line.get_ydata(), [0.85, 0.7, 0.6])
    assert "(dB)" in display.ax_.get_xlabel()


@pytest.mark.parametrize(
    "x_scale, low, high", [("log2", 0.1, 10), ("linear", 0.1, 10), ("dB", -20, 20)]
)
def test_trained_range_is_shaded(curves, x_scale, low, high):
    display = RobustnessCurveDisplay.from_curves(
        curves, trained_level=(0.1, 10), x_scale=x_scale
    )
    extent = display.trained_.get_extents().transformed(
        display.ax_.transData.inverted()
    )
    np.testing.assert_allclose([extent.x0, extent.x1], [low, high])
    assert "noise in training" in legend_of(display)


@pytest.mark.parametrize("x_scale, place", [("log2", 0.5), ("dB", 20 * np.log10(0.5))])
def test_trained_level_is_a_line(curves, x_scale, place):
    display = RobustnessCurveDisplay(curves, trained_level=0.5).plot(x_scale=x_scale)
    np.testing.assert_allclose(display.trained_.get_xdata(), place)


def test_floors_are_level_lines_of_their_own_look(curves):
    floors = {"lidar alone": 0.72, "radar alone": 0.4}
    display = RobustnessCurveDisplay(curves, floors=floors).plot()
    for name, score in floors.items():
        assert set(display.floor_lines_[name].get_ydata()) == {score}
    looks = {str(line.get_linestyle()) for line in display.floor_lines_.values()}
    dashes = {str(line._dash_pattern) for line in display.floor_lines_.values()}
    assert len(looks) == 2 or len(dashes) == 2
    assert legend_of(display) == ["steady", "fragile", "lidar alone", "radar alone"]


def test_other_corruptions_have_a_linear_axis_named_after_them():
    display = RobustnessCurveDisplay.from_curves(
        {"a": curve([[1.0], [0.5], [0.4]], np.array([-1.0, 0, 1]), "ip", "Bias")}
    )
    np.testing.assert_allclose(display.lines_["a"].get_xdata(), [-1, 0, 1])
    assert display.ax_.get_xscale() == "linear"
    assert display.ax_.get_xlabel() == "level of Bias on mode 'ip'"


def test_from_estimators_draws_what_robustness_curve_computes(emma, samples):
    X, y, modes = samples
    plain = LogisticRegression().fit(X, y)
    options = {"mode": "mode_0", "levels": [0, 1, 4], "scoring": "f1", "n_repeats": 2}
    # Modes and units come from the one that knows them, wherever it stands.
    display = RobustnessCurveDisplay.from_estimators(
        {"plain": plain, "EMMA": emma}, X, y, random_state=5, **options
    )
    options |= {"modes": modes, "reference": X, "random_state": 5}
    for name, estimator in (("plain", plain), ("EMMA", emma)):
        expected = robustness_curve(estimator, X, y, **options)
        np.testing.assert_allclose(display.lines_[name].get_ydata(), expected.mean)
        np.testing.assert_allclose(display.curves[name].scores, expected.scores)


def test_a_random_state_object_is_drawn_from_once_for_all_estimators(emma, samples):
    X, y, _ = samples
    display = RobustnessCurveDisplay.from_estimators(
        {"one": emma, "again": emma},
        X,
        y,
        mode="mode_0",
        levels=[2],
        random_state=np.random.RandomState(0),
    )
    one, again = display.curves.values()
    np.testing.assert_array_equal(one.scores, again.scores)


def test_from_estimator_takes_its_name_from_the_class(emma, samples):
    X, y, _ = samples
    display = RobustnessCurveDisplay.from_estimator(
        emma, X, y, mode="mode_1", levels=[0, 3], corruption=Bias, n_repeats=1
    )
    failed = X.copy()
    failed[:, 3:] += 3 * X[:, 3:].std(axis=0)
    np.testing.assert_allclose(
        display.lines_["EMMAClassifier"].get_ydata(),
        [emma.score(X, y), emma.score(failed, y)],
    )
    named = RobustnessCurveDisplay.from_estimator(
        emma, X, y, name="ours", mode="mode_1", levels=[0], n_repeats=1
    )
    assert legend_of(named) == ["ours"]


def test_draws_where_it_is_told_and_again(curves):
    figure, (left, right) = plt.subplots(1, 2)
    display = RobustnessCurveDisplay(curves)
    assert display.plot(left) is display
    assert display.ax_ is left
    assert display.figure_ is figure
    assert display.plot(ax=right).ax_ is right
    assert len(left.lines) == len(right.lines) == 2


def test_many_series_differ_in_colour_marker_or_line():
    display = RobustnessCurveDisplay(
        {str(i): curve([[0.1 * i]] * 4) for i in range(20)}
    ).plot()
    looks = {
        (line.get_color(), line.get_marker(), line.get_linestyle())
        for line in display.lines_.values()
    }
    assert len(looks) == 20


def test_what_cannot_be_drawn_is_named(curves, emma, samples):
    X, y, _ = samples
    with pytest.raises(ValueError, match=r"`x_scale` must be one of .* got 'log'"):
        RobustnessCurveDisplay.from_curves(curves, x_scale="log")
    with pytest.raises(ValueError, match="same mode, corruption and score"):
        RobustnessCurveDisplay.from_curves(
            curves | {"other": curve([[0.5]] * 4, mode="lidar")}
        )
    with pytest.raises(TypeError, match=r"`curves` must be a dict .* got a list"):
        RobustnessCurveDisplay.from_curves(list(curves.values()))
    with pytest.raises(ValueError, match="`curves` is empty"):
        RobustnessCurveDisplay({}).plot()
    with pytest.raises(ValueError, match="`estimators` is empty"):
        RobustnessCurveDisplay.from_estimators({}, X, y, mode="mode_0", levels=[0])
    for what in ({emma}, emma):
        culprit = f"dict of name to fitted estimator, got a {type(what).__name__}"
        with pytest.raises(TypeError, match=culprit):
            RobustnessCurveDisplay.from_estimators(
                what, X, y, mode="mode_0", levels=[0]
            )
