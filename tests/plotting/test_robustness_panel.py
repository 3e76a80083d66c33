"""Panels of RobustnessCurveDisplay: one for each mode that fails."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from sklearn_emma.plotting import RobustnessCurveDisplay
from sklearn_emma.robustness import RobustnessCurve, robustness_curve

FAST = {"levels": [0, 2], "n_repeats": 2, "random_state": 0}


def curve(scores, mode, levels=(0, 1)):
    return RobustnessCurve(
        np.array(levels), np.array(scores)[:, np.newaxis], mode, "GaussianNoise", "F1"
    )


TWO = {
    "steady": [curve([0.9, 0.8], "radar"), curve([0.9, 0.7], "lidar")],
    "fragile": [curve([1.0, 0.2], "radar"), curve([1.0, 0.1], "lidar")],
}


def test_each_mode_has_a_panel_with_the_curves_of_that_mode(emma, samples):
    X, y, _ = samples
    plain = LogisticRegression().fit(X, y)
    display = RobustnessCurveDisplay.from_estimators([emma, plain], X, y, **FAST)
    assert [ax.get_title() for ax in display.axes_] == [
        "mode 'mode_0'",
        "mode 'mode_1'",
    ]
    for i, mode in enumerate(["mode_0", "mode_1"]):
        expected = robustness_curve(emma, X, y, mode=mode, **FAST).mean
        line = display.lines_["EMMAClassifier"][i]
        np.testing.assert_array_equal(line.get_ydata(), expected)
        assert line.axes is display.axes_[i]
        assert display.lines_["LogisticRegression"][i].axes is display.axes_[i]


def test_a_list_of_modes_chooses_and_orders_the_panels(emma, samples):
    X, y, _ = samples
    display = RobustnessCurveDisplay.from_estimator(
        emma, X, y, mode=["mode_1", "mode_0"], **FAST
    )
    modes = [curve.mode for curve in display.curves["EMMAClassifier"]]
    assert modes == ["mode_1", "mode_0"]


@pytest.mark.parametrize("mode", ["mode_1", ["mode_1"], None])
def test_one_mode_or_all_at_once_need_one_panel(emma, samples, mode):
    X, y, _ = samples
    display = RobustnessCurveDisplay.from_estimator(emma, X, y, mode=mode, **FAST)
    shown = display.curves["EMMAClassifier"]
    assert shown.mode == (None if mode is None else "mode_1")
    assert display.lines_["EMMAClassifier"].axes is display.ax_
    assert display.axes_ == [display.ax_]


def test_modes_come_from_modes_or_else_all_columns_fail_at_once(samples):
    X, y, modes = samples
    plain = LogisticRegression().fit(X, y)
    display = RobustnessCurveDisplay.from_estimator(plain, X, y, modes=modes, **FAST)
    assert len(display.axes_) == 2
    display = RobustnessCurveDisplay.from_estimator(plain, X, y, **FAST)
    assert display.curves["LogisticRegression"].mode is None


def test_panels_share_the_axis_of_scores_and_their_labels():
    display = RobustnessCurveDisplay.from_curves(TWO, floors={"chance": 0.5})
    left, right = display.axes_
    assert left.get_ylim() == right.get_ylim()
    assert (left.get_ylabel(), right.get_ylabel()) == ("F1", "")
    assert (left.get_xlabel(), right.get_xlabel()) == ("", "")
    shared = display.figure_.get_supxlabel()
    assert shared == "noise σ on the mode (training standard deviations)"
    (legend,) = display.figure_.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["steady", "fragile", "chance"]
    assert [line.axes for line in display.floor_lines_["chance"]] == [left, right]


@pytest.mark.parametrize("n_modes", [2, 3, 4, 7])
def test_nothing_overlaps_or_leaves_the_figure(n_modes):
    names = [f"sensor number {i}" for i in range(n_modes)]
    curves = {"the same network": [curve([1, 0.5], name) for name in names]}
    display = RobustnessCurveDisplay.from_curves(curves)
    figure = display.figure_
    figure.canvas.draw()
    boxes = [ax.get_tightbbox() for ax in display.axes_]
    boxes += [figure._supxlabel.get_window_extent()]
    boxes += [legend.get_window_extent() for legend in figure.legends]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.padded(-0.5).overlaps(other)
    for box in boxes:
        assert figure.bbox.padded(1).contains(box.x0, box.y0)
        assert figure.bbox.padded(1).contains(box.x1, box.y1)
    assert len(figure.axes) == n_modes


def test_draws_where_it_is_told():
    figure, axes = plt.subplots(1, 2)
    display = RobustnessCurveDisplay.from_curves(TWO, ax=axes)
    assert display.axes_ == list(axes)
    assert display.figure_ is figure
    assert "'lidar'" in axes[1].get_xlabel()  # every panel says all


def test_what_cannot_be_drawn_side_by_side_is_named(emma, samples):
    X, y, _ = samples
    ax = plt.subplots()[1]
    for given in (ax, [ax], [ax] * 3):
        with pytest.raises(ValueError, match="There are 2 panels: `ax` must be as"):
            RobustnessCurveDisplay.from_curves(TWO, ax=given)
    uneven = TWO | {"one": [curve([1, 0], "radar")]}
    with pytest.raises(ValueError, match="as many curves as there are panels; got"):
        RobustnessCurveDisplay.from_curves(uneven)
    swapped = TWO | {"fragile": TWO["fragile"][::-1]}
    with pytest.raises(ValueError, match="same mode, corruption and score"):
        RobustnessCurveDisplay.from_curves(swapped)
    with pytest.raises(ValueError, match="There is no mode 'sonar'"):
        RobustnessCurveDisplay.from_estimator(emma, X, y, mode=["mode_0", "sonar"])
