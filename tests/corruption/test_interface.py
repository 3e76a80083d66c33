"""What every corruption promises, whatever it does."""

import math

import numpy as np
import pytest
import torch
from sklearn.base import clone

from helpers import LAYOUT, corrupted_by, generator, normal_values
from sklearn_emma import corruption
from sklearn_emma.corruption import (
    Bias,
    Clipping,
    Corruption,
    DeadColumns,
    Drift,
    Failures,
    FrozenMode,
    Gain,
    GaussianNoise,
    MissingMode,
    Mixture,
    ModeLayout,
    SaltAndPepper,
    Sentinel,
    Shift,
    StuckMode,
    StudentNoise,
    SwappedMode,
    UniformReplacement,
    ZeroedMode,
    fail_modes,
)

ALL = [
    Bias(),
    Clipping(),
    DeadColumns(),
    Drift(),
    FrozenMode(),
    FrozenMode(3),
    Gain(),
    GaussianNoise(),
    GaussianNoise(0.5),
    MissingMode(),
    Mixture(),
    SaltAndPepper(),
    Sentinel(),
    Shift(),
    StuckMode(),
    StudentNoise(),
    SwappedMode(),
    UniformReplacement(),
    ZeroedMode(),
]
WITHOUT_CHANCE = (Bias, Clipping, Drift, FrozenMode, Gain, MissingMode, ZeroedMode)
every = pytest.mark.parametrize("fault", ALL, ids=repr)


def test_all_public_corruptions_are_tested():
    public = {getattr(corruption, name) for name in corruption.__all__}
    others = {Corruption, Failures, ModeLayout, fail_modes}
    assert {type(c) for c in ALL} == public - others


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 7])
def test_shape_type_and_device_are_kept_and_the_input_is_not_written_to(
    fault, dtype, n
):
    x = normal_values(n, dtype)
    before = x.clone()
    result = corrupted_by(fault, x)
    assert (result.shape, result.dtype, result.device) == (x.shape, dtype, x.device)
    result.add_(1.0)
    assert torch.equal(x, before)


@every
def test_the_generator_decides_everything(fault):
    x, state = normal_values(50), torch.get_rng_state()
    first, again, other = (corrupted_by(fault, x, seed) for seed in (0, 0, 1))
    assert torch.equal(first.nan_to_num(), again.nan_to_num())
    drawn = not isinstance(fault, WITHOUT_CHANCE)
    assert torch.equal(first.nan_to_num(), other.nan_to_num()) is not drawn
    assert torch.equal(torch.get_rng_state(), state)


@every
def test_corruptions_are_cloned_compared_and_checked_as_estimators_are(fault):
    assert isinstance(fault, Corruption)
    assert repr(clone(fault)) == repr(fault)


@every
def test_fail_modes_keeps_type_and_input_and_repeats_itself(fault):
    x = normal_values(20, torch.float32)
    x[0, 0] = math.nan
    before = x.clone()
    first, corrupted = fail_modes(x, LAYOUT, fault, generator(3))
    again, same = fail_modes(x, LAYOUT, fault, generator(3))
    assert first.dtype == x.dtype and first.data_ptr() != x.data_ptr()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(corrupted, same)
    np.testing.assert_array_equal(x, before)
    spared = ~LAYOUT.spread(corrupted)
    np.testing.assert_array_equal(first[spared], x[spared])


class Own:
    """A corruption of a user: nothing but the method."""

    def corrupt(self, x, layout, generator):
        return -x


def test_a_class_with_the_method_is_a_corruption():
    assert isinstance(Own(), Corruption)
    assert not isinstance("noise", Corruption)
    failed, corrupted = fail_modes(normal_values(5), LAYOUT, Own(), generator())
    expected = torch.where(LAYOUT.spread(corrupted), -1.0, 1.0) * normal_values(5)
    assert torch.equal(failed, expected)


@pytest.mark.parametrize(
    "modes", [{"all": range(6)}, {c: [i] for i, c in enumerate("abcdef")}]
)
@every
def test_any_layout_will_do(fault, modes):
    layout = ModeLayout.from_columns(modes)
    x = normal_values(7)
    result = fault.corrupt(x, layout, generator())
    assert (result.shape, result.dtype) == (x.shape, x.dtype)


@pytest.mark.parametrize(
    ("fault", "allowed"),
    [
        (GaussianNoise, r"`corruption` .*instance.*write GaussianNoise\(\)"),
        ("noise", "`corruption` must have a method `corrupt`, got 'noise'"),
        (None, "`corruption` must have a method `corrupt`, got None"),
    ],
    ids=repr,
)
def test_what_is_no_corruption_is_named(fault, allowed):
    with pytest.raises(ValueError, match=allowed):
        fail_modes(normal_values(5), LAYOUT, fault, generator())
