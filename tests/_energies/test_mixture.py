"""Mixtures of Gaussians as energies, by themselves and several in one module."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

import helpers
from sklearn_emma import EMMAClassifier
from sklearn_emma.energies import MixtureEnergy


def ring(n, seed=0, scale=(1.0, 1.0), offset=(0.0, 0.0)):
    """Rows on a noisy circle of radius 3, whose mean is where no row is."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    points = 3 * np.column_stack([np.cos(angle), np.sin(angle)])
    return (points + 0.2 * rng.normal(size=(n, 2))) * scale + offset


@pytest.mark.parametrize("k", [1, 3])
def test_it_is_minus_the_log_density_of_standardised_features(k):
    X = ring(300, scale=(10.0, 0.01), offset=(5.0, -2.0))
    energy = MixtureEnergy(k, random_state=0).fit(X)
    np.testing.assert_allclose(energy.offset_, X.mean(axis=0))
    np.testing.assert_allclose(energy.scale_, X.std(axis=0))
    u = (X - energy.offset_) / energy.scale_
    parts = zip(energy.weights_, energy.means_, energy.covariances_, strict=True)
    density = sum(w * multivariate_normal(m, c).pdf(u) for w, m, c in parts)
    np.testing.assert_allclose(energy.score_samples(X), np.log(density))
    assert energy.score_samples(X).mean() == pytest.approx(
        energy.lower_bound_, abs=0.01
    )


def test_the_scale_of_features_plays_no_part():
    X = ring(200)
    plain = MixtureEnergy(random_state=0).fit(X)
    for scale in (1e-150, 1e150):
        other = MixtureEnergy(random_state=0).fit(X * scale)
        np.testing.assert_allclose(
            other.score_samples(X * scale), plain.score_samples(X), rtol=1e-6
        )


def test_the_mean_of_a_ring_is_as_unlikely_as_noise():
    energy = MixtureEnergy(random_state=0).fit(ring(1000))
    usual = energy.score_samples(ring(1000, seed=1))
    middle, outside = energy.score_samples([[0.0, 0.0], [6.0, 6.0]])
    assert max(middle, outside) < np.quantile(usual, 0.01)


@pytest.mark.parametrize(
    ("n", "given", "found"),
    [
        (1000, "auto", 8),
        (999, "auto", 4),
        (39, "auto", 3),
        (9, "auto", 1),
        (1000, 20, 20),
        (45, 20, 20),
    ],
)
def test_the_number_of_components_goes_with_that_of_samples(n, given, found):
    energy = MixtureEnergy(given).fit(ring(n))
    assert energy.n_components_ == len(energy.weights_) == found
    half = n // 2 + n % 2
    counts = np.where(np.arange(half) < n // 2, 2, 1)
    twice = MixtureEnergy(given).fit(ring(half), sample_weight=counts)
    assert len(twice.weights_) == found


def test_a_feature_of_few_values_is_unusual_between_them():
    X = np.repeat([[0.0], [1.0], [1.0]], 400, axis=0)
    energy = MixtureEnergy(random_state=0).fit(X)
    zero, one, between = energy.score_samples([[0.0], [1.0], [0.5]])
    assert len(energy.weights_) == 2
    assert zero < one and between < zero - 5


def test_a_row_of_weight_two_is_two_rows_and_one_of_zero_is_none():
    X = ring(150)
    counts = np.random.default_rng(1).integers(0, 3, size=150)
    weighted = MixtureEnergy(random_state=0).fit(X, sample_weight=counts)
    repeated = MixtureEnergy(random_state=0).fit(np.repeat(X, counts, axis=0))
    np.testing.assert_allclose(
        weighted.score_samples(X), repeated.score_samples(X), rtol=1e-8
    )


def test_a_feature_that_does_not_vary_tells_what_differs():
    X = np.column_stack([ring(100)[:, 0], np.full(100, 7.0)])
    energy = MixtureEnergy(random_state=0).fit(X)
    usual, unusual = energy.score_samples([[3.0, 7.0], [3.0, 20.0]])
    assert np.isfinite([usual, unusual]).all() and usual > unusual


def test_however_far_off_a_row_is_its_energy_is_finite():
    energy = MixtureEnergy(random_state=0).fit(ring(100))
    scores = energy.score_samples([[1e300, -1e300], [1e9, 0.0], [3.0, 0.0]])
    assert np.isfinite(scores).all() and scores[0] <= scores[1] < scores[2]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_components": 0}, "'n_components'"),
        ({"reg_covar": 1e-11}, "'reg_covar'"),
        ({"max_iter": 0}, "'max_iter'"),
        ({"tol": -1.0}, "'tol'"),
    ],
)
def test_bad_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        MixtureEnergy(**params).fit(ring(20))


