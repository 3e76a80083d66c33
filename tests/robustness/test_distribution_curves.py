"""Attention and energy curves against samples corrupted by hand."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.corruption import Bias, MissingMode
from sklearn_emma.robustness import attention_curve, energy_curve

MODES = {"left": [0, 1, 2], "right": [3, 4, 5]}
LEFT, RIGHT = MODES.values()


@pytest.mark.parametrize("quantity", ["attention", "importance"])
def test_attention_curve_summarises_the_samples(data, emma, quantity, biased):
    X = data[1]
    curve = attention_curve(
        emma,
        X,
        mode="left",
        levels=[0, 2],
        corruption=Bias,
        quantity=quantity,
        n_repeats=2,
        quantiles=(0.1, 0.5),
    )
    failed = biased(X, LEFT, 2)
    for row, samples in enumerate((X, failed)):
        values = getattr(emma, quantity)(samples)
        np.testing.assert_allclose(curve.mean[row], values.mean(axis=0))
        np.testing.assert_allclose(curve.std[row], values.std(axis=0))
        # Of the samples counted twice, since both repeats are the same.
        expected = np.quantile(np.r_[values, values], [0.1, 0.5], axis=0)
        np.testing.assert_allclose(curve.quantiles[row], expected)
    assert curve.columns == ("left", "right")
    assert (curve.mode, curve.quantity) == ("left", quantity)
    assert curve.mean[1, 0] < curve.mean[0, 0]


def test_energy_curves_of_a_classifier(data, emma, biased):
    X = data[1]
    failed = biased(X, RIGHT, 3)
    options = {"mode": "right", "levels": [0, 3], "corruption": Bias, "n_repeats": 1}
    total = energy_curve(emma, X, **options)
    np.testing.assert_allclose(total.mean[1, 0], emma.total_energy(failed).mean())
    assert total.columns == ("total",)
    assert total.mean[1, 0] > total.mean[0, 0]
    for quantity in ("modal_energy", "potential_energy"):
        curve = energy_curve(emma, X, quantity=quantity, **options)
        expected = getattr(emma, quantity)(failed)
        np.testing.assert_allclose(curve.mean[1], expected.mean(axis=0))
        assert curve.columns == ("left", "right")
    # Ψ is of one mode alone.
    assert curve.mean[0, 0] == curve.mean[1, 0]


@pytest.mark.parametrize("make", [PotentialEnergyTransformer, GaussianMixture])
def test_energy_curve_of_a_density_estimator(data, make):
    X_train, X, _, _ = data
    density = make(random_state=0).fit(X_train[:, LEFT])
    curve = energy_curve(
        density,
        X[:, LEFT],
        levels=[0, 1, 2, 4],
        quantity="potential_energy",
        reference=X_train[:, LEFT],
        random_state=0,
    )
    clean = -density.score_samples(X[:, LEFT])
    np.testing.assert_allclose(curve.mean[0, 0], clean.mean())
    assert curve.columns == ("potential",)
    assert (np.diff(curve.mean[:, 0]) > 0).all()


def test_energies_of_a_missing_mode_are_nan(data, emma):
    _, X, _, _ = data
    curve = energy_curve(
        emma,
        X,
        mode="left",
        levels=[1],
        corruption=lambda level: MissingMode(),
        quantity="potential_energy",
    )
    for values in (curve.mean, curve.std, curve.quantiles[:, 0]):
        assert np.isnan(values[0, 0])
        assert np.isfinite(values[0, 1])


def test_potential_energy_of_pulsar_candidates_rises_with_the_noise(htru2):
    X, _ = htru2
    train, test = X.iloc[:2000, :4], X.iloc[2000:3000, :4]
    energy = PotentialEnergyTransformer(max_iter=15, random_state=0).fit(train)
    curve = energy_curve(
        energy,
        test,
        levels=np.linspace(0, 2, 9),
        quantity="potential_energy",
        reference=train,
        random_state=0,
    )
    assert (np.diff(curve.mean[:, 0]) > 0).all()
