"""Additive noise has the distribution that it is said to have."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm, t, uniform

from helpers import LAYOUT, corrupted_by, generator, normal_values, p_value
from sklearn_emma.corruption import (
    GaussianNoise,
    ModeLayout,
    StudentNoise,
    fail_modes,
)


def test_gaussian_noise_of_one_sigma():
    x = normal_values()
    assert p_value(corrupted_by(GaussianNoise(0.5), x) - x, norm(scale=0.5)) > 0.01


def test_gaussian_noise_draws_one_sigma_a_row_log_uniformly():
    x = torch.zeros(3000, 200, dtype=torch.float64)
    layout = ModeLayout.from_columns({"all": range(200)})
    noise = GaussianNoise((0.1, 2.0)).corrupt(x, layout, generator())
    sigma = noise.square().mean(1).sqrt().numpy()
    inside = (sigma > 0.1) & (sigma < 2.0)
    assert inside.mean() > 0.95  # each is known to 5 % only
    spread = uniform(math.log(0.1), math.log(20))
    assert kstest(np.log(sigma), spread.cdf).statistic < 0.03


@pytest.mark.parametrize("sigma", [0, 0.0, (0.0, 0.0)])
def test_gaussian_noise_of_sigma_0_changes_nothing(sigma):
    assert torch.equal(
        corrupted_by(GaussianNoise(sigma), normal_values()), normal_values()
    )


@pytest.mark.parametrize(
    "sigma", [-1.0, math.inf, math.nan, (2.0, 1.0), (0.0, 1.0), (-1, 1), (1, math.inf)]
)
def test_gaussian_noise_names_a_bad_sigma(sigma):
    with pytest.raises(ValueError, match="GaussianNoise: sigma must be a number"):
        corrupted_by(GaussianNoise(sigma), normal_values())


@pytest.mark.parametrize("df", [1, 3])
def test_student_noise(df):
    x = normal_values()
    noise = corrupted_by(StudentNoise(sigma=2.0, df=df), x) - x
    assert p_value(noise, t(df, scale=2.0)) > 0.01


@pytest.mark.parametrize(
    ("fault", "allowed"),
    [
        (StudentNoise(df=0), r"'df' .* StudentNoise must be an int .*\[1, inf\)"),
        (StudentNoise(df=2.5), "'df' .* StudentNoise must be an int"),
        (StudentNoise(sigma=-1), r"'sigma' .* StudentNoise .*\[0.0, inf\)"),
        (StudentNoise(sigma="a"), "'sigma' .* StudentNoise .*Got 'a'"),
        (GaussianNoise("a"), "GaussianNoise: sigma must be .*got 'a'"),
        (GaussianNoise(None), "GaussianNoise: sigma must be .*got None"),
        (GaussianNoise((1, 2, 3)), r"GaussianNoise: sigma must be .*got \(1, 2, 3\)"),
        (GaussianNoise(("a", 1)), "GaussianNoise: sigma must be"),
    ],
    ids=repr,
)
def test_a_bad_parameter_is_named(fault, allowed):
    with pytest.raises(ValueError, match=allowed):
        fail_modes(normal_values(5), LAYOUT, fault, generator())
