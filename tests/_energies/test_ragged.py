"""Energies of signals that differ in length: per position, and blind to padding."""

import numpy as np
import pytest
import torch

from sklearn_emma import ConvolutionalEnergy
from sklearn_emma._energies.convolution import Convolution, potential, reconstruct
from sklearn_emma._energies.convolutional_training import Kernels
from sklearn_emma._energies.innovations import Innovations
from sklearn_emma._energies.ragged import RaggedPotential, channel_magnitudes

RNG = np.random.default_rng(0)


def signals(n=200, shortest=15, longest=40):
    """Waves of different frequency, phase and length, with a little noise."""
    lengths = RNG.integers(shortest, longest + 1, n)
    phases, periods = RNG.uniform(0, 6, n), RNG.uniform(8, 14, n)
    return [
        np.sin(phase + 2 * np.pi * np.arange(k) / period) + 0.1 * RNG.normal(size=k)
        for k, phase, period in zip(lengths, phases, periods, strict=True)
    ]


def rows(given, width):
    X = np.full((len(given), width), np.nan)
    for row, signal in zip(X, given, strict=True):
        row[: len(signal)] = signal
    return X


SIGNALS = signals()
FITTED = ConvolutionalEnergy(ragged=True, max_iter=3, random_state=0).fit(
    rows(SIGNALS, 40)
)


def module(shape, kernel_size=5, stride=2):
    rng = np.random.default_rng(1)
    kernels = Kernels(
        rng.normal(size=(3, shape[0], kernel_size)),
        rng.normal(size=3),
        rng.normal(size=(shape[0], 1)),
    )
    n = min(9, shape[1])
    root = np.tril(rng.normal(size=(n, n)))
    root = np.einsum("ab,cd->acbd", root, np.eye(shape[0]))
    found = Innovations(rng.normal(size=shape[0]), np.ones(shape[0]), root)
    convolution = Convolution(shape, 3, kernel_size, stride)
    return RaggedPotential(convolution, found, kernels, 0.7, torch.float64)


@pytest.mark.parametrize("kernel_size", [1, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [5, 50])
def test_an_energy_does_not_see_padding(kernel_size, stride, padding):
    x = torch.from_numpy(np.random.default_rng(2).normal(size=(7, 2, 11)))
    alone = module((2, 11), kernel_size, stride)(x.flatten(1))
    x = torch.nn.functional.pad(x, (0, padding)).flatten(1)
    padded = module((2, 11 + padding), kernel_size, stride)(x)
    torch.testing.assert_close(padded, alone)


@pytest.mark.parametrize("kernel_size", [4, 5])
def test_it_is_the_plain_potential_of_the_signal_divided_by_its_length(kernel_size):
    convolution = Convolution((2, 11), 3, kernel_size, 2)
    z = torch.randn(5, 2, 11, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(convolution.kernels, generator=generator)
    bias, centre = torch.randn(3, generator=generator), torch.randn(2, 1)
    valid = torch.ones(5, 11, dtype=torch.bool)
    found = potential(z, convolution, weight, bias, centre, 0.5, valid)
    expected = potential(z, convolution, weight, bias, centre, 0.5) / 11
    torch.testing.assert_close(found, expected)


def test_the_step_of_the_autoencoder_leads_down_the_energy():
    convolution = Convolution((1, 9), 3, 3, 2)
    generator = torch.Generator().manual_seed(0)
    parameters = (
        torch.randn(convolution.kernels, generator=generator).double(),
        torch.randn(3, generator=generator).double(),
        torch.randn(1, 1, generator=generator).double(),
    )
    valid = torch.arange(9) < torch.tensor([[9], [6], [1]])
    z = torch.randn(3, 1, 9, generator=generator).double() * valid.unsqueeze(1)
    z.requires_grad_()
    energy = potential(z, convolution, *parameters, 0.5, valid) * valid.sum(1)
    (gradient,) = torch.autograd.grad(energy.sum(), z)
    step = z - reconstruct(z, convolution, *parameters, 0.5, valid)
    torch.testing.assert_close(step * valid.unsqueeze(1), gradient * valid.unsqueeze(1))


@pytest.mark.parametrize("padding", [5, 50])
def test_training_does_not_see_padding_either(padding):
    X = rows(SIGNALS, 40)
    wider = rows(SIGNALS, 40 + padding)
    energy = ConvolutionalEnergy(ragged=True, max_iter=3, random_state=0).fit(wider)
    np.testing.assert_allclose(energy.score_samples(wider), FITTED.score_samples(X))
    np.testing.assert_array_equal(energy.components_, FITTED.components_)


def test_clean_signals_long_and_short_compare_and_noise_shows_in_both():
    new = signals(400)
    short = np.array([len(signal) < 25 for signal in new])
    clean = FITTED.score_samples(rows(new, 40))
    gap = abs(np.median(clean[short]) - np.median(clean[~short]))
    assert gap < np.subtract(*np.quantile(clean, [0.75, 0.25]))
    noisy = [signal + RNG.normal(size=len(signal)) for signal in new]
    failing = FITTED.score_samples(rows(noisy, 40))
    for some in (short, ~short):
        assert (failing[some] < np.quantile(clean[some], 0.05)).mean() > 0.95


def test_units_of_channels_change_nothing():
    X = rows(SIGNALS, 40)
    energy = ConvolutionalEnergy(ragged=True, max_iter=3, random_state=0)
    huge = energy.fit(X * 2.0**410).score_samples(X * 2.0**410)
    np.testing.assert_allclose(huge, FITTED.score_samples(X), rtol=1e-6)


def test_a_channel_that_does_not_vary_keeps_its_length():
    X = np.array([[3.0, 3.0, np.nan], [3.0, np.nan, np.nan]])
    units = channel_magnitudes(X, np.ones(2), (1, 3))
    np.testing.assert_array_equal(units(X), [[0, 0, np.nan], [0, np.nan, np.nan]])
    scores = ConvolutionalEnergy(ragged=True, max_iter=1).fit(X).score_samples(X)
    assert np.isfinite(scores).all()


def test_rows_of_weight_zero_teach_nothing():
    X, weight = rows(SIGNALS, 40), np.ones(200)
    weight[150:] = 0
    energy = ConvolutionalEnergy(ragged=True, max_iter=1, random_state=0)
    found = energy.fit(X, sample_weight=weight).components_
    np.testing.assert_allclose(found, energy.fit(X[:150]).components_)


def test_images_cannot_be_ragged():
    energy = ConvolutionalEnergy(shape=(1, 5, 8), ragged=True)
    with pytest.raises(ValueError, match="ragged=True is for signals, of `shape`"):
        energy.fit(rows(SIGNALS, 40))


def test_a_gap_is_refused_and_so_is_nan_where_lengths_do_not_differ():
    X = rows(SIGNALS, 40)
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="NaN in row 3, before its end"):
        FITTED.score_samples(X)
    with pytest.raises(ValueError, match="NaN"):
        ConvolutionalEnergy().fit(X)
