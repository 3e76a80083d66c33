"""Coordinates of an autoencoder against scikit-learn and plain statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import oas, shrunk_covariance

from sklearn_emma._energies import coordinates as module
from sklearn_emma._energies.coordinates import fit_coordinates, fit_shrinkage

KINDS = [None, "standardize", "whiten", "normal_scores"]


def correlated(n, d, seed=0, mixing=1.0):
    rng = np.random.default_rng(seed)
    mix = np.eye(d) + mixing * rng.normal(size=(d, d))
    return 3 + rng.normal(size=(n, d)) @ mix


def coordinates(X, weight=None, kind="whiten"):
    return fit_coordinates(X, weight, kind).values


def test_no_preprocessing_leaves_values_as_they_are():
    X = correlated(5, 3)
    np.testing.assert_array_equal(coordinates(X, kind=None), X)


def test_standardised_features_have_unit_variance_and_keep_their_correlation():
    X = correlated(50, 3)
    z = coordinates(X, kind="standardize")
    np.testing.assert_allclose(z, (X - X.mean(0)) / X.std(0))


def test_whitened_features_have_identity_covariance_where_samples_are_many():
    covariance = np.cov(coordinates(correlated(20_000, 4)), rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(4), atol=0.02)


def test_normal_scores_are_whitened_together_with_the_features():
    X = np.exp(correlated(300, 2, mixing=0.3))
    fitted = fit_coordinates(X, None, "normal_scores").coordinates
    features = fitted.features(X)
    np.testing.assert_array_equal(features[:, ::2], X)
    for column, score, knots, base in zip(
        X.T, features[:, 1::2].T, fitted.scores.knots, fitted.scores.base, strict=True
    ):
        inside = (column >= knots[0]) & (column <= knots[-1])
        assert 280 < inside.sum() < 300
        expected = np.interp(column[inside], knots, base[1:])
        np.testing.assert_allclose(score[inside], expected)
    whitened = fit_coordinates(features, None, "whiten").coordinates
    np.testing.assert_allclose(fitted.mean, whitened.mean)
    np.testing.assert_allclose(fitted.matrix, whitened.matrix)
    np.testing.assert_allclose(fitted(X), whitened(features))


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_pulled_back_changes_the_coordinates_by_the_step(kind):
    """Exactly where there are as many as features; else as near as any change does."""
    X = np.exp(correlated(40, 3, mixing=0.3))
    fitted = fit_coordinates(X, None, kind).coordinates
    points = X[:10] * 1.001 + 1e-3
    wanted = 1e-9 * np.random.default_rng(0).normal(size=fitted(points).shape)
    change = fitted.pull_back(points, wanted)
    assert change.shape == points.shape
    residual = fitted(points + change) - fitted(points) - wanted
    if kind != "normal_scores":
        np.testing.assert_allclose(residual, 0, atol=1e-14)
    for other in 1e-10 * np.random.default_rng(1).normal(size=(20, *points.shape)):
        elsewhere = fitted(points + change + other) - fitted(points) - wanted
        nearer = np.linalg.norm(residual, axis=1) - np.linalg.norm(elsewhere, axis=1)
        assert (nearer < 1e-13).all()
    alone = [fitted.pull_back(points[[i]], wanted[[i]])[0] for i in range(10)]
    np.testing.assert_allclose(alone, change, rtol=1e-6)


def test_a_step_is_pulled_back_also_beside_a_steep_feature():
    """Values that lie close together make a slope that would drown the others."""
    rng = np.random.default_rng(0)
    close = np.where(np.arange(200) % 2, rng.normal(size=200), 1e-7 * np.arange(200))
    X = np.stack([close, rng.normal(size=200)], axis=1).astype(np.float32)
    fitted = fit_coordinates(X, None, "normal_scores").coordinates
    points = X[[20, 40, 60]]
    wanted = fitted.matrix[2] * np.ones((3, 1), np.float32)  # x_2 rises by 1
    slope = fitted._slopes(points)
    assert slope[:, 0].min() > 1e4
    wanted = wanted + slope[:, [1]] * fitted.matrix[3]
    change = fitted.pull_back(points, wanted)
    assert change.dtype == np.float32
    np.testing.assert_allclose(change[:, 1], 1, rtol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_that_are_read_only_or_in_another_order(kind):
    X = correlated(30, 3)
    fitted = fit_coordinates(X, None, kind).coordinates
    expected = fitted(X)
    read_only = X.copy()
    read_only.setflags(write=False)
    for same in (read_only, np.asfortranarray(X), X[::-1].copy()[::-1]):
        np.testing.assert_array_equal(fitted.features(same), fitted.features(X))
        np.testing.assert_allclose(fitted(same), expected, rtol=1e-12, atol=1e-12)
        again = fit_coordinates(same, None, kind).coordinates
        np.testing.assert_allclose(again.matrix, fitted.matrix, rtol=1e-9, atol=1e-9)


def test_real_features_are_whitened(htru2):
    X = htru2[0].to_numpy()[:, :4]
    before = np.corrcoef(X, rowvar=False) - np.eye(4)
    covariance = np.cov(coordinates(X), rowvar=False)
    assert np.abs(before).max() > 0.9
    np.testing.assert_allclose(covariance, np.eye(4), atol=0.02)


@pytest.mark.parametrize("n", [8, 500])
def test_whitening_follows_standardisation(n):
    """A = diag(1/scale) S^(-1/2), with the shrunk covariance S of scikit-learn."""
    X = correlated(n, 3)
    scale = X.std(axis=0)
    covariance, _ = oas((X - X.mean(axis=0)) / scale, assume_centered=True)
    matrix = fit_coordinates(X, None, "whiten").coordinates.matrix
    expected = np.linalg.inv(covariance) / np.outer(scale, scale)
    np.testing.assert_allclose(matrix @ matrix.T, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("kind", ["whiten", "normal_scores"])
@pytest.mark.parametrize("share", [1e-3, 0.3, 1.0])
def test_a_share_that_is_given_is_that_of_the_identity(kind, share):
    X = np.exp(correlated(60, 3, mixing=0.2))
    fitted = fit_coordinates(X, None, kind, share).coordinates
    features = fitted.features(X)
    scale = features.std(axis=0)
    covariance = np.cov((features - features.mean(0)) / scale, rowvar=False, ddof=0)
    expected = np.linalg.inv(shrunk_covariance(covariance, share))
    expected /= np.outer(scale, scale)
    found = fitted.matrix @ fitted.matrix.T
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", [None, "standardize"])
def test_without_whitening_a_share_plays_no_part(kind):
    X = correlated(60, 3)
    plain, shrunk = (
        fit_coordinates(X, None, kind, share).coordinates for share in (None, 0.5)
    )
    np.testing.assert_array_equal(shrunk.matrix, plain.matrix)


# --------------------------------------------------------- what held-out rows recommend


@pytest.fixture
def asked(monkeypatch):
    """What held-out rows are asked about: clean and noisy coordinates, weights."""
    found = []

    def choose(*args):
        found.append(args)
        return 0.25

    monkeypatch.setattr(module, "choose_shrinkage", choose)
    return found


@pytest.mark.parametrize("kind", ["whiten", "normal_scores"])
def test_rows_are_compared_with_themselves_with_noise_of_each_feature(asked, kind):
    """Noise is added to features, before their scores: a fraction of each spread."""
    X = np.exp(correlated(4000, 3, mixing=0.2)) * [1, 50, 0.01]
    weight = np.random.default_rng(0).uniform(0.5, 2, size=4000)
    assert fit_shrinkage(X, weight, kind, seed=5) == 0.25
    ((clean, noisy, counts),) = asked
    np.testing.assert_array_equal(counts, weight)
    mean, spread = (np.average(a, axis=0, weights=weight) for a in (clean, clean**2))
    np.testing.assert_allclose(mean, 0, atol=1e-9)
    np.testing.assert_allclose(spread, 1)
    features = slice(None, None, 2 if kind == "normal_scores" else 1)
    for size, z in zip((0.25, 0.5), noisy, strict=True):
        difference = (z - clean)[:, features]
        np.testing.assert_allclose(difference.std(axis=0), size, rtol=0.05)
        np.testing.assert_allclose(difference.mean(axis=0), 0, atol=0.03)
        if kind == "normal_scores":  # the score of the noisy value, and of no other
            alone = fit_coordinates(X, weight, kind).coordinates
            deviation = np.sqrt(
                np.cov(X, rowvar=False, aweights=weight, ddof=0).diagonal()
            )
            values = X + difference * deviation
            expected = alone.features(values)[:, 1::2] - alone.features(X)[:, 1::2]
            scale = np.sqrt(
                np.cov(
                    alone.features(X)[:, 1::2], rowvar=False, aweights=weight, ddof=0
                )
            ).diagonal()
            np.testing.assert_allclose(
                (z - clean)[:, 1::2], expected / scale, atol=1e-6
            )


def test_the_seed_alone_decides_the_noise(asked):
    X = correlated(50, 3)
    for seed in (0, 0, 1):
        fit_shrinkage(X, np.ones(50), "whiten", seed)
    first, again, other = (noisy[0] for _, noisy, _ in asked)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["whiten", "normal_scores"])
def test_rows_of_weight_0_and_the_type_change_no_recommendation(kind, dtype):
    X = np.exp(correlated(80, 3, mixing=0.2)).astype(dtype)
    weight = (np.arange(80) % 4 > 0).astype(dtype)
    spoilt = np.where(weight[:, np.newaxis] > 0, X, 1e3).astype(dtype)
    found = fit_shrinkage(X, weight, kind, 0)
    assert 0 < found <= 1
    assert fit_shrinkage(spoilt, weight, kind, 0) == found


@pytest.mark.parametrize("constant", [[0], [0, 1, 2]])
@pytest.mark.parametrize("kind", ["whiten", "normal_scores"])
def test_constant_features_get_a_recommendation_too(constant, kind):
    X = correlated(60, 3)
    X[:, constant] = 7.0
    assert 0 < fit_shrinkage(X, np.ones(60), kind, 0) <= 1


@given(
    weight=st.lists(st.integers(0, 4), min_size=12, max_size=12).filter(
        lambda counts: sum(map(bool, counts)) > 3
    )
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_is_a_number_of_repetitions(kind, weight):
    X = correlated(12, 3)
    weighted = fit_coordinates(X, np.array(weight, dtype=float), kind).coordinates
    repeated = fit_coordinates(np.repeat(X, weight, axis=0), None, kind).coordinates
    assert (weighted.scores is None) == (kind != "normal_scores")
    for a, b in zip(
        (*weighted[:2], *(weighted.scores or ())),
        (*repeated[:2], *(repeated.scores or ())),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1 / 40])
@pytest.mark.parametrize("kind", ["whiten", "normal_scores"])
def test_weights_that_are_shares_are_not_few_samples(kind, scale):
    X = correlated(40, 3)
    plain = fit_coordinates(X, None, kind).coordinates
    shares = fit_coordinates(X, np.full(40, scale), kind).coordinates
    np.testing.assert_allclose(shares.matrix, plain.matrix, rtol=1e-9)
    # And nothing but how many they are is read from their scale.
    weight = np.random.default_rng(0).uniform(0.1, 1.0, size=40)
    weight[::7] = 0
    one, other = (
        fit_coordinates(X, c * weight, kind).coordinates for c in (1.0, scale)
    )
    np.testing.assert_allclose(other.matrix, one.matrix, rtol=1e-9)
    kept = weight > 0
    without = fit_coordinates(X[kept], scale * weight[kept], kind).coordinates
    np.testing.assert_allclose(without.matrix, one.matrix, rtol=1e-9)


@pytest.mark.parametrize("constant", [[0], [1, 2], [0, 1, 2]])
@pytest.mark.parametrize("kind", KINDS)
def test_constant_features_are_no_problem(constant, kind):
    X = correlated(40, 3)
    X[:, constant] = 7.0
    fitted = fit_coordinates(X, None, kind).coordinates
    assert np.isfinite(fitted.mean).all() and np.isfinite(fitted.matrix).all()
    if kind is None:
        return
    z = fitted(X)
    if kind == "normal_scores":  # two coordinates for each feature
        constant = [j for i in constant for j in (2 * i, 2 * i + 1)]
    varying = [i for i in range(z.shape[1]) if i not in constant]
    np.testing.assert_allclose(z[:, constant], 0, atol=1e-9)
    if kind == "normal_scores":
        # A feature and its score all but determine each other here, so that shrinkage
        # leaves their difference less than unit variance.
        np.testing.assert_array_less(0, z[:, varying].std(0))
        np.testing.assert_array_less(z[:, varying].std(0), 1.2)
    else:
        np.testing.assert_allclose(z[:, varying].std(0), 1, rtol=0.2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["standardize", "whiten", "normal_scores"])
def test_a_feature_constant_but_for_rounding_keeps_its_unit(kind, dtype):
    """Its mean is off by a rounding error, which is no standard deviation."""
    X = np.full((30, 1), 7.3, dtype=dtype)
    weight = np.random.default_rng(0).uniform(0.1, 3.0, size=30).astype(dtype)
    fitted = fit_coordinates(X, weight, kind).coordinates
    step = fitted(X + dtype(1)) - fitted(X)
    np.testing.assert_allclose(
        np.linalg.norm(step, axis=1) ** 2, step.shape[1], rtol=1e-5
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["whiten", "normal_scores"])
def test_fewer_samples_than_features(kind, dtype):
    X = correlated(5, 30).astype(dtype)
    fitted = fit_coordinates(X, None, kind).coordinates
    for learnt in (fitted.mean, fitted.matrix, *(fitted.scores or ())):
        assert learnt.dtype == dtype
    other = fitted(correlated(200, 30, seed=1).astype(dtype))
    assert other.dtype == dtype and np.isfinite(other).all()
    # Directions that no sample has shown are not blown up.
    scale = fitted.features(X).std(axis=0)[:, None]
    assert np.linalg.norm(fitted.matrix * scale, 2) < 10


def test_equal_samples_leave_no_direction_to_scale():
    mean, matrix, _ = fit_coordinates(np.full((5, 3), 2.0), None, "whiten").coordinates
    np.testing.assert_array_equal(mean, [2, 2, 2])
    np.testing.assert_allclose(matrix, np.eye(3))
