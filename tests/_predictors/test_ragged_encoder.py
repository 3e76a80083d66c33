"""The default encoder of ragged signals sees the signal and nothing behind it."""

import pytest
import torch
from torch.nn.functional import pad

from sklearn_emma._predictors.encoder_modules import default_encoders
from sklearn_emma._predictors.ragged_encoder import RaggedEncoder
from sklearn_emma.corruption import ModeLayout


def signals(n=6, channels=2, length=13):
    return torch.randn(n, channels, length, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("padding", [0, 1, 50])
def test_features_do_not_depend_on_padding(padding):
    encoder, x = RaggedEncoder(2, 8).double(), signals().double()
    torch.testing.assert_close(encoder(pad(x, (0, padding))), encoder(x))


def test_features_of_a_row_do_not_depend_on_the_length_of_others():
    encoder, x = RaggedEncoder(2, 8).double(), signals().double()
    x[0, :, 5:] = 0
    torch.testing.assert_close(encoder(x)[:1], encoder(x[:1, :, :5]))


def test_mean_and_maximum_are_those_of_a_plain_loop():
    encoder, x = RaggedEncoder(1, 4).double(), signals(1, 1, 9).double()
    hidden = x
    for layer in encoder.layers:
        hidden = layer(hidden).relu()
    pooled = torch.cat((hidden.mean(2), hidden.max(2).values), dim=1)
    torch.testing.assert_close(encoder(x), encoder.normalise(encoder.linear(pooled)))


def test_a_signal_that_is_lost_has_finite_features_and_gradients():
    encoder = RaggedEncoder(1, 4)
    encoder(torch.zeros(3, 1, 7)).square().sum().backward()
    assert all(p.grad.isfinite().all() for p in encoder.parameters())


def test_it_is_the_default_of_ragged_modes_alone():
    layout = ModeLayout.from_columns(
        {"mic": range(8), "gyro": range(8, 16)},
        {"mic": (1, 8), "gyro": (2, 4)},
        ragged=["mic"],
    )
    found = default_encoders(layout, 5)
    assert isinstance(found["mic"], RaggedEncoder)
    assert not isinstance(found["gyro"], RaggedEncoder)
    assert found["mic"](torch.zeros(2, 1, 8)).shape == (2, 5)
