"""Bad input of every function is named."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError

from sklearn_emma import EMMAClassifier
from sklearn_emma.corruption import GaussianNoise
from sklearn_emma.robustness import (
    attention_curve,
    attention_map,
    energy_curve,
    robustness_curve,
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
    with pytest.raises(ValueError, match="`n_repeats` must be at least 1, got 0"):
        curve(n_repeats=0)
    with pytest.raises(TypeError, match=r"not GaussianNoise\(1.0\)"):
        curve(corruption=GaussianNoise(1.0))
    with pytest.raises(ValueError, match="`reference` has 3 columns, X has 6"):
        curve(reference=X[:, LEFT])
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
