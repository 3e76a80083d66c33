"""AttentionMapDisplay against the map that it draws."""

import numpy as np
import pytest
from matplotlib import colormaps

from sklearn_emma.plotting import AttentionMapDisplay
from sklearn_emma.robustness import AttentionMap, attention_map

FIRST, SECOND = np.array([0.0, 0.5, 1.0]), np.array([0.0, 2.0])


@pytest.fixture
def small():
    """Attention that tells the first level, the second and the mode apart."""
    first, second, mode = np.ogrid[:3, :2, :2]
    mean = 0.3 * first + 0.1 * second + 0.05 * mode
    return AttentionMap(
        (FIRST, SECOND), mean, ("ip", "dm"), ("ip", "dm"), "attention", "GaussianNoise"
    )


@pytest.mark.parametrize("mode, offset", [(None, 0), ("ip", 0), ("dm", 0.05)])
def test_cells_are_the_mean_attention(small, mode, offset):
    display = AttentionMapDisplay.from_map(small, mode=mode)
    # The first mode's noise along x, the second's along y.
    expected = [[0, 0.3, 0.6], [0.1, 0.4, 0.7]]
    np.testing.assert_allclose(display.image_.get_array(), np.add(expected, offset))
    shown = [float(text.get_text()) for text in display.texts_]
    np.testing.assert_allclose(shown, np.ravel(expected) + offset, atol=0.005)
    ax = display.ax_
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "0.5", "1"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "2"]
    assert "mode 'ip'" in ax.get_xlabel()
    assert "mode 'dm'" in ax.get_ylabel()
    name = mode or "ip"
    assert display.colorbar_.ax.get_ylabel() == f"mean attention β of mode {name!r}"


def test_numbers_stand_in_their_cells_and_can_be_read(small):
    display = AttentionMapDisplay.from_map(small, cmap="Greys")
    ticks = [display.ax_.get_xticks(), display.ax_.get_yticks()]
    assert [text.get_position() for text in display.texts_] == [
        (x, y) for y in ticks[1] for x in ticks[0]
    ]
    for text in display.texts_:
        background = colormaps["Greys"](float(text.get_text()))[0]
        assert text.get_color() == ("black" if background > 0.5 else "white")


def test_colours_span_0_to_1_whatever_the_data(small):
    display = AttentionMapDisplay(small).plot()
    assert display.image_.get_clim() == (0, 1)


def test_a_large_map_has_no_numbers_and_few_ticks():
    levels = np.linspace(0, 4, 40)
    large = AttentionMap(
        (levels, levels),
        np.full((40, 40, 1), 0.5),
        ("ip",),
        ("ip", "dm"),
        "importance",
        "Bias",
    )
    display = AttentionMapDisplay.from_map(large)
    assert display.texts_ == []
    ticks = display.ax_.get_xticks()
    assert len(ticks) <= 12
    for place, tick in zip(ticks, display.ax_.get_xticklabels(), strict=True):
        assert float(tick.get_text()) == pytest.approx(levels[int(place)], rel=0.01)
    assert display.ax_.get_xlabel() == "level of Bias on mode 'ip'"


def test_from_estimator(emma, samples):
    X, _, _ = samples
    options = {
        "failing": ("mode_1", "mode_0"),
        "levels": [0, 2],
        "second_levels": [0, 1, 4],
        "random_state": 0,
    }
    display = AttentionMapDisplay.from_estimator(emma, X, **options)
    expected = attention_map(emma, X, **options)
    np.testing.assert_allclose(display.image_.get_array(), expected.mean[:, :, 1].T)
    corner = display.image_.get_array()[0, 0]
    np.testing.assert_allclose(corner, emma.attention(X)[:, 1].mean())


def test_unknown_mode_is_named(small):
    with pytest.raises(ValueError, match=r"no mode 'up'; the modes are \['ip', 'dm'\]"):
        AttentionMapDisplay(small, mode="up").plot()
