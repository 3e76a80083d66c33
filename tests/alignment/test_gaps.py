import numpy as np

from sklearn_emma.alignment._clock import Clock, uniform_clock
from sklearn_emma.alignment._gaps import fill_gaps, resample

NAN = np.nan


def test_gaps_are_interpolated_and_ends_are_held():
    x = np.array([[[NAN, 1, NAN, 3, NAN], [NAN] * 5]])
    filled = fill_gaps(x, np.array([7.0, 8.0]))
    assert filled[0].tolist() == [[1, 1, 2, 3, 3], [8] * 5]
    assert np.isnan(x[0, 0, 0])  # what came is as it was


def test_each_step_of_the_reference_gets_the_mean_of_what_meets_it():
    steps = np.array([[[0, 0], [0, 1], [1, 2], [2, 2]]])
    clock = Clock(steps, np.array([4]))
    sequence = np.array([[[1.0, 3.0, 10.0]]])
    assert resample(sequence, clock, 1, 3)[0].tolist() == [[2, 10, 10]]


def test_missing_values_are_left_out_of_the_mean():
    steps = np.array([[[0, 0], [0, 1], [1, 2]]])
    clock = Clock(steps, np.array([3]))
    sequence = np.array([[[NAN, 3.0, NAN]]])
    np.testing.assert_array_equal(resample(sequence, clock, 1, 2), [[[3, NAN]]])


def test_common_steps_behind_the_end_do_not_count():
    steps = np.array(
        [[[0, 0], [1, 1], [1, 1], [1, 1]], [[0, 0], [0, 1], [1, 1], [1, 2]]]
    )
    clock = Clock(steps, np.array([2, 4]))
    sequence = np.array([[[1.0, 2.0, 9.0]], [[1.0, 2.0, 9.0]]])
    result = resample(sequence, clock, 1, 2)
    np.testing.assert_array_equal(result[:, 0], [[1, 2], [1.5, 5.5]])


def test_steps_that_the_clock_leaves_out_get_what_the_nearest_has():
    clock = Clock(np.array([[[1, 0], [2, 1]]]), np.array([2]))
    assert resample(np.array([[[4.0, 5.0]]]), clock, 1, 5)[0, 0].tolist() == [
        4,
        4,
        5,
        5,
        5,
    ]


def test_an_even_clock_averages_what_is_faster_and_repeats_what_is_slower():
    fast = np.arange(8.0).reshape(1, 1, 8)
    down = resample(fast, uniform_clock([4, 8], 1), 1, 4)[0, 0]
    assert len(down) == 4 and (np.diff(down) > 1).all()
    slow = np.arange(4.0).reshape(1, 1, 4)
    up = resample(slow, uniform_clock([8, 4], 1), 1, 8)[0, 0]
    assert up.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
