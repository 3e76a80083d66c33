"""Dropout: what it leaves out, how often, and that nothing else changes."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch.func import vmap

from sklearn_emma._predictors.dropout import Dropout


def drop(p, shape, dtype=torch.float32, seed=0):
    """What becomes of ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return dropped(Dropout(p), torch.ones(shape, dtype=dtype))


def dropped(module, x):
    """What becomes of x, (..., d)."""
    (mask,) = module(x, x.shape[-1:])
    return x if mask is None else x * mask


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.97])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_leaves_out_the_share_asked_for_and_scales_the_rest(p, dtype):
    y = drop(p, (400, 250), dtype)
    assert y.dtype == dtype
    values, counts = y.unique(return_counts=True)
    levels = 2**16
    expected = levels / (levels - round(p * levels))  # 1 / (1 − p), to the level
    assert values.tolist() == pytest.approx([0.0, expected], rel=1e-6)
    assert expected == pytest.approx(1 / (1 - p), rel=1e-3)
    assert binomtest(int(counts[0]), y.numel(), p).pvalue > 1e-3


def test_units_fail_independently_of_each_other():
    # Four neighbours share a random number: of those too, all 16 patterns occur alike.
    dropped = (drop(0.5, (20_000, 8)) == 0).numpy().astype(int)
    for patterns in (dropped[:, :4], dropped[:, 2:6], dropped[:, ::2]):
        counts = np.bincount(patterns @ [8, 4, 2, 1], minlength=16)
        np.testing.assert_allclose(counts / len(dropped), 1 / 16, atol=0.01)


def test_every_call_is_fresh_and_follows_the_global_seed():
    assert torch.equal(drop(0.5, (30, 7), seed=1), drop(0.5, (30, 7), seed=1))
    assert not torch.equal(drop(0.5, (30, 7), seed=1), drop(0.5, (30, 7), seed=2))


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (3, 3), (2, 5, 7), (9,)])
def test_any_shape(shape):
    assert drop(0.5, shape).shape == shape


@pytest.mark.parametrize(("p", "training"), [(0.5, False), (0.0, True)])
def test_without_dropout_it_is_the_identity_and_draws_nothing(p, training):
    x = torch.ones(3, 4)
    before = torch.get_rng_state()
    assert Dropout(p).train(training)(x, [4, 7]) == [None, None]
    assert torch.equal(before, torch.get_rng_state())


def test_almost_all_can_be_left_out():
    assert torch.isfinite(drop(1 - 1e-9, (50, 50))).all()


def test_gradient_passes_where_the_unit_was_kept():
    x = torch.full((20, 5), 2.0, requires_grad=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        y = dropped(Dropout(0.4), x)
    y.sum().backward()
    torch.testing.assert_close(x.grad, y.detach() / 2)


def test_models_side_by_side_share_a_mask():
    module = Dropout(0.5)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ones = torch.ones(3, 10, 6)
        y = vmap(partial(dropped, module), randomness="same")(ones)
    assert torch.equal(y[0], y[1]) and torch.equal(y[0], y[2])
    assert torch.equal(y[0], drop(0.5, (10, 6)))


def test_masks_of_layers_are_drawn_one_after_the_other():
    """As if each layer had drawn its own, to whole numbers of 64 bits."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        together = Dropout(0.5)(torch.ones(3, 8), [8, 5, 4])
        after = torch.get_rng_state()
        torch.manual_seed(0)
        alone = [Dropout(0.5)(torch.ones(3, 8), [n])[0] for n in (8, 5, 4)]
        assert torch.equal(after, torch.get_rng_state())
    assert [mask.shape for mask in together] == [(3, 8), (3, 5), (3, 4)]
    for one, other in zip(together, alone, strict=True):
        assert torch.equal(one, other)
