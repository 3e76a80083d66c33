"""The public potential energy of one mode: what it computes, and from what."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import sqrtm
from scipy.special import expit
from sklearn.covariance import ShrunkCovariance
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from helpers import correlated_features, same_model, small
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._statistics.normal_scores import NormalScores
from sklearn_emma.datasets import make_circle


@pytest.fixture(name="X", scope="module")
def samples():
    return correlated_features()


@pytest.fixture(scope="module")
def energy(X):
    return small().fit(X)


# ---------------------------------------------------------------- what it computes


def test_methods_agree(X, energy):
    potential = energy.transform(X)
    assert potential.shape == (120, 1)
    np.testing.assert_array_equal(energy.score_samples(X), -potential[:, 0])
    np.testing.assert_array_equal(energy.fit_transform(X), energy.transform(X))
    assert energy.reconstruct(X).shape == X.shape
    assert energy.reconstruction_error(X).shape == (120,)
    assert list(energy.get_feature_names_out()) == ["potentialenergytransformer0"]


def numerical_gradient(energy, X, step=1e-5):
    unit = step * np.eye(X.shape[1])
    rise = [energy.transform(X + e) - energy.transform(X - e) for e in unit]
    return np.hstack(rise) / (2 * step)


def moved(fitted, z):
    """r(z) = z − κ (z − b) + Wᵀ sigmoid(W z + c), by plain code."""
    W, c = fitted.components_, fitted.intercept_hidden_
    start = z - fitted.stiffness_ * (z - fitted.intercept_visible_)
    return start + expit(z @ W.T + c) @ W


@pytest.mark.parametrize("preprocessing", ["normal_scores", "whiten"])
@pytest.mark.parametrize("sigma", [0.2, 0.5])
def test_whitened_coordinates_have_the_stiffness_of_gaussian_data(
    X, preprocessing, sigma
):
    """σ² / (1 + σ²); with W = 0, Ψ is κ times half the squared Mahalanobis distance."""
    fitted = small(preprocessing=preprocessing, sigma=sigma).fit(X)
    assert fitted.stiffness_ == pytest.approx(sigma**2 / (1 + sigma**2))
    z = fitted._fitted.coordinates(X)
    fitted.components_ = np.zeros_like(fitted.components_)
    fitted.intercept_visible_ = np.zeros_like(fitted.intercept_visible_)
    expected = fitted.stiffness_ / 2 * np.square(z).sum(axis=1)
    found = fitted.transform(X)[:, 0]
    np.testing.assert_allclose(found - found[0], expected - expected[0], atol=1e-9)


@pytest.mark.parametrize("preprocessing", ["standardize", None])
def test_other_coordinates_have_the_stiffness_of_the_thesis(X, preprocessing):
    fitted = small(preprocessing=preprocessing).fit(StandardScaler().fit_transform(X))
    assert fitted.stiffness_ == 1.0 and fitted.shrinkage_ is None


def test_broken_correlation_shows_without_whitening_too():
    """Across features that are all but equal, Ψ must rise more than along them."""
    common, own = np.random.default_rng(0).normal(size=(2, 600, 1))
    X = common + 0.1 * own * [[1, -1]]
    fitted = small(preprocessing="standardize", max_iter=20).fit(X)
    noise = 0.3 * np.random.default_rng(1).normal(size=X.shape)
    energies = np.concatenate([fitted.transform(X), fitted.transform(X + noise)])
    assert roc_auc_score(np.repeat([0, 1], 600), energies[:, 0]) > 0.65


def test_gradient_is_x_minus_its_reconstruction(X):
    Z = StandardScaler().fit_transform(X)
    raw = small(preprocessing=None, n_components=6).fit(Z)
    residual = Z - raw.reconstruct(Z)
    np.testing.assert_allclose(numerical_gradient(raw, Z), residual, atol=1e-8)
    error = raw.reconstruction_error(Z)
    np.testing.assert_allclose(error, np.square(residual).sum(axis=1), rtol=1e-9)


@pytest.mark.parametrize("preprocessing", ["whiten", "standardize"])
def test_gradient_in_other_coordinates(X, preprocessing):
    """Chain rule through z = (x − mean) A: ∂Ψ/∂x = A Aᵀ (x − r(x)), in units of x."""
    Z = StandardScaler().fit_transform(X) @ [[1, 0.5, 0], [0, 2, 0], [0, 0, 1]] + 1
    fitted = small(preprocessing=preprocessing).fit(Z)
    matrix = fitted.whitening_ @ fitted.whitening_.T
    expected = (Z - fitted.reconstruct(Z)) @ matrix
    np.testing.assert_allclose(numerical_gradient(fitted, Z), expected, atol=1e-7)


def test_gradient_with_normal_scores(X):
    """The chain rule through z = (φ(x) − mean) A, each score with its own slope."""
    Z = np.exp(0.5 * StandardScaler().fit_transform(X))
    fitted = small().fit(Z)
    scores = NormalScores(*fitted.normal_scores_)
    jacobian = np.zeros((len(Z), 3, 6))
    between = np.ones(len(Z), dtype=bool)
    points = Z * 1.01 - 0.003  # none on a knot, where the slope jumps
    for j, (knots, slope) in enumerate(zip(scores.knots, scores.slope, strict=True)):
        jacobian[:, j, 2 * j] = 1
        jacobian[:, j, 2 * j + 1] = slope[np.searchsorted(knots, points[:, j])]
        between &= np.abs(points[:, j, np.newaxis] - knots).min(axis=1) > 1e-4
    assert between.sum() > 50
    z = fitted._fitted.coordinates(points)
    residual = z - moved(fitted, z)
    expected = np.einsum("njk,nk->nj", jacobian, residual @ fitted.whitening_.T)
    actual = numerical_gradient(fitted, points, step=1e-6)
    np.testing.assert_allclose(actual[between], expected[between], rtol=1e-5, atol=1e-5)
    error = fitted.reconstruction_error(points)
    np.testing.assert_allclose(error, np.square(residual).sum(axis=1), rtol=1e-9)
    # x − r(x) is the gradient of Ψ in the metric that x has from z.
    moves = jacobian @ fitted.whitening_
    metric = moves @ moves.transpose(0, 2, 1)
    step = points - fitted.reconstruct(points)
    np.testing.assert_allclose(
        np.einsum("njk,nk->nj", metric, step), expected, rtol=1e-6, atol=1e-6
    )


def test_difference_is_the_line_integral_of_the_field(X):
    Z = StandardScaler().fit_transform(X)
    raw = small(preprocessing=None).fit(Z)
    start, way = Z[0], Z[1] - Z[0]

    def slope(t):
        x = (start + t * way)[np.newaxis]
        return ((x - raw.reconstruct(x)) @ way)[0]

    integral, _ = quad(slope, 0, 1)
    rise = raw.transform(Z[1:2]) - raw.transform(Z[:1])
    assert rise.item() == pytest.approx(integral, abs=1e-7)


@pytest.mark.parametrize("preprocessing", ["whiten", "standardize", None])
def test_coordinates_and_units(X, preprocessing):
    """z = (x − mean) A by scikit-learn's tools; r(x) comes back in the units of x."""
    fitted = small(preprocessing=preprocessing, shrinkage=0.2).fit(X)
    mean, matrix = np.zeros(3), np.eye(3)
    if preprocessing is not None:
        mean, matrix = X.mean(axis=0), np.diag(1 / X.std(axis=0))
    if preprocessing == "whiten":
        shrunk = ShrunkCovariance(shrinkage=0.2, assume_centered=True)
        covariance = shrunk.fit((X - mean) @ matrix).covariance_
        matrix = matrix @ np.linalg.inv(sqrtm(covariance))
    np.testing.assert_allclose(fitted.mean_, mean, rtol=1e-9)
    np.testing.assert_allclose(fitted.whitening_, matrix, rtol=1e-7, atol=1e-9)
    reconstruction = moved(fitted, (X - mean) @ matrix)
    expected = reconstruction @ np.linalg.inv(matrix) + mean
    np.testing.assert_allclose(fitted.reconstruct(X), expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("preprocessing", "left"),
    # Of noise as large as the data, half is left where all directions are alike, less
    # where they are correlated. Noise of one size in x is of many in scores.
    [("standardize", 0.4), ("whiten", 0.6), ("normal_scores", 0.8)],
)
def test_denoising_brings_values_back(X, preprocessing, left):
    fitted = small(preprocessing=preprocessing, sigma=1.0, max_iter=60).fit(X)
    unit = np.diag(1 / X.std(axis=0))
    if preprocessing != "normal_scores":
        unit = fitted.whitening_
    noise = np.random.default_rng(1).normal(size=X.shape) @ np.linalg.inv(unit)
    before, after = (
        np.square((Y - X) @ unit).sum()
        for Y in (X + noise, fitted.reconstruct(X + noise))
    )
    assert after < left * before


