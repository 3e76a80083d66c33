"""DistributionCurveDisplay against the curves that it draws."""

import numpy as np
import pytest

from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.corruption import Bias
from sklearn_emma.plotting import DistributionCurveDisplay
from sklearn_emma.robustness import DistributionCurve, attention_curve, energy_curve


def make_curve(quantity="attention", columns=("ip", "dm")):
    """Three levels, quantiles 0.25, 0.5 and 0.75, one column or two."""
    mean = np.array([[0.9, 0.8], [0.5, 0.9], [0.1, 1.0]])[:, : len(columns)]
    return DistributionCurve(
        levels=np.array([0.0, 1.0, 4.0]),
        mean=mean,
        std=np.full(mean.shape, 0.05),
        quantiles=mean[:, None] + np.array([-0.3, 0.01, 0.2])[:, None],
        probabilities=np.array([0.25, 0.5, 0.75]),
        columns=columns,
        quantity=quantity,
        mode="ip",
        corruption="GaussianNoise",
    )


@pytest.fixture
def curve():
    return make_curve()


def limits(band, x):
    corners = band.get_paths()[0].vertices
    at = corners[corners[:, 0] == x, 1]
    return at.min(), at.max()


@pytest.mark.parametrize(
    "quantity, label",
    [("attention", "attention β"), ("modal_energy", "modal energy E")],
)
@pytest.mark.parametrize(
    "band, below, above, words",
    [
        ((0.25, 0.75), 0.3, 0.2, "(mean and 25–75 % of samples)"),
        (2.0, 0.1, 0.1, "(mean ± 2 standard deviations)"),
        (None, None, None, "(mean)"),
    ],
)
def test_lines_are_means_and_bands_the_spread(
    quantity, label, band, below, above, words
):
    curve = make_curve(quantity)
    display = DistributionCurveDisplay.from_curve(curve, band=band)
    for i, name in enumerate(("ip", "dm")):
        line = display.lines_[i]
        assert line.get_label() == name
        np.testing.assert_allclose(line.get_xdata(), [0, 1, 4])
        np.testing.assert_allclose(line.get_ydata(), curve.mean[:, i])
        if band is not None:
            for x, mean in zip(curve.levels, curve.mean[:, i], strict=True):
                np.testing.assert_allclose(
                    limits(display.bands_[i], x), [mean - below, mean + above]
                )
    assert len(display.bands_) == (0 if band is None else 2)
    assert display.ax_.get_ylabel() == f"{label} {words}"
    assert "'ip' (training standard deviations)" in display.ax_.get_xlabel()


def test_the_band_is_the_middle_half_of_the_samples_unless_said_otherwise(curve):
    for display in (
        DistributionCurveDisplay(curve).plot(),
        DistributionCurveDisplay.from_curve(curve),
    ):
        np.testing.assert_allclose(limits(display.bands_[0], 1), [0.2, 0.7])


def test_one_column_keeps_its_colour_and_the_training_noise_is_marked(curve):
    both = DistributionCurveDisplay(curve).plot(band=None)
    alone = DistributionCurveDisplay.from_curve(
        curve, trained_level=1.0, columns=["dm"], x_scale="dB", band=None
    )
    (line,) = alone.lines_
    assert line.get_color() == both.lines_[1].get_color() != both.lines_[0].get_color()
    np.testing.assert_allclose(line.get_xdata(), [0, 20 * np.log10(4)])
    np.testing.assert_allclose(alone.trained_.get_xdata(), 0)
    assert both.trained_ is None


def test_attention_has_the_axis_of_all_its_values_and_energies_their_own(curve):
    assert DistributionCurveDisplay(curve).plot().ax_.get_ylim() == (-0.03, 1.03)
    energy = make_curve("modal_energy")
    energy.mean[0, 0] = 50.0
    low, high = DistributionCurveDisplay(energy).plot(band=None).ax_.get_ylim()
    assert low < 0.1
    assert high > 50


