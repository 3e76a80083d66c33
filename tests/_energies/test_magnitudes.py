"""Features of any scale: the same model, in units of the features."""

import numpy as np
import pytest

from helpers import correlated_features, small
from sklearn_emma._energies.magnitudes import (
    check_usable_as_they_are,
    fit_magnitudes,
    unchanged,
)

KINDS = ["normal_scores", "whiten", "standardize"]
METHODS = ["score_samples", "reconstruct", "reconstruction_error"]
X = correlated_features()
ONES = np.ones(len(X))


def answers(fitted, values):
    return [getattr(fitted, method)(values) for method in METHODS]


# ------------------------------------------------------------------------- the units


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_usual_features_are_used_as_they_are(dtype):
    values = X.astype(dtype)
    fitted = fit_magnitudes(values, ONES)
    np.testing.assert_array_equal(fitted.offset, 0)
    np.testing.assert_array_equal(fitted.scale, 1)
    np.testing.assert_array_equal(fitted(values), values)
    np.testing.assert_array_equal(fitted.undo(values), values)


@pytest.mark.parametrize(
    ("dtype", "powers"),
    [(np.float32, (-149, -60, 60, 127)), (np.float64, (-1074, -600, 600, 1023))],
)
def test_others_are_divided_by_a_power_of_two_that_leaves_them_near_1(dtype, powers):
    values = np.ldexp(np.array([[1.0], [-1.0]], dtype=dtype), powers)
    fitted = fit_magnitudes(values, np.ones(2))
    np.testing.assert_array_equal(fitted.offset, 0)
    np.testing.assert_array_equal(fitted.scale, np.ldexp(1.0, powers))
    assert fitted(values).dtype == dtype
    np.testing.assert_array_equal(fitted(values), [[1.0] * 4, [-1.0] * 4])
    np.testing.assert_array_equal(fitted.undo(fitted(values)), values)


def test_a_feature_that_does_not_vary_is_0_and_its_size_is_its_unit():
    values = np.array([[3.0, 0.0, -1e300, 0.1]]).repeat(5, axis=0)
    values[:3, 3] *= 1 + np.finfo(float).eps
    fitted = fit_magnitudes(values, np.ones(5))
    np.testing.assert_array_equal(fitted(values), 0)
    np.testing.assert_allclose(fitted.scale, [3, 1, 1e300, 0.1])
    others = values[:1] * 3 + [[0, 7, 0, 0]]
    np.testing.assert_allclose(fitted(others)[0], [2, 7, -2, 2])
    np.testing.assert_allclose(fitted.undo(fitted(others)), others)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_unlike_any_seen_keep_their_side_and_can_be_multiplied(dtype):
    fitted = unchanged(1)
    largest = np.finfo(dtype).max
    low, high = fitted(np.array([[-largest], [largest]], dtype=dtype)).ravel()
    assert low == -high and 1e18 < high < largest / 1e17
    twice = fitted._replace(scale=np.array([2.0]))
    assert twice.undo(np.full((1, 1), largest, dtype=dtype)) == largest


# ------------------------------------------------------------------------- the model


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", [-1000, 1, 1000])
def test_a_power_of_two_changes_no_bit(kind, power):
    plain = small(preprocessing=kind).fit(X)
    scaled = small(preprocessing=kind).fit(np.ldexp(X, power))
    found, expected = answers(scaled, np.ldexp(X, power)), answers(plain, X)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[2], expected[2])
    # Where coordinates are undone, which pivot is largest depends on the scale.
    np.testing.assert_allclose(np.ldexp(found[1], -power), expected[1], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factor", [1e-316, 1e-300, 1e300])
def test_any_scale_gives_the_same_model(kind, factor):
    plain = small(preprocessing=kind).fit(X)
    scaled = small(preprocessing=kind).fit(X * factor)
    tol = 1e-6 if factor > 1e-310 else 1e-2  # subnormal numbers have few digits
    found, expected = answers(scaled, X * factor), answers(plain, X)
    found[1] = found[1] / factor
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", [-90, 110])
def test_so_it_does_in_single_precision(kind, power):
    values = X.astype("f4")
    plain = small(preprocessing=kind).fit(values)
    scaled = small(preprocessing=kind).fit(np.ldexp(values, power))
    found = answers(scaled, np.ldexp(values, power))
    found[1] = np.ldexp(found[1], -power)
    for a, b in zip(found, answers(plain, values), strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_of_a_feature_that_does_not_vary_plays_no_part(kind):
    rows = np.random.default_rng(0).integers(-2, 3, size=len(X))
    eps = np.finfo(float).eps
    columns = 0 * ONES, 3 * ONES, 1e300 * ONES, -0.1 * (1 + eps * rows)
    scores = []
    for column in columns:
        values = np.c_[X, column]
        fitted = small(preprocessing=kind).fit(values)
        scores.append(fitted.score_samples(values))
        assert np.isfinite(fitted.reconstruct(values)).all()
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_value_that_dwarfs_the_others_leaves_all_answers_finite(kind, dtype):
    values = X.astype(dtype)
    values[5, 0] = np.finfo(dtype).max / 8
    fitted = small(preprocessing=kind).fit(values)
    for answer in answers(fitted, values):
        assert np.isfinite(answer).all()


@pytest.mark.parametrize("kind", [*KINDS, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_answers_to_values_unlike_any_seen_are_finite(kind, dtype):
    fitted = small(preprocessing=kind, max_iter=1).fit(X.astype(dtype))
    far = np.zeros((3, X.shape[1]), dtype=dtype)
    far[0], far[1, 0], far[2, 1:] = (np.finfo(dtype).max * np.array([1, -1, 1])).astype(
        dtype
    )
    for answer in answers(fitted, far):
        assert np.isfinite(answer).all()
    assert (fitted.score_samples(far) < fitted.score_samples(X).min()).all()


def test_energies_of_values_as_they_are_must_fit_into_their_type():
    values = X.copy()
    check_usable_as_they_are(values)
    values[3, 1] = 1e150
    with pytest.raises(ValueError, match=r"preprocessing=None .* value is 1e\+150"):
        small(preprocessing=None).fit(values)
    with pytest.raises(ValueError, match="float32"):
        small(preprocessing=None).fit((X * 1e20).astype("f4"))
