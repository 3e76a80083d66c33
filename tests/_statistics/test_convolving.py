"""Convolutions by matrix products: the same numbers as torch's own."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import generator
from sklearn_emma._statistics.convolving import ProductsForConvolutions

CONVOLUTIONS = [torch.conv1d, torch.conv2d, torch.conv3d]
TRANSPOSED = [torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d]


def normal(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=generator(), dtype=dtype)


def assert_equal_to_torch(convolve, *args, **kwargs):
    expected = convolve(*args, **kwargs)
    with ProductsForConvolutions():
        found = convolve(*args, **kwargs)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


sizes = st.integers(1, 3)


@given(st.integers(1, 3), sizes, sizes, sizes, sizes, sizes, st.booleans())
def test_any_convolution(axes, n_groups, size, stride, padding, dilation, biased):
    z = normal(2, 2 * n_groups, *range(7, 7 + axes))
    weight = normal(3 * n_groups, 2, *[size] * axes)
    bias = normal(3 * n_groups) if biased else None
    assert_equal_to_torch(
        CONVOLUTIONS[axes - 1], z, weight, bias, stride, padding, dilation, n_groups
    )


@given(st.integers(1, 3), sizes, sizes, sizes, sizes, st.integers(0, 1), st.booleans())
def test_any_transposed(axes, n_groups, size, stride, dilation, more, biased):
    z = normal(2, 2 * n_groups, *range(3, 3 + axes))
    weight = normal(2 * n_groups, 3, *[size] * axes)
    bias = normal(3 * n_groups) if biased else None
    more = min(more, max(stride, dilation) - 1)
    around = (dilation * (size - 1)) // 2
    assert_equal_to_torch(
        TRANSPOSED[axes - 1], z, weight, bias, stride, around, more, n_groups, dilation
    )


@pytest.mark.filterwarnings("ignore:Using padding:UserWarning")  # even kernels copy
@pytest.mark.parametrize("padding", ["same", "valid", (1, 2), [2]])
def test_padding_by_name_and_by_axis(padding):
    z, weight = normal(2, 3, 6, 7), normal(4, 3, 2, 3)
    assert_equal_to_torch(torch.conv2d, z, weight, padding=padding)


def test_axes_may_differ_in_everything():
    z, weight = normal(2, 3, 9, 11), normal(4, 3, 2, 3)
    assert_equal_to_torch(torch.conv2d, z, weight, None, (2, 3), (1, 0), (3, 2))
    back = normal(3, 4, 2, 3)
    assert_equal_to_torch(
        torch.conv_transpose2d, z, back, None, (2, 3), (1, 0), (1, 2), 1, (3, 1)
    )


def test_modules_are_reached_and_single_precision_is_left_alone():
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding="same", padding_mode="circular"),
        torch.nn.ReLU(),
        torch.nn.ConvTranspose2d(4, 2, 2, stride=2),
    ).double()
    assert_equal_to_torch(module, normal(2, 3, 5, 6))
    module, z = module.float(), normal(2, 3, 5, 6, dtype=torch.float32)
    with ProductsForConvolutions():
        found = module(z)
    assert torch.equal(found, module(z))
