"""What a torch predictor returns is checked as soon as it is built."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import helpers
from sklearn_emma._predictors.modules import build_predictor
from sklearn_emma.predictors import MLP

X, y = helpers.three_classes()


def build(predictor, dtype=torch.float64):
    with torch.random.fork_rng(devices=[]):
        return build_predictor(predictor, 4, 3, dtype)


class Then(nn.Module):
    """A linear layer, then a function."""

    def __init__(self, function, n_in=4, n_out=3):
        super().__init__()
        self.layer = nn.Linear(n_in, n_out)
        self.function = function

    def forward(self, x):
        return self.function(self.layer(x))


# ------------------------------------------------------------------- types and shapes


@pytest.mark.parametrize(
    ("dtype", "function", "returned"),
    [
        (torch.float64, torch.Tensor.float, "float32"),
        (torch.float32, torch.Tensor.double, "float64"),
        (torch.float32, torch.Tensor.half, "float16"),
        (torch.float32, torch.Tensor.long, "int64"),
    ],
)
def test_logits_of_another_type(dtype, function, returned):
    message = f"of the type of its input, {dtype}; .* returned torch.{returned}"
    with pytest.raises(ValueError, match=f"(?s){message}"):
        build(Then(function), dtype)


def test_a_single_row_is_tried_too():
    with pytest.raises(
        ValueError, match=r"(?s)returned torch.Size\(\[3\]\) for 1 samples"
    ):
        build(Then(torch.squeeze))
    with pytest.raises(ValueError, match=r"fails on an input of shape \(1, 4\): no"):
        build(Then(refuses_one_row))


class AsItTrains(nn.Linear):
    """Another answer as it trains than as it predicts."""

    def __init__(self, n_in, n_out, function=None):
        super().__init__(n_in, n_out)
        self.function = function

    def forward(self, x):
        logits = super().forward(x)
        return self.function(logits) if self.training else logits


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda z: z[:, :2], r"returned torch.Size\(\[2, 2\]\) for 2 samples as it"),
        (
            lambda z: z[:, :, None],
            r"returned torch.Size\(\[2, 3, 1\]\) .* as it trains",
        ),
        (lambda z: (z, z), "returned tuple for 2 samples as it trains"),
        (torch.Tensor.double, "returned torch.float64 as it trains"),
    ],
)
def test_what_it_returns_as_it_trains_is_tried_too(function, message, no_training):
    def predictor(n_in, n_out):
        return AsItTrains(n_in, n_out, function)

    with pytest.raises(ValueError, match=f"(?s){message}"):
        helpers.quick(predictor=predictor).fit(X, y)


def test_trying_changes_neither_running_means_nor_random_numbers():
    given = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3))
    given[0].running_mean += 1
    before = {k: v.clone() for k, v in given.state_dict().items()}
    with helpers.random_state_kept():
        made = build_predictor(given, 4, 3, torch.float32)
    for name, value in made.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_a_module_that_trains_on_many_rows_only_passes():
    def many(logits):
        if len(logits) < 8:
            raise ValueError("too few")
        return logits

    build(lambda n_in, n_out: AsItTrains(n_in, n_out, many))


class Within(nn.Linear):
    """Multiplies by attention itself, and then loses an output."""

    def forward(self, x, attention=None):
        if attention is None:
            return super().forward(x)
        return super().forward(x * attention)[:, :2]


def test_what_it_returns_with_attention_is_tried_too():
    with pytest.raises(ValueError, match=r"returned torch.Size\(\[2, 2\]\) for 2"):
        build(Within)


@pytest.mark.parametrize("function", [lambda z: z / 0, lambda z: z * torch.nan])
def test_a_sample_without_any_mode_must_have_logits(function):
    with pytest.raises(ValueError, match=r"(?s)finite logits for a row of zeros too"):
        build(Then(function))


def test_a_module_without_values_is_named():
    with pytest.raises(ValueError, match=r"(?s)`predictor` Linear.* cannot be used: "):
        build(nn.Linear(4, 3, device="meta"))


def refuses_one_row(logits):
    if len(logits) == 1:
        raise RuntimeError("no")
    return logits


def test_trying_leaves_the_mode_of_each_part():
    given = nn.Sequential(nn.Linear(4, 3), nn.Dropout())
    given[1].eval()
    assert [part.training for part in build(given).modules()] == [True, True, False]


# ------------------------------------------------------------------------ probabilities


def ends_in(layer):
    return lambda n_in, n_out: nn.Sequential(nn.Linear(n_in, n_out), layer)


def after_hidden(layer):
    inner = nn.Sequential(nn.Linear(6, 3), layer)
    return lambda n_in, n_out: nn.Sequential(nn.Linear(n_in, 6), nn.Tanh(), inner)


def softmax(logits):
    return functional.softmax(logits, dim=1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "predictor",
    [
        ends_in(nn.Softmax(1)),
        ends_in(nn.Softmax(0)),
        ends_in(nn.Sigmoid()),
        ends_in(nn.Hardsigmoid()),
        after_hidden(nn.Sigmoid()),
        Then(softmax),
        Then(torch.sigmoid),
    ],
)
def test_probabilities_are_refused(predictor, dtype):
    with pytest.raises(ValueError, match=r"(?s)must return logits, .* leave that last"):
        build(predictor, dtype)


def test_probabilities_are_refused_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr("sklearn_emma._estimators.base.train_model", pytest.fail)
    with pytest.raises(ValueError, match="must return logits, not probabilities"):
        helpers.quick(predictor=ends_in(nn.Softmax(1))).fit(X, y)


def zeros(n_in, n_out):
    layer = nn.Linear(n_in, n_out)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def constant(n_in, n_out):
    layer = zeros(n_in, n_out)
    nn.init.constant_(layer.bias, 0.5)
    return layer


class Indices(nn.Module):
    """Cannot take any numbers."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.embedding = nn.Embedding(3, n_out)

    def forward(self, x):
        return self.embedding(x.long()).sum(1)


