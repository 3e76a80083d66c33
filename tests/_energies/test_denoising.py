"""Training of stacked autoencoders: what its loss is, and what teaches which mode."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers import random_state_kept
from sklearn_emma._energies import denoising
from sklearn_emma._energies.autoencoder import AutoencoderStack, gaussian_stiffness
from sklearn_emma._energies.denoising import (
    AutoencoderTask,
    PotentialLoss,
    train_autoencoders,
)
from sklearn_emma._energies.objectives import Denoising
from sklearn_emma._optim.net import Options

OPTIONS = Options(
    max_iter=5,
    batch_size=16,
    lr=0.05,
    lr_schedule="constant",
    optimizer=torch.optim.Adam,
    device=torch.device("cpu"),
)


def blocks(n=60, widths=(3, 1), dtype=np.float64):
    """Correlated values of modes of unequal widths, and weights of 1."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=(n, 1))
    noise = [0.1 * rng.normal(size=(n, width)) for width in widths]
    return [(common + e).astype(dtype) for e in noise], [np.ones(n, dtype)] * len(
        widths
    )


def learn(Xs, weights, seed=0, sigma=0.3, kappa=1.0, options=OPTIONS):
    task = AutoencoderTask(4, sigma, kappa, options)
    return train_autoencoders(Xs, weights, task, seed)


