import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_emma.alignment._alternating import Stopping, alternate
from sklearn_emma.alignment._clock import Clock
from sklearn_emma.alignment._projections import Projection


def run(objectives, *, max_iter=20, patience=2, fixed=False):
    """Alternate with the given objectives; projections carry their number."""
    given = iter(enumerate(objectives))

    def clock(number):
        return Clock(np.array([[[number, number]]]), np.array([1]))

    def project(_):
        number, objective = next(given)
        return Projection([], [], penalty=float(number)), objective

    def warp(projection, _):
        return clock(0 if fixed else int(projection.penalty) + 1), 0.0

    stopping = Stopping(max_iter, patience, tol=1e-6)
    return alternate(project, warp, clock(0), stopping)


def test_the_best_iterate_is_returned_though_the_objective_rises_after_it():
    solution = run([5.0, 3.0, 4.0, 3.5])
    assert solution.objective == 3
    assert solution.projection.penalty == 1  # the second
    assert solution.objectives[:, 0].tolist() == [5, 3, 4, 3.5]


def test_gains_that_are_too_small_do_not_count_but_are_kept():
    solution = run([5.0, 5 - 1e-9, 5 - 2e-9, 1.0])
    assert solution.objective == 5 - 2e-9


def test_a_clock_that_stays_is_the_end():
    assert len(run([5.0, 4.0], fixed=True).objectives) == 1


def test_it_warns_if_rounds_run_out():
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        run([5.0, 4.0, 3.0], max_iter=2)
