"""Where attention meets the predictor."""

import pytest
import torch
from torch import nn

from sklearn_emma import EMMAGate
from sklearn_emma._model.network import EMMANetwork

INDEX = torch.tensor([0, 1, 1, 0, 2])  # mode of each column


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
    columns = torch.stack([beta[:, mode] for mode in INDEX], dim=1)

    def run(predictor):
        network = EMMANetwork(gate, predictor, INDEX)
        arguments = (x, potential, present, trust)[: 3 + with_trust]
        return network(*arguments).logits, network.gated(*arguments)

    for predictor, expected in ((Outside(), x), (Inside(), x.exp())):
        logits, gated = run(predictor)
        torch.testing.assert_close(logits, expected * columns)
        torch.testing.assert_close(gated, x * columns)


def test_a_predictor_that_does_not_tell_its_arguments_gets_gated_values():
    class Compiled(nn.Module):
        forward = staticmethod(torch.relu)  # as of code in C: without a signature

    network = EMMANetwork(EMMAGate(3), Compiled(), INDEX)
    logits = network(*inputs()).logits
    torch.testing.assert_close(logits, torch.relu(network.gated(*inputs())))
