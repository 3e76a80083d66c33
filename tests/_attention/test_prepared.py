"""Energies that are scaled before training: the same scores, whoever has scaled."""

import pytest
import torch

from sklearn_emma import EMMAGate
from sklearn_emma._attention.nested import NestedGate
from sklearn_emma._attention.prepared import Prepared, shutting_out

GATES = {
    "modes": lambda: EMMAGate(3),
    "coupled": lambda: EMMAGate(3, coupling="asymmetric"),
    "parts": lambda: NestedGate([2, 1]),
}


def draw(n=50, dtype=torch.float64):
    """Potential energies and presence, (n, 3) each."""
    generator = torch.Generator().manual_seed(0)
    potential = 3 * torch.randn(n, 3, generator=generator, dtype=dtype)
    return potential, torch.rand(n, 3, generator=generator) < 0.7


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_presence_in_numbers_by_hand(dtype):
    scaled = torch.tensor([[3.0, 4.0, 5.0]], dtype=dtype)
    present = torch.tensor([[True, False, True]])
    found = Prepared.of(scaled, present)
    assert found.there.tolist() == [[1, 0, 1]]
    very_negative = torch.finfo(dtype).min / 4
    assert found.shut_out.tolist() == [[0, very_negative, 0]]
    assert found.there.dtype == found.shut_out.dtype == dtype
    assert torch.equal(found.present, present)
    assert torch.equal(found.shut_out, shutting_out(present, scaled))
    assert Prepared.of(scaled, None) == Prepared(scaled)
    assert Prepared(scaled).present is None


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("missing", [False, True])
def test_scores_are_what_is_weighed_of_what_is_prepared(name, missing):
    potential, present = draw()
    gate = GATES[name]().double().calibrate(potential)
    given = (potential, present if missing else None)
    with torch.no_grad():
        prepared = gate.prepare(*given)
        for found, expected in zip(
            gate.weigh(prepared), gate.scores(*given), strict=True
        ):
            if isinstance(found, torch.Tensor):
                assert torch.equal(found, expected)
    # Some rows at a time, as batches are cut from an epoch.
    rows = Prepared(*(None if t is None else t[7:20] for t in prepared))
    alone = gate.scores(*(None if t is None else t[7:20] for t in given))
    torch.testing.assert_close(gate.weigh(rows).attention, alone.attention)


@pytest.mark.parametrize("name", GATES)
def test_all_present_is_as_if_nothing_was_said(name):
    potential, _ = draw()
    gate = GATES[name]().double().calibrate(potential)
    everywhere = torch.ones_like(potential, dtype=torch.bool)
    said, unsaid = gate.scores(potential, everywhere), gate.scores(potential)
    for one, other in zip(said, unsaid, strict=True):
        if isinstance(one, torch.Tensor):
            torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("name", GATES)
def test_what_stands_for_a_missing_mode_does_not_matter(name):
    potential, present = draw()
    gate = GATES[name]().double().calibrate(potential)
    other = potential.masked_fill(~present, torch.nan)
    one, other = gate.prepare(potential, present), gate.prepare(other, present)
    assert torch.equal(one.scaled, other.scaled)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("given", [torch.float32, torch.float64])
def test_it_is_computed_in_the_type_of_the_gate(dtype, given):
    potential, present = draw(dtype=given)
    gate = EMMAGate(3).to(dtype)
    for prepared in (gate.prepare(potential, present), gate.prepare(potential)):
        known = {tensor.dtype for tensor in prepared if tensor is not None}
        assert known == {dtype}


@pytest.mark.parametrize("coupling", [None, "asymmetric", "mean"])
def test_modal_energies_have_the_biases_of_a_balanced_gate(coupling):
    potential, _ = draw()
    gate = EMMAGate(3, coupling=coupling).double().calibrate(potential)
    gate.balance(torch.tensor([1.0, 0.5, 0.8]).double())
    gate.weight.data = torch.tensor([0.3, 2.0, 1.1]).double()
    own = gate.scaling(potential) * gate.weight + gate.biases()
    expected = own if coupling is None else own + gate.coupling(own, None)
    scores = gate.scores(potential)
    torch.testing.assert_close(scores.modal_energy, expected)
    alpha = torch.softmax(-gate.rho.double() * expected, dim=1)
    torch.testing.assert_close(scores.importance, alpha)
    # Whoever minimises the energies themselves has the gradient of the biases too.
    found = torch.autograd.grad(scores.modal_energy.sum(), gate.weight)
    wanted = torch.autograd.grad(expected.sum(), gate.weight)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", GATES)
def test_a_calibration_that_is_copied_says_what_is_usual(name):
    potential, _ = draw()
    one = GATES[name]().double().calibrate(potential)
    other = GATES[name]().double()
    for gate in (one, other):
        gate.balance(torch.tensor([1.0, 0.5, 0.8]).double())
    assert not torch.equal(
        one.scores(potential).importance, other.scores(potential).importance
    )
    other.copy_calibration(one)
    for found, expected in zip(
        other.state_dict().values(), one.state_dict().values(), strict=True
    ):
        assert torch.equal(found, expected)
