"""Bad input of every function is named."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError

from sklearn_emma import EMMAClassifier
from sklearn_emma.corruption import GaussianNoise, MissingMode, Mixture, ZeroedMode
from sklearn_emma.robustness import (
    attention_curve,
    attention_map,
    energy_curve,
    robustness_curve,
    robustness_curves,
)

MODES = {"left": [0, 1, 2], "right": [3, 4, 5]}
LEFT, RIGHT = MODES.values()


def test_bad_input_is_named(data, emma):
    X_train, X, y_train, y = data
    good = {"mode": "left", "levels": [0, 1]}

    def curve(**changed):
        return robustness_curve(emma, X, y, **(good | changed))

    with pytest.raises(ValueError, match=r"no mode 'up'; the modes are \['left'"):
        curve(mode="up")
    for levels in ([], [np.nan], [[1, 2]], 3.0, [np.inf]):
        with pytest.raises(ValueError, match="`levels` must be"):
            curve(levels=levels)
    with pytest.raises(ValueError, match="sigma"):
        curve(levels=[-1])
    with pytest.raises(TypeError, match=r"not GaussianNoise\(1.0\)"):
        curve(corruption=GaussianNoise(1.0))
    with pytest.raises(ValueError, match="`reference` has 3 columns, X has 6"):
        curve(reference=X[:, LEFT])
    with pytest.raises(ValueError, match="`reference`: Expected 2D array, got 1D"):
        curve(reference=X[0])
    with pytest.raises(ValueError, match="`X`: Expected 2D array, got 1D"):
        robustness_curve(emma, X[0], y, **good)
    with pytest.raises(NotFittedError):
        robustness_curve(EMMAClassifier(), X, y, **good)
    with pytest.raises(ValueError, match=r"`quantity` must be one of \['attention'"):
        attention_curve(emma, X, quantity="total_energy", **good)
    with pytest.raises(ValueError, match=r"`quantity` must be one of \['total_energy'"):
        energy_curve(emma, X, quantity="attention", **good)
    for failing in ("left", ("left",), ("left", "left")):
        with pytest.raises(ValueError, match="two different modes"):
            attention_map(emma, X, failing=failing, levels=[1])
    forest = RandomForestClassifier(2, random_state=0).fit(X_train, y_train)
    with pytest.raises(TypeError, match="RandomForestClassifier has no method 'atten"):
        attention_curve(forest, X, modes=MODES, **good)
    with pytest.raises(TypeError, match="or a density estimator"):
        energy_curve(forest, X, modes=MODES, quantity="potential_energy", **good)


@pytest.mark.parametrize("n_repeats", [0, -1, "3", 2.5, None])
def test_repeats_are_counted(data, emma, n_repeats):
    _, X, _, y = data
    options = {"levels": [0], "n_repeats": n_repeats}

    def refused(caller):
        culprit = f"'n_repeats' parameter of {caller} must be an int .* {n_repeats!r} "
        return pytest.raises(ValueError, match=culprit)

    with refused("robustness_curve"):
        robustness_curve(emma, X, y, mode="left", **options)
    with refused("attention_curve"):
        attention_curve(emma, X, mode="left", **options)
    with refused("energy_curve"):
        energy_curve(emma, X, mode="left", **options)
    with refused("attention_map"):
        attention_map(emma, X, failing=("left", "right"), **options)
    with refused("robustness_curves"):
        robustness_curves({"emma": emma}, X, y, mode="left", **options)


def test_a_corruption_takes_a_level(data, emma):
    _, X, _, y = data

    def curve(corruption):
        return robustness_curve(
            emma, X, y, mode="left", levels=[1], corruption=corruption, n_repeats=1
        )

    for what in (MissingMode, ZeroedMode):
        name = what.__name__
        advice = rf"it takes no level; `lambda level: {name}\(\)` would do"
        with pytest.raises(TypeError, match=advice):
            curve(what)
    with pytest.raises(TypeError, match=r"<lambda>\(level\) .*argument: 'mean'"):
        curve(lambda level, mean: GaussianNoise(level + mean))
    advised = curve(lambda level: MissingMode())
    mixed = curve(lambda level, share=1.0: Mixture([MissingMode()], [share]))
    np.testing.assert_array_equal(advised.scores, mixed.scores)


@pytest.mark.parametrize("quantiles", [0.5, None, [[0.5]], [0.5, 1.1], [-1], [np.nan]])
def test_quantiles_are_a_list_of_probabilities(data, emma, quantiles):
    for curve in (attention_curve, energy_curve):
        with pytest.raises(ValueError, match="`quantiles` must be a list of numbers"):
            curve(emma, data[1], mode="left", levels=[0], quantiles=quantiles)
