"""The potential energy against autograd, line integrals, enumeration and slow loops."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

import sklearn_emma._energies.autoencoder as autoencoder_module
from sklearn_emma._energies.autoencoder import (
    AutoencoderStack,
    FrozenAutoencoder,
    PotentialStack,
    gaussian_stiffness,
    potential,
    reconstruct,
)
from sklearn_emma._statistics.normal_scores import (
    NormalScoring,
    fit_normal_scores,
)

seeds = st.integers(0, 2**32 - 1)


def autoencoder(seed, n_components=5, width=3):
    """W (K, d), c (K,), b (d,) and κ of an autoencoder, far from its initial values."""
    rng = np.random.default_rng(seed)
    shapes = (n_components, width), (n_components,), (width,)
    return [*(rng.normal(size=shape) for shape in shapes), rng.uniform(0.05, 2.0)]


def stacked(parameters, dtype=torch.float64):
    return [torch.tensor(a, dtype=dtype).unsqueeze(0) for a in parameters]


def slow_reconstruction(x, W, c, b, kappa):
    hidden = [1 / (1 + np.exp(-(w @ x + ck))) for w, ck in zip(W, c, strict=True)]
    return x - kappa * (x - b) + sum(h * w for h, w in zip(hidden, W, strict=True))


def slow_potential(x, W, c, b, kappa):
    return 0.5 * kappa * np.sum((x - b) ** 2) - np.logaddexp(0, W @ x + c).sum()


# -------------------------------------------------------------- one autoencoder


@given(seed=seeds)
def test_gradient_of_the_potential_is_x_minus_its_reconstruction(seed):
    parameters = stacked(autoencoder(seed))
    x = torch.randn(1, 6, 3, dtype=torch.float64, generator=torch.Generator())
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(potential(x, *parameters).sum(), x)
    torch.testing.assert_close(gradient, x - reconstruct(x, *parameters))


def test_reconstruction_and_potential_equal_slow_code():
    parameters = autoencoder(0)
    x = np.random.default_rng(1).normal(size=(6, 3))
    batch = torch.from_numpy(x).unsqueeze(0)
    for fast, slow in (
        (reconstruct, slow_reconstruction),
        (potential, slow_potential),
    ):
        expected = [slow(row, *parameters) for row in x]
        np.testing.assert_allclose(fast(batch, *stacked(parameters))[0], expected)


def test_without_a_stiffness_it_is_the_tied_autoencoder():
    """r(x) = Wᵀ sigmoid(W x + c) + b, for whatever x the bias alone is left."""
    W, c, b, _ = autoencoder(0)
    x = np.random.default_rng(1).normal(size=(6, 3))
    batch = torch.from_numpy(x).unsqueeze(0)
    tied = [b + (1 / (1 + np.exp(-(W @ row + c)))) @ W for row in x]
    np.testing.assert_allclose(reconstruct(batch, *stacked((W, c, b)))[0], tied)
    one = reconstruct(batch, *stacked((W, c, b, 1.0)))
    torch.testing.assert_close(reconstruct(batch, *stacked((W, c, b))), one)
    expected = [slow_potential(row, W, c, b, 1.0) for row in x]
    np.testing.assert_allclose(potential(batch, *stacked((W, c, b)))[0], expected)


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0, 5.0])
def test_the_gaussian_stiffness_removes_noise_of_gaussian_data_best(sigma):
    """Regression of x on x + ε; and sigma² / κ − sigma² is the variance of the data."""
    kappa = gaussian_stiffness(sigma)
    x, noise = np.random.default_rng(0).normal(size=(2, 200_000)) * [[1.0], [sigma]]
    noisy = x + noise
    assert 1 - kappa == pytest.approx((noisy @ x) / (noisy @ noisy), rel=0.02)
    assert sigma**2 / kappa - sigma**2 == pytest.approx(1)


@pytest.mark.parametrize("kappa", [1.0, gaussian_stiffness(0.3)])
def test_a_stack_has_the_stiffness_that_it_was_made_with(kappa):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stack = AutoencoderStack([3, 2], 6, torch.float64, kappa)
        x = padded_batch([3, 2])
    for i, width in enumerate([3, 2]):
        weight = stack.weight[i, :, :width].detach().numpy()
        c, b = np.zeros(6), np.zeros(width)
        expected = [
            slow_reconstruction(row, weight, c, b, kappa)
            for row in x[:, i, :width].numpy()
        ]
        found = stack(x)[:, i, :width].detach()
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_where_the_stiffness_is_right_already_training_begins_nearer_to_it():
    """Smaller weights: before any training, Ψ is nearly that of Gaussian data."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tied, soft = (AutoencoderStack([40], 32, stiffness=k) for k in (1.0, 0.1))
    ratio = tied.weight.std() / soft.weight.std()
    assert ratio.item() == pytest.approx(5, rel=0.1)


