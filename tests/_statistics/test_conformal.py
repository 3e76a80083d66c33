import numpy as np
import pytest
from scipy.stats import binom, kstest, norm

from sklearn_emma._statistics.conformal import (
    EXCESS,
    any_of,
    fewest_rows,
    p_values,
    rejected,
    summarise,
    with_confidence,
)


def exact(scores, clean):
    """By definition, one score at a time."""
    return np.array([(1 + np.sum(clean >= e)) / (len(clean) + 1) for e in scores])


def test_p_values_worked_by_hand():
    clean = summarise(np.array([4.0, 1.0, 2.0, 2.0]))
    assert clean.n == 4
    scores = np.array([5.0, 4.0, 3.0, 2.0, 1.5, 1.0, 0.0, np.nan])
    expected = np.array([1, 2, 2, 4, 4, 5, 5, np.nan]) / 5
    np.testing.assert_array_equal(p_values(scores, clean), expected)


@pytest.mark.parametrize("n", [1, 2, 99, 200])
def test_all_of_a_few_hundred_scores_are_kept(n):
    rng = np.random.default_rng(n)
    clean = rng.normal(size=n)
    assert len(summarise(clean).threshold) == n
    scores = rng.normal(size=500)
    expected = exact(scores, clean)
    np.testing.assert_allclose(p_values(scores, summarise(clean)), expected, rtol=1e-12)


@pytest.mark.parametrize("decimals", [1, 12])
def test_p_values_of_many_scores_are_at_least_exact_and_hardly_more(decimals):
    rng = np.random.default_rng(0)
    clean = rng.normal(size=5000).round(decimals)
    scores = np.concatenate([rng.normal(size=500).round(decimals), clean[:500]])
    found, expected = p_values(scores, summarise(clean)), exact(scores, clean)
    assert (found >= expected * (1 - 1e-12)).all()
    assert (found <= expected * (1 + EXCESS) * (1 + 1e-12)).all()


def test_what_is_kept_of_very_many_scores_grows_with_their_logarithm():
    scores = np.random.default_rng(0).normal(size=10**6)
    kept = [len(summarise(scores[:n]).threshold) for n in (10**4, 10**5, 10**6)]
    assert kept[2] < 2500
    assert np.diff(kept) == pytest.approx([np.log(10) / EXCESS] * 2, rel=0.05)


def test_no_clean_row_leaves_p_values_of_one():
    clean = summarise(np.empty(0))
    assert clean.n == 0
    assert p_values(np.array([-3.0, 3.0]), clean).tolist() == [1, 1]


def test_equal_weights_are_none_and_rows_of_weight_zero_are_absent():
    rng = np.random.default_rng(1)
    clean, scores = rng.normal(size=150), rng.normal(size=100)
    expected = p_values(scores, summarise(clean))
    for weight in (np.full(150, 7.0), np.full(150, 1e-9)):
        found = p_values(scores, summarise(clean, weight))
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    weight = np.append(np.ones(150), np.zeros(50))
    with_absent = summarise(np.append(clean, np.full(50, 9.0)), weight)
    np.testing.assert_allclose(p_values(scores, with_absent), expected, rtol=1e-12)


def test_weights_are_shares_of_an_effective_number_of_rows():
    clean = summarise(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 4.0]))
    assert clean.n == 2  # 36 / 18
    expected = [(1 + 2 * 4 / 6) / 3, 1 / 3]
    found = p_values(np.array([2.5, 3.5]), clean)
    np.testing.assert_allclose(found, expected)


def test_ranks_of_exchangeable_scores_are_uniform():
    rng = np.random.default_rng(2)
    scores = rng.standard_cauchy(size=(4000, 20))
    p = np.array([p_values(row[0], summarise(row[1:])) for row in scores])
    # Uniform on 1/20, ..., 1: with a uniform share of a step off, on [0, 1].
    assert kstest(p - rng.random(4000) / 20, "uniform").pvalue > 0.01


@pytest.mark.parametrize("n", [9, 50, 3000])
@pytest.mark.parametrize("decimals", [0, 12])
def test_p_values_below_alpha_are_no_more_frequent_than_alpha(n, decimals):
    rng = np.random.default_rng(n)
    repeats = 1500 if n < 1000 else 300
    scores = rng.exponential(size=(repeats, n + 1)).round(decimals)
    p = np.array([p_values(row[0], summarise(row[1:])) for row in scores])
    for alpha in (0.02, 0.1, 0.3):
        assert np.sum(p <= alpha) <= binom.ppf(0.999, repeats, alpha)


def holm(p, alpha):
    """Step down, as the procedure is told: one row of p-values without NaN."""
    rings = np.zeros(len(p), dtype=bool)
    for step, mode in enumerate(np.argsort(p, kind="stable")):
        if p[mode] > alpha / (len(p) - step):
            break
        rings[mode] = True
    return rings


