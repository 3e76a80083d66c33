"""Objectives: against autograd, against each other, and on data of known energy."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from helpers import small
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._energies import objectives
from sklearn_emma._energies.autoencoder import AutoencoderStack, potential
from sklearn_emma._energies.objectives import (
    ContrastiveDivergence,
    Denoising,
    ScoreMatching,
)
from sklearn_emma.datasets import make_circle


def random_stack(widths, n_components=4, stiffness=1.0, size=1.0):
    """Autoencoders with weights and biases that are not small."""
    torch.manual_seed(0)
    stack = AutoencoderStack(widths, n_components, torch.float64, stiffness)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.copy_(size * torch.randn_like(parameter))
        stack.weight.mul_(stack.used)
        stack.visible_bias.mul_(stack.used[:, 0])
    return stack


def energy_of(stack, mode):
    """Ψ of one mode at a single x (d,)."""
    weights = stack.weight, stack.hidden_bias, stack.visible_bias
    own = [w[mode : mode + 1] for w in weights]
    return lambda x: potential(x[None, None], *own, stack.stiffness)[0, 0]


@pytest.fixture(scope="module", autouse=True)
def seed_kept():
    with torch.random.fork_rng():
        yield


def test_denoising_is_the_squared_error_of_each_mode():
    rng = np.random.default_rng(0)
    x, y = (torch.from_numpy(rng.normal(size=(5, 3, 2))) for _ in range(2))
    expected = [
        [sum((x[n, g, d] - y[n, g, d]) ** 2 for d in range(2)) for g in range(3)]
        for n in range(5)
    ]
    found = Denoising().losses(random_stack([2, 2, 2]), x, y)
    torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize("stiffness", [1.0, 3.0])
def test_score_matching_has_the_derivatives_of_the_potential(stiffness):
    """½ ‖∇Ψ‖² − ΔΨ by automatic differentiation; the second mode is padded."""
    stack = random_stack([3, 2], stiffness=stiffness)
    x = torch.randn(6, 2, 3, dtype=torch.float64) * stack.used.transpose(0, 1)
    found = ScoreMatching().losses(stack, stack(x), x)
    for n in range(6):
        for mode, width in enumerate([3, 2]):
            psi = energy_of(stack, mode)
            gradient = torch.func.grad(psi)(x[n, mode])[:width]
            hessian = torch.autograd.functional.hessian(psi, x[n, mode])
            curvature = hessian.diagonal()[:width].sum()
            expected = 0.5 * gradient.square().sum() - curvature
            torch.testing.assert_close(found[n, mode], expected)


def test_denoising_is_score_matching_of_noisy_data():
    """½ E‖r(x̃) − x‖² = E[½ ‖∇Ψ‖² − σ² ΔΨ] + σ² d / 2, here for σ = d = 1.

    Over the noise exactly, by quadrature, for each x.
    """
    stack = random_stack([1], stiffness=1.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    share = torch.from_numpy(weights / weights.sum())
    for value in (-1.3, 0.0, 0.8):
        noisy = torch.from_numpy(value + nodes).view(-1, 1, 1)
        clean = torch.full_like(noisy, value)
        removed = Denoising().losses(stack, stack(noisy), clean)[:, 0]
        matched = ScoreMatching().losses(stack, stack(noisy), noisy)[:, 0]
        expected = (share * matched).sum() + 0.5
        torch.testing.assert_close(0.5 * (share * removed).sum(), expected)


@pytest.mark.parametrize("stiffness", [1.0, 2.5])
def test_gibbs_steps_keep_the_distribution_whose_energy_is_the_potential(stiffness):
    stack = random_stack([1], stiffness=stiffness, size=1.5)
    grid = torch.linspace(-15, 15, 20001, dtype=torch.float64)
    weights = stack.weight, stack.hidden_bias, stack.visible_bias
    psi = potential(grid.view(1, -1, 1), *weights, stiffness)[0].detach()
    cumulative = torch.softmax(-psi, 0).cumsum(0).numpy()
    drawn = np.interp(np.random.default_rng(0).uniform(size=20000), cumulative, grid)
    sample = torch.from_numpy(drawn).view(-1, 1, 1)
    with torch.no_grad():
        for _ in range(3):
            sample = objectives._gibbs_step(stack, sample)
    moved = sample.flatten().numpy()
    assert np.abs(moved - drawn).mean() > 0.1
    assert kstest(moved, lambda x: np.interp(x, grid, cumulative)).pvalue > 0.01
    away = kstest(moved + 0.1, lambda x: np.interp(x, grid, cumulative))
    assert away.pvalue < 1e-4


def test_contrastive_divergence_compares_with_samples_that_are_held_fixed(monkeypatch):
    """Its gradient is that of Ψ(x) − Ψ(sample) for the samples that are drawn."""
    stack = random_stack([2, 2])
    x, samples = torch.randn(2, 5, 2, 2, dtype=torch.float64)
    monkeypatch.setattr(objectives, "_gibbs_step", lambda stack, x: samples)
    found = ContrastiveDivergence(3).losses(stack, None, x)
    for mode in range(2):
        psi = energy_of(stack, mode)
        for n in range(5):
            expected = psi(x[n, mode]) - psi(samples[n, mode])
            torch.testing.assert_close(found[n, mode], expected)


EXPECTED = {
    "denoising": lambda s: 1 / (s**2 + 1),
    "score_matching": lambda s: 1 / s**2,
    "contrastive_divergence": lambda s: 1 / s**2,
}


@pytest.mark.parametrize("objective", EXPECTED)
@pytest.mark.parametrize("s", [1.0, 1.5])
def test_on_gaussian_data_the_curvature_is_known(objective, s):
    """σ² / (s² + σ²) with noise of σ = 1, and 1 / s² without noise, for s ≥ 1."""
    X = s * np.random.default_rng(0).normal(size=(2000, 1))
    energy = PotentialEnergyTransformer(
        16,
        objective=objective,
        sigma=1.0,
        preprocessing=None,
        max_iter=30,
        batch_size=200,
        lr=0.05,
        random_state=0,
    ).fit(X)
    u = energy._fitted  # Ψ'' = κ − Σ u (1 − u) w², by finite differences
    step, x = 0.01, X[:500]
    psi = [u.potential(x + shift) for shift in (-step, 0.0, step)]
    curvature = (psi[0] - 2 * psi[1] + psi[2]) / step**2
    assert curvature.mean() == pytest.approx(EXPECTED[objective](s), rel=0.08)


@pytest.mark.parametrize(
    ("objective", "whitened", "otherwise"),
    [
        ("denoising", 0.3**2 / (1 + 0.3**2), 1.0),
        ("score_matching", 1.0, 1 / 0.3**2),
        ("contrastive_divergence", 1.0, 1 / 0.3**2),
    ],
)
def test_the_stiffness_is_that_of_its_temperature(objective, whitened, otherwise):
    X = np.random.default_rng(0).normal(size=(60, 2))
    for preprocessing in ("normal_scores", "whiten", "standardize", None):
        energy = small(objective=objective, preprocessing=preprocessing, max_iter=1)
        kappa = whitened if preprocessing in ("normal_scores", "whiten") else otherwise
        assert energy.fit(X).stiffness_ == pytest.approx(kappa)


@pytest.mark.parametrize("objective", ["score_matching", "contrastive_divergence"])
def test_weights_stay_tied_so_that_it_is_a_potential(objective):
    X, _ = make_circle(200, noise=0.1, random_state=0)
    energy = small(objective=objective, preprocessing=None).fit(X)
    points, step = X[:10] + 0.3, 1e-5
    rise = [
        energy.transform(points + e) - energy.transform(points - e)
        for e in step * np.eye(2)
    ]
    gradient = np.hstack(rise) / (2 * step)
    moved = energy.reconstruct(points)
    np.testing.assert_allclose(points - moved, gradient, atol=1e-5)


def test_an_object_is_the_same_as_its_name_and_more_steps_are_not():
    X, _ = make_circle(200, noise=0.1, random_state=0)
    one, same, more = (
        small(objective=objective).fit(X).components_
        for objective in (
            "contrastive_divergence",
            ContrastiveDivergence(1),
            ContrastiveDivergence(5),
        )
    )
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, more)


def test_parameters_of_an_objective_are_checked_before_training():
    energy = small(objective=ContrastiveDivergence(0))
    with pytest.raises(ValueError, match="'n_steps' parameter of Contrastive"):
        energy.fit([[0.0], [1.0], [2.0]])
