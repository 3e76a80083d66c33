"""Attention maps against samples corrupted by hand."""

import numpy as np

from sklearn_emma.corruption import Bias
from sklearn_emma.robustness import attention_map

MODES = {"left": [0, 1, 2], "right": [3, 4, 5]}
LEFT, RIGHT = MODES.values()


def test_attention_map_fails_two_modes_at_once(data, emma, biased):
    X = data[1]
    levels, second = [0.0, 1.0, 4.0], [0.0, 2.0]
    result = attention_map(
        emma,
        X,
        failing=("right", "left"),
        levels=levels,
        second_levels=second,
        corruption=Bias,
    )
    for i, a in enumerate(levels):
        for j, b in enumerate(second):
            failed = biased(biased(X, RIGHT, a), LEFT, b)
            expected = emma.attention(failed).mean(axis=0)
            np.testing.assert_allclose(result.mean[i, j], expected)
    assert result.columns == ("left", "right")
    assert result.failing == ("right", "left")


def test_attention_map_averages_repeats(data, emma):
    _, X, _, _ = data
    options = {"failing": ("left", "right"), "levels": [0, 1], "quantity": "importance"}
    runs = [attention_map(emma, X, **options, random_state=seed) for seed in (0, 1)]
    both = attention_map(emma, X, **options, n_repeats=2, random_state=0)
    np.testing.assert_allclose(both.mean.sum(axis=2), 1, rtol=1e-6)
    np.testing.assert_allclose(both.mean[0, 0], emma.importance(X).mean(axis=0))
    assert (runs[0].mean[1, 1] != runs[1].mean[1, 1]).all()
    # One repeat of the two is the run with the same seed.
    other = 2 * both.mean - runs[0].mean
    assert ((other > 0) & (other < 1)).all()


def test_attention_map_draws_one_noise_for_each_mode_at_all_levels(data, recorder):
    X = data[1]
    recorder.modes_ = {name: np.array(columns) for name, columns in MODES.items()}
    attention_map(recorder, X, failing=("left", "right"), levels=[0, 1], random_state=0)
    clean, right, left, both = (seen - X for seen in recorder.seen_)
    assert not clean.any()
    np.testing.assert_allclose(both, left + right, atol=1e-9)
    assert not left[:, RIGHT].any()
    assert not right[:, LEFT].any()
    noise = [(both / X.std(axis=0))[:, columns].ravel() for columns in (LEFT, RIGHT)]
    assert abs(np.corrcoef(*noise)[0, 1]) < 0.2
