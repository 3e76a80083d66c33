"""Generated data: the geometry and the statistics are what the docstrings say."""

import itertools
import subprocess
import sys
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from sklearn.linear_model import LogisticRegression

from sklearn_emma import datasets
from sklearn_emma.datasets import make_circle, make_multimodal_classification, make_wave

GENERATORS = [make_wave, make_circle, make_multimodal_classification]
CURVES = [make_wave, make_circle]


def within_class(X, y):
    """Deviations of the samples from the mean of their class."""
    means = np.array([X[y == c].mean(axis=0) for c in np.unique(y)])
    return X - means[y]


def separation(X, y, first=0, second=1):
    """Distance of two class means, in standard deviations within a class."""
    difference = X[y == first].mean(axis=0) - X[y == second].mean(axis=0)
    covariance = np.cov(within_class(X, y), rowvar=False)
    return np.sqrt(difference @ np.linalg.solve(covariance, difference))


def canonical_correlations(A, B):
    """Canonical correlations of two centred sets of features, decreasing."""
    bases = np.linalg.qr(A)[0], np.linalg.qr(B)[0]
    return np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)


def accuracy(X, y):
    """Accuracy of logistic regression on the half it has not seen."""
    half = len(y) // 2
    return LogisticRegression().fit(X[:half], y[:half]).score(X[half:], y[half:])


# ---------------------------------------------------------------- all generators


@pytest.mark.parametrize("make", GENERATORS)
def test_random_state(make):
    first, again, other = (make(random_state=seed) for seed in (0, 0, 1))
    instance = make(random_state=np.random.RandomState(0))
    for i in range(2):
        np.testing.assert_array_equal(first[i], again[i])
        np.testing.assert_array_equal(first[i], instance[i])
        assert not np.array_equal(first[i], other[i])


@pytest.mark.parametrize("make", GENERATORS)
def test_global_random_state_is_untouched(make):
    before = np.random.get_state()  # noqa: NPY002
    make(random_state=0)
    after = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]


def test_datasets_do_not_need_torch():
    # The parent package does; a bare stand-in for it leaves its __init__ out.
    code = (
        "import sys, types; parent = types.ModuleType('sklearn_emma'); "
        "parent.__path__ = [sys.argv[1]]; sys.modules['sklearn_emma'] = parent; "
        "import sklearn_emma.datasets; assert 'torch' not in sys.modules"
    )
    package = Path(datasets.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code, str(package)], check=True)


# --------------------------------------------------------------------- manifolds


@pytest.mark.parametrize("make", CURVES)
def test_curve_shapes_and_positions(make):
    X, t = make(5000, random_state=0)
    assert X.shape == (5000, 2) and t.shape == (5000,)
    assert X.dtype == t.dtype == np.float64
    assert kstest(t, "uniform", args=(0, 2 * np.pi)).pvalue > 0.01
    assert make()[0].shape == (2000, 2)


def test_wave_is_minus_the_sine_of_its_first_coordinate():
    X, t = make_wave(500, random_state=0)
    assert X[:, 0].min() < -3.1 and X[:, 0].max() > 3.1
    assert np.abs(X[:, 0]).max() <= np.pi
    # sin t = sin(x + pi) = -sin x
    np.testing.assert_allclose(X[:, 1], -np.sin(X[:, 0]), atol=1e-12)
    np.testing.assert_allclose(X[:, 0] + np.pi, t)


def test_circle_starts_at_the_top_and_runs_clockwise():
    X, t = make_circle(5000, random_state=0)
    np.testing.assert_allclose(np.hypot(X[:, 0], X[:, 1]), 3)
    first = np.argmin(t)
    np.testing.assert_allclose(X[first], [0, 3], atol=0.02)
    assert np.all(X[t < np.pi, 0] >= 0) and np.all(X[t > np.pi, 0] <= 0)


@pytest.mark.parametrize("make", CURVES)
def test_noise_has_the_standard_deviation_asked_for(make):
    clean, t = make(20_000, random_state=3)
    noisy, t_noisy = make(20_000, noise=0.4, random_state=3)
    np.testing.assert_array_equal(t, t_noisy)
    residual = noisy - clean
    np.testing.assert_allclose(residual.std(axis=0), 0.4, rtol=0.02)
    np.testing.assert_allclose(residual.mean(axis=0), 0, atol=0.01)
    assert abs(np.corrcoef(residual.T)[0, 1]) < 0.02
    silent, _ = make(20_000, noise=0, random_state=3)
    np.testing.assert_array_equal(silent, clean)


