"""The axis of levels: scales, ticks, labels and the mark of the training noise."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_emma.plotting._noise_axis import (
    dress,
    level_label,
    mark_trained,
    positions,
    resolve_scale,
)


@pytest.fixture
def ax():
    return plt.subplots()[1]


@pytest.mark.parametrize(
    "scale, corruption, resolved",
    [
        ("auto", "GaussianNoise", "log2"),
        ("auto", "Bias", "linear"),
        ("linear", "GaussianNoise", "linear"),
        ("log2", "Bias", "log2"),
        ("dB", "Bias", "dB"),
    ],
)
def test_the_automatic_scale_follows_from_the_corruption(scale, corruption, resolved):
    assert resolve_scale(scale, corruption) == resolved


def test_an_unknown_scale_is_named():
    with pytest.raises(ValueError, match=r"`x_scale` must be one of .*'dB'.* got 'ln'"):
        resolve_scale("ln", "Bias")


@pytest.mark.parametrize(
    "scale, places",
    [
        ("linear", [-1.0, 0.0, 0.1, 10.0]),
        ("log2", [np.nan, 0.0, 0.1, 10.0]),
        ("dB", [np.nan, np.nan, -20.0, 20.0]),
        ("snr", [np.nan, np.nan, 20.0, -20.0]),
    ],
)
def test_levels_that_a_scale_cannot_show_have_no_place(scale, places):
    given = np.array([-1.0, 0.0, 0.1, 10.0])
    np.testing.assert_allclose(positions(given, scale), places)
    np.testing.assert_array_equal(given, [-1.0, 0.0, 0.1, 10.0])


def test_doubling_the_noise_adds_six_decibels():
    (low, high) = positions(np.array([1.0, 2.0]), "dB")
    assert high - low == pytest.approx(10 * np.log10(4))


def test_signal_to_noise_is_the_ratio_of_powers():
    rng = np.random.default_rng(0)
    signal, noise = rng.normal(size=100_000), 0.5 * rng.normal(size=100_000)
    measured = 10 * np.log10(signal.var() / noise.var())
    assert positions(np.array([0.5]), "snr")[0] == pytest.approx(measured, abs=0.1)


def test_the_axis_of_signal_to_noise_says_so_and_marks_training(ax):
    dress(ax, np.array([0.1, 1.0]), "snr", "radar", "GaussianNoise")
    assert ax.get_xlabel() == "signal to noise on mode 'radar', 10 log₁₀ 1/σ² (dB)"
    band = mark_trained(ax, (0.1, 10.0), "snr")
    assert (band.get_x(), band.get_width()) == (-20.0, 40.0)
    assert mark_trained(ax, 0.1, "snr").get_xdata()[0] == pytest.approx(20.0)


def test_the_log2_axis_spaces_log2_of_1_plus_sigma_there_and_back(ax):
    dress(ax, np.array([0.0, 1.0, 3.0, 7.0]), "log2", "radar", "GaussianNoise")
    scale = ax.xaxis.get_transform()
    sigma = np.array([0.0, 1.0, 3.0, 7.0])
    np.testing.assert_allclose(scale.transform(sigma), [0, 1, 2, 3])
    np.testing.assert_allclose(scale.inverted().transform([0, 1, 2, 3]), sigma)
    # Margins reach below 0, and beyond what has a logarithm.
    assert np.isfinite(scale.transform([-0.5, -2.0])).all()


def ticks_of(ax):
    return [text.get_text() for text in ax.get_xticklabels()]


def test_ticks_are_the_levels_that_have_room_and_always_the_outer_ones(ax):
    # On this axis of length 3 labels need 0.24 each: 1 is too near to 1.05, 6.9 to 7.
    levels = np.array([7.0, 0.0, 1.0, 1.05, 3.0, 6.9, -1.0, 3.0])
    dress(ax, levels, "log2", "radar", "GaussianNoise")
    np.testing.assert_array_equal(ax.get_xticks(), [0, 1.05, 3, 7])
    assert ticks_of(ax) == ["0", "1.05", "3", "7"]


def test_two_levels_have_ticks_however_near(ax):
    dress(ax, np.array([1.0, 1.001]), "log2", "radar", "GaussianNoise")
    np.testing.assert_array_equal(ax.get_xticks(), [1.0, 1.001])


@pytest.mark.parametrize(
    "scale, mode, corruption, label",
    [
        ("log2", "ip", "GaussianNoise", "noise σ on mode 'ip' (training standard dev"),
        ("linear", "ip", "Bias", "level of Bias on mode 'ip'"),
        ("linear", None, "Bias", "level of Bias on all modes"),
        ("dB", None, "GaussianNoise", "noise power on all modes, 10 log₁₀ σ² (dB)"),
    ],
)
def test_the_label_names_corruption_mode_and_units(ax, scale, mode, corruption, label):
    dress(ax, np.array([0.0, 1.0]), scale, mode, corruption)
    assert ax.get_xlabel().startswith(label)
    assert ax.get_xscale() == ("function" if scale == "log2" else "linear")


def test_levels_of_a_map_are_labelled_alike():
    assert level_label("mode 'dm'", "Gain") == "level of Gain on mode 'dm'"
    assert level_label("all modes", "GaussianNoise").startswith("noise σ on all modes")


def test_one_training_level_is_a_line_and_a_range_is_a_band(ax):
    line = mark_trained(ax, 0.5, "linear")
    assert set(line.get_xdata()) == {0.5}
    band = mark_trained(ax, (0.1, 10.0), "dB")
    np.testing.assert_allclose((band.get_x(), band.get_width()), (-20, 40))
    for mark in (line, band):
        assert mark.get_label() == "noise in training"
        # Behind the lines of the scores.
        assert mark.get_zorder() < 1


def test_without_a_training_level_nothing_is_marked(ax):
    assert mark_trained(ax, None, "linear") is None
    assert not ax.lines
    assert not ax.patches