def same(one, other, **tolerance):
    for a, b in zip(one[:3], other[:3], strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


def reconstruction(x, autoencoder, kappa=1.0):
    W, c, b, _ = autoencoder
    return x - kappa * (x - b) + (1 / (1 + np.exp(-(x @ W.T + c)))) @ W


def test_the_loss_weighs_modes_and_adds_the_regulariser():
    losses = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    weight = torch.tensor([[1.0, 0.5], [0.0, 2.0]])

    class Given(Denoising):
        def losses(self, stack, reconstruction, x):
            return losses

    def three_times(hidden, weight, mode_weight):
        return torch.tensor([3.0, 30.0])

    x, stack = torch.zeros(2, 2, 1), AutoencoderStack([1, 1], 4)
    plain = PotentialLoss(Given(), None, 1.0, stack)
    more = PotentialLoss(Given(), three_times, 0.1, stack)
    torch.testing.assert_close(plain(x, x, weight), torch.tensor([2.0, 8.0]))
    expected = torch.tensor([2.0 + 0.3 + 1.5, 8.0 + 6.0])
    torch.testing.assert_close(more(x, x, weight), expected)
    assert not list(plain.parameters())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_autoencoder_is_as_wide_as_its_mode_and_in_its_type(dtype):
    learnt = learn(*blocks(dtype=dtype))
    for autoencoder, width in zip(learnt, (3, 1), strict=True):
        shapes = [array.shape for array in autoencoder[:3]]
        assert shapes == [(4, width), (4,), (width,)]
        assert {array.dtype for array in autoencoder[:3]} == {np.dtype(dtype)}
        assert len(autoencoder.loss_curve) == 5


@pytest.mark.parametrize("kappa", [1.0, 0.3])
def test_losses_are_the_squared_error_of_one_mode_on_average(kappa):
    """Next to no noise and steps too small to matter: the error is known."""
    Xs, weights = blocks()
    weights = [weights[0], np.arange(60) % 4 / 1.5]  # of mean 1
    still = replace(OPTIONS, lr=1e-12, max_iter=1)
    learnt = learn(Xs, weights, sigma=1e-12, kappa=kappa, options=still)
    errors = [
        np.mean(weight * np.square(reconstruction(X, a, kappa) - X).sum(axis=1))
        for X, weight, a in zip(Xs, weights, learnt, strict=True)
    ]
    for autoencoder in learnt:
        assert autoencoder.loss_curve == pytest.approx([np.mean(errors)])


def test_it_learns_to_remove_noise():
    Xs, weights = blocks(n=400)
    (wide, _) = learn(Xs, weights, options=replace(OPTIONS, max_iter=60))
    noisy = Xs[0] + 0.3 * np.random.default_rng(1).normal(size=Xs[0].shape)
    before = np.square(noisy - Xs[0]).sum()
    after = np.square(reconstruction(noisy, wide) - Xs[0]).sum()
    assert after < 0.6 * before
    assert wide.loss_curve[-1] < 0.6 * wide.loss_curve[0]


@pytest.mark.parametrize("sigma", [0.1, 0.3])
def test_gaussian_data_of_unit_variance_leave_hidden_units_nothing_to_do(sigma):
    """With their κ the loss begins, and stays, at what no denoiser can remove.

    Noise of variance σ² on data of variance 1 leaves σ² / (1 + σ²) of each coordinate.
    """
    x = np.random.default_rng(0).normal(size=(2000, 3))
    kappa = gaussian_stiffness(sigma)
    (learnt,) = learn([x], [np.ones(2000)], sigma=sigma, kappa=kappa)
    assert learnt.loss_curve[0] < 3 * kappa * 1.35
    assert learnt.loss_curve[-1] == pytest.approx(3 * kappa, rel=0.1)
    noisy = x + sigma * np.random.default_rng(1).normal(size=x.shape)
    moved = reconstruction(noisy, learnt, kappa)
    np.testing.assert_allclose(moved, (1 - kappa) * noisy, atol=0.6 * sigma)


def test_a_larger_sigma_makes_more_noise_to_remove():
    still = replace(OPTIONS, lr=1e-12, max_iter=1)
    losses = [
        learn(*blocks(), sigma=sigma, options=still)[0].loss_curve[0]
        for sigma in (0.01, 1.0, 10.0)
    ]
    assert losses[0] < losses[1] < losses[2]


def test_rows_of_weight_0_teach_a_mode_nothing():
    Xs, weights = blocks()
    weights = [weights[0], (np.arange(60) % 3 > 0).astype(float)]
    changed = [Xs[0], np.where(weights[1][:, np.newaxis] > 0, Xs[1], 99.0)]
    for one, other in zip(learn(Xs, weights), learn(changed, weights), strict=True):
        same(one, other, rtol=1e-9)


def test_only_the_ratios_of_the_weights_of_a_mode_count():
    Xs, weights = blocks()
    weights = [np.arange(60) % 5 + 0.5, weights[1]]
    scaled = [8 * weights[0], weights[1] / 4]
    for one, other in zip(learn(Xs, weights), learn(Xs, scaled), strict=True):
        same(one, other, rtol=1e-9)


def test_a_mode_that_is_never_there_disturbs_no_other():
    Xs, weights = blocks()
    learnt = learn(Xs, [weights[0], np.zeros(60)])
    assert all(np.isfinite(array).all() for a in learnt for array in a[:3])
    other = learn([Xs[0], Xs[1] * 7], [weights[0], np.zeros(60)])
    same(learnt[0], other[0], rtol=1e-9)


def test_what_fills_up_a_narrow_mode_stays_without_noise_and_weight(monkeypatch):
    stacks = []
    make = denoising.AutoencoderStack
    monkeypatch.setattr(
        denoising,
        "AutoencoderStack",
        lambda *sizes: stacks.append(make(*sizes)) or stacks[-1],
    )
    _, narrow = learn(*blocks())
    (stack,) = stacks
    np.testing.assert_array_equal(stack.weight[1, :, :1].detach(), narrow.weight)
    assert (stack.weight[1, :, 1:] == 0).all()
    assert (stack.visible_bias[1, 1:] == 0).all()


@random_state_kept()
def test_all_that_is_random_comes_from_the_seed():
    one, again, other = (learn(*blocks(), seed=seed) for seed in (0, 0, 1))
    for a, b, c in zip(one, again, other, strict=True):
        same(a, b, rtol=1e-12)
        assert not np.allclose(a.weight, c.weight)
