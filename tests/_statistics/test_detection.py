import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom

from sklearn_emma._statistics.detection import (
    EXPONENTS,
    log_bets,
    log_evidence,
    next_wealth,
)


def evidence_of(p):
    """log of the mean of R after each step, (t, ...) of p-values (t, ...)."""
    bets = log_bets(p)
    wealth = np.full(bets.shape[1:], -np.inf)
    path = []
    for bet in bets:
        wealth = next_wealth(wealth, bet)
        path.append(log_evidence(wealth))
    return np.array(path)


@pytest.mark.parametrize("k", range(len(EXPONENTS)))
def test_a_bet_on_a_uniform_number_is_fair(k):
    # Substituted p = u^20, so that the integrand is bounded.
    area, _ = quad(lambda u: np.exp(log_bets(np.array(u**20))[k]) * 20 * u**19, 0, 1)
    assert area == pytest.approx(1)


def test_a_bet_never_gains_by_a_higher_p_value():
    assert (np.diff(log_bets(np.linspace(1e-6, 1, 50)), axis=0) < 0).all()


def test_wealth_is_that_of_gamblers_who_start_one_at_each_step():
    p = np.random.default_rng(0).random(12)
    expected = np.mean(
        [
            sum(np.prod(k * p[start:] ** (k - 1)) for start in range(len(p)))
            for k in EXPONENTS
        ]
    )
    assert evidence_of(p)[-1] == pytest.approx(np.log(expected))


def test_a_missing_p_value_changes_nothing_but_that_a_gambler_starts():
    wealth = np.array([0.5, 2.0, 1.0, 3.0, 0.1])
    after = next_wealth(np.log(wealth), log_bets(np.array(np.nan)))
    np.testing.assert_allclose(np.exp(after), wealth + 1)


def test_extreme_p_values_overflow_nothing():
    path = evidence_of(np.full(10_000, 1e-300))
    assert np.isfinite(path).all() and path[-1] > 1e6
    assert np.isfinite(evidence_of(np.ones(10_000))).all()


@pytest.mark.parametrize("threshold", [20, 200])
def test_false_alarms_by_a_step_are_no_more_frequent_than_promised(threshold):
    rng = np.random.default_rng(threshold)
    n_streams = 2000
    path = evidence_of(rng.random((threshold // 2, n_streams)))
    by = np.maximum.accumulate(path) >= np.log(threshold)
    for steps in (threshold // 10, threshold // 2):
        n_rung = by[steps - 1].sum()
        assert n_rung <= binom.ppf(0.999, n_streams, steps / threshold)
    assert by[-1].sum() > 0  # not so careful as to be of no use


def test_the_first_false_alarm_comes_late_enough_on_average():
    rng = np.random.default_rng(1)
    path = evidence_of(rng.random((1500, 400)))
    rung = np.maximum.accumulate(path) >= np.log(100)
    first = (~rung).sum(axis=0) + 1  # of streams without any, less than it would be
    assert first.mean() > 100


@pytest.mark.parametrize(("p", "steps"), [(0.001, 3), (0.05, 12), (0.15, 60)])
def test_failures_are_noticed_the_sooner_the_smaller_p_values_are(p, steps):
    rng = np.random.default_rng(2)
    clean = evidence_of(rng.random((300, 50)))
    assert np.median(clean[-1]) < np.log(1000)
    failing = np.vstack([rng.random((300, 50)), np.full((steps, 50), p)])
    assert np.median(evidence_of(failing)[-1]) > np.log(1000)