def test_potential_is_the_free_energy_of_the_hidden_units():
    """That of a Gaussian-Bernoulli restricted Boltzmann machine, by enumeration."""
    W, c, b, kappa = parameters = autoencoder(2)
    x = np.random.default_rng(3).normal(size=3)
    states = np.array(list(itertools.product([0, 1], repeat=5)))
    energies = 0.5 * kappa * np.sum((x - b) ** 2) - states @ (W @ x + c)
    batch = torch.from_numpy(x).view(1, 1, 3)
    free_energy = -np.log(np.exp(-energies).sum())
    assert potential(batch, *stacked(parameters)).item() == pytest.approx(free_energy)


@pytest.mark.parametrize("detour", [(0.0, 0.0, 0.0), (2.0, -1.0, 3.0)])
def test_potential_is_the_line_integral_of_the_field_on_any_path(detour):
    parameters = autoencoder(4)
    start, end = np.array([1.0, -2.0, 0.5]), np.array([-1.0, 0.3, 2.0])

    def path(t):
        return start + t * (end - start) + np.sin(np.pi * t) * np.array(detour)

    def work(t):
        speed = end - start + np.pi * np.cos(np.pi * t) * np.array(detour)
        x = path(t)
        return (x - slow_reconstruction(x, *parameters)) @ speed

    ends = torch.from_numpy(np.stack([start, end])).unsqueeze(0)
    first, last = potential(ends, *stacked(parameters))[0].numpy()
    assert quad(work, 0, 1)[0] == pytest.approx(last - first, abs=1e-7)


def test_jacobian_of_the_reconstruction_is_symmetric_and_as_derived():
    W, c, _, kappa = parameters = autoencoder(5)
    x = torch.randn(3, dtype=torch.float64, generator=torch.Generator())

    def field(x):
        return reconstruct(x.view(1, 1, 3), *stacked(parameters)).view(3)

    jacobian = torch.autograd.functional.jacobian(field, x).numpy()
    hidden = 1 / (1 + np.exp(-(W @ x.numpy() + c)))
    np.testing.assert_allclose(jacobian, jacobian.T)
    expected = (1 - kappa) * np.eye(3) + W.T @ np.diag(hidden * (1 - hidden)) @ W
    np.testing.assert_allclose(jacobian, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1e6, -1e6])
def test_potential_of_a_huge_input_is_exact(dtype, size):
    parameters = autoencoder(6)
    x = torch.full((1, 1, 3), size, dtype=dtype, requires_grad=True)
    psi = potential(x, *stacked(parameters, dtype))
    psi.backward()
    expected = slow_potential(np.full(3, size), *parameters)
    assert psi.item() == pytest.approx(expected, rel=1e-5)
    assert x.grad.isfinite().all()


# ---------------------------------------------------------- padded stacks of many


def separate(stack, widths):
    """Stacks of one autoencoder each, with the parameters of ``stack``."""
    singles = []
    for i, width in enumerate(widths):
        single = AutoencoderStack(
            [width], stack.weight.shape[1], stack.weight.dtype, stack.stiffness
        )
        values = stack.weight[i, :, :width], stack.hidden_bias[i], stack.visible_bias[i]
        for parameter, value in zip(single.parameters(), values, strict=True):
            parameter.data.copy_(value[..., : parameter.shape[-1]].unsqueeze(0))
        singles.append(single)
    return singles


def padded_batch(widths, n=7):
    x = torch.zeros(n, len(widths), max(widths), dtype=torch.float64)
    for i, width in enumerate(widths):
        x[:, i, :width] = torch.randn(n, width, dtype=x.dtype)
    return x


