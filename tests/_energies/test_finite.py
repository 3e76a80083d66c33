"""Energies without bound are put at the largest usable; all others stay."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_emma._energies.finite import finite_energy

DTYPES = [torch.float32, torch.float64]


def largest(dtype):
    return torch.finfo(dtype).max ** 0.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_energy_and_infinite_energy_are_the_largest(dtype):
    """What overflowed on both sides of a difference is NaN: broken, not usual."""
    found = finite_energy(torch.tensor([math.nan, math.inf, -math.inf], dtype=dtype))
    high, low = torch.tensor([largest(dtype), -largest(dtype)], dtype=dtype)
    assert found.dtype == dtype
    assert found.tolist() == [high, high, low]
    assert found.square().isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_energies_whose_square_overflows_are_the_largest_too(dtype):
    limit = torch.finfo(dtype).max
    found = finite_energy(torch.tensor([[limit, -limit], [1.0, -1.0]], dtype=dtype))
    assert found[0].tolist() == finite_energy(found[0]).tolist()
    assert found[0, 0] == -found[0, 1] == torch.tensor(largest(dtype), dtype=dtype)
    assert found[1].tolist() == [1, -1]


@given(values=st.lists(st.floats(-1e18, 1e18), min_size=1))
def test_usable_energies_stay_as_they_are(values):
    given_ = torch.tensor(values, dtype=torch.float64)
    assert torch.equal(finite_energy(given_), given_)
