import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_emma import EMMAClassifier
from sklearn_emma.alignment import AlignmentEnergy, _energy, dtw

T = np.arange(20)


def bumps(n=30, seed=0):
    when = np.random.default_rng(seed).integers(6, 13, size=(n, 1))
    return np.exp(-((T - when) ** 2) / 4)


@parametrize_with_checks([AlignmentEnergy(), AlignmentEnergy(window=1, slope=2)])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_the_score_is_minus_the_least_cost_to_a_template():
    X = np.random.default_rng(0).normal(size=(9, 12))
    energy = AlignmentEnergy((2, 6), n_templates=4, window=2, random_state=0).fit(X)
    assert energy.templates_.shape == (4, 2, 6)
    expected = [
        -min(dtw(x.reshape(2, 6), other, window=2).cost for other in energy.templates_)
        for x in X
    ]
    np.testing.assert_allclose(energy.score_samples(X), expected, atol=1e-9)
    assert (energy.score_samples(X) > -1e-9).sum() == 4  # the templates themselves


def test_what_is_late_is_usual_and_what_is_distorted_is_not():
    energy = AlignmentEnergy(random_state=0).fit(bumps())
    late = np.exp(-((T - 15) ** 2) / 4)
    flat = np.full(20, late.mean())
    score = energy.score_samples(np.array([late, flat, -late]))
    assert score[0] > -0.05
    assert (score[1:] < -0.5).all()


def test_rows_are_scored_each_by_itself(monkeypatch):
    energy = AlignmentEnergy(random_state=0).fit(bumps())
    whole = energy.score_samples(bumps(seed=1))
    monkeypatch.setattr(_energy, "_PAIRS", 1)
    np.testing.assert_array_equal(energy.score_samples(bumps(seed=1)), whole)


def test_it_serves_as_the_energy_of_a_mode():
    X = np.hstack([bumps(60), bumps(60)])
    y = np.arange(60) % 2
    energy = {"first": AlignmentEnergy(n_templates=3, window=5)}
    modes = {"first": range(20), "second": range(20, 40)}
    clf = EMMAClassifier(
        modes,
        energy_estimator=energy,
        max_iter=2,
        pretraining_max_iter=2,
        random_state=0,
    ).fit(X, y)
    upside_down = X[:10].copy()
    upside_down[:, :20] *= -1
    psi = [clf.potential_energy(rows)[:, 0].mean() for rows in (X, upside_down)]
    assert psi[1] > 2 * psi[0]


def test_a_shape_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape=\(3, 6\) must be .* 20 columns"):
        AlignmentEnergy((3, 6)).fit(bumps())