@pytest.mark.parametrize("preprocessing", ["standardize", "whiten", "normal_scores"])
def test_energy_rises_with_noise(X, preprocessing):
    fitted = small(preprocessing=preprocessing, max_iter=30).fit(X)
    noise = np.random.default_rng(1).normal(size=X.shape) * X.std(axis=0)
    means = [fitted.transform(X + s * noise).mean() for s in (0, 0.3, 1, 3, 10)]
    assert np.all(np.diff(means) > 0)


def test_normal_scores_see_small_noise_in_a_skewed_feature():
    """Two sensors of one quantity; its tail has stretched the deviation."""
    rng = np.random.default_rng(0)
    train, test = np.exp(1.5 * rng.normal(size=(2, 1000, 1))) * np.ones(2)
    noise = 0.02 * train.std(axis=0) * rng.normal(size=test.shape)

    def separation(preprocessing):
        fitted = small(preprocessing=preprocessing, max_iter=20).fit(train)
        scores = fitted.transform(np.concatenate([test, test + noise]))
        return roc_auc_score(np.repeat([0, 1], len(test)), scores[:, 0])

    assert separation("normal_scores") > separation("whiten") + 0.03


# ------------------------------------------------------- the circle of experiment I


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_centre_of_the_circle(seed):
    """Trained to convergence, Ψ knows that the centre is empty; the error does not."""
    circle, _ = make_circle(n_samples=2000, random_state=0)
    centre = np.zeros((1, 2))
    fitted = PotentialEnergyTransformer(14, preprocessing=None, random_state=seed)
    fitted.fit(circle)
    assert fitted.transform(centre).item() > fitted.transform(circle).max()
    errors = fitted.reconstruction_error(circle)
    assert fitted.reconstruction_error(centre).item() < errors.max()