@pytest.mark.parametrize("kappa", [1.0, 0.1])
def test_a_padded_stack_trains_as_its_autoencoders_would_by_themselves(kappa):
    widths = [1, 4, 2]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stack = AutoencoderStack(widths, 6, torch.float64, kappa)
        x = padded_batch(widths)
    singles = separate(stack, widths)
    for single, width, i in zip(singles, widths, range(3), strict=True):
        torch.testing.assert_close(
            single(x[:, i : i + 1, :width]), stack(x)[:, i : i + 1, :width]
        )
    for module in (stack, *singles):
        optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
        mode = singles.index(module) if module in singles else None
        data = x if mode is None else x[:, mode : mode + 1, : widths[mode]]
        for _ in range(10):
            optimizer.zero_grad()
            (module(0.9 * data) - data).square().sum().backward()
            optimizer.step()
    for single, width, i in zip(singles, widths, range(3), strict=True):
        torch.testing.assert_close(single.weight[0], stack.weight[i, :, :width])
        torch.testing.assert_close(single.hidden_bias[0], stack.hidden_bias[i])
        torch.testing.assert_close(
            single.visible_bias[0], stack.visible_bias[i, :width]
        )
        assert (stack.weight[i, :, width:] == 0).all()
        assert (stack(x)[:, i, width:] == 0).all()


# Which of the modes below see normal scores beside their features.
SCORED = [True, False, True, True, False, True, False, True]


@pytest.fixture(scope="module")
def scattered():
    """Modes of unequal widths and sizes, with columns in no order: (modes, columns)."""
    rng = np.random.default_rng(0)
    widths, sizes = [1, 5, 2, 9, 3, 8, 1, 4], [3, 3, 3, 3, 3, 3, 3, 6]
    order = rng.permutation(sum(widths))
    columns = [part.tolist() for part in np.split(order, np.cumsum(widths)[:-1])]
    modes = []
    for i, (width, size, scored) in enumerate(zip(widths, sizes, SCORED, strict=True)):
        n = 2 * width if scored else width  # coordinates
        mode = rng.normal(size=n), rng.normal(size=(n, n)), *autoencoder(i, size, n)
        if scored:
            mode += fit_normal_scores(rng.normal(size=(90, width)), np.ones(90))
        modes.append(mode)
    return modes, columns


def potential_stack(modes, columns, dtype=torch.float64):
    frozen = [
        FrozenAutoencoder(*(torch.tensor(a, dtype=dtype) for a in mode))
        for mode in modes
    ]
    return PotentialStack(frozen, columns)


def slow_features(values, knots=None, base=None, slope=None):
    """Each value of a mode and, where there are knots, its normal score."""
    if knots is None:
        return values
    features = []
    for value, own, scores, slopes in zip(values, knots, base, slope, strict=True):
        score = scores[0] + slopes[0] * (value - own[0])
        for i, knot in enumerate(own, start=1):
            if value >= knot:
                score = scores[i] + slopes[i] * (value - knot)
        features += [value, score]
    return np.array(features)


def test_potential_stack_of_unequal_widths_equals_slow_code(scattered):
    modes, columns = scattered
    x = np.random.default_rng(1).normal(size=(5, 33))
    x[0] *= 10  # beyond the outer knots
    expected = [
        [
            slow_potential(
                (slow_features(row[own], *scores) - mean) @ matrix, W, c, b, kappa
            )
            for (mean, matrix, W, c, b, kappa, *scores), own in zip(
                modes, columns, strict=True
            )
        ]
        for row in x
    ]
    energies = potential_stack(modes, columns)(torch.from_numpy(x))
    np.testing.assert_allclose(energies, expected, rtol=1e-10)


@pytest.mark.parametrize("mode", [0, 3, 5])
def test_a_mode_sees_its_own_columns_only(scattered, mode):
    modes, columns = scattered
    stack = potential_stack(modes, columns)
    x = torch.randn(4, 33, dtype=torch.float64, generator=torch.Generator())
    changed = torch.full_like(x, 1e6)
    changed[:, columns[mode]] = x[:, columns[mode]]
    torch.testing.assert_close(stack(changed)[:, mode], stack(x)[:, mode])


def test_a_potential_stack_can_change_its_type(scattered):
    x = torch.randn(4, 33, dtype=torch.float64, generator=torch.Generator())
    stack = potential_stack(*scattered)
    expected = stack(x)
    single = stack.to(torch.float32)(x.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, rtol=1e-4, atol=1e-3)


