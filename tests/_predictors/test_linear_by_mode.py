"""A linear layer that attention weighs mode by mode."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from helpers import quick
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._predictors import mlp_module
from sklearn_emma._predictors.linear_by_mode import (
    LinearByMode,
    first_features,
    linear_of_values,
)
from sklearn_emma._training import networks
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
    modes = x.split(WIDTHS, 1)
    torch.testing.assert_close(by_mode(modes, attention), expected)
    first = [mode[:1] for mode in modes]
    torch.testing.assert_close(by_mode(first, attention[:1])[0], whole.bias)


def test_without_attention_all_is_let_through(layers):
    by_mode, whole = layers
    found = by_mode(drawn(6, 8).split(WIDTHS, 1))
    torch.testing.assert_close(found, whole(drawn(6, 8)))


def test_inputs_may_be_several_values_of_each_feature():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        by_mode = LinearByMode(WIDTHS, 5, 3)
        torch.manual_seed(0)
        whole = linear_of_values(3, 8, 5)
    values, attention = drawn(6, 3, 8), drawn(6, 3)
    expected = whole((values * attention[:, None, SPREAD]).flatten(1))
    found = by_mode(values.split(WIDTHS, 2), attention)
    torch.testing.assert_close(found, expected)


def test_a_weight_starts_the_same_however_inputs_are_arranged():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = linear_of_values(3, 4, 5, n_plain=2)
        torch.manual_seed(0)
        drawn_by_feature = nn.Linear(2 + 3 * 4, 5)
    plain, values = drawn(6, 2), drawn(6, 3, 4)
    by_feature = torch.cat((plain, values.transpose(1, 2).flatten(1)), dim=1)
    by_value = torch.cat((plain, values.flatten(1)), dim=1)
    torch.testing.assert_close(layer(by_value), drawn_by_feature(by_feature))


def test_gradients_are_those_of_the_linear_layer(layers):
    by_mode, whole = layers
    x, slope = drawn(6, 8), drawn(6, 5)
    attentions = [drawn(6, 3).requires_grad_() for _ in layers]
    by_mode(x.split(WIDTHS, 1), attentions[0]).backward(slope)
    whole(x * attentions[1][:, SPREAD]).backward(slope)
    torch.testing.assert_close(attentions[0].grad, attentions[1].grad)
    found = torch.cat([weight.grad for weight in by_mode.weights], dim=1)
    torch.testing.assert_close(found, whole.weight.grad)
    torch.testing.assert_close(by_mode.bias.grad, whole.bias.grad)


def test_it_needs_no_memory_for_all_modes_at_once():
    """What is kept while predicting is one product, not that of each mode."""
    layer, sizes = LinearByMode([2] * 50, 100), []
    x, attention = drawn(40, 100), drawn(40, 50)

    class Sizes(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                sizes.append(result.numel())
            return result

    with torch.no_grad(), Sizes():
        layer(x.split(2, 1), attention)
    assert max(sizes) == 40 * 100


def test_a_last_mode_without_features_is_weighed_too():
    assert first_features([40, 0]).tolist() == [0, 39]
    assert first_features([3, 1, 4]).tolist() == [0, 3, 4]


NESTED = {"a": {"x": range(15), "y": range(15, 30)}, "b": range(30, 45)}


@pytest.mark.parametrize("modes", [{"a": range(22), "b": range(22, 45)}, NESTED])
def test_a_classifier_is_the_same_with_it_and_without(modes, monkeypatch):
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    X = rng.normal(size=(120, 45)) + rng.normal(size=(3, 45))[y]
    X[::7, :15] = np.nan
    # Those without would learn side by side, from other draws.
    monkeypatch.setattr(networks, "gains_side_by_side", lambda network: False)
    found = []
    for least in (0, np.inf):
        monkeypatch.setattr(mlp_module, "_WIDE", least)
        fitted = quick(modes=modes, predictor=MLP(8)).fit(X, y)
        found.append(fitted.predict_proba(X))
        kind = LinearByMode if least == 0 else nn.Linear
        assert type(fitted.network_.predictor.first) is kind
    np.testing.assert_allclose(*found, atol=1e-4)


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
