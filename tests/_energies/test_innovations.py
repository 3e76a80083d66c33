"""Coordinates of signals that differ in length: identities and known processes."""

import numpy as np
import torch

from sklearn_emma._energies.innovations import (
    Innovations,
    fit_innovations,
    innovations,
)

RNG = np.random.default_rng(0)


def whitened(X, valid, found):
    tensors = (None if a is None else torch.from_numpy(a) for a in found)
    return innovations(torch.from_numpy(X), torch.from_numpy(valid), *tensors).numpy()


def first_order(n, length, phi=0.8):
    """Stationary signals x_t = φ x_{t−1} + e_t of variance 1."""
    X = RNG.normal(size=(n, 1, length))
    for t in range(1, length):
        X[:, :, t] = phi * X[:, :, t - 1] + np.sqrt(1 - phi**2) * X[:, :, t]
    return X


def of_lengths(lengths, longest):
    return np.arange(longest) < np.asarray(lengths)[:, np.newaxis]


def test_innovations_of_a_first_order_process_are_those_of_its_formula():
    phi, X = 0.8, first_order(4000, 30)
    valid = of_lengths(RNG.integers(5, 31, 4000), 30)
    z = whitened(X, valid, fit_innovations(X, valid, np.ones(4000), "whiten"))
    expected = X.copy()
    expected[:, :, 1:] -= phi * X[:, :, :-1]
    expected[:, :, 1:] /= np.sqrt(1 - phi**2)
    assert np.corrcoef(z[:, 0][valid], expected[:, 0][valid])[0, 1] > 0.998
    np.testing.assert_allclose(z[:, 0][valid].std(), 1.0, atol=0.01)


def test_innovations_of_two_channels_are_uncorrelated_at_every_lag():
    mix = np.array([[1.0, 0.6], [0.0, 0.8]])
    X = np.concatenate([first_order(3000, 20), first_order(3000, 20, -0.5)], axis=1)
    X = np.einsum("cd,ndl->ncl", mix, X) * [[3.0], [0.1]] + [[5.0], [-2.0]]
    valid = np.ones((3000, 20), dtype=bool)
    z = whitened(X, valid, fit_innovations(X, valid, np.ones(3000), "whiten"))
    covariance = np.cov(z.reshape(3000, -1).T)
    np.testing.assert_allclose(covariance, np.eye(40), atol=0.12)
    assert abs(covariance - np.eye(40)).mean() < 0.02


def test_their_squares_are_the_distance_of_mahalanobis_of_a_short_signal():
    X = first_order(500, 6)
    valid = np.ones((500, 6), dtype=bool)
    found = fit_innovations(X, valid, np.ones(500), "whiten")
    lower = np.linalg.inv(found.root.reshape(6, 6))
    u = (X[:, 0] - found.mean) / found.scale
    expected = np.einsum("ni,ij,nj->n", u, np.linalg.inv(lower @ lower.T), u)
    z = whitened(X, valid, found)
    np.testing.assert_allclose(np.square(z).sum(axis=(1, 2)), expected)


def test_nothing_behind_the_end_plays_a_part():
    X, valid = first_order(50, 20), of_lengths(RNG.integers(1, 21, 50), 20)
    anything = np.where(valid[:, np.newaxis], X, 1e6)
    kept = np.where(valid[:, np.newaxis], X, 0.0)
    found = fit_innovations(kept, valid, np.ones(50), "whiten")
    np.testing.assert_array_equal(
        whitened(anything, valid, found), whitened(kept, valid, found)
    )


def test_a_row_of_weight_two_is_two_rows_however_long_it_is():
    X, valid = first_order(30, 12), of_lengths(RNG.integers(2, 13, 30), 12)
    weight = RNG.integers(1, 4, 30)
    weighted = fit_innovations(X, valid, weight, "whiten")
    again = np.repeat(np.arange(30), weight)
    expected = fit_innovations(X[again], valid[again], np.ones(len(again)), "whiten")
    for one, other in zip(weighted, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)


def test_channels_are_centred_and_scaled_or_left_as_they_are():
    X, valid = 7 + 3 * RNG.normal(size=(200, 2, 9)), np.ones((200, 9), dtype=bool)
    z = whitened(X, valid, fit_innovations(X, valid, np.ones(200), "standardize"))
    np.testing.assert_allclose(z.mean(axis=(0, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=(0, 2)), 1)
    same = whitened(X, valid, fit_innovations(X, valid, np.ones(200), None))
    np.testing.assert_array_equal(same, X)


def test_what_does_not_vary_and_what_is_one_value_long_stays_finite():
    constant, valid = np.full((10, 1, 5), 3.3), np.ones((10, 5), dtype=bool)
    found = fit_innovations(constant, valid, np.ones(10), "whiten")
    np.testing.assert_allclose(whitened(constant, valid, found), 0, atol=1e-12)
    short = RNG.normal(size=(10, 2, 1))
    found = fit_innovations(short, valid[:, :1], np.ones(10), "whiten")
    assert found.root.shape == (1, 2, 1, 2)
    assert np.isfinite(whitened(short, valid[:, :1], found)).all()


def test_they_are_kept_in_another_type():
    found = Innovations(np.zeros(1), np.ones(1), None).astype(np.float32)
    assert found.mean.dtype == found.scale.dtype == np.float32 and found.root is None
