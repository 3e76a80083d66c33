"""Where attention meets the predictor."""

import pytest
import torch
from torch import nn

from sklearn_emma import EMMAGate
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._model.network import EMMANetwork

LAYOUT = ModeLayout.from_columns({"a": [0, 3], "b": [1, 2], "c": [4]})


class Outside(nn.Module):
    """Sees gated values."""

    def forward(self, x):
        return x


class Inside(nn.Module):
    """Multiplies by attention itself, after something that is not linear."""

    def forward(self, x, attention=None):
        return x.exp() if attention is None else x.exp() * attention


def inputs(n=20):
    g = torch.Generator().manual_seed(0)
    x = torch.randn(n, 5, generator=g)
    potential = 3 * torch.rand(n, 3, generator=g)
    present = torch.rand(n, 3, generator=g) < 0.7
    return x, potential, present


@pytest.mark.parametrize("with_trust", [False, True])
def test_attention_multiplies_values_or_what_the_predictor_makes_of_them(with_trust):
    x, potential, present = inputs()
    trust = torch.rand(20, 3, generator=torch.Generator().manual_seed(1))
    gate = EMMAGate(3)
    beta = gate.scores(potential, present).attention
    assert beta.std() > 0.1
    if with_trust:
        beta = beta * trust
    columns = torch.stack([beta[:, mode] for mode in LAYOUT.index], dim=1)

    for predictor, expected in ((Outside(), x), (Inside(), x.exp())):
        network = EMMANetwork(gate, predictor, LAYOUT)
        energies = (potential, present, trust)[: 2 + with_trust]
        output, scores = network(x, *energies), network.scores(*energies)
        torch.testing.assert_close(output.logits, expected * columns)
        torch.testing.assert_close(
            network.predict(x, scores.attention), expected * columns
        )
        torch.testing.assert_close(network.gated(x, scores.attention), x * columns)
        # What the scores call attention is what has multiplied the modes.
        torch.testing.assert_close(output.scores.attention, beta)
        torch.testing.assert_close(scores.attention, beta)


def test_trust_changes_the_attention_and_nothing_else():
    x, potential, present = inputs()
    network = EMMANetwork(EMMAGate(3), Outside(), LAYOUT)
    trust = torch.linspace(0, 1, 60).view(20, 3)
    without, with_trust = (
        network(x, potential, present),
        network(x, potential, present, trust),
    )
    torch.testing.assert_close(
        with_trust.scores.attention, without.scores.attention * trust
    )
    for name in ("importance", "log_importance", "modal_energy"):
        one, other = getattr(without.scores, name), getattr(with_trust.scores, name)
        assert torch.equal(one, other)
    assert with_trust.capacity_penalty == without.capacity_penalty


def test_the_capacity_penalty_is_that_of_the_gate():
    gate = EMMAGate(3)
    gate.attention_function.bias.data.fill_(0.25)
    network = EMMANetwork(gate, Outside(), LAYOUT)
    assert network(*inputs()).capacity_penalty == 2 * 3 - 0.25


def test_a_predictor_that_does_not_tell_its_arguments_gets_gated_values():
    class Compiled(nn.Module):
        forward = staticmethod(torch.relu)  # as of code in C: without a signature

    network = EMMANetwork(EMMAGate(3), Compiled(), LAYOUT)
    output, (x, *_) = network(*inputs()), inputs()
    gated = network.gated(x, output.scores.attention)
    torch.testing.assert_close(output.logits, torch.relu(gated))


@pytest.mark.parametrize("missing", [False, True])
def test_energies_may_be_scaled_already(missing):
    x, potential, present = inputs()
    network = EMMANetwork(EMMAGate(3), Inside(), LAYOUT)
    given = (potential, present) if missing else (potential,)
    prepared = network.gate.prepare(*given)._asdict()
    found = network(x, **{k: v for k, v in prepared.items() if v is not None})
    expected = network(x, *given)
    assert torch.equal(found.logits, expected.logits)
    assert torch.equal(found.scores.attention, expected.scores.attention)
    for wrong in ({}, {"potential": potential} | prepared, {"present": present}):
        with pytest.raises(TypeError, match="either `potential`, or `scaled`"):
            network(x, **wrong)
    trust = torch.rand(20, 3)
    trusted = network(x, trust=trust, **prepared).scores.attention
    torch.testing.assert_close(trusted, found.scores.attention * trust)
