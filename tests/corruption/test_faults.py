"""Faults do to a mode what they are said to do."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import uniform

from helpers import LAYOUT, corrupted_by, generator, normal_values, p_value
from sklearn_emma.corruption import (
    Bias,
    Drift,
    Gain,
    MissingMode,
    SaltAndPepper,
    StuckMode,
    SwappedMode,
    UniformReplacement,
    ZeroedMode,
    fail_modes,
)


def test_uniform_replacement_has_nothing_of_the_signal():
    x = normal_values()
    result = corrupted_by(UniformReplacement(2.0), x)
    assert p_value(result, uniform(-2, 4)) > 0.01
    assert abs(np.corrcoef(x.ravel(), result.ravel())[0, 1]) < 0.03


def test_stuck_mode_has_one_value_a_row_and_mode():
    result = corrupted_by(StuckMode(2.0), normal_values())
    first = result[:, [0, 3, 5]]
    assert torch.equal(result, LAYOUT.spread(first))
    assert p_value(first, uniform(-2, 4)) > 0.01
    assert np.abs(np.corrcoef(first.T) - np.eye(3)).max() < 0.06


def test_salt_and_pepper_sends_a_share_of_the_cells_to_either_extreme():
    x = normal_values()
    result = corrupted_by(SaltAndPepper(amplitude=5.0, fraction=0.2), x)
    jumped = result.abs() == 5.0
    assert torch.equal(result[~jumped], x[~jumped])
    assert jumped.double().mean() == pytest.approx(0.2, abs=0.01)
    assert (result[jumped] > 0).double().mean() == pytest.approx(0.5, abs=0.02)


def test_faults_without_chance():
    x = normal_values()
    assert torch.equal(corrupted_by(Gain(4.0), x), 4.0 * x)
    assert torch.equal(corrupted_by(Bias(-1.5), x), x - 1.5)
    assert corrupted_by(MissingMode(), x).isnan().all()
    assert (corrupted_by(ZeroedMode(), x) == 0).all()
    ramp = torch.linspace(0, 3, len(x), dtype=x.dtype)
    torch.testing.assert_close(
        corrupted_by(Drift(3.0), x) - x, ramp[:, None].expand_as(x)
    )


def test_swapped_modes_are_whole_modes_of_other_rows():
    x = normal_values(400)
    result = corrupted_by(SwappedMode(), x)
    sources = []
    for mode in range(3):
        columns = LAYOUT.slices[mode]
        own = {tuple(row): i for i, row in enumerate(x[:, columns].tolist())}
        sources.append([own[tuple(row)] for row in result[:, columns].tolist()])
        assert sorted(sources[-1]) == list(range(400))
    same = (np.diff(sources, axis=0) == 0).mean()
    assert same < 0.05, "each mode has its own permutation"


@pytest.mark.parametrize(
    ("fault", "allowed"),
    [
        (SaltAndPepper(fraction=30), r"'fraction' .* SaltAndPepper .*\[0.0, 1.0\]"),
        (SaltAndPepper(fraction=math.nan), "'fraction' .* SaltAndPepper"),
        (SaltAndPepper(amplitude=-1), r"'amplitude' .* SaltAndPepper .*\[0.0, inf\)"),
        (UniformReplacement(-3), r"'bound' .* UniformReplacement .*\[0.0, inf\)"),
        (UniformReplacement(math.inf), "'bound' .* UniformReplacement"),
        (StuckMode(-3), r"'bound' .* StuckMode .*\[0.0, inf\)"),
        (Gain(math.nan), "'factor' .* Gain must be a float"),
        (Gain("a"), "'factor' .* Gain must be a float"),
        (Bias(math.inf), "'offset' .* Bias must be a float"),
        (Drift(None), "'offset' .* Drift must be a float"),
    ],
    ids=repr,
)
def test_a_bad_parameter_is_named(fault, allowed):
    with pytest.raises(ValueError, match=allowed):
        fail_modes(normal_values(5), LAYOUT, fault, generator())
