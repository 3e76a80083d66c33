"""Any torch module, class, factory or recipe as predictor."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import helpers
from sklearn_emma._predictors.modules import (
    build_predictor,
    calibrate_predictor,
    takes_attention,
)
from sklearn_emma.predictors import MLP

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


class Recipe:
    """An object of the user with ``build``."""

    def __init__(self, width):
        self.width = width

    def build(self, n_features_in, n_outputs):
        sizes = (n_features_in, self.width), (self.width, n_outputs)
        return nn.Sequential(*(nn.Linear(*size) for size in sizes))


def build(predictor, dtype=torch.float32, n_in=4, n_out=3):
    with torch.random.fork_rng(devices=[]):
        return build_predictor(predictor, n_in, n_out, dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "predictor", [Own, factory, nn.Linear, Own(4, 3), MLP((5,)), Recipe(5)]
)
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


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch asks for it itself
def test_a_compiled_module_learns_as_it_does_itself():
    """With all that compiling is, but for the making of code."""
    X, y = helpers.three_classes()
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    compiled = torch.compile(module, backend="eager")
    expected = helpers.quick(predictor=module).fit(X, y).predict_proba(X)
    found = helpers.quick(predictor=compiled).fit(X, y)
    np.testing.assert_allclose(found.predict_proba(X), expected, rtol=1e-6)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict_proba(X), found.predict_proba(X))


@pytest.mark.parametrize("training", [True, False])
def test_trying_it_out_leaves_no_trace(training):
    given = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).train(training)
    module = build(given)
    assert module.training is training
    assert torch.equal(module[1].running_mean, torch.zeros(3))
    assert all(parameter.grad is None for parameter in module.parameters())


def test_a_recipe_builds_afresh_each_time():
    recipe = Recipe(7)
    one, other = (build(recipe) for _ in range(2))
    assert one[0].out_features == 7
    one[0].weight.data.zero_()
    assert other[0].weight.any()


class Unbuilt(Own):
    """A class with a method ``build`` is a class still, and so is its instance."""

    def build(self, n_features_in, n_outputs):
        raise AssertionError("nobody calls this")


@pytest.mark.parametrize("predictor", [Unbuilt, Unbuilt(4, 3)])
def test_a_module_with_a_method_build_is_a_module(predictor):
    assert type(build(predictor)) is Unbuilt


def test_only_a_module_that_wants_to_is_shown_the_data():
    weight = torch.arange(6.0)
    shown = []
    module = Own(4, 3)
    calibrate_predictor(module, X, weight)  # has no such method
    module.calibrate = "of no use"
    calibrate_predictor(module, X, weight)
    module.calibrate = lambda *data: shown.append(data)
    calibrate_predictor(module, X, weight)
    assert len(shown) == 1 and shown[0][0] is X and shown[0][1] is weight


class Within(Own):
    """Multiplies by attention itself."""

    def forward(self, features, attention=None):
        return super().forward(features)


def test_modules_with_an_argument_attention_take_it():
    assert takes_attention(Within(4, 3))
    assert not any(map(takes_attention, (Own(4, 3), nn.Linear(4, 3), factory(4, 3))))


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