@pytest.mark.parametrize(
    "predictor",
    [
        zeros,
        constant,
        Indices,
        ends_in(nn.ReLU()),
        ends_in(nn.Tanh()),
        ends_in(nn.LogSoftmax(1)),
        Then(torch.relu),
        MLP(),
        MLP(()),
    ],
)
@helpers.random_state_kept()
def test_bounded_and_constant_outputs_are_no_probabilities(predictor):
    build(predictor)


def test_log_softmax_changes_nothing():
    """The softmax that follows undoes it."""
    plain, normalised = (
        helpers.quick(predictor=make).fit(X, y).predict_proba(X)
        for make in (nn.Linear, ends_in(nn.LogSoftmax(1)))
    )
    np.testing.assert_allclose(plain, normalised, rtol=1e-6)


# --------------------------------------------------------------------- nothing to train


class Frozen(nn.Linear):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.requires_grad_(False)


class Bare(nn.Module):
    """No parameter at all."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.n_out = n_out

    def forward(self, x):
        return x[:, : self.n_out]


@pytest.mark.parametrize("predictor", [Frozen, Bare])
def test_a_class_with_nothing_to_train_is_named(predictor):
    message = (
        f"`predictor` .*{predictor.__name__}.* made a module with nothing to train"
    )
    with pytest.raises(ValueError, match=message):
        helpers.quick(predictor=predictor).fit(X, y)


@pytest.mark.parametrize("predictor", [Frozen(4, 3), Bare(4, 3)])
def test_an_instance_with_nothing_to_train_is_taken_as_it_is(predictor):
    model = helpers.quick(predictor=predictor).fit(X, y)
    assert model.pretraining_loss_curve_ == []
    assert len(model.loss_curve_) == 3
    for name, value in predictor.state_dict().items():
        torch.testing.assert_close(
            model.predictor_.state_dict()[name], value, check_dtype=False
        )


def test_a_frozen_predictor_without_attention_is_that_predictor():
    """Nothing is left to learn, which is no reason to fail: it is a baseline."""
    with torch.random.fork_rng(devices=[]):
        predictor = Frozen(4, 3).double()
    model = helpers.quick(
        predictor=predictor, attention_function="none", lambda_c=0.0, lambda_e=0.0
    ).fit(X, y)
    z = torch.from_numpy((X - X.mean(axis=0)) / X.std(axis=0))
    np.testing.assert_allclose(
        model.predict_proba(X), predictor(z).softmax(1).numpy(), rtol=1e-6
    )
    assert len(model.loss_curve_) == 3
