"""Regularisers: what they cost, and what hidden units become."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from helpers import correlated_features, same_model, small
from sklearn_emma._energies.autoencoder import AutoencoderStack
from sklearn_emma._energies.regularizers import Sparse, contractive, hidden_units


@pytest.fixture(name="stack", scope="module")
def random_stack():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        stack = AutoencoderStack([3, 2], 4, torch.float64)
        with torch.no_grad():
            for parameter in stack.parameters():
                parameter.copy_(torch.randn_like(parameter))
            stack.weight.mul_(stack.used)
        return stack.requires_grad_(False)


@pytest.fixture(name="x")
def values(stack):
    x = np.random.default_rng(0).normal(size=(6, 2, 3))
    return torch.from_numpy(x) * stack.used.transpose(0, 1)


def test_hidden_units_are_sigmoids(stack, x):
    found = hidden_units(stack, x)
    for n in range(6):
        for mode in range(2):
            a = stack.weight[mode] @ x[n, mode] + stack.hidden_bias[mode]
            torch.testing.assert_close(found[n, mode], 1 / (1 + (-a).exp()))


def test_contraction_is_the_squared_norm_of_the_derivative_of_hidden_units(stack, x):
    found = contractive(hidden_units(stack, x), stack.weight, torch.ones(6, 2))
    for n in range(6):
        slope = torch.func.jacrev(lambda v: hidden_units(stack, v[None])[0])(x[n])
        for mode in range(2):
            expected = slope[mode, :, mode].square().sum()
            torch.testing.assert_close(found[n, mode], expected)


def test_sparsity_is_a_divergence_from_the_target(stack, x):
    hidden = hidden_units(stack, x)
    weight = torch.from_numpy(np.random.default_rng(1).uniform(size=(6, 2)))
    found = Sparse(0.2)(hidden, stack.weight, weight)
    for mode in range(2):
        means = np.average(hidden[:, mode], axis=0, weights=weight[:, mode])
        expected = sum(entropy([0.2, 0.8], [m, 1 - m]) for m in means)
        assert found[mode].item() == pytest.approx(expected)


def test_sparsity_is_finite_where_units_are_always_off_or_on():
    hidden = torch.tensor([0.0, 1.0]).expand(5, 1, 2)
    assert Sparse()(hidden, torch.ones(1, 2, 3), torch.ones(5, 1)).isfinite().all()
    nobody = Sparse()(hidden, torch.ones(1, 2, 3), torch.zeros(5, 1))
    assert nobody.isfinite().all()


def activity(energy, X):
    z = energy._fitted.coordinates(X)
    a = z @ energy.components_.T + energy.intercept_hidden_
    return 1 / (1 + np.exp(-a))


def test_each_does_what_it_is_for():
    X = correlated_features()
    plain, sparse, calm = (
        small(max_iter=25, lr=0.05, regularizer=regularizer, alpha=1.0).fit(X)
        for regularizer in (None, "sparse", "contractive")
    )
    assert activity(sparse, X).mean() == pytest.approx(0.1, abs=0.02)
    assert activity(plain, X).mean() > 0.2

    def slope(energy):
        u = activity(energy, X)
        return ((u * (1 - u)) ** 2 @ np.square(energy.components_).sum(axis=1)).mean()

    assert slope(calm) < 0.5 * slope(plain)


def test_a_weight_of_0_changes_nothing_and_a_function_of_ones_own_is_taken():
    X = correlated_features()
    plain = small().fit(X)
    same_model(small(regularizer="sparse", alpha=0.0).fit(X), plain, rtol=0)

    def decay(hidden, weight, mode_weight):
        return weight.square().sum(dim=(1, 2))

    decayed = small(regularizer=decay, alpha=1.0).fit(X)
    assert np.square(decayed.components_).sum() < np.square(plain.components_).sum()


def test_parameters_of_a_regulariser_are_checked_before_training():
    with pytest.raises(ValueError, match="'target' parameter of Sparse"):
        small(regularizer=Sparse(1.5)).fit([[0.0], [1.0], [2.0]])
    with pytest.raises(ValueError, match=r"`regularizer` .*write Sparse\(\)"):
        small(regularizer=Sparse).fit([[0.0], [1.0], [2.0]])
