"""The frozen module, its memory, and what training hands back."""

import numpy as np
import torch

from sklearn_emma._energies.convolution import Convolution
from sklearn_emma._energies.convolutional_training import (
    ConvolutionalPotential,
    ConvolutionalStack,
    Kernels,
    learn,
    score_rows,
)
from sklearn_emma._energies.frequencies import Spectrum
from sklearn_emma._optim.net import Options

GEOMETRY = Convolution((1, 6), 2, 3, 2)
OPTIONS = Options(2, "auto", 0.02, "cosine", torch.optim.Adam, torch.device("cpu"))


def frozen(spectrum=None):
    rng = np.random.default_rng(0)
    kernels = Kernels(rng.normal(size=(2, 1, 3)), np.zeros(2), np.zeros((1, 6)))
    spectrum = spectrum or Spectrum(np.zeros((1, 6)), np.ones(1), None)
    return ConvolutionalPotential(GEOMETRY, spectrum, kernels, 1.0, torch.float64)


def test_each_mode_is_scored_on_its_own_columns():
    x = torch.randn(5, 12, generator=torch.Generator().manual_seed(0)).double()
    columns = [[1, 3, 5, 7, 9, 11], [0, 2, 4, 6, 8, 10]]
    one, other = frozen(), frozen(Spectrum(np.ones((1, 6)), np.ones(1), None))
    found = ConvolutionalStack([one, other], columns)(x)
    expected = torch.stack([one(x[:, 1::2]), other(x[:, ::2])], dim=1)
    torch.testing.assert_close(found, expected)


def test_scores_are_finite_however_far_off_values_are():
    assert np.isfinite(score_rows(frozen(), np.full((2, 6), 1e200))).all()


def test_rows_of_weight_zero_teach_nothing():
    X = np.random.default_rng(0).normal(size=(40, 6))
    weight = np.where(np.arange(40) < 30, 1.0, 0.0)
    task = GEOMETRY, "whiten", 0.3, OPTIONS, 0
    found, expected = learn(X, weight, *task), learn(X[:30], weight[:30], *task)
    np.testing.assert_array_equal(found.components_, expected.components_)
    np.testing.assert_array_equal(found.spectrum_.roots, expected.spectrum_.roots)
    assert len(found.loss_curve_) == 2
