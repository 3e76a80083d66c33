"""Shared energies against a double loop, with pairs at once and in blocks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import gate_energies
from sklearn_emma._attention import coupling as module
from sklearn_emma._attention.bounds import project
from sklearn_emma._attention.coupling import COUPLINGS, PairwiseCoupling, shared_energy


def double_loop(energies, coupling, exponent, present):
    expected = np.zeros(energies.shape)
    for sample, i, j in np.ndindex(*energies.shape, energies.shape[1]):
        if i != j and present[sample, j]:
            expected[sample, i] += (
                coupling[i, j]
                * energies[sample, i] ** exponent[i, j]
                * energies[sample, j] ** (1 - exponent[i, j])
            )
    return expected


@pytest.fixture(params=[0, 2**40], ids=["in_blocks", "at_once"])
def few_pairs(request, monkeypatch):
    monkeypatch.setattr(module, "_FEW_PAIRS", request.param)
    # Blocks of two or three modes, the last one shorter.
    monkeypatch.setattr(module, "_BLOCK_PAIRS", 48)


@given(
    seed=st.integers(0, 2**32 - 1),
    n_modes=st.integers(1, 6),
    some_missing=st.booleans(),
    in_blocks=st.booleans(),
)
def test_shared_energy_equals_a_double_loop(seed, n_modes, some_missing, in_blocks):
    energies, coupling, exponent, present = gate_energies(seed, n_modes=n_modes)
    mask = present if some_missing else torch.ones_like(present)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW_PAIRS", 0 if in_blocks else 2**40)
        patch.setattr(module, "_BLOCK_PAIRS", 48)
        shared = shared_energy(
            energies, coupling, exponent, present if some_missing else None
        )
    expected = double_loop(energies, coupling, exponent, mask)
    np.testing.assert_allclose(shared, expected, rtol=1e-10, atol=1e-12)


def test_exponent_1_leaves_modes_independent_of_each_other(few_pairs):
    energies, coupling, exponent, _ = gate_energies(0)
    weights = coupling - torch.diag(coupling.diagonal())
    shared = shared_energy(energies, coupling, torch.ones_like(exponent))
    torch.testing.assert_close(shared, energies * weights.sum(1))


def test_exponent_0_takes_all_shared_energy_from_the_others(few_pairs):
    energies, coupling, exponent, _ = gate_energies(0)
    weights = coupling - torch.diag(coupling.diagonal())
    shared = shared_energy(energies, coupling, torch.zeros_like(exponent))
    torch.testing.assert_close(shared, energies @ weights.T)


def test_energies_that_are_0_have_a_finite_gradient(few_pairs):
    energies = torch.zeros(2, 3, requires_grad=True)
    half = torch.full((3, 3), 0.5)
    shared_energy(energies, half, half).sum().backward()
    assert energies.grad.isfinite().all()


@pytest.mark.parametrize("some_missing", [False, True])
def test_gradients_are_those_of_finite_differences(few_pairs, some_missing):
    *tensors, present = gate_energies(0, n=3, n_modes=5)
    for tensor in tensors:
        tensor.requires_grad_()
    mask = present if some_missing else None
    torch.autograd.gradcheck(lambda *args: shared_energy(*args, mask), tensors)


def test_a_missing_partner_gets_no_gradient(few_pairs):
    energies, coupling, exponent, present = gate_energies(1)
    energies.requires_grad_()
    present[:, 2] = False
    shared_energy(energies, coupling, exponent, present)[:, [0, 1, 3]].sum().backward()
    assert (energies.grad[:, 2] == 0).all()
    assert (energies.grad[:, [0, 1, 3]] != 0).all()


def test_many_models_are_vectorised_as_if_alone(few_pairs):
    models = [gate_energies(seed) for seed in range(3)]
    stacked = [torch.stack(tensors) for tensors in zip(*models, strict=True)]
    learnt = [tensor.requires_grad_() for tensor in stacked[:3]]
    together = torch.func.vmap(shared_energy)(*learnt, stacked[3])
    gradients = torch.autograd.grad(together.square().sum(), learnt)
    for s, (energies, coupling, exponent, present) in enumerate(models):
        alone = [t.clone().requires_grad_() for t in (energies, coupling, exponent)]
        shared = shared_energy(*alone, present)
        torch.testing.assert_close(together[s], shared)
        expected = torch.autograd.grad(shared.square().sum(), alone)
        for found, wanted in zip(gradients, expected, strict=True):
            torch.testing.assert_close(found[s], wanted)


def test_one_gate_serves_a_stack_of_samples(few_pairs):
    """Models may share the sample, and differ in parameters only."""
    models = [gate_energies(seed) for seed in range(3)]
    coupling = torch.stack([model[1] for model in models])
    energies, _, exponent, present = models[0]
    together = torch.func.vmap(shared_energy, in_dims=(None, 0, None, None))(
        energies, coupling, exponent, present
    )
    for s, found in enumerate(together):
        expected = shared_energy(energies, coupling[s], exponent, present)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_blocks_as_they_come_equal_pairs_at_once(dtype, monkeypatch):
    """With the real sizes: 40 modes make several blocks of several modes."""
    tensors = [
        t if t.dtype == torch.bool else t.to(dtype)
        for t in gate_energies(2, n=90, n_modes=40)
    ]
    assert module._FEW_PAIRS < 90 * 40**2
    in_blocks = shared_energy(*tensors)
    monkeypatch.setattr(module, "_FEW_PAIRS", 2**40)
    assert in_blocks.dtype == dtype
    torch.testing.assert_close(in_blocks, shared_energy(*tensors))


# ------------------------------------------------------------------------ the module


def drawn_coupling(seed, *, symmetric):
    """A coupling whose parameters lie anywhere within their bounds."""
    _, weight, exponent, _ = gate_energies(seed)
    coupling = PairwiseCoupling(4, symmetric=symmetric).double()
    coupling.weight.data.copy_(weight)
    coupling.exponent.data.copy_(exponent)
    return coupling


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_coupling_shares_energy_as_its_weights_and_exponents_say(symmetric):
    coupling = drawn_coupling(0, symmetric=symmetric)
    energies, _, _, present = gate_energies(1)
    weights, exponents = coupling.weights().detach(), coupling.exponents().detach()
    assert (weights.diagonal() == 0).all()
    torch.testing.assert_close(weights.triu(1), coupling.weight.detach().triu(1))
    torch.testing.assert_close(weights.tril(-1), coupling.weight.detach().tril(-1))
    for mask in (present, None):
        expected = double_loop(
            energies,
            weights,
            exponents,
            torch.ones_like(present) if mask is None else mask,
        )
        found = coupling(energies, mask).detach()
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_symmetric_exponents_are_those_of_the_upper_triangle():
    coupling = drawn_coupling(0, symmetric=True)
    given_, found = coupling.exponent.detach(), coupling.exponents().detach()
    for i, j in np.ndindex(4, 4):
        assert found[i, j] == given_[min(i, j), max(i, j)]
    asymmetric = drawn_coupling(0, symmetric=False)
    assert torch.equal(asymmetric.exponents(), asymmetric.exponent)


@pytest.mark.parametrize("name", ["asymmetric", "symmetric"])
def test_modes_share_no_energy_before_they_have_learnt_to(name):
    coupling = COUPLINGS[name](3)
    assert coupling.symmetric == (name == "symmetric")
    energies = torch.tensor([[3.0, 5.0, 40.0]])
    assert (coupling(energies) == 0).all()
    assert (coupling.exponents() == 0.5).all()


@pytest.mark.parametrize("n_modes", [2, 3, 9])
def test_coupling_weights_come_to_rest_on_their_bound(n_modes):
    coupling = PairwiseCoupling(n_modes, symmetric=False)
    coupling.weight.data.fill_(7.0)
    project(coupling.bounds())
    expected = torch.full_like(coupling.weight, 1 / (n_modes - 1))
    torch.testing.assert_close(coupling.weight, expected, rtol=0, atol=0)


def test_more_samples_than_fit_into_a_block_are_computed_mode_by_mode(monkeypatch):
    monkeypatch.setattr(module, "_FEW_PAIRS", 0)
    monkeypatch.setattr(module, "_BLOCK_PAIRS", 5)
    energies, coupling, exponent, present = gate_energies(3, n=4, n_modes=3)
    shared = shared_energy(energies, coupling, exponent, present)
    expected = double_loop(energies, coupling, exponent, present)
    np.testing.assert_allclose(shared, expected, rtol=1e-10, atol=1e-12)


def test_the_bound_counts_modes_in_a_stack_of_gates_too():
    coupling = PairwiseCoupling(3, symmetric=False)
    coupling.weight.data = torch.full((7, 3, 3), 9.0)  # as in a search of 7 candidates
    project(coupling.bounds())
    assert (coupling.weight == 1 / 2).all()