def test_the_only_column_of_a_curve_needs_no_legend_and_any_other_has_one(curve):
    total = make_curve("total_energy", columns=("total",))
    assert DistributionCurveDisplay(total).plot().ax_.get_legend() is None
    for display, entries in (
        (
            DistributionCurveDisplay(total, trained_level=1.0),
            {"total", "noise in training"},
        ),
        (DistributionCurveDisplay(curve), {"ip", "dm"}),
    ):
        legend = display.plot().ax_.get_legend().get_texts()
        assert {text.get_text() for text in legend} == entries
    # One mode of several must be named: the axis does not say which it is.
    one = DistributionCurveDisplay(curve).plot(columns=["dm"]).ax_.get_legend()
    assert [text.get_text() for text in one.get_texts()] == ["dm"]


def test_what_the_curve_does_not_hold_is_named(curve):
    with pytest.raises(ValueError, match=r"no column 'radar'; it has \['ip', 'dm'\]"):
        DistributionCurveDisplay(curve).plot(columns=["radar"], band=None)
    with pytest.raises(ValueError, match=r"no quantile 0.9; it has \[0.25, 0.5, 0.75"):
        DistributionCurveDisplay(curve).plot(band=(0.25, 0.9))


def test_attention_from_an_estimator(emma, samples):
    X, _, _ = samples
    options = {"mode": "mode_0", "levels": [0, 2], "corruption": Bias}
    display = DistributionCurveDisplay.from_estimator(emma, X, **options)
    failed = X.copy()
    failed[:, :3] += 2 * X[:, :3].std(axis=0)
    for i in range(2):
        for x, values in ((0, emma.attention(X)), (2, emma.attention(failed))):
            line, band = display.lines_[i], display.bands_[i]
            at = line.get_ydata()[line.get_xdata() == x]
            np.testing.assert_allclose(at, values[:, i].mean())
            expected = np.quantile(values[:, i], [0.25, 0.75])
            np.testing.assert_allclose(limits(band, x), expected, atol=1e-6)
    importance = DistributionCurveDisplay.from_estimator(
        emma, X, quantity="importance", **options
    )
    np.testing.assert_allclose(
        importance.curve.mean,
        attention_curve(emma, X, quantity="importance", **options).mean,
    )
    assert importance.ax_.get_ylabel().startswith("importance α")


def test_total_energy_from_an_estimator(emma, samples):
    X, _, _ = samples
    options = {"mode": "mode_1", "levels": [0, 1, 5], "random_state": 0}
    display = DistributionCurveDisplay.from_estimator(
        emma, X, quantity="total_energy", band=(0.05, 0.95), **options
    )
    (line,) = display.lines_
    expected = energy_curve(emma, X, **options)
    np.testing.assert_allclose(line.get_ydata(), expected.mean[:, 0])
    np.testing.assert_allclose(
        limits(display.bands_[0], 5), expected.quantiles[2, [0, -1], 0]
    )
    assert (np.diff(line.get_ydata()) > 0).all()
    assert display.ax_.get_ylabel().startswith("total energy E")
    # One line and nothing else needs no legend.
    assert display.ax_.get_legend() is None


def test_potential_energy_of_one_mode_by_itself(samples):
    X = samples[0][:, :3]
    energy = PotentialEnergyTransformer(max_iter=15, random_state=0).fit(X)
    display = DistributionCurveDisplay.from_estimator(
        energy, X, levels=[0, 2], quantity="potential_energy", corruption=Bias
    )
    failed = X + 2 * X.std(axis=0)
    np.testing.assert_allclose(
        display.lines_[0].get_ydata(),
        [energy.transform(X).mean(), energy.transform(failed).mean()],
    )
    assert display.ax_.get_xlabel() == "level of Bias on all modes"


@pytest.mark.parametrize("quantity", ["modal_energy", "potential_energy"])
def test_energies_of_each_mode_from_an_estimator(emma, samples, quantity):
    X, _, _ = samples
    options = {"mode": "mode_1", "levels": [0, 2], "random_state": 0}
    display = DistributionCurveDisplay.from_estimator(
        emma, X, quantity=quantity, **options
    )
    expected = energy_curve(emma, X, quantity=quantity, **options)
    for i, name in enumerate(("mode_0", "mode_1")):
        assert display.lines_[i].get_label() == name
        np.testing.assert_array_equal(
            display.lines_[i].get_ydata(), expected.mean[:, i]
        )


def test_unknown_quantity_is_named(emma, samples):
    with pytest.raises(
        ValueError, match=r"one of \['attention', .*_energy'\], got 'E'"
    ):
        DistributionCurveDisplay.from_estimator(
            emma, samples[0], quantity="E", levels=[0]
        )