def test_modes_that_are_judged_together_are_judged_by_holm():
    rng = np.random.default_rng(3)
    p = rng.random((500, 4)) ** 4
    expected = np.array([holm(row, 0.1) for row in p])
    np.testing.assert_array_equal(rejected(p, 0.1, together=True), expected)
    assert 0.1 < expected.mean() < 0.9
    np.testing.assert_array_equal(rejected(p, 0.1, together=False), p <= 0.1)


def test_holm_worked_by_hand_with_a_missing_mode():
    p = np.array([[0.02, np.nan, 0.01], [0.02, np.nan, 0.011], [np.nan] * 3])
    rings = rejected(p, 0.03, together=True)
    assert rings.tolist() == [[False, False, True], [False] * 3, [False] * 3]
    p[0, 0] = 0.015  # 0.03 / 2
    assert rejected(p, 0.03, together=True)[0].tolist() == [True, False, True]


def test_rounding_does_not_silence_a_p_value_that_equals_its_limit():
    for n_tests in range(1, 30):
        for alpha in (0.01, 0.03, 0.07, 0.1):
            n = fewest_rows(alpha, n_tests)
            p = np.full((1, n_tests), 1 / (n + 1))
            assert rejected(p, alpha, together=n_tests > 1).all()


def test_any_clean_mode_of_a_row_rings_no_more_often_than_alpha():
    rng = np.random.default_rng(4)
    shared = rng.normal(size=(3000, 40, 1))
    for scores in (rng.normal(size=(3000, 40, 3)), shared * [1, -1, 1]):
        p = np.array(
            [
                [p_values(c[0], summarise(c[1:])) for c in repeat.T]
                for repeat in scores[:1000]
            ]
        )
        rings = rejected(p, 0.15, together=True).any(axis=1).sum()
        assert 0 < rings <= binom.ppf(0.999, len(p), 0.15)


@pytest.mark.parametrize(
    ("alpha", "n_tests", "expected"),
    [(0.01, 1, 99), (0.05, 1, 19), (0.05, 3, 59), (0.07, 1, 14), (0.03, 3, 99)],
)
def test_fewest_rows_are_those_whose_least_p_value_reaches_the_limit(
    alpha, n_tests, expected
):
    assert fewest_rows(alpha, n_tests) == expected


# ------------------------------------------------------------------ with confidence


@pytest.mark.parametrize("n", [1, 5, 60, 400])
def test_all_limits_hold_at_once_as_often_as_asked(n):
    rng = np.random.default_rng(n)
    repeats, error = 1000, 0.2
    clean = rng.random((repeats, n))
    # Of uniform scores: the probability of one at least as high as the clean ones.
    tail = 1 - np.sort(clean, axis=1)[:, ::-1]
    p = np.arange(1, n + 1) / (n + 1)  # of a score just above the j-th highest
    limits = with_confidence(p, n, error)
    broken = (tail > limits).any(axis=1).sum()
    assert broken <= binom.ppf(0.999, repeats, error)


def test_limits_are_p_values_of_one_row_worked_by_hand():
    # One clean row: its score is exceeded with a uniform probability.
    np.testing.assert_allclose(
        with_confidence(np.array([0.5, 1.0, np.nan]), 1, 0.1), [0.9, 1.0, np.nan]
    )


def test_limits_are_above_p_values_rise_with_them_and_come_close_for_many_rows():
    p = np.linspace(0.001, 1, 500)
    excess = []
    for n in (999, 10**5, 10**7):
        limits = with_confidence(p, n, 0.1)
        assert (limits >= p).all() and (np.diff(limits) >= 0).all()
        assert limits.max() == 1
        excess.append((limits / p).max())
    assert excess == sorted(excess, reverse=True)
    assert excess[-1] < 1.15  # a tenth is the distance of ranks


def test_without_clean_rows_the_limit_is_one():
    assert with_confidence(np.array([1.0]), 0, 0.1).tolist() == [1]


# ------------------------------------------------------------------- several as one


def test_p_values_of_several_as_one_by_hand():
    nan = np.nan
    p = np.array([[0.01, 0.5, 0.2], [0.6, 0.9, 0.8], [nan, 0.3, 0.2], [nan, nan, 0.7]])
    expected = [0.03, 1.0, 0.4, 0.7]
    np.testing.assert_allclose(any_of(p), expected)
    assert np.isnan(any_of(np.full((2, 3), nan))).all()
    np.testing.assert_array_equal(any_of(p[:, 2:]), p[:, 2])


def test_p_values_of_several_as_one_are_no_lower_than_uniform():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(20_000, 1))
    for correlation in (0.0, 0.9):
        own = rng.normal(size=(20_000, 4))
        z = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
        found = any_of(norm.sf(z))
        for alpha in (0.01, 0.1):
            share = (found <= alpha).mean()
            assert share < alpha + 4 * np.sqrt(alpha / 20_000)
