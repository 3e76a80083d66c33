"""Distinct training samples: what is clean, what is present, what is held out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._inputs.training_set import TrainingSet, split_validation

LAYOUT = ModeLayout.from_columns({"a": [0, 1], "b": [2], "c": [3, 4]})


def drawn_set(seed, n=6, share=0.3):
    """Samples of which values are missing, and modes known to be corrupted."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    X[rng.random(X.shape) < share] = np.nan
    y, weight = rng.integers(3, size=n), rng.uniform(1, 3, size=n)
    corrupted = rng.random((n, 3)) < share
    return TrainingSet(X, y, weight, 2 * weight, corrupted)


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.3, 0.7, 1.0]))
def test_clean_values_and_present_modes_equal_a_loop(seed, share):
    data = drawn_set(seed, share=share)
    before = data.X.copy()
    clean, present = data.clean(LAYOUT), data.present(LAYOUT)
    assert present.shape == (6, 3) and present.dtype == bool
    for row in range(6):
        for column in range(5):
            known = not data.corrupted[row, LAYOUT.index[column]]
            expected = data.X[row, column] if known else np.nan
            np.testing.assert_equal(clean[row, column], expected)
        for mode, columns in enumerate(LAYOUT.slices):
            assert present[row, mode] == any(~np.isnan(clean[row, columns]))
    np.testing.assert_array_equal(data.X, before)


@pytest.mark.parametrize("index", [[3, 0], [], [1, 1], slice(2, 5)])
def test_rows_are_those_of_every_array(index):
    data = drawn_set(0)
    at = np.arange(6)[index].astype(int)
    some = data.rows(at)
    assert isinstance(some, TrainingSet)
    for array, whole in zip(some, data, strict=True):
        np.testing.assert_array_equal(array, whole[at])


# --------------------------------------------------------------------- held-out samples


@given(
    labels=st.lists(st.integers(0, 2), min_size=30, max_size=60).filter(
        lambda found: min(found.count(c) for c in range(3)) >= 4
    ),
    fraction=st.sampled_from([0.2, 0.3, 0.5]),
    seed=st.integers(0, 2**31 - 1),
)
def test_every_sample_is_kept_or_held_out_and_classes_in_proportion(
    labels, fraction, seed
):
    labels = np.array(labels)
    kept, held = split_validation(len(labels), labels, fraction, seed)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert len(held) == int(np.ceil(fraction * len(labels)))
    for part in (kept, held):
        assert (np.diff(part) > 0).all()
    for label in range(3):
        expected = fraction * (labels == label).sum()
        assert abs((labels[held] == label).sum() - expected) < 2


def test_the_seed_decides_who_is_held_out():
    labels = np.arange(40) % 2
    first, again, other = (
        split_validation(40, labels, 0.3, seed)[1] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_without_labels_any_split_will_do():
    kept, held = split_validation(10, None, 0.3, 0)
    assert (len(kept), len(held)) == (7, 3)


@pytest.mark.parametrize(
    ("labels", "fraction", "reason"),
    [
        (["many"] * 20 + ["rare"], 0.3, r"\['rare'\]"),
        (["a", "b"] * 10, 0.01, "number of classes = 2"),
    ],
)
def test_a_split_that_is_not_possible_is_named_with_its_reason(
    labels, fraction, reason
):
    n = len(labels)
    with pytest.raises(
        ValueError,
        match=rf"validation_fraction={fraction} of {n} distinct samples.*{reason}",
    ):
        split_validation(n, np.array(labels, dtype=object), fraction, 0)
