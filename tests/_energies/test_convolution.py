"""The convolutional Ψ: a potential, and the dense one in disguise."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sklearn_emma._energies import autoencoder as dense
from sklearn_emma._energies.convolution import (
    Convolution,
    ConvolutionalAutoencoder,
    potential,
    reconstruct,
)

GEOMETRIES = [
    Convolution((1, 9), 3, 3, 1),
    Convolution((2, 11), 3, 5, 2),
    Convolution((2, 10), 2, 4, 3),
    Convolution((1, 8, 8), 4, 3, 1),
    Convolution((3, 7, 6), 4, 5, 2),
    Convolution((2, 5, 9), 2, 2, 3),
    Convolution((1, 2), 2, 5, 1),
]
each_geometry = pytest.mark.parametrize("convolution", GEOMETRIES, ids=str)


def drawn(convolution, n=4, seed=0):
    """x, and parameters W, c, b in double precision."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    weight, hidden = normal(*convolution.kernels), normal(convolution.n_components)
    return normal(n, *convolution.shape), weight, hidden, normal(*convolution.shape)


def as_matrix(convolution, weight):
    """The convolution of flattened values as a matrix, one unit vector at a time."""
    d = int(np.prod(convolution.shape))
    units = torch.eye(d, dtype=weight.dtype).view(d, *convolution.shape)
    nothing = torch.zeros(convolution.n_components, dtype=weight.dtype)
    return convolution.apply(units, weight, nothing).flatten(1).T


@each_geometry
@pytest.mark.parametrize("stiffness", [1.0, 0.1])
def test_its_gradient_is_x_minus_its_reconstruction(convolution, stiffness):
    x, *parameters = drawn(convolution)
    x.requires_grad_()
    potential(x, convolution, *parameters, stiffness).sum().backward()
    found = reconstruct(x, convolution, *parameters, stiffness)
    np.testing.assert_allclose(x.grad, (x - found).detach(), atol=1e-12)


@each_geometry
def test_it_is_the_dense_potential_of_the_convolutions_matrix(convolution):
    x, weight, hidden, visible = drawn(convolution)
    matrix = as_matrix(convolution, weight)
    bias = hidden.repeat_interleave(len(matrix) // convolution.n_components)
    parameters = matrix[None], bias[None], visible.flatten()[None], 0.3
    rows = x.flatten(1)[None]
    ours = convolution, weight, hidden, visible, 0.3
    expected = dense.potential(rows, *parameters)[0]
    np.testing.assert_allclose(potential(x, *ours), expected, rtol=1e-12)
    moved = dense.reconstruct(rows, *parameters)[0].view_as(x)
    np.testing.assert_allclose(reconstruct(x, *ours), moved, atol=1e-12)


@each_geometry
def test_kernels_have_as_many_positions_as_are_said(convolution):
    x, weight, hidden, _ = drawn(convolution)
    found = convolution.apply(x, weight, hidden).flatten(2).shape[2]
    assert found == convolution.n_positions


def test_a_convolution_worked_by_hand():
    """1 2 3 by the kernel 1 0 −1, padded with zeros: −2 −2 2; c = 0, b = 0."""
    convolution = Convolution((1, 3), 1, 3, 1)
    x = torch.tensor([[[1.0, 2.0, 3.0]]], dtype=torch.float64)
    weight = torch.tensor([[[1.0, 0.0, -1.0]]], dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64)
    found = potential(x, convolution, weight, zero, zero.view(1, 1))
    expected = 7.0 - np.log1p(np.exp([-2.0, -2.0, 2.0])).sum()
    np.testing.assert_allclose(found, [expected])


def cost(shape):
    x = torch.zeros(2, *shape)
    autoencoder = ConvolutionalAutoencoder(Convolution(shape, 8, 5, 2), 1.0)
    with FlopCounterMode(display=False) as counter:
        autoencoder(x).sum().backward()
    return counter.get_total_flops()


def test_cost_is_linear_in_the_number_of_values():
    assert cost((3, 64, 32)) == 2 * cost((3, 32, 32))
    assert cost((1, 4096)) == 8 * cost((1, 512))


@pytest.mark.parametrize("shape", [(2, 5), (2, 0, 5), (1, 2, 2, 2), (2.5, 4), (-2, -5)])
def test_a_shape_that_is_not_that_of_a_row_is_an_error(shape):
    with pytest.raises(ValueError, match=r"`shape` must be .* 8 values in a row, got"):
        Convolution.of_rows(8, shape, 2, 3, 1)
