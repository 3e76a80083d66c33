"""Networks side by side compute, and learn, what each does by itself."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emma._predictors.mlp_module import MLPModule
from sklearn_emma._predictors.side_by_side import SideBySide, gains_side_by_side

N_NETWORKS, N_FEATURES = 3, 6
make = partial(MLPModule, N_FEATURES, 2, n_bins=4, dropout=0.0)
KINDS = {
    "default": lambda: make(hidden_layer_sizes=(7, 5)),
    "linear": lambda: make(hidden_layer_sizes=()),
    "some binned": lambda: make(hidden_layer_sizes=(7,), binned=np.array([0, 3])),
    "none binned": lambda: make(hidden_layer_sizes=(7,), binned=np.array([], int)),
}


@pytest.fixture(params=KINDS)
def network(request):
    made = KINDS[request.param]()
    made.calibrate(torch.randn(60, N_FEATURES), torch.ones(60))
    return made


def shaken(together, seed=1):
    """Let all networks differ."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in together.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=draw)
    return together


def test_weights_lie_as_their_gradients_do(network):
    """Or every step would copy the gradients."""
    together = SideBySide(network, N_NETWORKS)
    x = torch.randn(9, N_NETWORKS, N_FEATURES)
    parameters = list(together.parameters())
    gradients = torch.autograd.grad(together(x).sum(), parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert parameter.stride() == gradient.stride()


def test_all_start_as_the_network_does(network):
    before = copy.deepcopy(network.state_dict())
    together = SideBySide(network, N_NETWORKS)
    x = torch.randn(9, N_NETWORKS, N_FEATURES)
    expected = torch.stack([network(x[:, k]) for k in range(N_NETWORKS)], dim=1)
    torch.testing.assert_close(together(x), expected)
    for alone in together.apart(network):
        assert all(torch.equal(v, before[n]) for n, v in alone.state_dict().items())
    shaken(together)
    assert all(torch.equal(v, before[n]) for n, v in network.state_dict().items())


def test_each_by_itself_answers_as_beside_the_others(network):
    together = shaken(SideBySide(network, N_NETWORKS))
    x = torch.randn(9, N_NETWORKS, N_FEATURES)
    alone = list(together.apart(network))
    assert len(alone) == N_NETWORKS
    found = together(x)
    for k, one in enumerate(alone):
        assert type(one) is MLPModule and not one.training
        torch.testing.assert_close(one(x[:, k]), found[:, k])
    assert not torch.allclose(alone[0](x[:, 0]), alone[1](x[:, 0]))


def test_each_learns_as_it_would_alone(network):
    together = shaken(SideBySide(network, N_NETWORKS))
    alone = list(together.apart(network))
    x = torch.randn(9, N_NETWORKS, N_FEATURES)
    y = torch.randint(2, (9, N_NETWORKS))
    loss = nn.CrossEntropyLoss(reduction="sum")

    def steps(module, x, y):
        optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
        for _ in range(5):
            optimizer.zero_grad()
            loss(module(x).flatten(0, -2), y.flatten()).backward()
            optimizer.step()

    steps(together, x, y)
    learnt = list(together.apart(network))
    for k, one in enumerate(alone):
        before = copy.deepcopy(one.state_dict())
        steps(one, x[:, k], y[:, k])
        for name, value in one.named_parameters():
            torch.testing.assert_close(learnt[k].get_parameter(name), value)
        assert not torch.equal(one.linear.weight, before["linear.weight"])


def test_what_is_left_out_differs_from_network_to_network():
    network = MLPModule(N_FEATURES, 2, (50,), 0.5, 4)
    together = SideBySide(network, N_NETWORKS)
    x = torch.randn(9, 1, N_FEATURES).expand(-1, N_NETWORKS, -1)
    outputs = together.train()(x)
    assert not torch.allclose(outputs[:, 0], outputs[:, 1])
    outputs = together.eval()(x)
    torch.testing.assert_close(outputs[:, 0], outputs[:, 1])


def test_inputs_of_one_do_not_reach_another(network):
    together = shaken(SideBySide(network, 2))
    x = torch.randn(4, 2, N_FEATURES)
    other = x.clone()
    other[:, 1] = 5.0
    torch.testing.assert_close(together(other)[:, 0], together(x)[:, 0])


@pytest.mark.parametrize(
    ("network", "gains"),
    [
        (make(hidden_layer_sizes=(7,)), True),
        (make(hidden_layer_sizes=(128, 64)), True),
        (make(hidden_layer_sizes=(360, 360)), False),  # large
        (MLPModule(80, 2, (7,), 0.0, 4, widths=(50, 30)), False),  # of wide modes
        (nn.Linear(4, 3), False),
    ],
)
def test_small_networks_of_narrow_modes_gain(network, gains):
    assert gains_side_by_side(network) is gains
