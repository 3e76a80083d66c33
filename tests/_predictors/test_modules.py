"""Any torch module as predictor, and the default one."""

import copy

import pytest
import torch
from torch import nn

from sklearn_emma._predictors.encoding import PiecewiseLinearEncoding
from sklearn_emma._predictors.mlp import MLP
from sklearn_emma._predictors.modules import build_predictor, is_trained

X = torch.randn(6, 4, generator=torch.Generator())


class Own(nn.Module):
    """A class of the user, (n_features_in, n_outputs) -> module."""

    def __init__(self, n_features_in, n_outputs):
        super().__init__()
        self.layer = nn.Linear(n_features_in, n_outputs)

    def forward(self, features):
        return self.layer(features)


def factory(n_features_in, n_outputs):
    return nn.Sequential(nn.Linear(n_features_in, 5), nn.Linear(5, n_outputs))


def build(predictor, dtype=torch.float32, n_in=4, n_out=3):
    with torch.random.fork_rng(devices=[]):
        return build_predictor(predictor, n_in, n_out, dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("predictor", [Own, factory, nn.Linear, Own(4, 3)])
def test_modules_classes_and_factories(predictor, dtype):
    module = build(predictor, dtype)
    logits = module(X.to(dtype))
    assert (logits.shape, logits.dtype) == ((6, 3), dtype)


def test_a_module_is_copied_and_left_as_it_is():
    given = nn.Sequential(Own(4, 3), nn.Dropout(0.5)).eval()
    before = copy.deepcopy(given.state_dict())
    module = build(given, torch.float64)
    for parameter in module.parameters():
        parameter.data.zero_()
    assert not module.training
    for name, value in given.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value, before[name])


def test_a_module_keeps_what_it_has_learnt_and_what_is_frozen():
    given = Own(4, 3)
    given.layer.bias.requires_grad_(False)
    module = build(given)
    torch.testing.assert_close(module(X), given(X))
    assert [p.requires_grad for p in module.parameters()] == [True, False]


@pytest.mark.parametrize("training", [True, False])
def test_trying_it_out_leaves_no_trace(training):
    given = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).train(training)
    module = build(given)
    assert module.training is training
    assert torch.equal(module[1].running_mean, torch.zeros(3))
    assert all(parameter.grad is None for parameter in module.parameters())


def test_only_a_module_is_trained():
    assert is_trained(nn.Linear(1, 1))
    assert not any(map(is_trained, (nn.Linear, factory, None, "mlp")))


class Fails(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, x):
        raise self.error


@pytest.mark.parametrize(
    "predictor",
    [nn.Linear(5, 3), lambda n_in, n_out: nn.Linear(n_in + 1, n_out)]
    + [Fails(error("no")) for error in (ValueError, IndexError, TypeError)],
)
def test_an_input_that_does_not_fit_is_named(predictor):
    with pytest.raises(ValueError, match=r"cannot take the 4 features .*\(2, 4\)"):
        build(predictor)


@pytest.mark.parametrize(
    ("predictor", "got"),
    [
        (nn.Linear(4, 2), r"torch.Size\(\[2, 2\]\)"),
        (nn.Sequential(nn.Linear(4, 3), nn.Flatten(0)), r"torch.Size\(\[6\]\)"),
        (nn.LSTM(4, 3), "tuple"),
    ],
)
def test_an_output_that_does_not_fit_is_named(predictor, got):
    with pytest.raises(ValueError, match=rf"(?s)shape \(n_samples, 3\).*{got} for 2"):
        build(predictor)


@pytest.mark.parametrize("result", ["mlp", None, nn.Linear])
def test_what_gives_no_module_is_named(result):
    with pytest.raises(TypeError, match=r"`predictor` must be a torch module.* gave "):
        build(lambda n_in, n_out: result)


# -------------------------------------------------------------- the default predictor


def mlp(sizes, dropout=0.0):
    with torch.random.fork_rng(devices=[]):
        return MLP(4, 3, sizes, dropout)


@pytest.mark.parametrize("sizes", [(), (7,), (7, 5)])
def test_mlp_is_a_linear_path_beside_relu_layers(sizes):
    module = mlp(sizes, dropout=0.5).eval()
    seen = torch.cat((X.unsqueeze(2), module.encoding(X)), dim=2).flatten(1)
    hidden, *layers = seen, *(m for m in module.layers if isinstance(m, nn.Linear))
    assert [layer.out_features for layer in layers] == [*sizes, 3][: len(layers)]
    for layer in layers[:-1]:
        hidden = (hidden @ layer.weight.T + layer.bias).clamp_min(0)
    expected = X @ module.linear.weight.T + module.linear.bias
    if sizes:
        expected = expected + hidden @ layers[-1].weight.T
    torch.testing.assert_close(module(X), expected)


@pytest.mark.parametrize("n_bins", [1, 5])
def test_layers_of_the_mlp_see_quantile_bins_of_the_training_data(n_bins):
    with torch.random.fork_rng(devices=[]):
        module = MLP(4, 3, (7,), 0.0, n_bins)
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0, 1.0, 3.0])
    expected = PiecewiseLinearEncoding(4, n_bins)
    expected.calibrate(X, weight)
    module.calibrate(X, weight)
    assert module.layers[0].in_features == 4 * (1 + n_bins)
    torch.testing.assert_close(module.encoding(X), expected(X))
    assert not [name for name, _ in module.encoding.named_parameters()]


@pytest.mark.parametrize("sizes", [(), (7,)])
def test_attention_multiplies_features_and_their_bins(sizes):
    module = mlp(sizes).eval()
    attention = torch.rand(X.shape, generator=torch.Generator().manual_seed(0))
    expected = (X * attention) @ module.linear.weight.T + module.linear.bias
    if sizes:
        first, last = module.layers[0], module.layers[-1]
        bins = module.encoding(X)
        seen = torch.cat([X.unsqueeze(2), bins], dim=2) * attention.unsqueeze(2)
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
