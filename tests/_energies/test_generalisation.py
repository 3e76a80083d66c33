"""What energies of training rows say of rows that nobody has seen."""

import numpy as np
import pytest
import torch

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._attention.scaling import TwoSidedScaling
from sklearn_emma._energies.cross_fitting import HeldOutEnergies, cross_fit
from sklearn_emma._energies.per_mode import CleanRows
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma.energies import MixtureEnergy


def gaussian(n, d, seed, loadings=None):
    """Rows (n, d) of d / 5 factors, and noise beside them; and the loadings."""
    rng = np.random.default_rng(seed)
    if loadings is None:
        loadings = rng.normal(size=(max(d // 5, 1), d))
    x = rng.normal(size=(n, len(loadings))) @ loadings + 0.5 * rng.normal(size=(n, d))
    return x, loadings


@pytest.fixture(scope="module")
def energies():
    """Of n training rows as the gate meets them, of new ones, and of the mean row."""
    known = {}

    def of(n, d, seed):
        if (n, d, seed) not in known:
            known[n, d, seed] = _energies(n, d, seed)
        return known[n, d, seed]

    return of


def _energies(n, d, seed):
    x, loadings = gaussian(n, d, seed)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    x, new = (x - mean) / scale, (gaussian(1000, d, seed + 99, loadings)[0] - mean)
    new = np.concatenate([new / scale, np.zeros((1, d))])
    layout = ModeLayout.from_columns({"only": list(range(d))})
    present = np.ones((n, 1), dtype=bool)
    kind = MixtureEnergy if d <= 5 else PotentialEnergyTransformer
    energy = [kind(random_state=seed)]
    crossed = cross_fit(energy, CleanRows(layout, x, present, np.ones(n)), seed)
    held_out = HeldOutEnergies(crossed, layout, torch.float64).potential(
        torch.from_numpy(x),
        torch.from_numpy(present),
        torch.zeros(n, 1).double(),
        torch.from_numpy(crossed.fold),
    )[:, 0]
    found = -energy[0].score_samples(new)
    return held_out.numpy(), found[:-1], found[-1]


SHAPES = [(100, 2), (100, 5), (1000, 5), (100, 20), (100, 50), (100, 200), (1000, 50)]
SEEDS = [0, 1, 2]


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_unseen_rows_are_as_usual_as_those_that_teach_the_gate(energies, n, d):
    """Few lie above their 99 % quantile, and half above their median."""
    above, middle = [], []
    for seed in SEEDS:
        known, new, _ = energies(n, d, seed)
        above.append((new > np.quantile(known, 0.99, method="inverted_cdf")).mean())
        low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
        middle.append((np.median(new) - median) / (high - low))
    assert np.mean(above) <= 0.05
    assert abs(np.mean(middle)) < 0.3


def test_a_mode_at_its_mean_is_more_unusual_than_nearly_all_rows(energies):
    """Ψ itself is least there; the scaling finds it too likely to be true.

    Of wide modes, than 95 % of the rows in 9 of 10 cases, and than most in all.
    """
    shares = []
    for n, d in SHAPES:
        for seed in SEEDS if d >= 20 else []:
            known, new, at_mean = energies(n, d, seed)
            scaling = TwoSidedScaling(1).double()
            scaling.calibrate(torch.from_numpy(known[:, None]), torch.ones(n).double())
            scaled = scaling(torch.from_numpy(np.append(new, at_mean)[:, None]))[:, 0]
            assert at_mean < np.quantile(new, 0.01)
            shares.append((scaled[-1] > scaled[:-1]).double().mean().item())
    assert np.mean(np.array(shares) > 0.95) >= 0.9
    assert min(shares) > 0.8


def test_a_classifier_lets_a_mode_at_its_mean_through_less_than_clean_rows():
    x, loadings = gaussian(240, 20, 0)
    other, more = gaussian(240, 20, 1)
    new = np.hstack([gaussian(400, 20, 2, loadings)[0], gaussian(400, 20, 3, more)[0]])
    X = np.hstack([x, other])
    y = (X[:, 0] + X[:, 25] > 0).astype(int)
    modes = {"a": list(range(20)), "b": list(range(20, 40))}
    model = helpers.quick(modes=modes, energy_estimator=None, epochs=20).fit(X, y)
    clean = model.attention(new)
    # Rows that were seen and rows that were not are heard alike.
    np.testing.assert_allclose(model.attention_.mean(0), clean.mean(0), atol=0.05)
    for mode, columns in enumerate(modes.values()):
        stuck = new.copy()
        stuck[:, columns] = X[:, columns].mean(axis=0)
        attention = model.attention(stuck)[:, mode]
        assert attention.mean() < np.quantile(clean[:, mode], 0.05)


def test_more_rows_bring_energies_nearer_to_each_other(energies):
    """Rows that were seen look more usual, the more so the fewer they are."""
    gaps = []
    for n, d in [(100, 50), (1000, 50)]:
        x, loadings = gaussian(n, d, 0)
        energy = PotentialEnergyTransformer(random_state=0).fit(x)
        new = energy.transform(gaussian(1000, d, 5, loadings)[0])
        seen = energy.transform(x)
        width = np.diff(np.quantile(new, [0.25, 0.75])).item()
        gaps.append((np.median(new) - np.median(seen)) / width)
    assert gaps[0] > gaps[1] > -0.1
    assert (
        gaps[0] < 1.5
    )  # by held-out rows, and not by tens as with all of them believed
