"""Energies of encoders: what their decoders lose, and what codes cost."""

import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import (
    NMF,
    PCA,
    DictionaryLearning,
    FastICA,
    KernelPCA,
)
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_emma.energies import ReconstructionEnergy


@pytest.fixture(name="X", scope="module")
def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(80, 2)) @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(
        size=(80, 5)
    )


def test_that_of_a_pca_is_half_the_squared_distance_from_its_plane(X):
    energy = ReconstructionEnergy(PCA(2)).fit(X)
    centred = X - X.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    expected = 0.5 * np.square(centred @ axes[2:].T).sum(axis=1)
    np.testing.assert_allclose(-energy.score_samples(X), expected, atol=1e-12)


def test_it_rises_across_the_plane_and_not_along_it(X):
    energy = ReconstructionEnergy(PCA(2)).fit(X)
    along, across = energy.estimator_.components_[0], np.linalg.svd(X)[2][-1]
    mean = X.mean(axis=0)
    found = -energy.score_samples([mean + 50 * along, mean + across])
    assert found[0] < 1e-12
    assert found[1] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    "estimator",
    [
        FastICA(2, random_state=0, max_iter=1000),
        KernelPCA(3, kernel="rbf", fit_inverse_transform=True),
        make_pipeline(MinMaxScaler(clip=True), NMF(2, init="nndsvd", max_iter=2000)),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_it_is_half_the_squared_error_of_any_encoder(X, estimator):
    energy = ReconstructionEnergy(estimator).fit(X)
    encoder, rows = energy.estimator_, X[:5]
    decoded = encoder.inverse_transform(encoder.transform(rows))
    for x, back, score in zip(rows, decoded, energy.score_samples(rows), strict=True):
        expected = 0.5 * sum((a - b) ** 2 for a, b in zip(x, back, strict=True))
        assert -score == pytest.approx(expected, abs=1e-12)


def test_the_default_keeps_most_of_the_variance(X):
    energy = ReconstructionEnergy().fit(X)
    assert 1 <= energy.estimator_.n_components_ < 5
    assert 0.9 <= energy.estimator_.explained_variance_ratio_.sum() < 1


@pytest.fixture(scope="module")
def sparse(X):
    coder = DictionaryLearning(
        6,
        alpha=0.3,
        transform_algorithm="lasso_lars",
        transform_alpha=0.3,
        max_iter=10,
        random_state=0,
    )
    return ReconstructionEnergy(coder, penalty=0.3).fit(X)


def test_that_of_a_sparse_code_is_the_least_of_all_codes(X, sparse):
    atoms, code = sparse.estimator_.components_, sparse.estimator_.transform(X)
    found = -sparse.score_samples(X)
    rng = np.random.default_rng(1)
    for size in (1e-3, 0.1, 1.0):
        other = code + size * rng.normal(size=code.shape)
        loss = 0.5 * np.square(X - other @ atoms).sum(axis=1)
        assert (found <= loss + 0.3 * np.abs(other).sum(axis=1) + 1e-9).all()


def test_a_sparse_code_meets_the_conditions_of_optimality(X, sparse):
    """|D (x − Dᵀz)| ≤ α for each atom, with the sign of z where z is not 0."""
    atoms, code = sparse.estimator_.components_, sparse.estimator_.transform(X)
    pull = (X - code @ atoms) @ atoms.T
    assert (np.abs(pull) <= 0.3 + 1e-6).all()
    used = np.abs(code) > 1e-6
    assert used.any() and not used.all()
    np.testing.assert_allclose(pull[used], 0.3 * np.sign(code[used]), atol=1e-6)


def test_codes_cannot_be_made_short_by_long_atoms(X):
    """Sources of variance 1 that are mixed into signals of a larger one."""
    with pytest.raises(ValueError, match=r"longer than 1.*FastICA.*penalty=0"):
        ReconstructionEnergy(FastICA(2, random_state=0), penalty=0.1).fit(3 * X)
    long = make_pipeline(MinMaxScaler(), PCA(2))  # has no components of its own
    assert ReconstructionEnergy(long, penalty=0.1).fit(X).n_features_in_ == 5
    assert ReconstructionEnergy(PCA(2), penalty=0.1).fit(X).n_features_in_ == 5


class Shorter(BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X

    def inverse_transform(self, X):
        return X[:, 1:]


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (KernelPCA(2), NotFittedError, "fit_inverse_transform"),
        (Shorter(), ValueError, r"\(2, 5\).*Shorter\(\).*\(2, 4\)"),
    ],
)
def test_what_cannot_decode_is_found_in_fit(X, estimator, error, message):
    energy = ReconstructionEnergy(estimator)
    with pytest.raises(error, match=message) as caught:
        energy.fit(X)
    assert re.search("`estimator`, .*, was tried", caught.value.__notes__[0])
    assert not hasattr(energy, "estimator_")


def test_an_estimator_without_an_inverse_is_refused(X):
    with pytest.raises(ValueError, match="'inverse_transform'"):
        ReconstructionEnergy(BaseEstimator()).fit(X)
