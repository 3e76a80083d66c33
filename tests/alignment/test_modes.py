from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sklearn_emma.alignment._modes import SequenceModes

X = np.arange(36.0).reshape(3, 12)


def test_objects_and_pairs_are_sequences_and_the_rest_is_passed_through():
    modes = SequenceModes.of(
        X,
        {
            "plain": [0, 11],
            "mic": SimpleNamespace(columns=slice(1, 7), shape=(2, 3)),
            "image": SimpleNamespace(columns=[7], shape=(1, 1, 1)),
            "wind": ([8, 9], (1, -1)),
        },
    )
    assert modes.shapes == {"mic": (2, 3), "wind": (1, 2)}
    assert modes.rest.tolist() == [0, 7, 10, 11]
    assert modes.cut(X)["mic"][0].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_afterwards_sequences_come_first_on_the_clock_of_the_reference():
    modes = SequenceModes.of(
        X, {"plain": [0, 11], "mic": (slice(1, 7), (2, 3)), "wind": ([8, 9], (1, 2))}
    )
    after = modes.aligned("wind")
    assert after.shapes == {"mic": (2, 2), "wind": (1, 2)}
    columns = {name: c.tolist() for name, c in after.columns.items()}
    assert columns == {"plain": [6, 9], "mic": [0, 1, 2, 3], "wind": [4, 5]}
    assert after.rest.tolist() == [6, 7, 8, 9]


def test_names_of_columns_are_found_in_a_frame():
    frame = pd.DataFrame(X, columns=list("abcdefghijkl"))
    pair = (["a", "b"], (1, 2))
    modes = SequenceModes.of(frame, {"one": pair, "two": (["d", "c"], (1, 2))})
    assert modes.columns["two"].tolist() == [3, 2]


@pytest.mark.parametrize(
    "modes, message",
    [
        ([([0, 1], (1, 2))], "`modes` must be a dict"),
        ({"a": ([0, 1], (1, 3)), "b": ([2], (1, 1))}, r"Mode 'a': a shape of \(1, 3\)"),
        ({"a": ([0, 1, 2], (2, -1)), "b": ([3], (1, 1))}, "'a': a shape"),
        (
            {"a": ([0, 1], (1, 2)), "b": [2]},
            r"two sequences.*\['a'\] among \['a', 'b'\]",
        ),
        ({"a": ([0, 1], (1, 2)), "b": ([1], (1, 1))}, "Modes overlap"),
    ],
)
def test_modes_that_do_not_fit_are_named(modes, message):
    with pytest.raises(ValueError, match=message):
        SequenceModes.of(X, modes)
