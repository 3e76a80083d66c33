"""Failures of modes that have parts: the whole mode, or one part of it."""

import math

import numpy as np
import pytest
import torch

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma.corruption import Bias, Failures, MissingMode, SwappedMode, fail_modes
from sklearn_emma.robustness import corrupt

NESTED = {"a": {"l": [0, 1], "m": [2], "r": [3]}, "b": [4, 5], "c": {"only": [6]}}
PARTS = ModeLayout.from_columns(NESTED)
N = 4000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def failures(**params):
    """Which parts failed in rows of normal values, (N, 5)."""
    x = torch.randn(N, 7, generator=generator())
    failed, corrupted = fail_modes(x, PARTS, MissingMode(), generator(1), **params)
    assert torch.equal(failed.isnan(), PARTS.spread(corrupted))
    return corrupted


def test_a_mode_fails_as_a_whole_or_in_one_part():
    failed = failures()
    n_failed = failed.sum(1)
    of_a = failed[:, :3].sum(1)
    assert set(of_a.tolist()) == {0, 1, 3}
    assert ((of_a > 0).long() + failed[:, 3] + failed[:, 4] == 1).all()
    assert set(n_failed.tolist()) == {1, 3}
    of_modes = (of_a > 0).float().mean()
    tolerance = 4 * math.sqrt(0.25 / N)
    assert abs(of_modes - 1 / 3) < tolerance  # drawn among modes, not among parts
    alone = (of_a[of_a > 0] == 1).float().mean()
    assert abs(alone - 0.5) < 2 * tolerance


@pytest.mark.parametrize(("fraction", "sizes"), [(0.0, {0, 3}), (1.0, {0, 1})])
def test_part_fraction_is_the_share_of_failures_that_hit_one_part(fraction, sizes):
    failed = failures(part_fraction=fraction)
    assert set(failed[:, :3].sum(1).tolist()) == sizes
    if fraction:
        shares = failed[:, :3].float().mean(0) * 9
        np.testing.assert_allclose(shares, 1.0, atol=0.2)


def test_several_modes_fail_each_in_its_own_way():
    failed = failures(n_failing=3)
    assert failed[:, 3:].all()
    assert set(failed[:, :3].sum(1).tolist()) == {1, 3}
    with pytest.raises(ValueError, match=r"n_failing=4 .* only 3"):
        failures(n_failing=4)


def test_rows_stay_clean_at_the_rate_that_was_asked_for():
    clean = (~failures(clean_fraction=0.4).any(1)).float().mean()
    assert abs(clean - 0.4) < 4 * math.sqrt(0.24 / N)


def test_the_corruption_sees_modes_where_they_fail_and_parts_where_these_do():
    x = torch.randn(200, 7, generator=generator())
    whole, _ = fail_modes(x, PARTS, Bias(), generator(2), part_fraction=0.0)
    shift = (whole - x)[:, :4]
    moved = shift.any(1)
    assert (shift[moved].std(1) < 1e-6).all()  # one bias for all parts
    rows = torch.arange(200.0)[:, None].expand(200, 7).contiguous()
    swapped, failed = fail_modes(
        rows, PARTS, SwappedMode(), generator(3), part_fraction=0.0
    )
    from_other = swapped[failed[:, 0]][:, :4]
    assert (from_other == from_other[:, :1]).all()  # all parts of the same other row


@pytest.mark.parametrize(
    "nested",
    [{"all": {"a": [0, 1], "b": [2]}}, {"a": {"x": [0, 1]}, "b": {"x": [2]}}],
    ids=["one mode", "one part each"],
)
def test_with_one_level_to_choose_in_the_draws_are_those_of_flat_modes(nested):
    x = torch.randn(50, 3, generator=generator())
    flat = ModeLayout.from_columns({"a": [0, 1], "b": [2]})
    layout = ModeLayout.from_columns(nested)
    for params in ({}, {"clean_fraction": 0.5}, {"n_failing": 2}):
        expected = fail_modes(x, flat, Bias(), generator(4), **params)
        found = fail_modes(x, layout, Bias(), generator(4), **params)
        assert all(map(torch.equal, found, expected))


def test_failures_and_corrupt_take_the_share_too():
    x = torch.randn(200, 7, generator=generator())
    _, failed = Failures(MissingMode(), part_fraction=1.0).simulate(
        x, PARTS, generator(1)
    )
    assert failed[:, :3].sum(1).max() == 1
    copy, failed = corrupt(
        x.numpy(),
        MissingMode(),
        modes=NESTED,
        part_fraction=1.0,
        return_corrupted=True,
        random_state=0,
    )
    assert failed.shape == (200, 5) and failed[:, :3].sum(1).max() == 1
    assert np.array_equal(np.isnan(copy), failed[:, PARTS.index])


@pytest.mark.parametrize("share", [-0.1, 1.1, "half", True])
def test_a_bad_share_is_named(share):
    with pytest.raises(ValueError, match="part_fraction"):
        failures(part_fraction=share)
