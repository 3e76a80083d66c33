"""Energies of a few samples, and the gradient of a loss."""

import pytest
import torch


@pytest.fixture
def energies():
    """Energies (12, 4) of both signs in float64, with right classes (12,)."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(12, 4, generator=generator, dtype=torch.float64) * 1.5
    return drawn.requires_grad_(), torch.arange(12) % 4


@pytest.fixture
def gradient():
    """Gradient of the sum of losses, (n, n_classes)."""

    def of(loss, energies, y, **options):
        (found,) = torch.autograd.grad(loss(energies, y, **options).sum(), energies)
        return found

    return of