def test_potential_stack_scores_a_row_by_itself_as_in_a_batch(scattered):
    stack = potential_stack(*scattered)
    x = torch.randn(9, 33, dtype=torch.float64, generator=torch.Generator())
    alone = torch.cat([stack(row.unsqueeze(0)) for row in x])
    torch.testing.assert_close(stack(x), alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "share", [0.0, 0.2, [0.9, 0.0, 0.3, 0.0, 1.0, 0.1, 0.5, 0.2], 1.0], ids=str
)
def test_only_the_needed_potentials_are_the_same_as_among_all(scattered, share):
    stack = potential_stack(*scattered)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(9, 33, dtype=torch.float64, generator=generator)
    needed = torch.rand(9, 8, generator=generator) < torch.tensor(share)
    found = stack(x, needed)
    assert found.shape == needed.shape
    torch.testing.assert_close(found[needed], stack(x)[needed], rtol=1e-12, atol=1e-12)


@pytest.fixture
def padded():
    """Modes of one batch, of unequal widths, and one map for all their columns."""
    rng = np.random.default_rng(1)
    widths = [5, 8, 6, 2]
    columns = np.split(rng.permutation(21), np.cumsum(widths)[:-1])
    values = rng.normal(size=(90, 21))
    fitted = fit_normal_scores(values, np.ones(90))
    modes = []
    for i, own in enumerate(columns):
        n = 2 * len(own)
        mode = rng.normal(size=n), rng.normal(size=(n, n)), *autoencoder(i, 3, n)
        modes.append((*mode, *(array[own] for array in fitted)))
    return modes, [own.tolist() for own in columns], NormalScoring(fitted)


def test_normal_scores_that_are_known_are_not_computed_again(padded, monkeypatch):
    modes, columns, scoring = padded
    stack = potential_stack(modes, columns)
    assert sorted(len(group.widths) for group in stack.groups) == [1, 3]
    x = torch.randn(9, 21, dtype=torch.float64, generator=torch.Generator())
    expected, scores = stack(x), scoring(x)
    monkeypatch.setattr(autoencoder_module, "normal_scores", None)
    torch.testing.assert_close(stack(x, None, scores), expected, rtol=0, atol=0)
    assert (stack(x, None, scores + 1.0) != expected).all()


@pytest.mark.parametrize("broken", [1e30, np.inf, np.nan])
@pytest.mark.parametrize("known", [False, True])
def test_a_broken_value_stays_in_its_mode_whose_columns_are_padded(
    padded, broken, known
):
    modes, columns, scoring = padded
    stack = potential_stack(modes, columns)
    x = torch.randn(9, 21, dtype=torch.float64, generator=torch.Generator())
    scores = scoring(x)
    expected = stack(x)
    for mode, own in enumerate(columns):
        far, far_scores = x.clone(), scores.clone()
        far[:, own] = far_scores[:, own] = broken
        found = stack(far, None, far_scores) if known else stack(far)
        others = [i for i in range(4) if i != mode]
        torch.testing.assert_close(found[:, others], expected[:, others])


def test_a_stack_knows_whose_normal_scores_it_has(padded):
    modes, columns, scoring = padded
    assert potential_stack(modes, columns).scores_by(scoring)
    with_one = [modes[0][:6], *modes[1:]]
    assert not potential_stack(with_one, columns).scores_by(scoring)  # has none
    for own in columns:
        scoring.slope[own[-1], 3] += 1e-6
        assert not potential_stack(modes, columns).scores_by(scoring)
        scoring.slope[own[-1], 3] -= 1e-6


def test_a_potential_that_is_not_needed_costs_nothing(scattered, monkeypatch):
    stack = potential_stack(*scattered)
    scored = []
    for group in stack.groups:
        whole = group.of_values
        monkeypatch.setattr(
            group,
            "of_values",
            lambda modes, whole=whole: scored.append(modes.shape[1]) or whole(modes),
        )
    needed = torch.zeros(9, 8, dtype=torch.bool)
    needed[[2, 5], 1] = True
    stack(torch.randn(9, 33, dtype=torch.float64), needed)
    assert sorted(scored)[-1] == 2
    assert sum(scored) == 2
