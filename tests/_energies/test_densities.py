"""Densities of modes against Gaussians written out, in principal components."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal as normal
from sklearn.decomposition import PCA

from sklearn_emma._energies import densities
from sklearn_emma._energies.densities import (
    DensityRatio,
    JointSamples,
    bounded_scores,
    fit_densities,
)
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._statistics.normal_scores import NormalScoring, fit_normal_scores

LAYOUT = ModeLayout.from_columns({"a": [0, 1], "b": [2], "c": [3, 4, 5]})
# Of 60 samples and three modes, ten components of each are compared at most.
WIDE = ModeLayout.from_columns(
    {"a": list(range(25)), "b": [25, 26, 27], "c": list(range(28, 48))}
)


def correlated(n, d):
    """Correlated samples of three classes, and energies of three modes."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=n)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=(3, d))[y]
    return x, y, rng.normal(size=(n, 3))


@pytest.fixture
def samples():
    return correlated(400, 6)


def fit(x, y, potential, weight=None, layout=LAYOUT):
    weight = np.ones(len(x)) if weight is None else weight
    return fit_densities(JointSamples(x, y, potential, weight), layout, 3)


def scores(x, found):
    """Bounded normal scores by the maps that were learnt."""
    return bounded_scores(NormalScoring(found.maps)(torch.from_numpy(x))).numpy()


def log_density(z, found, columns):
    """Mixture of Gaussians of some columns, one class after another."""
    covariance = np.linalg.inv(found.whole @ found.whole)[np.ix_(columns, columns)]
    classes = [
        log_prior + normal(mean[columns], covariance).logpdf(z[:, columns])
        for log_prior, mean in zip(found.log_prior, found.means, strict=True)
    ]
    return logsumexp(classes, axis=0)


@pytest.mark.parametrize(
    ("n", "layout", "n_components"), [(400, LAYOUT, 6), (60, WIDE, 10 + 3 + 10)]
)
def test_is_the_ratio_of_densities(n, layout, n_components):
    x, y, potential = correlated(n, layout.n_features)
    found = fit(x, y, potential, layout=layout)
    z = scores(x, found) @ found.components
    assert z.shape == (n, n_components)
    energies = DensityRatio(found)(torch.from_numpy(x)).numpy()
    for mode in range(3):
        own = np.flatnonzero(found.mode == mode)
        others = np.flatnonzero(found.mode != mode)
        expected = (
            log_density(z, found, own)
            + log_density(z, found, others)
            - log_density(z, found, np.arange(n_components))
        )
        np.testing.assert_allclose(energies[:, mode], expected, atol=1e-7)


def test_modes_with_room_for_all_components_are_compared_as_they_are(samples):
    found = fit(*samples)
    np.testing.assert_array_equal(found.components, np.eye(6))
    np.testing.assert_array_equal(found.mode, LAYOUT.index)


def test_wide_modes_are_compared_in_their_first_principal_components():
    x, y, potential = correlated(60, 48)
    found = fit(x, y, potential, layout=WIDE)
    z = scores(x, found)
    assert found.mode.tolist() == [0] * 10 + [1] * 3 + [2] * 10
    for mode, columns in enumerate(WIDE.slices):
        own = found.components[columns, found.mode == mode]
        np.testing.assert_allclose(own.T @ own, np.eye(own.shape[1]), atol=1e-9)
        assert (found.components[columns, found.mode != mode] == 0).all()
        if mode != 1:
            axes = PCA(10).fit(z[:, columns]).components_
            np.testing.assert_allclose(own @ own.T, axes.T @ axes, atol=1e-8)
    np.testing.assert_array_equal(found.components[25:28, found.mode == 1], np.eye(3))


@pytest.mark.parametrize(("n", "expected"), [(6, 2), (13, 2), (30, 5), (60, 10)])
def test_no_more_components_are_compared_than_half_the_samples(n, expected):
    """Two of each mode at least."""
    x, y, potential = correlated(n, 48)
    found = fit(x, y, potential, layout=WIDE)
    assert np.bincount(found.mode).tolist() == [expected, min(expected, 3), expected]


def test_never_more_than_a_bounded_number_of_components(monkeypatch):
    monkeypatch.setattr(densities, "_MOST_COMPONENTS", 7)
    found = fit(*correlated(200, 48), layout=WIDE)
    assert np.bincount(found.mode).tolist() == [7, 3, 7]


