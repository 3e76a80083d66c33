"""Attention by a network layer, against its formula, integrals and the soft one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from sklearn.base import clone

from sklearn_emma import EMMAClassifier, EMMAGate
from sklearn_emma.attention import ClassicalAttention, SoftAttention
from sklearn_emma.datasets import make_multimodal_classification

seeds = st.integers(0, 2**32 - 1)
KNOWN = {"weight": [[2.0, -1.0], [0.5, 3.0]], "offset": [0.1, -0.4]}


def module_of(weight, offset):
    module = ClassicalAttention().build(len(offset)).double()
    module.weight.data = torch.as_tensor(weight, dtype=torch.float64)
    module.offset.data = torch.as_tensor(offset, dtype=torch.float64)
    return module


def drawn(seed, n_modes=4):
    rng = np.random.default_rng(seed)
    weight, offset = 3 * rng.normal(size=(n_modes, n_modes)), rng.normal(size=n_modes)
    return weight, offset, rng.dirichlet(np.ones(n_modes), 5)


@given(seed=seeds)
def test_attention_equals_a_slow_loop(seed):
    weight, offset, importance = drawn(seed)
    found = module_of(weight, offset)(torch.from_numpy(importance)).detach().numpy()
    for row, alpha in zip(found, importance, strict=True):
        for i, beta in enumerate(row):
            argument = offset[i] + sum(weight[i, j] * alpha[j] for j in range(4))
            assert beta == pytest.approx(max(0.0, np.tanh(argument)), abs=1e-12)


def test_attention_of_two_modes_by_hand():
    beta = module_of(**KNOWN)(torch.tensor([[0.25, 0.75]], dtype=torch.float64))
    # arguments 2/4 − 3/4 + 0.1 < 0 and 1/8 + 9/4 − 0.4 = 1.975
    np.testing.assert_allclose(beta.detach(), [[0.0, np.tanh(1.975)]], rtol=1e-12)


@given(seed=seeds)
def test_it_starts_as_the_soft_attention(seed):
    importance = torch.from_numpy(drawn(seed)[2]).float()
    for gain in (None, 1.5):
        classical = ClassicalAttention(gain).build(4)
        soft = SoftAttention(gain).build(4)
        torch.testing.assert_close(classical(importance), soft(importance))
        torch.testing.assert_close(classical.capacity().float(), soft.capacity())
        torch.testing.assert_close(
            classical.capacity_penalty(), soft.capacity_penalty()
        )


@given(seed=seeds)
def test_capacities_equal_numeric_integrals(seed):
    weight, offset, _ = drawn(seed)
    found = module_of(weight, offset).capacities()
    for i in range(4):

        def height(alpha, i=i):
            shares = np.full(4, (1 - alpha) / 3)
            shares[i] = alpha
            return np.tanh(weight[i] @ shares + offset[i])

        assert found[i].item() == pytest.approx(quad(height, 0, 1)[0], abs=1e-7)


@pytest.mark.parametrize("slope", [0.0, 1e-9, 0.9e-4, 1.1e-4])
def test_the_capacity_of_a_flat_curve_is_its_height(slope):
    module = module_of([[1 + slope, 1.0], [0.0, 0.0]], [-0.5, 0.0])
    expected = [np.tanh(0.5 + slope / 2), 0.0]
    np.testing.assert_allclose(module.capacities().detach(), expected, atol=1e-9)


def test_gradients_of_the_capacity_are_finite_where_it_is_flat():
    module = module_of([[1.0, 1.0], [1.0, 1.0]], [0.0, 0.0])
    module.capacity().backward()
    assert module.weight.grad.isfinite().all() and module.offset.grad.isfinite().all()


def test_the_capacity_penalty_is_the_mean_of_weight_and_offset():
    assert module_of(**KNOWN).capacity_penalty().item() == pytest.approx(2.35)


def test_every_mode_has_a_curve_of_its_own():
    alpha = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    module = module_of(**KNOWN)
    of_each = module.by_own_importance(alpha).detach()
    pairs = torch.stack([alpha, 1 - alpha], dim=1)
    torch.testing.assert_close(of_each[:, 0], module(pairs)[:, 0].detach())
    torch.testing.assert_close(of_each[:, 1], module(pairs.flip(1))[:, 1].detach())
    area = torch.trapezoid(
        module.curve(torch.linspace(0, 1, 2001, dtype=torch.float64)), dx=1 / 2000
    )
    assert module.capacity().item() == pytest.approx(area.item(), abs=1e-6)


def test_a_single_mode_is_soft_attention_without_bounds():
    module = module_of([[2.0]], [-0.5])
    beta = module(torch.ones(1, 1, dtype=torch.float64))
    assert beta.item() == pytest.approx(np.tanh(1.5))
    assert module.bounds() == []


# ------------------------------------------------------------------ within the package


def test_a_classifier_learns_all_of_it():
    X, y, modes = make_multimodal_classification(200, 3, random_state=0)
    clf = EMMAClassifier(
        modes, attention_function="classical", max_iter=8, random_state=0
    ).fit(X, y)
    module = clf.network_.gate.attention_function
    assert (module.weight.detach() != 6 * torch.eye(3)).all()
    assert (module.offset.detach() != 0).all()
    assert np.isnan([clf.attention_gain_, clf.attention_bias_]).all()
    assert clf.capacity_ == pytest.approx(module.capacities().mean().item(), rel=1e-5)
    X[:, modes["mode_0"]] += 10
    assert (clf.attention(X)[:, 0] < 0.2).mean() > 0.9


def test_a_missing_mode_gets_nothing_whatever_the_offset():
    gate = EMMAGate(2, attention_function="classical")
    gate.attention_function.offset.data.fill_(3.0)
    present = torch.tensor([[True, False]])
    attention = gate.scores(torch.zeros(1, 2), present).attention
    assert attention[0, 0] > 0.9 and attention[0, 1] == 0


@pytest.mark.parametrize("gain", [0, -1.0, "loud"])
def test_a_gain_that_is_not_positive_is_named(gain):
    with pytest.raises(ValueError, match="'gain' parameter of ClassicalAttention"):
        ClassicalAttention(gain).build(2)


def test_it_can_be_cloned():
    assert clone(ClassicalAttention(gain=3.0)).gain == 3.0
