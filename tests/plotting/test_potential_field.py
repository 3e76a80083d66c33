"""PotentialFieldDisplay against the energies and the field of a fitted estimator."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture

from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.datasets import make_wave
from sklearn_emma.plotting import PotentialFieldDisplay


@pytest.fixture(scope="module")
def wave():
    return make_wave(300, random_state=0)[0]


@pytest.fixture(scope="module")
def energy(wave):
    return PotentialEnergyTransformer(max_iter=20, random_state=0).fit(wave)


def corners(display):
    """Coordinates (n_y, n_x, 2) of the heat map as it is drawn."""
    return display.image_.get_coordinates()


@pytest.mark.parametrize("quantity", ["potential", "reconstruction_error"])
def test_heat_map_is_the_energy_at_each_point(energy, wave, quantity):
    display = PotentialFieldDisplay.from_estimator(
        energy, wave, quantity=quantity, grid_resolution=20, eps=0.5
    )
    points = corners(display).reshape(-1, 2)
    expected = (
        energy.transform(points)[:, 0]
        if quantity == "potential"
        else energy.reconstruction_error(points)
    )
    np.testing.assert_allclose(display.image_.get_array().ravel(), expected)
    np.testing.assert_allclose(points.min(axis=0), wave.min(axis=0) - 0.5)
    np.testing.assert_allclose(points.max(axis=0), wave.max(axis=0) + 0.5)
    label = display.colorbar_.ax.get_ylabel()
    assert label.startswith(quantity.replace("_", " "))


def test_masked_values_are_missing_and_refused(energy, wave):
    masked = np.ma.array(wave, mask=wave == wave[3, 1])
    with pytest.raises(ValueError, match="contains NaN"):
        PotentialFieldDisplay.from_estimator(energy, masked)


def test_arrows_point_to_the_reconstruction(energy, wave):
    display = PotentialFieldDisplay.from_estimator(energy, wave, grid_resolution=5)
    origins = display.quiver_.get_offsets()
    arrows = np.c_[display.quiver_.U, display.quiver_.V]
    field = energy.reconstruct(origins) - origins
    length = np.linalg.norm(field, axis=1)
    drawn = np.linalg.norm(arrows, axis=1)
    cosine = (arrows * field).sum(axis=1) / (length * drawn)
    np.testing.assert_allclose(cosine, 1)
    # In proportion up to the median, of one length beyond, and never touching.
    short = length < np.median(length)
    assert 0 < short.sum() < len(short)
    np.testing.assert_allclose(
        drawn[short] / length[short], drawn.max() / np.median(length)
    )
    np.testing.assert_allclose(drawn[~short], drawn.max())
    gaps = np.linalg.norm(origins[:, None] - origins, axis=2)
    assert drawn.max() < gaps[gaps > 0].min()


def test_the_field_leads_downhill(energy, wave):
    display = PotentialFieldDisplay.from_estimator(energy, wave)
    step = 1e-3 * display.field / np.linalg.norm(display.field, axis=1, keepdims=True)
    slope = energy.transform(display.origins + step) - energy.transform(display.origins)
    assert (slope < 0).all()


def test_arrows_are_as_far_apart_both_ways_and_stay_on_the_map(energy, wave):
    display = PotentialFieldDisplay.from_estimator(energy, wave, n_arrows=16)
    x, y = (np.unique(side) for side in display.quiver_.get_offsets().T)
    assert len(x) == 16
    assert np.diff(y)[0] == pytest.approx(np.diff(x)[0], rel=0.15)
    grid_x, grid_y = display.grid
    assert grid_x[0] < x[0] < x[-1] < grid_x[-1]
    assert grid_y[0] < y[0] < y[-1] < grid_y[-1]


def test_samples_are_points_that_can_be_left_out(energy, wave):
    display = PotentialFieldDisplay.from_estimator(energy, wave, grid_resolution=5)
    np.testing.assert_allclose(display.points_.get_offsets(), wave)
    assert display.plot(show_points=False).points_ is None
    bare = PotentialFieldDisplay.from_estimator(
        energy, wave, grid_resolution=5, n_arrows=0
    )
    assert bare.quiver_ is None


def test_any_density_estimator_has_a_potential_but_no_field(wave):
    density = GaussianMixture(3, random_state=0).fit(wave)
    display = PotentialFieldDisplay.from_estimator(density, wave, grid_resolution=10)
    expected = -density.score_samples(corners(display).reshape(-1, 2))
    np.testing.assert_allclose(display.image_.get_array().ravel(), expected)
    assert display.quiver_ is None
    with pytest.raises(TypeError, match="GaussianMixture has no method 'recon"):
        PotentialFieldDisplay.from_estimator(
            density, wave, quantity="reconstruction_error"
        )


def test_axes_carry_the_names_of_the_features(energy, wave):
    plain = PotentialFieldDisplay.from_estimator(energy, wave, grid_resolution=5)
    assert (plain.ax_.get_xlabel(), plain.ax_.get_ylabel()) == (
        "feature 0",
        "feature 1",
    )
    frame = pd.DataFrame(wave, columns=["time", "height"])
    energy = PotentialEnergyTransformer(max_iter=1, random_state=0).fit(frame)
    named = PotentialFieldDisplay.from_estimator(energy, frame, grid_resolution=5)
    assert (named.ax_.get_xlabel(), named.ax_.get_ylabel()) == ("time", "height")
    assert plain.ax_.get_aspect() == 1


def test_what_cannot_be_drawn_is_named(energy, wave):
    with pytest.raises(ValueError, match="must have 2 features to be drawn, got 3"):
        PotentialFieldDisplay.from_estimator(energy, np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"`quantity` must be one of .* got 'psi'"):
        PotentialFieldDisplay.from_estimator(energy, wave, quantity="psi")
    with pytest.raises(NotFittedError):
        PotentialFieldDisplay.from_estimator(PotentialEnergyTransformer(), wave)


def test_classes_may_be_given_as_to_other_displays(energy, wave):
    display = PotentialFieldDisplay.from_estimator(
        energy, wave, np.ones(len(wave)), grid_resolution=5
    )
    alone = PotentialFieldDisplay.from_estimator(energy, wave, grid_resolution=5)
    np.testing.assert_array_equal(display.image_.get_array(), alone.image_.get_array())