# ------------------------------------------------------------------ several as one


def test_in_a_classifier_there_are_no_more_components_than_distinct_values():
    X = np.random.default_rng(0).normal(size=(150, 6))
    X[:, 5] = X[:, 5] > 0
    modes = {"a": [0, 1, 2], "b": [3, 4], "c": [5]}
    clf = EMMAClassifier(modes, max_iter=1, pretraining_max_iter=1, random_state=0)
    clf.fit(X, X[:, 0] > 0)
    assert [e.n_components_ for e in clf.energies_.values()] == [4, 4, 2]


def test_fitted_together_they_are_as_each_by_itself():
    X = np.random.default_rng(0).gamma(2.0, size=(60, 6))
    modes = [[4], [0, 3], [5, 1, 2]]
    weights = [np.ones(60) for _ in modes]
    weights[1][:20] = 0.0
    together = [MixtureEnergy(k, random_state=0) for k in (1, 2, 4)]
    MixtureEnergy._fit_together(together, [X[:, c] for c in modes], weights)
    for mode, (one, columns) in enumerate(zip(together, modes, strict=True)):
        alone = MixtureEnergy(one.n_components, random_state=0)
        rows = X[weights[mode] > 0][:, columns]
        alone._fit_rows(rows, np.ones(len(rows)))
        np.testing.assert_allclose(
            one.score_samples(X[:, columns]), alone.score_samples(X[:, columns])
        )


def test_narrow_modes_are_mixtures_and_the_classifier_is_one_torch_module():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 11))
    modes = {"two": [0, 1], "five": range(2, 7), "also": range(7, 11)}
    clf = EMMAClassifier(modes, max_iter=2, pretraining_max_iter=2, random_state=0)
    clf.fit(X, X[:, 0] > 0)
    assert {type(e) for e in clf.energies_.values()} == {MixtureEnergy}
    lost = X.copy()
    lost[:20, 2:7] = np.nan
    proba, attention = torch.export.export(
        clf.to_torch(), (torch.from_numpy(lost),)
    ).module()(torch.from_numpy(lost))
    np.testing.assert_allclose(proba, clf.predict_proba(lost), atol=1e-6)
    np.testing.assert_allclose(attention, clf.attention(lost), atol=1e-6)


def test_a_classifier_shows_its_progress_whatever_its_energies_show(capsys):
    X = np.random.default_rng(0).normal(size=(60, 10))
    modes = {"narrow": [0, 1], "wide": range(2, 10)}
    params = {"max_iter": 2, "pretraining_max_iter": 2, "random_state": 0}
    EMMAClassifier(modes, verbose=1, **params).fit(X, X[:, 0] > 0)
    assert "attention" in capsys.readouterr().err


def test_of_a_mode_at_its_mean_little_passes_where_no_row_is():
    X = np.hstack([ring(600), ring(600, seed=1)])
    y = (X[:, 0] * X[:, 2] > 0).astype(int)
    modes = {"a": [0, 1], "b": [2, 3]}
    model = helpers.quick(modes=modes, energy_estimator=None, epochs=15).fit(X, y)
    new = np.hstack([ring(300, seed=2), ring(300, seed=3)])
    stuck = new.copy()
    stuck[:, :2] = X[:, :2].mean(axis=0)
    clean = model.attention(new)[:, 0]
    assert model.attention(stuck)[:, 0].mean() < np.quantile(clean, 0.05)
