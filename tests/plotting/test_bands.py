"""Lines and bands against the numbers that they show."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from sklearn_emma.plotting._bands import band_limits, describe, draw_band, draw_line
from sklearn_emma.plotting._style import series_style
from sklearn_emma.robustness import DistributionCurve

MEAN = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
STD = np.array([[0.1, 1.0], [0.2, 2.0], [0.3, 3.0]])


@pytest.fixture
def curve():
    """Three levels, two columns, and three quantiles that are not symmetric."""
    quantiles = np.stack([MEAN - 0.5, MEAN, MEAN + 2.0], axis=1)
    return DistributionCurve(
        levels=np.array([0.0, 1.0, 2.0]),
        mean=MEAN,
        std=STD,
        quantiles=quantiles,
        probabilities=np.array([0.1, 0.5, 0.9]),
        columns=("a", "b"),
        quantity="modal_energy",
        mode="a",
        corruption="Bias",
    )


@pytest.mark.parametrize(
    "band, low, high",
    [
        ((0.1, 0.9), MEAN - 0.5, MEAN + 2.0),
        ((0.5, 0.9), MEAN, MEAN + 2.0),
        (2.0, MEAN - 2 * STD, MEAN + 2 * STD),
        (0, MEAN, MEAN),
    ],
)
def test_limits_are_quantiles_or_deviations_from_the_mean(curve, band, low, high):
    np.testing.assert_allclose(band_limits(curve, band), (low, high))


def test_no_band_has_no_limits(curve):
    assert band_limits(curve, None) is None


def test_a_quantile_is_found_up_to_rounding(curve):
    low, _ = band_limits(curve, (0.3 - 0.2, 0.9))
    np.testing.assert_array_equal(low, MEAN - 0.5)


def test_a_quantile_that_the_curve_lacks_is_named(curve):
    with pytest.raises(ValueError, match=r"no quantile 0.8; it has \[0.1, 0.5, 0.9\]"):
        band_limits(curve, (0.1, 0.8))


@pytest.mark.parametrize(
    "band, words",
    [
        (None, "mean"),
        ((0.25, 0.75), "mean and 25–75 % of samples"),
        ((0.005, 0.995), "mean and 0.5–99.5 % of samples"),
        (2, "mean ± 2 standard deviations"),
        (0.5, "mean ± 0.5 standard deviations"),
    ],
)
def test_a_band_is_described_in_words(band, words):
    assert describe(band) == words


def test_levels_without_a_place_are_left_out_of_line_and_band():
    _, ax = plt.subplots()
    x, style = np.array([np.nan, 1.0, 2.0]), series_style(1)
    mean = np.array([7.0, 8.0, 9.0])
    line = draw_line(ax, x, mean, label="energy", style=style)
    band = draw_band(ax, x, (mean - 1.0, mean + 2.0), style)
    np.testing.assert_array_equal(line.get_data(), [[1.0, 2.0], [8.0, 9.0]])
    assert line.get_label() == "energy"
    corners = band.get_paths()[0].vertices
    assert set(corners[:, 0]) == {1.0, 2.0}
    assert {y for x, y in corners.tolist() if x == 1.0} == {7.0, 10.0}
    assert {y for x, y in corners.tolist() if x == 2.0} == {8.0, 11.0}


@pytest.mark.parametrize("i", [0, 3, 9])
def test_a_band_has_the_colour_of_its_line_and_lets_others_through(i):
    _, ax = plt.subplots()
    x = np.array([0.0, 1.0])
    line = draw_line(ax, x, x, label="a", style=series_style(i))
    band = draw_band(ax, x, (x - 1, x + 1), series_style(i))
    (face,) = band.get_facecolor()
    assert to_hex(face) == to_hex(line.get_color())
    assert 0 < face[3] < 0.5
