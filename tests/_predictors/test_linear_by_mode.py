"""A linear layer that attention weighs mode by mode."""

import pytest
import torch
from torch import nn

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors.linear_by_mode import LinearByMode
from sklearn_emma.predictors import MLP

WIDTHS = (3, 1, 4)
SPREAD = torch.tensor([0, 0, 0, 1, 2, 2, 2, 2])


@pytest.fixture
def layers():
    """The layer, and torch's that starts as it does."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        by_mode = LinearByMode(WIDTHS, 5)
        torch.manual_seed(0)
        return by_mode, nn.Linear(8, 5)


def drawn(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(len(shape)))


def test_it_is_a_linear_layer_of_inputs_times_attention(layers):
    by_mode, whole = layers
    x, attention = drawn(6, 8), drawn(6, 3).round(decimals=1)
    attention[0] = 0
    expected = whole(x * attention[:, SPREAD])
    torch.testing.assert_close(by_mode(x, attention), expected)
    torch.testing.assert_close(by_mode(x[:1], attention[:1])[0], whole.bias)


def test_without_attention_all_is_let_through(layers):
    by_mode, whole = layers
    torch.testing.assert_close(by_mode(drawn(6, 8)), whole(drawn(6, 8)))


def test_gradients_are_those_of_the_linear_layer(layers):
    by_mode, whole = layers
    x, slope = drawn(6, 8), drawn(6, 5)
    attentions = [drawn(6, 3).requires_grad_() for _ in layers]
    by_mode(x, attentions[0]).backward(slope)
    whole(x * attentions[1][:, SPREAD]).backward(slope)
    torch.testing.assert_close(attentions[0].grad, attentions[1].grad)
    found = torch.cat([weight.grad for weight in by_mode.weights], dim=1)
    torch.testing.assert_close(found, whole.weight.grad)
    torch.testing.assert_close(by_mode.bias.grad, whole.bias.grad)


@pytest.mark.parametrize(("width", "expected"), [(14, nn.Linear), (15, LinearByMode)])
def test_the_default_network_has_it_where_modes_are_wide(width, expected):
    layout = ModeLayout.from_columns(
        {"a": range(10), "b": range(10, 10 + 2 * width - 10)}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = MLP(7).build_for(layout, 3).eval()
        torch.manual_seed(0)
        plain = MLP(7).build(layout.n_features, 3).eval()
    assert type(module.first) is expected
    x, of_modes = drawn(6, layout.n_features), drawn(6, 2)
    attention = layout.spread(of_modes)
    torch.testing.assert_close(module(x, attention), plain(x, attention))
    torch.testing.assert_close(module(x), plain(x))
