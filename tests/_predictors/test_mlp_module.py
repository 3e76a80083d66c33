"""The network that the default recipe builds."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emma._predictors.encoding import PiecewiseLinearEncoding
from sklearn_emma._predictors.mlp_module import MLPModule
from sklearn_emma.predictors import MLP

X = torch.randn(6, 4, generator=torch.Generator())


def layers_of(module):
    """Linear layers of the path beside the linear one."""
    return [m for m in (module.first, *module.rest) if isinstance(m, nn.Linear)]


def mlp(sizes, dropout=0.0, n_bins=8):
    with torch.random.fork_rng(devices=[]):
        return MLP(sizes, dropout, n_bins).build(4, 3)


@pytest.mark.parametrize("sizes", [(), (7,), (7, 5)])
def test_mlp_is_a_linear_path_beside_relu_layers(sizes):
    module = mlp(sizes, dropout=0.5).eval()
    hidden, *layers = module.encoding(X).flatten(1), *layers_of(module)
    assert [layer.out_features for layer in layers] == [*sizes, 3][: len(layers)]
    for layer in layers[:-1]:
        hidden = (hidden @ layer.weight.T + layer.bias).clamp_min(0)
    expected = X @ module.linear.weight.T + module.linear.bias
    if sizes:
        expected = expected + hidden @ layers[-1].weight.T
    torch.testing.assert_close(module(X), expected)


@pytest.mark.parametrize("n_bins", [1, 5])
def test_layers_of_the_mlp_see_quantile_bins_of_the_training_data(n_bins):
    module = mlp((7,), n_bins=n_bins)
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0, 1.0, 3.0])
    expected = PiecewiseLinearEncoding(4, n_bins)
    expected.calibrate(X, weight)
    module.calibrate(X, weight)
    assert module.first.in_features == 4 * (1 + n_bins)
    torch.testing.assert_close(module.encoding(X), expected(X))
    assert not [name for name, _ in module.encoding.named_parameters()]


@pytest.mark.parametrize("sizes", [(), (7,)])
def test_attention_multiplies_features_and_their_bins(sizes):
    module = mlp(sizes).eval()
    attention = torch.rand(X.shape, generator=torch.Generator().manual_seed(0))
    expected = (X * attention) @ module.linear.weight.T + module.linear.bias
    if sizes:
        first, last = module.first, module.rest[-1]
        seen = module.encoding(X) * attention.unsqueeze(1)
        hidden = (seen.flatten(1) @ first.weight.T + first.bias).clamp_min(0)
        expected = expected + hidden @ last.weight.T
    torch.testing.assert_close(module(X, attention), expected)
    torch.testing.assert_close(module(X, torch.ones_like(X)), module(X))
    torch.testing.assert_close(module(X, 0 * attention), module(0 * X))


def test_mlp_drops_hidden_units_in_training_only():
    module = mlp((50,), dropout=0.5)
    with torch.random.fork_rng(devices=[]):
        assert not torch.equal(module(X), module(X))
    module.eval()
    assert torch.equal(module(X), module(X))


def test_every_parameter_of_the_mlp_gets_a_gradient():
    module = mlp((7, 5))
    module(X).square().sum().backward()
    assert all(p.grad is not None and (p.grad != 0).any() for p in module.parameters())


BINNED = np.array([1, 3])


def behind(sizes):
    """A module that sees two of four features in three bins."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MLPModule(4, 3, sizes, 0.0, 3, BINNED)


def test_attention_multiplies_the_bins_of_some_features_too():
    module, attention = behind((7,)).eval(), torch.rand(6, 4)
    bins = module.encoding(X[:, BINNED])[:, 1:] * attention[:, BINNED].unsqueeze(1)
    x = X * attention
    seen = torch.cat([x, bins[:, 0], bins[:, 1], bins[:, 2]], dim=1)
    hidden = (seen @ module.first.weight.T + module.first.bias).clamp_min(0)
    expected = x @ module.linear.weight.T + module.linear.bias
    expected = expected + hidden @ module.rest[-1].weight.T
    torch.testing.assert_close(module(X, attention), expected)


def test_weights_of_some_features_in_bins_start_feature_by_feature():
    module = behind((7,))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = nn.Linear(4 + 2 * 3, 7).weight
    plain, first, second = drawn[:, :4], drawn[:, 4:7], drawn[:, 7:]
    found = module.first.weight
    torch.testing.assert_close(found[:, :4], plain)
    torch.testing.assert_close(found[:, 4::2], first)
    torch.testing.assert_close(found[:, 5::2], second)
