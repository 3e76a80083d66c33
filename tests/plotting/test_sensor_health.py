import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import helpers
from sklearn_emma.monitoring import SensorHealthMonitor
from sklearn_emma.plotting import SensorHealthDisplay


def states(n=6):
    """Mode a is failing in rows 2 and 3, mode b frozen from row 4 on."""
    rows = np.arange(n)
    columns = {
        ("a", "p_value"): 1 / (1 + rows),
        ("a", "evidence"): rows - 2.0,
        ("a", "failing"): (rows == 2) | (rows == 3),
        ("a", "frozen"): rows < 0,
        ("b", "p_value"): np.full(n, 0.5),
        ("b", "evidence"): np.zeros(n),
        ("b", "failing"): rows < 0,
        ("b", "frozen"): rows >= 4,
    }
    return pd.DataFrame(columns)


def test_lines_are_the_states_of_each_mode():
    attention = np.linspace(0, 1, 12).reshape(6, 2)
    display = SensorHealthDisplay(states(), attention, run_length=1000).plot()
    assert len(display.axes_) == 3 and list(display.points_) == ["a", "b"]
    np.testing.assert_allclose(display.points_["a"].get_ydata(), 1 / np.arange(1, 7))
    np.testing.assert_array_equal(
        display.evidence_["a"].get_ydata(), [0, 0, 0, 1, 2, 3]
    )
    np.testing.assert_array_equal(display.attention_["b"].get_ydata(), attention[:, 1])
    (threshold,) = [
        line
        for line in display.axes_[-1].lines
        if line not in display.evidence_.values()
    ]
    assert threshold.get_ydata() == pytest.approx([3, 3])
    assert display.axes_[0].get_yscale() == "log"
    assert display.figure_ is display.axes_[0].figure


def test_bars_show_when_a_mode_was_failing_or_frozen():
    display = SensorHealthDisplay(states()).plot()
    assert len(display.axes_) == 2 and not display.attention_
    spans = {}
    for i, collection in enumerate(display.axes_[-1].collections):
        for path in collection.get_paths():
            x = path.vertices[:, 0]
            spans[i] = x.min(), x.max()
    # Failing a, frozen a, failing b, frozen b.
    assert set(spans) == {0, 3}
    assert spans[0][0] <= 2 and 3 <= spans[0][1] < 4.1
    assert 3.9 < spans[3][0] <= 4 and spans[3][1] >= 5


def test_bars_are_seen_however_high_the_evidence_rises():
    rising = states()
    rising["a", "evidence"] *= 100  # up to 300
    bottom = SensorHealthDisplay(rising).plot().axes_[-1]
    bars = [path for c in bottom.collections for path in c.get_paths()]
    heights = [np.ptp(path.vertices[:, 1]) for path in bars]
    assert len(bars) == 2 and min(heights) > 0.02 * np.ptp(bottom.get_ylim())


def test_the_legend_covers_no_point():
    display = SensorHealthDisplay(states()).plot()
    display.figure_.canvas.draw()
    top = display.axes_[0]
    assert top.get_legend().get_window_extent().y0 >= top.get_window_extent().y1 - 1


def test_times_of_a_frame_are_the_axis():
    times = pd.date_range("2026-01-01", periods=6, freq="min")
    display = SensorHealthDisplay(states().set_index(times)).plot()
    np.testing.assert_array_equal(display.points_["a"].get_xdata(), times.to_numpy())
    assert display.axes_[-1].get_xlabel() == "time"


def test_it_draws_where_it_is_told():
    figure, axes = plt.subplots(2)
    display = SensorHealthDisplay(states()).plot(axes)
    assert list(display.axes_) == list(axes) and display.figure_ is figure
    with pytest.raises(ValueError, match="`axes` must be 2 matplotlib Axes, got 1"):
        SensorHealthDisplay(states()).plot(axes[:1])


def test_an_estimator_is_watched_by_a_new_monitor():
    X, y = helpers.three_unequal_modes()
    model = make_pipeline(
        StandardScaler(), helpers.quick(modes=helpers.UNEQUAL_MODES, max_iter=1)
    ).fit(X, y)
    display = SensorHealthDisplay.from_estimator(model, X, run_length=100)
    expected = SensorHealthMonitor(model, run_length=100).update(X)
    pd.testing.assert_frame_equal(display.states, expected)
    attention = model[-1].attention(model[:-1].transform(X))
    np.testing.assert_array_equal(display.attention, attention)
    assert display.run_length == 100
