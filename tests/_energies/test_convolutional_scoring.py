"""What a trained convolutional energy scores with."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from sklearn_emma import ConvolutionalEnergy
from sklearn_emma._energies.convolutional_training import ConvolutionalPotential
from sklearn_emma._energies.ragged import RaggedPotential

X = np.random.default_rng(0).normal(size=(40, 12))


@pytest.mark.parametrize(
    ("ragged", "kind"), [(False, ConvolutionalPotential), (True, RaggedPotential)]
)
def test_scores_are_minus_the_energies_of_the_frozen_module(ragged, kind):
    energy = ConvolutionalEnergy(ragged=ragged, max_iter=1, random_state=0).fit(X)
    frozen = energy._frozen(torch.float64)
    assert isinstance(frozen, kind)
    np.testing.assert_array_equal(
        energy.score_samples(X), -frozen(torch.from_numpy(X)).numpy()
    )


def test_one_that_is_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        ConvolutionalEnergy(ragged=True).score_samples(X)
