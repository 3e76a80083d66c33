"""Energy shared with the mean of the other modes: a slow loop, pairs, missing modes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV

from helpers import gate_energies
from sklearn_emma import EMMAClassifier, EMMAGate
from sklearn_emma._attention.coupling import PairwiseCoupling, shared_energy
from sklearn_emma._attention.mean_coupling import MeanCoupling
from sklearn_emma.datasets import make_multimodal_classification
from sklearn_emma.model_selection import EMMAGridSearchCV

seeds = st.integers(0, 2**32 - 1)


def drawn(seed, n_modes):
    """Self-energies, presence, and a coupling with random parameters."""
    energies, _, _, present = gate_energies(seed, n_modes=n_modes)
    rng = np.random.default_rng(seed)
    coupling = MeanCoupling(n_modes).double()
    coupling.weight.data = torch.from_numpy(rng.uniform(-1, 1, n_modes))
    coupling.exponent.data = torch.from_numpy(rng.random(n_modes))
    return energies, present, coupling


@given(seed=seeds, n_modes=st.integers(1, 6))
def test_shared_energy_equals_a_loop(seed, n_modes):
    energies, present, coupling = drawn(seed, n_modes)
    found = coupling(energies, present).detach().numpy()
    w, gamma = coupling.weight.detach().numpy(), coupling.exponent.detach().numpy()
    for row, i in np.ndindex(*energies.shape):
        others = [j for j in range(n_modes) if j != i and present[row, j]]
        expected = 0.0
        if others:
            mean = np.mean([float(energies[row, j]) for j in others])
            expected = (
                w[i] * float(energies[row, i]) ** gamma[i] * mean ** (1 - gamma[i])
            )
        assert found[row, i] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(seed=seeds)
def test_of_two_modes_it_is_the_pairwise_coupling(seed):
    energies, present, coupling = drawn(seed, 2)
    pairwise = shared_energy(
        energies, coupling.weights(), coupling.exponents(), present
    )
    torch.testing.assert_close(coupling(energies, present), pairwise)


@given(seed=seeds, n_modes=st.integers(2, 6))
def test_where_the_others_are_equal_pairs_share_as_much(seed, n_modes):
    energies, _, coupling = drawn(seed, n_modes)
    for i in range(n_modes):
        equal = energies[:, :1].expand(-1, n_modes).clone()
        equal[:, i] = energies[:, i]
        pairwise = shared_energy(equal, coupling.weights(), coupling.exponents())
        torch.testing.assert_close(coupling(equal)[:, i], pairwise[:, i])


def test_a_missing_mode_is_in_no_mean():
    energies, _, coupling = drawn(0, 4)
    present = torch.ones_like(energies, dtype=torch.bool)
    present[:, 2] = False
    one = coupling(energies, present)
    other = coupling(torch.where(present, energies, 1e6), present)
    kept = [0, 1, 3]
    assert torch.equal(one[:, kept], other[:, kept])


def test_the_last_mode_that_is_there_shares_nothing():
    energies, _, coupling = drawn(0, 3)
    present = torch.tensor([[True, False, False]]).expand(len(energies), -1)
    shared = coupling(energies, present)
    assert (shared[:, 0] == 0).all()
    shared.sum().backward()
    assert coupling.weight.grad.isfinite().all()


def test_a_huge_energy_does_not_hide_those_of_the_others():
    coupling = MeanCoupling(3)
    coupling.weight.data.fill_(1.0)
    coupling.exponent.data.zero_()
    shared = coupling(torch.tensor([[1e30, 2.0, 4.0]]))
    assert shared[0, 0].item() == pytest.approx(3.0)


def test_it_starts_with_nothing_shared_and_is_bounded():
    coupling = MeanCoupling(3)
    assert (coupling(torch.rand(4, 3)) == 0).all()
    assert [(low, high) for _, low, high in coupling.bounds()] == [(-1, 1), (0, 1)]
    coupling.weight.data.fill_(5.0)
    gate = EMMAGate(3, coupling="mean")
    gate.coupling.weight.data.fill_(5.0)
    gate.project()
    assert (gate.coupling.weight == 1).all()


@pytest.mark.parametrize("n_modes", [2, 50])
def test_it_has_few_parameters(n_modes):
    mean, pairs = MeanCoupling(n_modes), PairwiseCoupling(n_modes, symmetric=False)
    counts = [sum(p.numel() for p in c.parameters()) for c in (mean, pairs)]
    assert counts == [2 * n_modes, 2 * n_modes**2]


def test_a_classifier_learns_it():
    X, y, modes = make_multimodal_classification(200, 3, random_state=0)
    clf = EMMAClassifier(
        modes, coupling="mean", predictor=torch.nn.Linear, max_iter=5, random_state=0
    ).fit(X, y)
    off_diagonal = ~np.eye(3, dtype=bool)
    assert (clf.coupling_weights_[off_diagonal] != 0).all()
    assert (np.diag(clf.coupling_weights_) == 0).all()
    assert (clf.coupling_exponents_[0] == clf.coupling_exponents_[0, 0]).all()


@pytest.mark.parametrize(
    "part", [{"coupling": "mean"}, {"attention_function": "classical"}]
)
def test_many_gates_at_once_learn_what_each_learns_alone(part):
    X, y, modes = make_multimodal_classification(90, 3, random_state=0)
    X[::7, modes["mode_0"]] = np.nan
    clf = EMMAClassifier(
        modes,
        predictor=torch.nn.Linear,
        lambda_c=0.01,
        max_iter=2,
        pretraining_max_iter=1,
        random_state=0,
        **part,
    )
    scores = [
        search(clf, {"rho": [0.5, "learn"]}, cv=2, scoring="neg_log_loss", refit=False)
        .fit(X, y)
        .cv_results_["mean_test_score"]
        for search in (EMMAGridSearchCV, GridSearchCV)
    ]
    np.testing.assert_allclose(*scores, rtol=1e-7)
