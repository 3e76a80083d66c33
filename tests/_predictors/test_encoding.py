"""Piecewise linear encoding against slow code, and what a network may rely on."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklearn_emma._predictors.encoding import PiecewiseLinearEncoding

N_BINS = 5

matrices = arrays(np.int8, (25, 2), elements=st.integers(-20, 20)).map(lambda a: a / 4)
wild = arrays(np.float32, (8, 2), elements=st.floats(-10, 10, width=32))


def calibrated(X, weight=None, n_bins=N_BINS, dtype=torch.float64):
    X = torch.as_tensor(X).to(dtype)
    encoding = PiecewiseLinearEncoding(X.shape[1], n_bins).to(dtype)
    weight = torch.ones(len(X)) if weight is None else torch.as_tensor(weight)
    encoding.calibrate(X, weight.to(dtype))
    return encoding


def encode(encoding, X):
    """Bins of one feature after the other."""
    encoded = encoding(torch.as_tensor(X).to(encoding.slope.dtype))
    return encoded[:, 1:].transpose(1, 2).flatten(1).numpy()


def skewed(n=300, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.normal(size=n), np.exp(rng.normal(size=n)) - 1], axis=1)


# ------------------------------------------------------------------------ the values


def slow_fill(x, low, high):
    """Share of the bin from ``low`` to ``high`` that lies below ``x``."""
    return 0.0 if high == low else min(max((x - low) / (high - low), 0.0), 1.0)


def slow_encoding(X, rows):
    # The smallest value with at least k / N_BINS of the samples at or below it.
    rank = [max(-(-k * len(X) // N_BINS), 1) for k in range(N_BINS + 1)]
    edges = np.sort(X, axis=0)[np.array(rank) - 1]
    return [
        [
            slow_fill(row[j], low, high) - slow_fill(0.0, low, high)
            for j in range(X.shape[1])
            for low, high in zip(edges[:-1, j], edges[1:, j], strict=True)
        ]
        for row in rows
    ]


@given(X=matrices, rows=matrices)
def test_equals_slow_code_with_ties_and_constant_features(X, rows):
    np.testing.assert_allclose(
        encode(calibrated(X), rows), slow_encoding(X, rows), atol=1e-12
    )


def test_before_calibration_bins_are_equal():
    encoding = PiecewiseLinearEncoding(1, 4)
    actual = encode(encoding, [[-9.0], [-1.5], [0.0], [1.25], [9.0]])
    expected = [
        [-1, -1, 0, 0],
        [-0.5, -1, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 1, 0.25],
        [0, 0, 1, 1],
    ]
    np.testing.assert_allclose(actual, expected)


def test_bins_hold_equal_shares_of_the_data():
    X = skewed(1000)
    encoding = calibrated(X)
    filled = encode(encoding, X) - encode(encoding, np.full((1, 2), -1e3))
    partly = (filled > 0) & (filled < 1)
    np.testing.assert_allclose(partly.mean(axis=0), 1 / N_BINS, atol=0.005)


@given(X=matrices, rows=wild)
def test_bounded_and_0_at_0_whatever_comes(X, rows):
    for dtype in (torch.float32, torch.float64):
        encoding = calibrated(X, dtype=dtype)
        actual = encode(encoding, np.float32(10.0) ** rows)
        assert np.isfinite(actual).all() and np.abs(actual).max() <= 1
        assert not encode(encoding, np.zeros((2, 2))).any()


@given(X=arrays(np.float32, (12, 2), elements=st.floats(-4, 4, width=32)))
def test_monotone_also_where_bins_are_as_narrow_as_numbers_allow(X):
    """Subnormal widths, whose inverse is no number, included."""
    around = np.stack([np.nextafter(X, -9), X, np.nextafter(X, np.float32(9))])
    rows = np.sort(
        np.concatenate([*around, np.linspace(-5, 5, 50)[:, None] + 0 * X[:1]]), axis=0
    )
    for dtype in (torch.float32, torch.float64):
        actual = encode(calibrated(X, dtype=dtype), rows)
        assert np.isfinite(actual).all()
        assert (np.diff(actual, axis=0) >= 0).all()


@given(X=matrices, rows=wild)
def test_the_feature_itself_comes_first(X, rows):
    rows = torch.from_numpy(rows).double() * 1e6
    assert torch.equal(calibrated(X)(rows)[:, 0], rows)


@given(X=matrices, rows=matrices)
def test_modes_apart_are_the_same_as_all_at_once(X, rows):
    X, rows = (np.hstack([a, a[:, ::-1] ** 2, a]) for a in (X, rows))
    encoding, rows = calibrated(X), torch.from_numpy(rows)
    apart = encoding.by_mode(rows, (1, 0, 3, 2))
    assert [values.shape[2] for values in apart] == [1, 0, 3, 2]
    assert torch.equal(torch.cat(apart, dim=2), encoding(rows))


@given(X=matrices)
def test_continuous(X):
    encoding = calibrated(X)
    edges = X + 1e-9 * np.array([-1, 1])[:, np.newaxis, np.newaxis]
    left, right = (encode(encoding, rows) for rows in edges)
    np.testing.assert_allclose(left, right, atol=1e-7)


# --------------------------------------------------------------- samples and weights


@given(
    X=matrices,
    weight=st.lists(st.integers(0, 3), min_size=25, max_size=25).filter(any),
)
def test_a_weight_is_a_number_of_repetitions(X, weight):
    weighted = calibrated(X, np.array(weight, dtype=float))
    repeated = calibrated(np.repeat(X, weight, axis=0))
    torch.testing.assert_close(weighted.offset, repeated.offset)
    torch.testing.assert_close(weighted.slope, repeated.slope)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_row_is_encoded_by_itself_as_in_a_batch(dtype):
    encoding, rows = calibrated(skewed(), dtype=dtype), skewed(37, seed=1)
    alone = np.concatenate([encode(encoding, row[np.newaxis]) for row in rows])
    batch = encode(encoding, rows)
    assert batch.dtype == {torch.float32: "f4", torch.float64: "f8"}[dtype]
    np.testing.assert_allclose(alone, batch, rtol=1e-6, atol=1e-6)


def test_single_precision_follows_double():
    single, double = (
        calibrated(skewed(), dtype=d) for d in (torch.float32, torch.float64)
    )
    rows = skewed(50, seed=1)
    np.testing.assert_allclose(encode(single, rows), encode(double, rows), atol=1e-4)


def test_bins_are_part_of_the_state_and_learn_nothing():
    encoding = calibrated(skewed())
    assert list(encoding.parameters()) == []
    other = PiecewiseLinearEncoding(2, N_BINS).double()
    other.load_state_dict(encoding.state_dict())
    rows = skewed(10, seed=1)
    np.testing.assert_array_equal(encode(other, rows), encode(encoding, rows))
