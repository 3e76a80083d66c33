"""A mixture draws for each row which of its corruptions befalls it."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from helpers import LAYOUT, corrupted_by, generator, normal_values
from sklearn_emma.corruption import (
    Bias,
    Gain,
    GaussianNoise,
    MissingMode,
    Mixture,
    SaltAndPepper,
    ZeroedMode,
    fail_modes,
)


def test_mixture_draws_a_corruption_for_each_row_by_weight():
    x = normal_values()
    mixture = Mixture([Bias(10.0), ZeroedMode(), Gain(0.5)], weights=[1, 2, 5])
    result = corrupted_by(mixture, x)
    kinds = [
        (result == other).all(1) for other in (x + 10.0, torch.zeros_like(x), 0.5 * x)
    ]
    counts = [int(kind.sum()) for kind in kinds]
    assert sum(counts) == len(x)
    expected = len(x) * np.array([1, 2, 5]) / 8
    assert chisquare(counts, expected).pvalue > 0.01


def test_mixture_is_noise_and_missing_modes_in_equal_parts_by_default():
    missing = corrupted_by(Mixture(), normal_values()).isnan()
    assert torch.equal(missing.any(1), missing.all(1))
    assert missing.double().mean() == pytest.approx(0.5, abs=0.03)


def test_mixture_never_draws_a_corruption_of_weight_0():
    result = corrupted_by(
        Mixture([MissingMode(), Bias(1.0)], weights=[0, 3]), normal_values()
    )
    assert torch.equal(result, normal_values() + 1.0)


def test_mixture_needs_a_weight_for_each_corruption():
    with pytest.raises(ValueError, match="weights has 3 entries for 2 corruptions"):
        corrupted_by(Mixture(weights=[1, 2, 3]), normal_values())


@pytest.mark.parametrize(
    "mixture", [Mixture([]), Mixture(weights=[-1, 2]), Mixture(weights=[0, 0])]
)
def test_mixture_names_what_is_wrong(mixture):
    with pytest.raises(ValueError, match="Mixture"):
        corrupted_by(mixture, normal_values())


@pytest.mark.parametrize(
    ("fault", "allowed"),
    [
        (Mixture(GaussianNoise()), "'corruptions' parameter of Mixture"),
        (Mixture(weights="ab"), "'weights' parameter of Mixture|Mixture: needs"),
        (Mixture(weights=["a", "b"]), "Mixture: needs .* finite weights"),
        (Mixture(weights=[1, math.inf]), "Mixture: needs .* finite weights"),
        (Mixture([]), "Mixture: needs at least one"),
        (Mixture([Bias(), MissingMode]), r"corruptions\[1\] .*write MissingMode\(\)"),
        (Mixture([Bias(), "noise"]), r"corruptions\[1\] .*`corrupt`, got 'noise'"),
        (Mixture([Mixture([MissingMode])]), r"corruptions\[0\] .*class MissingMode"),
        (Mixture([SaltAndPepper(fraction=30)]), "'fraction' .* SaltAndPepper"),
    ],
    ids=repr,
)
def test_a_bad_parameter_is_named(fault, allowed):
    with pytest.raises(ValueError, match=allowed):
        fail_modes(normal_values(5), LAYOUT, fault, generator())


def test_a_member_of_a_mixture_that_writes_to_its_input_spoils_no_other():
    class InPlace:
        def corrupt(self, x, layout, generator):
            return x.mul_(100.0)

    x = normal_values(400)
    result = corrupted_by(Mixture([InPlace(), Bias(1.0)]), x)
    scaled = (result == 100.0 * x).all(1)
    assert 0 < scaled.sum() < 400
    assert torch.equal(result[~scaled], x[~scaled] + 1.0)
    assert torch.equal(x, normal_values(400))
