"""Energies of several kinds in one module score as each does by itself."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity

from sklearn_emma import ConvolutionalEnergy, EMMAClassifier, Mode
from sklearn_emma import PotentialEnergyTransformer as Dense
from sklearn_emma._energies.several_kinds import SeveralKinds, stack_energies

X = np.random.default_rng(0).normal(size=(60, 14))
COLUMNS = [[0, 1], list(range(2, 10)), [10, 11, 12, 13]]
QUICK = {"max_iter": 1, "random_state": 0}


@pytest.fixture(scope="module")
def energies():
    kinds = Dense(**QUICK), ConvolutionalEnergy((2, 4), **QUICK), Dense(**QUICK)
    return [e.fit(X[:, c]) for e, c in zip(kinds, COLUMNS, strict=True)]


def test_they_score_as_each_by_itself_in_the_order_of_the_modes(energies):
    module = stack_energies(energies, COLUMNS, torch.float64)
    assert isinstance(module, SeveralKinds)
    found = module(torch.from_numpy(X))
    for mode, (energy, columns) in enumerate(zip(energies, COLUMNS, strict=True)):
        expected = -energy.score_samples(X[:, columns])
        np.testing.assert_allclose(found[:, mode], expected, rtol=1e-9)


def test_where_few_are_needed_these_are_the_same(energies):
    module = stack_energies(energies, COLUMNS, torch.float64)
    needed = torch.rand(60, 3, generator=torch.Generator().manual_seed(0)) < 0.3
    x = torch.from_numpy(X)
    found, every = module(x, needed), module(x)
    np.testing.assert_allclose(found[needed], every[needed], rtol=1e-12)
    assert module(x, torch.zeros_like(needed)).shape == (60, 3)


def test_one_kind_is_stacked_as_before_and_what_is_no_module_is_not(energies):
    dense = [energies[0], energies[2]]
    module = stack_energies(dense, [COLUMNS[0], COLUMNS[2]], torch.float64)
    assert not isinstance(module, SeveralKinds)
    assert stack_energies([KernelDensity(), *dense], COLUMNS, torch.float64) is None


def test_a_classifier_of_several_kinds_becomes_one_torch_module():
    modes = {"table": [0, 1], "signal": Mode(range(2, 14), shape=(2, 6))}
    given = {"signal": ConvolutionalEnergy()}
    params = {"max_iter": 2, "pretraining_max_iter": 2, "random_state": 0}
    clf = EMMAClassifier(modes, energy_estimator=given, **params)
    clf.fit(X, (X[:, 0] > 0).astype(int))
    module = clf.to_torch()
    lost = X.copy()
    lost[:20, 2:] = np.nan
    lost[20:40, 3] = np.nan
    proba, attention = torch.export.export(module, (torch.from_numpy(lost),)).module()(
        torch.from_numpy(lost)
    )
    np.testing.assert_allclose(proba, clf.predict_proba(lost), atol=1e-6)
    np.testing.assert_allclose(attention, clf.attention(lost), atol=1e-6)
