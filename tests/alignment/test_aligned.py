import numpy as np
import pytest

from sklearn_emma.alignment import DynamicTimeWarping, dtw
from sklearn_emma.alignment._aligned import Aligned
from sklearn_emma.alignment._modes import SequenceModes

MODES = {
    "a": (slice(0, 6), (1, 6)),
    "b": (slice(6, 14), (1, 8)),
    "c": (slice(14, 20), (1, 6)),
}


def fitted(X, reference="b"):
    modes = SequenceModes.of(X, MODES)
    return Aligned.fit(DynamicTimeWarping(), modes, reference, modes.cut(X))


def test_each_step_of_the_reference_has_the_mean_of_what_its_path_meets():
    X = np.random.default_rng(0).normal(size=(5, 20))
    aligned = fitted(X)
    out = aligned.transform(X)
    assert out.shape == (5, 24)
    columns = aligned.modes.aligned("b").columns
    standard = {}
    for name, (part, _) in MODES.items():
        standard[name] = (X[:, part] - X[:, part].mean()) / X[:, part].std()
    for row in range(5):
        for name in ("a", "c"):
            path = dtw(standard["b"][row], standard[name][row])
            values = X[row, MODES[name][0]]
            expected = [
                values[path.path[path.path[:, 0] == step, 1]].mean()
                for step in range(8)
            ]
            np.testing.assert_allclose(out[row, columns[name]], expected)
            number = list(MODES).index(name)
            cost = aligned.cost(X)[row, number]
            assert np.isclose(cost, path.cost / len(path.path))


def test_the_reference_costs_what_its_best_agreement_costs():
    X = np.random.default_rng(0).normal(size=(5, 20))
    X[3, 14:] = np.nan
    cost = fitted(X[:3]).cost(X)
    np.testing.assert_array_equal(cost[:3, 1], cost[:3, [0, 2]].min(axis=1))
    assert cost[3, 1] == cost[3, 0]


def test_every_mode_has_what_aligns_it():
    X = np.random.default_rng(0).normal(size=(5, 20))
    methods = fitted(X).methods
    assert list(methods) == ["a", "c"]
    assert methods["a"] is not methods["c"]


def test_a_mode_without_any_value_is_named():
    X = np.random.default_rng(0).normal(size=(5, 20))
    X[:, 14:] = np.nan
    with pytest.raises(ValueError, match="Mode 'c' is missing in every sample"):
        fitted(X)
