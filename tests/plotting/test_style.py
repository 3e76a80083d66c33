"""What holds for every Display: matplotlib is optional, and nothing overlaps."""

import itertools
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from sklearn_emma import PotentialEnergyTransformer, plotting
from sklearn_emma.attention import SoftAttention
from sklearn_emma.corruption import Bias, GaussianNoise, MissingMode, StuckMode
from sklearn_emma.plotting._style import COLOURS

# The other has three panels, and tests of its own.
NAMES = [name for name in plotting.__all__ if name != "SensorHealthDisplay"]
LEVELS = [0, 0.1, 0.25, 0.5, 1, 1.78, 3, 5, 10]


def draw(name, emma, samples, **ax):
    """Draw the Display of a name, with as much on it as usual."""
    X, y, _ = samples
    display = getattr(plotting, name)
    if name == "RobustnessCurveDisplay":
        return display.from_estimators(
            {"EMMA": emma, "the same network, no attention": emma, "forest": emma},
            X,
            y,
            mode="mode_0",
            levels=LEVELS,
            n_repeats=2,
            trained_level=(0.1, 2),
            floors={"mode_1 alone": 0.8, "mode_0 alone": 0.7},
            **ax,
        )
    if name == "DistributionCurveDisplay":
        return display.from_estimator(
            emma, X, mode="mode_0", levels=LEVELS, trained_level=(0.1, 2), **ax
        )
    if name == "AttentionMapDisplay":
        return display.from_estimator(
            emma, X, failing=("mode_0", "mode_1"), levels=LEVELS, **ax
        )
    if name == "AttentionDisplay":
        corruption = {
            "σ = 0.5": GaussianNoise(0.5),
            "bias": Bias(),
            "stuck": StuckMode(),
            "missing": MissingMode(),
        }
        return display.from_estimator(emma, X, corruption=corruption, **ax)
    if name == "AttentionFunctionDisplay":
        module = SoftAttention(gain=3.0).build(n_modes=2)
        module.bias.data.fill_(0.9)
        return display(module, n_modes=2).plot(**ax)
    assert name == "PotentialFieldDisplay"
    energy = PotentialEnergyTransformer(max_iter=2, random_state=0).fit(X[:, :2])
    return display.from_estimator(energy, X[:, :2], grid_resolution=10, **ax)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overlaps_or_leaves_the_figure_at_default_size(name, emma, samples):
    display = draw(name, emma, samples)
    ax, figure = display.ax_, display.figure_
    figure.canvas.draw()
    boxes = {"label of x": ax.xaxis.label, "label of y": ax.yaxis.label}
    for k, axis in enumerate((ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_ticklabels():
            if low <= tick.get_position()[k] <= high:
                boxes[f"{'xy'[k]} tick {tick.get_text()}"] = tick
    if ax.get_legend() is not None:
        boxes["legend"] = ax.get_legend()
    if hasattr(display, "colorbar_"):
        boxes["label of colours"] = display.colorbar_.ax.yaxis.label
    extents = {key: artist.get_window_extent() for key, artist in boxes.items()}
    extents["axes"] = ax.get_window_extent()
    for (a, one), (b, other) in itertools.combinations(extents.items(), 2):
        assert not one.overlaps(other), (a, b)
    for key, extent in extents.items():
        assert extent.x0 >= 0, key
        assert extent.y0 >= 0, key
        assert extent.x1 <= figure.bbox.x1, key
        assert extent.y1 <= figure.bbox.y1, key


@pytest.mark.parametrize("name", NAMES)
def test_draws_in_given_axes_and_returns_itself(name, emma, samples):
    figure, ax = plt.subplots()
    display = draw(name, emma, samples, ax=ax)
    assert isinstance(display, getattr(plotting, name))
    assert display.ax_ is ax
    assert display.figure_ is figure
    again = display.plot()
    assert again is display
    assert display.ax_ is not ax
    for label in (ax.get_xlabel(), ax.get_ylabel()):
        assert label


def test_matplotlib_is_imported_only_to_draw():
    code = (
        "import sys, sklearn_emma.plotting, sklearn_emma.robustness;"
        "assert not any(name.split('.')[0] == 'matplotlib' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_without_matplotlib_the_error_says_what_to_install(
    name, emma, samples, monkeypatch
):
    for module in [m for m in sys.modules if m.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-emma\[plot\]"') as got:
        draw(name, emma, samples)
    assert name in str(got.value)


def luminance(colour):
    """Relative luminance of the WCAG, from 0 to 1."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in to_rgb(colour)
    ]
    return np.dot([0.2126, 0.7152, 0.0722], linear)


def test_colours_differ_for_readers_without_green_cones():
    # Viénot, Brettel and Mollon (1999), in linear RGB.
    deuteranope = np.array(
        [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]
    )
    seen = [deuteranope @ np.array(to_rgb(c)) ** 2.2 for c in COLOURS]
    seen = [np.clip(c, 0, 1) ** (1 / 2.2) for c in seen]
    for (i, one), (j, other) in itertools.combinations(enumerate(seen), 2):
        assert np.abs(one - other).max() > 0.12, (COLOURS[i], COLOURS[j])
    for colour in COLOURS:
        # Contrast with a white page; 2 is what a line of some width needs at least.
        assert 1.05 / (luminance(colour) + 0.05) > 2, colour
