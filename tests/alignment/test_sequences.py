import numpy as np
import pytest

from sklearn_emma.alignment._sequences import Units, read_sequences


def test_units_are_of_all_samples_and_steps_of_a_channel():
    x = np.random.default_rng(0).normal(3, 5, size=(6, 2, 7))
    (standard,) = Units.of([x])([x])
    np.testing.assert_allclose(standard.mean((0, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(standard.std((0, 2)), 1)


@pytest.mark.parametrize("value", [0.0, 1e8, 0.1])
def test_a_channel_that_never_changes_stays_finite(value):
    x = np.full((3, 1, 7), value)
    (standard,) = Units.of([x])([x])
    np.testing.assert_allclose(standard, 0, atol=1e-6)


def test_a_single_sample_is_a_batch_of_one():
    arrays, single = read_sequences([[[1, 2]], [[1, 2, 3], [4, 5, 6]]])
    assert single
    assert [x.shape for x in arrays] == [(1, 1, 2), (1, 2, 3)]


@pytest.mark.parametrize(
    "sequences, message",
    [
        (np.zeros((2, 1, 3)), "must be a list of arrays"),
        ([np.zeros(3), np.zeros((1, 3))], "Sequence 0 must have shape"),
        ([np.zeros((1, 3)), np.full((1, 3), np.inf)], "Sequence 1 has values"),
        (
            [np.zeros((2, 1, 3)), np.zeros((3, 1, 3))],
            r"number of samples, got \[2, 3\]",
        ),
    ],
)
def test_what_is_no_list_of_sequences_is_refused(sequences, message):
    with pytest.raises(ValueError, match=message):
        read_sequences(sequences)