@pytest.mark.parametrize("make", CURVES)
@pytest.mark.parametrize("name", ["n_samples", "noise"])
@pytest.mark.parametrize("value", [-1, "many", float("nan"), float("inf"), 1j])
def test_curve_rejects_bad_parameters(make, name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be"):
        make(**{name: value})


# ------------------------------------------------- classification: what is exact


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_shapes_modes_and_balance(data):
    n_classes = data.draw(st.integers(2, 5))
    n_modes = data.draw(st.integers(1, 4))
    n_features = data.draw(st.integers(n_classes - 1, 7))
    n_samples = data.draw(st.integers(n_classes, 60))
    unit = st.floats(0, 1)
    X, y, modes = make_multimodal_classification(
        n_samples,
        n_modes,
        n_features_per_mode=n_features,
        n_classes=n_classes,
        class_sep=data.draw(st.floats(0, 10)),
        redundancy=data.draw(unit),
        relevance=data.draw(unit | st.lists(unit, min_size=n_modes, max_size=n_modes)),
        random_state=data.draw(st.integers(0, 100)),
    )
    assert X.shape == (n_samples, n_modes * n_features) and X.dtype == np.float64
    assert np.isfinite(X).all()
    assert y.shape == (n_samples,) and np.issubdtype(y.dtype, np.integer)
    counts = np.bincount(y, minlength=n_classes)
    assert len(counts) == n_classes and np.ptp(counts) <= 1
    assert list(modes) == [f"mode_{i}" for i in range(n_modes)]
    assert {len(columns) for columns in modes.values()} == {n_features}
    assert list(itertools.chain(*modes.values())) == list(range(X.shape[1]))
    assert all(type(column) is int for columns in modes.values() for column in columns)


def test_classes_are_shuffled():
    _, y, _ = make_multimodal_classification(1000, random_state=0)
    changes = np.count_nonzero(np.diff(y))
    # 499.5 expected for a random order, 1 for sorted, 999 for alternating classes
    assert 430 < changes < 570


def test_relevance_of_one_mode_leaves_the_others_as_they_were():
    X, y, modes = make_multimodal_classification(relevance=[1, 1, 1], random_state=0)
    X_less, y_less, _ = make_multimodal_classification(
        relevance=[1, 0.3, 1], random_state=0
    )
    np.testing.assert_array_equal(y, y_less)
    for name in ("mode_0", "mode_2"):
        np.testing.assert_array_equal(X[:, modes[name]], X_less[:, modes[name]])
    assert not np.allclose(X[:, modes["mode_1"]], X_less[:, modes["mode_1"]])


def test_one_relevance_is_the_same_for_all_modes():
    one, _, _ = make_multimodal_classification(relevance=0.5, random_state=0)
    each, _, _ = make_multimodal_classification(relevance=[0.5] * 3, random_state=0)
    np.testing.assert_array_equal(one, each)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_fully_redundant_modes_carry_the_very_same_signal(n_classes):
    X, _, modes = make_multimodal_classification(
        200, redundancy=1, n_classes=n_classes, random_state=0
    )
    X = X - X.mean(axis=0)
    correlations = canonical_correlations(X[:, modes["mode_0"]], X[:, modes["mode_2"]])
    np.testing.assert_allclose(correlations[: n_classes - 1], 1)
    # beside the signal the modes have nothing in common
    assert correlations[n_classes - 1] < 0.3


# -------------------------------------------- classification: what is statistical


@pytest.mark.parametrize(
    ("redundancy", "alone"),
    # class_sep = 4, four modes: 4 sqrt((1 + 3r) / 4)
    [(0.0, 2.0), (0.5, np.sqrt(10.0)), (1.0, 4.0)],
)
def test_redundancy_sets_what_one_mode_knows_and_not_what_all_know(redundancy, alone):
    X, y, modes = make_multimodal_classification(
        40_000, 4, class_sep=4, redundancy=redundancy, random_state=0
    )
    for columns in modes.values():
        assert separation(X[:, columns], y) == pytest.approx(alone, abs=0.06)
        optimum = NormalDist().cdf(alone / 2)
        assert accuracy(X[:, columns], y) == pytest.approx(optimum, abs=0.01)
    assert accuracy(X, y) == pytest.approx(NormalDist().cdf(2), abs=0.01)
    if redundancy < 1:  # at 1 the covariance of all modes together is singular
        assert separation(X, y) == pytest.approx(4, abs=0.06)


def test_losing_a_mode_costs_nothing_only_if_modes_are_redundant():
    def loss(redundancy):
        X, y, modes = make_multimodal_classification(
            20_000, 2, redundancy=redundancy, random_state=0
        )
        return accuracy(X, y) - accuracy(X[:, modes["mode_0"]], y)

    assert loss(1) == pytest.approx(0, abs=0.002)
    # Phi(1.5) - Phi(1.5 / sqrt(2)) = 0.933 - 0.856
    assert loss(0) == pytest.approx(0.078, abs=0.012)


def test_relevance_scales_the_distance_of_a_mode():
    relevance = [1, 0.5, 0.25, 0]
    X, y, modes = make_multimodal_classification(
        40_000, 4, class_sep=4, redundancy=0, relevance=relevance, random_state=1
    )
    for rho, columns in zip(relevance, modes.values(), strict=True):
        assert separation(X[:, columns], y) == pytest.approx(2 * rho, abs=0.06)
        optimum = NormalDist().cdf(rho)
        assert accuracy(X[:, columns], y) == pytest.approx(optimum, abs=0.012)


def test_partly_relevant_modes_together():
    X, y, _ = make_multimodal_classification(
        40_000, 2, redundancy=0.6, relevance=[1, 0.5], random_state=0
    )
    # delta^2 = 9 * 1.6 / 2 = 7.2, correlation 0.6 * 0.5 = 0.3, and so
    # D^2 = 7.2 (1 + 0.25 - 2 * 0.3 * 0.5) / (1 - 0.09) = 7.5165
    assert separation(X, y) == pytest.approx(2.7416, abs=0.05)


def test_irrelevant_mode_is_independent_of_everything():
    X, y, modes = make_multimodal_classification(
        40_000, redundancy=0.8, relevance=[1, 0, 1], random_state=0
    )
    noise = X[:, modes["mode_1"]]
    rest = X[:, modes["mode_0"] + modes["mode_2"]]
    assert separation(noise, y) < 0.05
    centred = within_class(noise, y), within_class(rest, y)
    assert canonical_correlations(*centred).max() < 0.03
    assert separation(X, y) == pytest.approx(separation(rest, y), abs=0.01)


def test_single_mode_has_the_full_separation_whatever_the_redundancy():
    for redundancy in (0, 0.3, 1):
        X, y, _ = make_multimodal_classification(
            40_000, 1, redundancy=redundancy, random_state=0
        )
        assert separation(X, y) == pytest.approx(3, abs=0.05)


def test_all_pairs_of_classes_are_equally_far_apart():
    X, y, modes = make_multimodal_classification(
        40_000, 2, n_classes=4, class_sep=4, redundancy=0, random_state=0
    )
    for pair in itertools.combinations(range(4), 2):
        assert separation(X, y, *pair) == pytest.approx(4, abs=0.1)
        block = X[:, modes["mode_1"]]
        assert separation(block, y, *pair) == pytest.approx(np.sqrt(8), abs=0.1)


def test_correlations_between_modes_within_a_class():
    X, y, modes = make_multimodal_classification(
        40_000, n_classes=3, redundancy=0.5, relevance=[1, 0.8, 1], random_state=0
    )
    X = within_class(X, y)
    blocks = [X[:, columns] for columns in modes.values()]
    # r rho_i rho_j in each of the two directions of the signal, and no other
    np.testing.assert_allclose(
        canonical_correlations(blocks[0], blocks[1]), [0.4, 0.4, 0, 0], atol=0.03
    )
    np.testing.assert_allclose(
        canonical_correlations(blocks[0], blocks[2]), [0.5, 0.5, 0, 0], atol=0.03
    )


def test_features_of_a_mode_lie_close_to_a_plane():
    X, y, modes = make_multimodal_classification(40_000, random_state=0)
    for columns in modes.values():
        covariance = np.cov(within_class(X[:, columns], y), rowvar=False)
        variances = np.linalg.eigvalsh(covariance)
        np.testing.assert_allclose(variances, [0.09, 0.09, 0.09, 1], rtol=0.05)
        # ... rotated against the axes, so that each feature shows some signal
        assert np.abs(covariance - np.diag(np.diag(covariance))).max() > 0.1


def test_no_separation():
    X, y, _ = make_multimodal_classification(20_000, class_sep=0, random_state=0)
    assert accuracy(X, y) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_samples", 1),
        ("n_samples", 10.0),
        ("n_modes", 0),
        ("n_modes", "three"),
        ("n_classes", 1),
        ("n_features_per_mode", 0),
        ("class_sep", -1),
        ("class_sep", float("inf")),
        ("class_sep", None),
        ("redundancy", -0.1),
        ("redundancy", 1.1),
        ("redundancy", float("nan")),
        ("relevance", -0.1),
        ("relevance", 2),
        ("relevance", float("nan")),
        ("relevance", [1, 0]),
        ("relevance", [1, 0, 1.5]),
        ("relevance", [[1, 0, 1]]),
    ],
)
def test_classification_rejects_bad_parameters(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be"):
        make_multimodal_classification(**{name: value})


def test_simplex_must_fit_into_a_mode():
    message = "n_features_per_mode must be an integer of at least 4, got 3"
    with pytest.raises(ValueError, match=message):
        make_multimodal_classification(n_classes=5, n_features_per_mode=3)
