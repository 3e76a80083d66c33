"""Mixtures of several modes in one module score as each does by itself."""

import numpy as np
import pytest
import torch

from sklearn_emma._energies.mixture_scoring import MixtureStack, stack_mixtures
from sklearn_emma.energies import MixtureEnergy

COLUMNS = [[4], [0, 3], [5, 1, 2]]


@pytest.fixture(scope="module")
def several():
    """Energies of one to three features, of one, two and four components."""
    X = np.random.default_rng(0).gamma(2.0, size=(60, 6))
    kinds = zip((1, 2, 4), COLUMNS, strict=True)
    return X, [MixtureEnergy(k, random_state=0).fit(X[:, c]) for k, c in kinds]


# In one padded batch, and in one for each width.
@pytest.mark.parametrize("make", [MixtureStack, stack_mixtures])
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-9), ("float32", 2e-3)])
def test_several_score_as_each_by_itself(several, make, dtype, rtol):
    X, energies = several
    module = make([e._frozen for e in energies], COLUMNS, getattr(torch, dtype))
    found = module(torch.from_numpy(X.astype(dtype)))
    for mode, (energy, columns) in enumerate(zip(energies, COLUMNS, strict=True)):
        expected = -energy.score_samples(X[:, columns])
        np.testing.assert_allclose(found[:, mode], expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("make", [MixtureStack, stack_mixtures])
def test_only_what_is_needed_is_the_same(several, make):
    X, energies = several
    module = make([e._frozen for e in energies], COLUMNS, torch.float64)
    needed = torch.rand(60, 3, generator=torch.Generator().manual_seed(0)) < 0.3
    x = torch.from_numpy(X)
    torch.testing.assert_close(module(x, needed)[needed], module(x)[needed])


def test_a_wide_mode_does_not_widen_the_others():
    X = np.random.default_rng(0).normal(size=(50, 43))
    columns = [list(range(40)), [40], [41, 42]]
    energies = [MixtureEnergy(2, random_state=0).fit(X[:, c]) for c in columns]
    module = MixtureEnergy._stack(energies, columns, torch.float64)
    assert sum(buffer.numel() for buffer in module.buffers()) < 4000
    for mode, (energy, own) in enumerate(zip(energies, columns, strict=True)):
        found = module(torch.from_numpy(X))[:, mode]
        np.testing.assert_allclose(found, -energy.score_samples(X[:, own]), rtol=1e-9)
