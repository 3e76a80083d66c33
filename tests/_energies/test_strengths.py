"""Strengths of signals in octaves: what they are, by hand and by identities."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.fft import dct

from helpers import generator
from sklearn_emma._energies.strengths import Strengths, octaves, parts, strengths


@pytest.mark.parametrize(
    ("length", "edges"),
    [
        (1, [0, 1]),
        (2, [0, 1, 2]),
        (5, [0, 1, 2, 4, 5]),
        (8, [0, 1, 2, 4, 8]),
        (20, [0, 1, 2, 4, 8, 16, 20]),
    ],
)
def test_each_octave_begins_where_the_one_before_it_ends(length, edges):
    assert octaves(length) == edges


def test_parts_are_equal_and_not_shorter_than_eight():
    assert parts(20, 1) == [0, 20]
    assert parts(20, 2) == [0, 10, 20]
    assert parts(20, 5) == [0, 10, 20]
    assert parts(7, 3) == [0, 7]
    assert parts(25, 3) == [0, 8, 17, 25]


@pytest.mark.parametrize(("n_parts", "length"), [(1, 12), (2, 21), (1, 300)])
def test_they_are_those_of_the_cosine_transform_by_scipy(n_parts, length):
    x = np.random.default_rng(0).normal(size=(4, 3, length))
    found = strengths(torch.from_numpy(x.reshape(4, -1)), (3, length), n_parts)
    expected = []
    for channel in np.moveaxis(x, 1, 0):
        ends = parts(length, n_parts)
        for start, stop in pairwise(ends):
            power = dct(channel[:, start:stop], norm="ortho") ** 2
            split = np.split(power, octaves(stop - start)[1:-1], axis=1)
            expected += [band.mean(axis=1) ** 0.5 for band in split]
    np.testing.assert_allclose(found, np.transpose(expected), rtol=1e-10)


def test_the_strength_of_noise_is_its_standard_deviation_in_every_octave():
    x = 3 * torch.randn(4000, 64, generator=generator(), dtype=torch.float64)
    power = strengths(x, (1, 64), 2).square().mean(0)
    np.testing.assert_allclose(power, 9, rtol=0.1)


def test_none_is_as_far_from_usual_as_far_too_much():
    usual = torch.ones(len(octaves(8)) - 1, dtype=torch.float64)
    numbers = Strengths((1, 8), 1, usual)
    level = math.sqrt(8)  # of a constant signal whose mean has strength 1
    constant = torch.full((1, 8), 1 / level, dtype=torch.float64)
    nothing = math.log(1e-4)
    expected = [[0, *[nothing] * 3]]
    np.testing.assert_allclose(numbers(constant), expected, atol=1e-9)
    np.testing.assert_allclose(numbers(5 * constant)[0, 0], 4)
    np.testing.assert_allclose(numbers(0.5 * constant)[0, 0], math.log(0.5))
    assert numbers(1e12 * constant)[0, 0] <= 1e6


def test_what_is_usual_is_the_root_mean_square_of_weighted_rows():
    x = torch.randn(30, 16, generator=generator(), dtype=torch.float64)
    weight = np.arange(30) % 4.0
    whole = x.repeat_interleave(torch.from_numpy(weight).long(), dim=0)
    found = Strengths.of_rows(x, weight, (2, 8), 1).usual
    expected = Strengths.of_rows(whole, np.ones(len(whole)), (2, 8), 1).usual
    torch.testing.assert_close(found, expected)
    assert torch.isfinite(Strengths.of_rows(0 * x, weight, (2, 8), 1)(x)).all()


def test_a_flat_signal_has_gradients():
    x = torch.zeros(2, 16, dtype=torch.float64, requires_grad=True)
    Strengths((1, 16), 1, torch.ones(5, dtype=torch.float64))(x).sum().backward()
    assert torch.isfinite(x.grad).all()
