"""AttentionDisplay against histograms counted by hand."""

import numpy as np
import pytest

from sklearn_emma.corruption import Bias, MissingMode
from sklearn_emma.plotting import AttentionDisplay


@pytest.fixture
def display():
    """Ten samples: of the first mode 3 at 0 and 7 at 1, of the second all at 0.5."""
    values = np.c_[np.repeat([0.0, 1.0], [3, 7]), np.full(10, 0.5)]
    return AttentionDisplay(
        {"none": values, "ip": values[:, ::-1]}, ("ip", "dm"), condition_name="failing"
    ).plot()


def bins(container):
    """Middle, width and share of the fullest bin of every bar."""
    boxes = [(b.get_x(), b.get_y(), b.get_width(), b.get_height()) for b in container]
    x, y, width, height = np.transpose(boxes)
    return x + width / 2, y, height, width / width.max()


def test_bars_are_as_wide_as_their_bins_are_full(display):
    middle, y, height, share = bins(display.bars_["none", "ip"])
    np.testing.assert_allclose(y, np.arange(25) / 25)
    np.testing.assert_allclose(height, 1 / 25)
    expected = np.zeros(25)
    expected[[0, -1]] = 3 / 7, 1
    np.testing.assert_allclose(share, expected)
    # Upright, about one line.
    np.testing.assert_allclose(middle, middle[0])
    share = bins(display.bars_["none", "dm"])[3]
    assert share[12] == share.sum() == 1


def test_the_fullest_bin_of_every_histogram_is_as_wide(display):
    widest = [max(b.get_width() for b in bars) for bars in display.bars_.values()]
    assert len(widest) == 4
    np.testing.assert_allclose(widest, widest[0])


def test_modes_stand_side_by_side_above_their_condition(display):
    left, right = [], []
    for group, condition in enumerate(("none", "ip")):
        for mode in ("ip", "dm"):
            for bar in display.bars_[condition, mode]:
                assert group - 0.5 < bar.get_x()
                assert bar.get_x() + bar.get_width() < group + 0.5
            boxes = [b for b in display.bars_[condition, mode] if b.get_width()]
            left.append(min(b.get_x() for b in boxes))
            right.append(max(b.get_x() + b.get_width() for b in boxes))
    assert (np.array(right[:-1]) < np.array(left[1:])).all()
    ticks = display.ax_.get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["none", "ip"]
    assert display.ax_.get_xlabel() == "failing"


def test_dots_are_means_in_the_middle_of_the_histograms(display):
    for (condition, mode), mean in {
        ("none", "ip"): 0.7,
        ("none", "dm"): 0.5,
        ("ip", "ip"): 0.5,
        ("ip", "dm"): 0.7,
    }.items():
        x, y = display.means_[condition, mode].get_data()
        np.testing.assert_allclose(y, mean)
        np.testing.assert_allclose(x, bins(display.bars_[condition, mode])[0][0])


def test_legend_names_each_mode_once(display):
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert sorted(legend) == ["mean", "β of 'dm'", "β of 'ip'"]
    colours = [display.bars_["none", mode][0].get_facecolor() for mode in ("ip", "dm")]
    assert colours[0] != colours[1]
    assert display.bars_["ip", "dm"][0].get_facecolor() == colours[1]


def test_each_mode_fails_in_turn(emma, samples):
    X, _, _ = samples
    display = AttentionDisplay.from_estimator(emma, X, corruption=Bias(2.0))
    sd = X.std(axis=0)
    for condition, columns in (
        ("none", slice(0)),
        ("mode_0", slice(3)),
        ("mode_1", slice(3, 6)),
    ):
        failed = X.copy()
        failed[:, columns] += 2 * sd[columns]
        attention = emma.attention(failed)
        np.testing.assert_allclose(display.values[condition], attention)
        for i, mode in enumerate(("mode_0", "mode_1")):
            counts = np.histogram(attention[:, i], np.linspace(0, 1, 26))[0]
            share = bins(display.bars_[condition, mode])[3]
            np.testing.assert_allclose(share, counts / counts.max())
    assert display.ax_.get_xlabel() == "failing mode (Bias(offset=2.0))"


def test_several_corruptions_of_chosen_modes(emma, samples):
    X, _, _ = samples
    display = AttentionDisplay.from_estimator(
        emma,
        X,
        corruption={"gone": MissingMode(), "off": Bias()},
        failing=["mode_1"],
        quantity="importance",
    )
    assert list(display.values) == ["none", "mode_1\ngone", "mode_1\noff"]
    np.testing.assert_allclose(display.values["mode_1\ngone"], [[1, 0]] * len(X))
    assert display.ax_.get_xlabel() == "failing mode"
    assert display.ax_.get_ylabel().startswith("importance α")


def test_default_is_noise_of_one_deviation_that_the_seed_decides(emma, samples):
    X, _, _ = samples
    runs = [AttentionDisplay.from_estimator(emma, X, random_state=i) for i in (0, 0, 1)]
    first, same, other = (run.values["mode_0"] for run in runs)
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    assert runs[0].ax_.get_xlabel() == "failing mode (GaussianNoise(sigma=1.0))"


def test_unknown_quantity_is_named(emma, samples):
    with pytest.raises(ValueError, match="`quantity` must be one of"):
        AttentionDisplay.from_estimator(emma, samples[0], quantity="energy")