def test_settings_of_the_thesis():
    """K = 8, 25 epochs of Adam at 1e-3, batches of 100, σ = 0.008, X as it is."""
    circle, _ = make_circle(n_samples=2000, random_state=0)
    fitted = PotentialEnergyTransformer(
        8,
        sigma=0.008,
        preprocessing=None,
        max_iter=25,
        batch_size=100,
        lr=1e-3,
        lr_schedule="constant",
        random_state=0,
    ).fit(circle)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 25
    assert fitted.components_.shape == (8, 2)
    # It learns, and is far from done: a circle is not reconstructed in 500 steps.
    assert 0.5 < fitted.loss_curve_[-1] < 0.5 * fitted.loss_curve_[0]
    far = fitted.transform(3 * circle)
    assert np.all(far > fitted.transform(circle))


# -------------------------------------------------------------- samples and weights


@pytest.mark.parametrize("batch_size", [16, "auto"])
def test_weight_is_repetition(X, batch_size):
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    weighted = small(batch_size=batch_size).fit(X, sample_weight=weight)
    repeated = small(batch_size=batch_size).fit(np.repeat(X, weight, axis=0))
    same_model(weighted, repeated, rtol=1e-7)


def test_order_of_training_rows_does_not_matter(X, energy):
    shuffled = small().fit(X[np.random.default_rng(0).permutation(len(X))])
    same_model(shuffled, energy, rtol=1e-7)


def test_equal_weights_of_any_size_change_nothing(X):
    """Without whitening, whose shrinkage counts samples by their weight."""
    plain = small(preprocessing="standardize").fit(X)
    weighted = small(preprocessing="standardize").fit(X, sample_weight=[7.0] * len(X))
    same_model(weighted, plain, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [("f4", 1e-4), ("f8", 1e-10)])
def test_scores_of_a_row_depend_on_no_other(X, dtype, tolerance):
    X = X.astype(dtype)
    fitted = small().fit(X)
    for method in (fitted.transform, fitted.reconstruction_error, fitted.reconstruct):
        batch = method(X)
        alone = np.concatenate([method(x[np.newaxis]) for x in X])
        order = np.random.default_rng(0).permutation(len(X))
        np.testing.assert_allclose(alone, batch, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(
            method(X[order]), batch[order], rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "?"])
def test_dtype(dtype):
    X = np.random.default_rng(0).integers(0, 2, size=(40, 3)).astype(dtype)
    expected = np.dtype("f4" if dtype == "f4" else "f8")
    fitted = small().fit(X)
    outputs = [fitted.transform(X), fitted.score_samples(X), fitted.reconstruct(X)]
    learnt = [fitted.components_, fitted.mean_, fitted.whitening_]
    for array in [*outputs, fitted.reconstruction_error(X), *learnt]:
        assert array.dtype == expected
        assert np.isfinite(array).all()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_huge_values(dtype, X):
    fitted = small().fit(StandardScaler().fit_transform(X).astype(dtype))
    huge = np.array([[1e6, -1e6, 1e6], [0, 0, 0]], dtype=dtype)
    potential = fitted.transform(huge)[:, 0]
    assert np.isfinite(potential).all() and potential[0] > 1e10
    assert np.isfinite(fitted.reconstruct(huge)).all()


@pytest.mark.parametrize("preprocessing", ["normal_scores", "whiten", None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_energy_of_any_finite_value_is_finite_and_never_falls(
    dtype, preprocessing, X
):
    X = X.astype(dtype)
    energy = small(preprocessing=preprocessing).fit(X)
    for sign in (1, -1):
        broken = np.repeat(X[:1], 5, axis=0)
        broken[1:, 0] = sign * np.array([1e5, 1e15, 1e30, np.finfo(dtype).max])
        found = energy.transform(broken).ravel()
        assert np.isfinite(np.square(found)).all()
        assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize(
    "X",
    [
        np.full((20, 3), 7.0),
        np.c_[np.arange(20.0), np.full(20, 7.0)],
        np.arange(20.0)[:, np.newaxis],
        np.c_[np.arange(20.0), 2 * np.arange(20.0)],
        np.array([[0.0, 1.0], [1.0, 0.0]]),
        np.random.default_rng(0).normal(size=(10, 40)),
    ],
    ids=["constant", "one constant", "one column", "collinear", "two rows", "wide"],
)
def test_degenerate_data(X):
    fitted = small().fit(X)
    assert np.isfinite(fitted.transform(X)).all()
    assert np.isfinite(fitted.reconstruct(X)).all()
    outside = X + 100.0
    assert np.all(fitted.transform(outside) > fitted.transform(X))