def test_a_weight_is_a_number_of_repetitions_in_components_too():
    x, y, potential = correlated(60, 48)
    weight = np.random.default_rng(0).integers(1, 4, size=60)
    repeated = np.repeat(np.arange(60), weight)
    weighted = fit(x, y, potential, weight.astype(float), layout=WIDE)
    fewer = fit(x[repeated], y[repeated], potential[repeated], layout=WIDE)
    # Repetition makes room for components, so only what all share is the same.
    shared = np.flatnonzero(weighted.mode == 1), np.flatnonzero(fewer.mode == 1)
    one, other = (f.means[:, i] for f, i in zip((weighted, fewer), shared, strict=True))
    np.testing.assert_allclose(one, other)
    np.testing.assert_allclose(weighted.log_prior, fewer.log_prior)


def test_scores_are_bounded_where_they_lie_far_out_and_nowhere_else(samples):
    scoring = NormalScoring(fit_normal_scores(samples[0], np.ones(400)))
    free = scoring(torch.from_numpy(samples[0]))
    found = bounded_scores(free)
    inside = free.abs() < 3.5
    assert found.shape == (400, 6) and inside.double().mean() > 0.99
    torch.testing.assert_close(found[inside], free[inside], rtol=0, atol=0)
    for sign in (1, -1):
        far = bounded_scores(scoring(torch.full((1, 6), sign * 1e6).double()))
        assert (far == sign * 3.5).all()


def test_scores_that_are_known_are_not_computed_again(samples):
    ratio, x = DensityRatio(fit(*samples)), torch.from_numpy(samples[0])
    known, expected = ratio.scoring(x), ratio(x)
    torch.testing.assert_close(ratio(x, known), expected, rtol=0, atol=0)
    nowhere = torch.full_like(x, torch.nan)
    torch.testing.assert_close(ratio(nowhere, known), expected, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_densities_in_another_type_say_the_same(samples, dtype):
    found = fit(*samples)
    cast = found.astype(dtype)
    types = {name: array.dtype for name, array in cast._asdict().items()}
    assert types.pop("mode") == found.mode.dtype  # which column is whose
    assert set(types.values()) == {np.dtype(dtype)}
    x = torch.from_numpy(samples[0])
    ratio = DensityRatio(cast)(x.to(torch.from_numpy(cast.whole).dtype))
    expected = DensityRatio(found)(x)
    tolerance = 1e-3 if dtype == np.float32 else 1e-12
    torch.testing.assert_close(ratio.double(), expected, rtol=0, atol=tolerance)


def test_a_rotation_within_modes_changes_nothing(samples, monkeypatch):
    x = torch.from_numpy(samples[0])
    expected = DensityRatio(fit(*samples))(x)
    rng = np.random.default_rng(1)
    rotations = [np.linalg.qr(rng.normal(size=(k, k)))[0] for k in LAYOUT.widths]
    monkeypatch.setattr(densities, "_bases", lambda *args: rotations)
    rotated = fit(*samples)
    np.testing.assert_array_equal(rotated.components[:2, :2], rotations[0])
    torch.testing.assert_close(DensityRatio(rotated)(x), expected, rtol=0, atol=1e-8)


def test_modes_of_hundreds_of_features_are_compared_by_what_they_share():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=160)
    hidden = rng.normal(size=(160, 2)) + 3 * rng.normal(size=(3, 2))[y]
    loadings = rng.normal(size=(2, 900))
    x = hidden @ loadings + rng.normal(size=(160, 900))
    layout = ModeLayout.from_columns(
        dict(zip("abc", np.split(np.arange(900), 3), strict=True))
    )
    potential = rng.normal(size=(60, 3))
    found = fit(x[:60], y[:60], potential, layout=layout)
    assert found.components.shape == (900, 30)
    ratio, unseen = DensityRatio(found), x[60:].copy()
    usual = ratio(torch.from_numpy(unseen)).amax(1)
    unseen[:, :300] = unseen[::-1, :300]  # of another sample
    swapped = ratio(torch.from_numpy(unseen))
    assert (swapped.argmax(1) == 0).double().mean() > 0.6
    assert swapped.amax(1).median() > usual.median()
