"""Every Display takes a pipeline that ends with what it draws."""

import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.plotting import (
    AttentionDisplay,
    AttentionMapDisplay,
    DistributionCurveDisplay,
    PotentialFieldDisplay,
    RobustnessCurveDisplay,
)


def piped(estimator):
    nothing = FunctionTransformer().fit([[0.0]])
    return Pipeline([("nothing", nothing), ("estimator", estimator)])


@pytest.mark.parametrize(
    ("display", "options", "drawn"),
    [
        (AttentionDisplay, {}, "values"),
        (
            DistributionCurveDisplay,
            {"mode": "mode_0", "levels": [0, 2]},
            "curve.mean",
        ),
        (
            AttentionMapDisplay,
            {"failing": ("mode_0", "mode_1"), "levels": [0, 2]},
            "attention_map.mean",
        ),
        (
            DistributionCurveDisplay,
            {"quantity": "total_energy", "levels": [0, 2]},
            "curve.mean",
        ),
    ],
)
def test_displays_of_a_classifier(emma, samples, display, options, drawn):
    X, _, modes = samples
    options = {"modes": modes, "reference": X, "random_state": 0, **options}
    found, direct = (
        of(display.from_estimator(estimator, X, **options), drawn)
        for estimator in (piped(emma), emma)
    )
    np.testing.assert_equal(found, direct)


def of(display, path):
    for name in path.split("."):
        display = getattr(display, name)
    return display


def test_robustness_curve(emma, samples):
    X, y, modes = samples
    display = RobustnessCurveDisplay.from_estimators(
        {"pipe": piped(emma), "alone": emma},
        X,
        y,
        mode="mode_0",
        levels=[0, 2],
        modes=modes,
        reference=X,
        random_state=0,
    )
    pipe, alone = display.curves.values()
    np.testing.assert_array_equal(pipe.scores, alone.scores)


def test_potential_field(samples):
    X = samples[0][:, :2]
    energy = PotentialEnergyTransformer(max_iter=2, random_state=0).fit(X)
    pipe, alone = (
        PotentialFieldDisplay.from_estimator(e, X, grid_resolution=5, n_arrows=0)
        for e in (piped(energy), energy)
    )
    np.testing.assert_array_equal(pipe.energy, alone.energy)
