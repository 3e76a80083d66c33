"""Failures in service do to a mode what they are said to do."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import loguniform, norm, uniform

from helpers import LAYOUT, corrupted_by, generator, normal_values, p_value
from sklearn_emma.corruption import (
    Clipping,
    DeadColumns,
    FrozenMode,
    ModeLayout,
    Sentinel,
    Shift,
    fail_modes,
)

WIDE = ModeLayout.from_columns({"one": range(40), "two": range(40, 50)})


def test_a_frozen_mode_repeats_the_row_before_the_failure():
    x = normal_values(7)
    expected = x[[6, 6, 6, 2, 2, 2, 5]]
    assert torch.equal(corrupted_by(FrozenMode(3), x), expected)


def test_a_mode_frozen_for_one_row_repeats_the_row_before():
    x = normal_values(5)
    assert torch.equal(corrupted_by(FrozenMode(1), x), x.roll(1, 0))


def test_a_mode_frozen_for_longer_than_there_are_rows_repeats_the_last():
    x = normal_values(5)
    assert torch.equal(corrupted_by(FrozenMode(100), x), x[[4] * 5])


def test_a_value_that_is_missing_stays_missing_while_frozen():
    x = normal_values(4)
    x[1, 2] = math.nan
    missing = corrupted_by(FrozenMode(2), x).isnan()
    assert missing.nonzero().tolist() == [[2, 2], [3, 2]]


def test_a_sentinel_is_far_away_on_one_side_of_the_mode():
    result = corrupted_by(Sentinel(5.0, 100.0), normal_values())
    assert p_value(result.abs(), loguniform(5, 100)) > 0.01
    sign = result.sign()
    assert torch.equal(sign, LAYOUT.spread(sign[:, [0, 3, 5]]))
    assert np.abs(np.corrcoef(sign[:, [0, 3, 5]].T) - np.eye(3)).max() < 0.06
    assert abs(float(sign.mean())) < 0.05


def test_a_sentinel_of_one_distance():
    assert (
        corrupted_by(Sentinel(8.0, 8.0), normal_values())
        .abs()
        .allclose(torch.tensor(8.0, dtype=torch.float64))
    )


def test_clipped_values_are_at_the_limit_and_others_as_they_were():
    x = normal_values()
    x[0, 0] = math.nan
    expected = np.clip(x.numpy(), -0.7, 0.7)
    np.testing.assert_array_equal(corrupted_by(Clipping(0.7), x), expected)


def test_a_shift_is_one_offset_a_feature():
    layout = ModeLayout.from_columns({"all": range(3000)})
    x = torch.randn(4, 3000, generator=generator(9), dtype=torch.float64)
    offsets = Shift(0.5).corrupt(x, layout, generator()) - x
    torch.testing.assert_close(offsets, offsets[:1].expand_as(offsets))
    assert p_value(offsets[0], norm(scale=0.5)) > 0.01


@pytest.mark.parametrize(
    ("fraction", "n_dead"), [(0.0, (1, 1)), (0.3, (12, 3)), (1.0, (40, 10))]
)
def test_dead_columns_are_a_run_that_reads_one_value(fraction, n_dead):
    x = torch.randn(3000, 50, generator=generator(9), dtype=torch.float64)
    result = DeadColumns(fraction, bound=2.0).corrupt(x, WIDE, generator())
    for columns, n in zip(WIDE.slices, n_dead, strict=True):
        dead = (result != x)[:, columns]
        assert (dead.sum(1) == n).all()
        first = dead.int().argmax(1)
        assert dead[torch.arange(3000), first + n - 1].all(), "side by side"
        assert first.unique().tolist() == list(range(dead.shape[1] - n + 1))
        values = result[:, columns][dead].reshape(3000, n)
        assert (values == values[:, :1]).all()
        assert p_value(values[:, 0], uniform(-2, 4)) > 0.01


@pytest.mark.parametrize(
    ("fault", "allowed"),
    [
        (FrozenMode(0), r"'n_rows' .* FrozenMode must be an int .*\[1, inf\)"),
        (FrozenMode(2.5), "'n_rows' .* FrozenMode must be an int"),
        (Sentinel(low=0), r"'low' .* Sentinel .*\(0.0, inf\)"),
        (Sentinel(high=math.inf), r"'high' .* Sentinel .*\(0.0, inf\)"),
        (Sentinel(low=200), r"Sentinel: high must be at least low=200, got 100.0"),
        (Clipping(-1), r"'limit' .* Clipping .*\[0.0, inf\)"),
        (Shift(math.nan), r"'sigma' .* Shift .*\[0.0, inf\)"),
        (DeadColumns(30), r"'fraction' .* DeadColumns .*\[0.0, 1.0\]"),
        (DeadColumns(bound=-1), r"'bound' .* DeadColumns .*\[0.0, inf\)"),
    ],
    ids=repr,
)
def test_a_bad_parameter_is_named(fault, allowed):
    with pytest.raises(ValueError, match=allowed):
        fail_modes(normal_values(5), LAYOUT, fault, generator())
