"""The shrinkage that held-out rows recommend, against slow linear algebra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from sklearn_emma._energies import shrinkage
from sklearn_emma._energies.shrinkage import (
    SHRINKAGES,
    _Axes,
    choose_shrinkage,
    detection,
)
from sklearn_emma._statistics.covariance import oracle_shrinkage, principal_axes


def factors(n, d, n_factors, seed=0):
    """Standardised rows (n, d) that a few factors explain, and noise beside them."""
    rng = np.random.default_rng(seed)
    loadings = np.random.default_rng(99).normal(size=(n_factors, d))
    x = rng.normal(size=(n, n_factors)) @ loadings + 0.5 * rng.normal(size=(n, d))
    return x / np.sqrt(np.square(loadings).sum(axis=0) + 0.25)


def disturbed(z, seed=7):
    noise = np.random.default_rng(seed).normal(size=z.shape)
    return [z + size * noise for size in shrinkage.NOISE]


def choose(z, weight=None):
    weight = np.ones(len(z)) if weight is None else weight
    return choose_shrinkage(z, disturbed(z), weight)


# ------------------------------------------------------------------ energies of a share


@pytest.mark.parametrize(("n", "d"), [(60, 4), (7, 4), (4, 9), (2, 30), (30, 1)])
def test_energies_are_those_of_the_inverse_of_the_shrunk_covariance(n, d):
    """Half the squared Mahalanobis distance at each share, of rows seen or not."""
    rng = np.random.default_rng(0)
    seen, weight = factors(n, d, 2), rng.uniform(0.1, 3.0, size=n)
    mean = np.average(seen, axis=0, weights=weight)
    centred = seen - mean
    covariance = (centred * weight[:, np.newaxis]).T @ centred / weight.sum()
    z = np.concatenate([seen, rng.normal(size=(5, d))])
    found = _Axes(mean, *principal_axes(centred, weight)).energies(z)
    assert found.shape == (len(z), len(SHRINKAGES))
    for share, energies in zip(SHRINKAGES, found.T, strict=True):
        identity = np.trace(covariance) / d * np.eye(d)
        inverse = np.linalg.inv((1 - share) * covariance + share * identity)
        expected = [(row - mean) @ inverse @ (row - mean) / 2 for row in z]
        np.testing.assert_allclose(energies, expected, rtol=1e-8)


def test_rows_that_never_vary_have_finite_energies():
    axes = _Axes(np.zeros(3), *principal_axes(np.zeros((5, 3)), np.ones(5)))
    assert np.isfinite(axes.energies(np.zeros((2, 3)))).all()


# ---------------------------------------------------------------------------- detection


@given(
    pairs=st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5))), data=st.data()
)
def test_detection_is_the_area_under_the_roc_curve_of_scikit_learn(pairs, data):
    """Ties count half, and rows by their weight on both sides."""
    clean, broken = np.array([(0, 0), *pairs], dtype=float).T
    weights = st.lists(
        st.integers(0, 4), min_size=len(clean), max_size=len(clean)
    ).filter(any)
    weight = np.array(data.draw(weights), dtype=float)
    expected = roc_auc_score(
        np.repeat([0, 1], len(clean)),
        np.concatenate([clean, broken]),
        sample_weight=np.tile(weight, 2),
    )
    assert detection(clean, [broken], weight) == pytest.approx(expected)


def test_detection_by_hand():
    clean, broken = np.array([1.0, 2.0, 3.0]), np.array([3.0, 0.0, 9.0])
    # 3 beats two and ties with one, 0 beats none, 9 all.
    expected = (2.5 + 0 + 3) / 9
    assert detection(clean, [broken], np.ones(3)) == pytest.approx(expected)
    others = np.array([0.5, 9.0, 9.0])  # two beat all, one none
    both = detection(clean, [broken, others], np.ones(3))
    assert both == pytest.approx((expected + 2 / 3) / 2)
    # Twice the last row: 3 and 9 against four clean rows, two of them 3.
    weight = np.array([1.0, 1.0, 2.0])
    expected = (3 + 0 + 2 * 4) / 16
    assert detection(clean, [broken], weight) == pytest.approx(expected)


# --------------------------------------------------------------------------- the choice


def slow_choice(z, noisy, weight):
    """By explicit inverses, fold by fold and share by share."""
    fold = np.arange(len(z)) % 5
    told, gaps, widths = [], [], []
    for share in SHRINKAGES:
        held_out, broken, gap = np.zeros(len(z)), [np.zeros(len(z)) for _ in noisy], []
        for k in range(5):
            seen = fold != k
            mean = np.average(z[seen], axis=0, weights=weight[seen])
            covariance = np.cov(z[seen], rowvar=False, aweights=weight[seen], ddof=0)
            identity = np.trace(covariance) / z.shape[1] * np.eye(z.shape[1])
            inverse = np.linalg.inv((1 - share) * covariance + share * identity)

            def energy(rows, mean=mean, inverse=inverse):
                return np.einsum("ni,ij,nj->n", rows - mean, inverse, rows - mean) / 2

            held_out[~seen] = energy(z[~seen])
            for energies, rows in zip(broken, noisy, strict=True):
                energies[~seen] = energy(rows[~seen])
            of_unseen, of_seen = (
                quantile(e, w, 0.5)
                for e, w in (
                    (held_out[~seen], weight[~seen]),
                    (energy(z[seen]), weight[seen]),
                )
            )
            gap.append(of_unseen - of_seen)
        gaps.append(np.mean(gap))
        widths.append(
            quantile(held_out, weight, 0.75) - quantile(held_out, weight, 0.25)
        )
        areas = [
            roc_auc_score(
                np.repeat([0, 1], len(z)),
                np.concatenate([held_out, energies]),
                sample_weight=np.tile(weight, 2),
            )
            for energies in broken
        ]
        told.append(np.mean(areas))
    alike = np.array(gaps) <= widths
    if not alike.any():
        return 1.0
    best = max(area for area, same in zip(told, alike, strict=True) if same)
    as_good = [area >= best - 0.02 for area in told]
    return max(SHRINKAGES[i] for i in range(15) if alike[i] and as_good[i])


def quantile(values, weight, level):
    repeated = np.repeat(values, weight.astype(int))
    return np.quantile(repeated, level, method="inverted_cdf")


@pytest.mark.parametrize(("n", "d"), [(200, 4), (60, 20), (40, 30)])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_choice_equals_that_of_slow_code(n, d, seed):
    z = factors(n, d, max(d // 5, 1), seed)
    weight = np.random.default_rng(seed).integers(1, 4, size=n).astype(float)
    noisy = disturbed(z)
    found = choose_shrinkage(z, noisy, weight)
    assert found == slow_choice(z, noisy, weight)


def test_wide_data_are_shrunk_more_than_narrow():
    chosen = [
        np.mean([choose(factors(60, d, d // 5, seed)) for seed in range(4)])
        for d in (20, 60, 200)
    ]
    assert chosen[0] < chosen[1] < chosen[2]


def test_more_rows_are_shrunk_less():
    chosen = [
        np.mean([choose(factors(n, 200, 40, seed)) for seed in range(3)])
        for n in (50, 100, 300)
    ]
    assert chosen[0] > chosen[1] > chosen[2]


def test_rows_that_were_seen_look_little_more_usual_than_others():
    """The median of unseen rows at most an interquartile range above that of seen."""
    for n, d in [(40, 20), (40, 80), (100, 50)]:
        z, new = factors(n, d, d // 5), factors(2000, d, d // 5, seed=5)
        at = np.flatnonzero(choose(z) == SHRINKAGES)
        axes = _Axes(z.mean(axis=0), *principal_axes(z - z.mean(axis=0), np.ones(n)))
        seen, unseen = axes.energies(z)[:, at], axes.energies(new)[:, at]
        width = np.diff(np.quantile(unseen, [0.25, 0.75])).item()
        assert np.median(unseen) - np.median(seen) < 1.3 * width


def test_the_choice_notices_noise_better_than_others_do():
    """On rows that played no part in it, among the shares that were allowed."""
    z, new = factors(400, 10, 2), factors(4000, 10, 2, seed=5)
    chosen = np.flatnonzero(choose(z) == SHRINKAGES).item()
    axes = _Axes(z.mean(axis=0), *principal_axes(z - z.mean(axis=0), np.ones(400)))
    clean = axes.energies(new)
    areas = np.mean(
        [
            [
                detection(c, [b], np.ones(4000))
                for c, b in zip(clean.T, axes.energies(noisy).T, strict=True)
            ]
            for noisy in disturbed(new)
        ],
        axis=0,
    )
    assert areas[chosen] > areas.max() - 0.03
    assert areas[chosen] > areas[-1] + 0.1  # than no whitening at all


@pytest.mark.parametrize("n", [2, 5, 19])
def test_few_rows_are_shrunk_by_the_oracle_approximating_formula(n):
    z = factors(n, 6, 2)
    expected = max(oracle_shrinkage(z, np.ones(n)), SHRINKAGES[0])
    assert choose(z) == expected
    assert 0 < choose(np.zeros((n, 3))) <= 1  # nothing varies


def test_twenty_rows_are_enough_to_hold_some_out():
    z = factors(20, 6, 2)
    assert choose(z) == slow_choice(z, disturbed(z), np.ones(20))


# ------------------------------------------------------------------------------ weights


@pytest.mark.parametrize("n", [12, 60])
def test_rows_of_weight_0_play_no_part(n):
    z, weight = factors(n, 5, 1), np.random.default_rng(0).uniform(1, 2, size=n)
    spoilt = np.full((2 * n, 5), 1e6)
    spoilt[::2] = z
    counts = np.tile([1.0, 0.0], n) * np.repeat(weight, 2)
    noisy = [np.repeat(rows, 2, axis=0) for rows in disturbed(z)]
    expected = choose_shrinkage(z, disturbed(z), weight)
    assert choose_shrinkage(spoilt, noisy, counts) == expected


@pytest.mark.parametrize("scale", [1e-9, 1e6])
def test_only_ratios_of_weights_count_where_rows_are_held_out(scale):
    z, weight = factors(80, 10, 2), np.random.default_rng(0).uniform(0.5, 2, size=80)
    assert choose(z, scale * weight) == choose(z, weight)


def test_a_weight_is_a_number_of_repetitions_within_each_fold():
    """A repeated row is held out with its first, not five rows further on."""
    z = factors(60, 12, 3)
    weight = np.random.default_rng(0).integers(1, 4, size=60)
    rows = [np.flatnonzero(np.arange(60) % 5 == k).repeat(3)[:36] for k in range(5)]
    copied = np.stack(rows, axis=1).ravel()  # three of each, in the folds of `rows`
    noisy = [z_noisy[copied] for z_noisy in disturbed(z)]
    thrice = choose_shrinkage(z[copied], noisy, np.ones(180))
    assert thrice == choose(z, np.full(60, 3.0)) == choose(z)
    assert choose(z, weight.astype(float)) == slow_choice(z, disturbed(z), weight)


def test_many_rows_are_as_many_as_decide(monkeypatch):
    """A bounded number: those behind it are not even looked at."""
    monkeypatch.setattr(shrinkage, "_MOST_ROWS", 100)
    z = factors(300, 8, 2)
    noisy = disturbed(z)
    for rows in (z, *noisy):
        rows[100:] = np.nan
    expected = choose_shrinkage(z[:100], [x[:100] for x in noisy], np.ones(100))
    assert choose_shrinkage(z, noisy, np.ones(300)) == expected
    # Ten for each coordinate at least.
    wide = factors(300, 20, 4)
    noisy = disturbed(wide)
    expected = choose_shrinkage(wide[:200], [x[:200] for x in noisy], np.ones(200))
    for rows in (wide, *noisy):
        rows[200:] = np.nan
    assert choose_shrinkage(wide, noisy, np.ones(300)) == expected


@pytest.mark.parametrize("constant", [[0], [0, 1, 2]])
def test_constant_coordinates_are_no_problem(constant):
    z = factors(60, 3, 1)
    z[:, constant] = 0.0
    assert 0 < choose(z) <= 1


def test_where_rows_never_look_alike_nothing_is_whitened(monkeypatch):
    monkeypatch.setattr(shrinkage, "_WIDEST_GAP", -np.inf)
    assert choose(factors(60, 5, 1)) == 1.0
