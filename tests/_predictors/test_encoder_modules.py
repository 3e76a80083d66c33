"""Embeddings of modes, and how attention multiplies them."""

import pytest
import torch
from torch import nn

from sklearn_emma._predictors.encoder_modules import (
    EncodedModes,
    default_encoder,
    default_encoders,
    embedded_sizes,
)
from sklearn_emma.corruption import ModeLayout

LAYOUT = ModeLayout.from_columns(
    {"speed": [0, 1], "camera": range(2, 34), "rain": [34]}, {"camera": (2, 4, 4)}
)


class Sums(nn.Module):
    """Two features that can be computed by hand: sums of both channels, and 5."""

    def forward(self, x):
        return x.sum(dim=(2, 3)) + 5.0


class Head(nn.Module):
    """Hands on what it sees."""

    def forward(self, x):
        return x


class GatingHead(nn.Module):
    """Hands on what it sees, and attention."""

    def forward(self, x, attention=None):
        return torch.cat((x, attention), dim=1)


def values(n=6):
    return torch.randn(n, 35, generator=torch.Generator().manual_seed(0)).double()


def attention(n=6):
    of_modes = torch.rand(n, 3, generator=torch.Generator().manual_seed(1)).double()
    return of_modes, LAYOUT.spread(of_modes)


def test_embeddings_stand_where_their_modes_stood():
    x = values()
    found = EncodedModes(LAYOUT, {"camera": Sums()}, Head())(x)
    sums = x[:, 2:34].view(6, 2, 16).sum(2)
    torch.testing.assert_close(found, torch.cat((x[:, :2], sums, x[:, 34:]), dim=1))


def test_attention_multiplies_embeddings_and_columns():
    x, (of_modes, of_columns) = values(), attention()
    found = EncodedModes(LAYOUT, {"camera": Sums()}, Head())(x, of_columns)
    spread = of_modes[:, [0, 0, 1, 1, 2]]
    plain = EncodedModes(LAYOUT, {"camera": Sums()}, Head())(x)
    torch.testing.assert_close(found, plain * spread)


def test_a_head_that_takes_attention_multiplies_by_itself():
    x, (of_modes, of_columns) = values(), attention()
    found = EncodedModes(LAYOUT, {"camera": Sums()}, GatingHead())(x, of_columns)
    plain = EncodedModes(LAYOUT, {"camera": Sums()}, Head())(x)
    expected = torch.cat((plain, of_modes[:, [0, 0, 1, 1, 2]]), dim=1)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("shape", [(2, 4, 4), (1, 32)])
def test_a_mode_at_its_mean_is_as_one_without_attention(shape):
    layout = ModeLayout.from_columns({"a": range(32)}, {"a": shape})
    torch.manual_seed(0)
    module = EncodedModes(layout, {"a": default_encoder(shape, 8)}, Head()).double()
    torch.testing.assert_close(
        module(torch.zeros(3, 32).double()), torch.zeros(3, 8).double()
    )


def test_scores_of_a_row_do_not_depend_on_others():
    torch.manual_seed(0)
    module = EncodedModes(LAYOUT, default_encoders(LAYOUT), Head()).double().eval()
    x = values()
    torch.testing.assert_close(module(x)[2:3], module(x[2:3]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 32, 32), (1, 1, 1), (2, 5, 70), (1, 1), (4, 9), (2, 500)]
)
def test_default_encoders_take_any_shape_and_are_bounded(shape):
    torch.manual_seed(0)
    encoder = default_encoder(shape, 64)
    found = encoder(1e6 * torch.randn(3, *shape))
    assert found.shape == (3, 64)
    assert (found.norm(dim=1) < 8.01).all()


def test_default_encoders_have_few_parameters_whatever_the_size():
    """Ten times as many pixels, and the same order of parameters."""

    def n_parameters(shape):
        return sum(p.numel() for p in default_encoder(shape, 64).parameters())

    assert n_parameters((3, 128, 128)) < 3 * n_parameters((3, 32, 32)) < 300_000


def test_columns_and_unknown_shapes_have_no_default_encoder():
    layout = ModeLayout.from_columns(
        {"a": range(4), "b": range(4, 12), "c": range(12, 28)},
        {"b": (2, 4), "c": (2, 2, 2, 2)},
    )
    assert list(default_encoders(layout)) == ["b"]
    assert default_encoders(layout, skip=["b"]) == {}


def test_frozen_encoders_stay_in_evaluation_mode():
    frozen, learning = nn.BatchNorm2d(2).requires_grad_(False), nn.BatchNorm2d(2)
    for encoder, trains in ((frozen, False), (learning, True)):
        module = EncodedModes(LAYOUT, {"camera": encoder}, Head()).train()
        assert module.training and module.encoders[0].training is trains
        assert not module.eval().encoders[0].training


def test_normalising_layers_train_on_what_stands_beside_the_mean():
    """One row alone would be too few for them."""
    module = EncodedModes(LAYOUT, {"camera": nn.BatchNorm2d(2)}, Head()).train()
    assert module(values().float()).isfinite().all()


def test_sizes_are_those_of_embeddings_and_columns():
    assert embedded_sizes(LAYOUT, {"camera": Sums()}) == (2, 2, 1)
    assert embedded_sizes(LAYOUT, {}) == (2, 32, 1)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (nn.Flatten(0), r"got torch.Size\(\[64\]\) for two"),
        (nn.Linear(3, 2), "cannot be multiplied"),
    ],
)
def test_an_encoder_that_returns_no_features_is_named_by_its_mode(encoder, message):
    with pytest.raises((ValueError, RuntimeError), match=message) as caught:
        embedded_sizes(LAYOUT, {"camera": encoder})
    said = [str(caught.value), *getattr(caught.value, "__notes__", [])]
    assert any("Mode 'camera': its encoder" in text for text in said)
