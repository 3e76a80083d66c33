"""What modes count while none of them fails, fixed beforehand."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_emma import EMMAClassifier, EMMAGate
from sklearn_emma._attention.scaling import EnergyScaling

SHARES = torch.tensor([1.0, 2.0, 1.25])
WEIGHTS = [(1.0, 1.0, 1.0), (0.2, 3.0, 1.0), (5.0, 0.0, 0.1)]


class UnequalScaling(EnergyScaling):
    """Usual energies differ from mode to mode."""

    def calibrate(self, potential, weight):
        self.location.copy_(potential.median(0).values)

    def forward(self, potential):
        assert potential.ndim == 2
        return np.e + potential.square()


class Unequal:
    def __repr__(self):  # names the cases, the same in every process
        return "unequal"

    def build(self, n_modes):
        return UnequalScaling(n_modes)


def potentials(n=101):
    g = torch.Generator().manual_seed(0)
    return torch.randn(n, 3, generator=g) * torch.tensor([1.0, 5.0, 0.1]) + 2


def balanced(scaling="two_sided", shares=SHARES, **params):
    params = {"rho": 1.0, "energy_scaling": scaling} | params
    return EMMAGate(3, **params).balance(shares).calibrate(potentials())


SCALINGS = ["two_sided", "robust", "shift", Unequal()]


@pytest.mark.parametrize("w", WEIGHTS)
@pytest.mark.parametrize("scaling", SCALINGS, ids=str)
def test_importance_at_usual_energies_is_the_relevance_whatever_the_weights(scaling, w):
    gate = balanced(scaling)
    gate.weight.data.copy_(torch.tensor(w))
    usual = gate.scaling.location.expand(4, 3)
    expected = (SHARES / SHARES.sum()).expand(4, 3)
    torch.testing.assert_close(gate.scores(usual).importance, expected)
    present = torch.tensor([[True, True, False]]).expand(4, 3)
    two = torch.tensor([1.0, 2.0, 0.0]) / 3
    found = gate.scores(usual, present).importance
    torch.testing.assert_close(found, two.expand(4, 3))


@pytest.mark.parametrize("w", WEIGHTS)
@pytest.mark.parametrize("scaling", SCALINGS, ids=str)
def test_biases_are_never_negative(scaling, w):
    gate = balanced(scaling)
    gate.weight.data.copy_(torch.tensor(w))
    gate.project()
    assert (gate.biases() >= 0).all()
    assert gate.bias.min() == 0
    np.testing.assert_array_equal(
        gate.summary().energy_biases, gate.biases().detach().numpy()
    )


def test_weights_say_what_failures_cost():
    gate = balanced()
    far = gate.scaling.location.clone()
    far[1] += 1000
    alpha = []
    for w in (0.0, 1.0, 3.0):
        gate.weight.data[1] = w
        alpha.append(gate.scores(far[None]).importance[0, 1].item())
    assert alpha == sorted(alpha, reverse=True)
    assert alpha[0] == pytest.approx(2 / 4.25)
    assert alpha[2] < 0.01


def test_only_the_weights_are_trained():
    gate = balanced()
    before = gate.bias.clone()
    optimizer = torch.optim.Adam(gate.parameters(), lr=0.5)
    gate.scores(potentials()).importance[:, 1].sum().backward()
    assert gate.bias.grad is None
    assert (gate.weight.grad != 0).all()
    optimizer.step()
    gate.project()
    torch.testing.assert_close(gate.bias, before, rtol=0, atol=0)
    assert not torch.equal(gate.weight, torch.ones(3))


def test_energies_of_a_gate_that_is_not_balanced_are_w_psi_plus_b():
    gate = EMMAGate(3, rho=1.0).calibrate(potentials())
    gate.weight.data.copy_(torch.tensor(WEIGHTS[1]))
    gate.bias.data.copy_(torch.tensor([0.1, 0.2, 0.3]))
    assert torch.equal(gate.biases(), gate.bias)
    expected = gate.scaling(potentials()) * gate.weight + gate.bias
    torch.testing.assert_close(gate.scores(potentials()).modal_energy, expected)
    gate.scores(potentials()).importance[:, 1].sum().backward()
    assert (gate.bias.grad != 0).all()


def copied_state(gate):
    other = EMMAGate(3, rho=1.0)
    other.load_state_dict(gate.state_dict())
    return other


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g)), copied_state],
    ids=["deepcopy", "pickle", "state_dict"],
)
def test_copies_of_a_balanced_gate_are_balanced(copied):
    gate = balanced()
    gate.weight.data.copy_(torch.tensor(WEIGHTS[1]))
    expected = gate.scores(potentials())
    for found, value in zip(copied(gate).scores(potentials()), expected, strict=True):
        torch.testing.assert_close(found, value, rtol=0, atol=0)


def test_a_balanced_gate_computes_in_another_type():
    gate = balanced().double()
    scores = gate.scores(potentials().double())
    assert scores.importance.dtype == torch.double
    torch.testing.assert_close(
        scores.importance.float(), balanced().scores(potentials()).importance
    )


@pytest.mark.parametrize(
    ("relevance", "error", "message"),
    [
        ([1.0, 2.0, 1.0], TypeError, "`relevance` must be a torch tensor, got list"),
        (torch.ones(2), ValueError, r"\(n_modes,\) = \(3,\), got \(2,\)"),
        (torch.ones(1, 3), ValueError, r"\(n_modes,\) = \(3,\), got \(1, 3\)"),
        (torch.tensor([1.0, 0.0, 1.0]), ValueError, "finite and positive"),
        (torch.tensor([1.0, -1.0, 1.0]), ValueError, "finite and positive"),
        (torch.tensor([1.0, torch.inf, 1.0]), ValueError, "finite and positive"),
        (torch.tensor([1.0, torch.nan, 1.0]), ValueError, "finite and positive"),
    ],
    ids=str,
)
def test_bad_relevance_is_named_and_changes_nothing(relevance, error, message):
    gate = EMMAGate(3)
    with pytest.raises(error, match=message):
        gate.balance(relevance)
    assert torch.equal(gate.bias, torch.zeros(3)) and gate.bias.requires_grad
    assert not gate.balanced


def test_the_gate_is_a_module_with_its_mixin():
    assert isinstance(EMMAGate(2), nn.Module)
    names = [name for name, _ in EMMAGate(2).named_parameters()]
    assert {"weight", "bias", "log_rho"} <= set(names)


# ------------------------------------------------------------------- of the classifier


def one_relevant_mode(seed, n=300):
    """The class is in mode "a" alone; mode "b" is noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    X = rng.normal(size=(n, 6))
    X[:, :3] += 1.5 * y[:, np.newaxis]
    return X, y


@pytest.mark.parametrize("seed", range(5))
def test_a_relevant_mode_counts_more_than_noise(seed):
    X, y = one_relevant_mode(seed)
    unseen, wanted = one_relevant_mode(seed + 100, 500)
    model = EMMAClassifier(
        {"a": [0, 1, 2], "b": [3, 4, 5]}, max_iter=15, random_state=seed
    )
    model.fit(X, y)
    relevant, noise = model.importance(unseen).mean(axis=0)
    assert relevant > noise + 0.1
    best = 0.9  # of the Bayes classifier: Phi(1.5 * sqrt(3) / 2)
    assert model.score(unseen, wanted) > best - 0.05
