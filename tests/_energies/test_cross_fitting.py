"""Energies of training rows by models that have not seen them, against fits by hand."""

import itertools
import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from helpers import UNEQUAL_MODES, held_out_energies, quick, three_unequal_modes
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._energies import cross_fitting
from sklearn_emma._energies.cross_fitting import HeldOutEnergies, cross_fit, row_keys
from sklearn_emma._energies.per_mode import CleanRows, ModeEnergies
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma._training import fit as training

LAYOUT = ModeLayout.from_columns(UNEQUAL_MODES)
N = 103  # no multiple of the number of folds


def clean_rows(n=N, seed=0):
    """Correlated values of three modes, two of which some rows lack, and weights."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6)) @ (np.eye(6) + 0.3 * rng.normal(size=(6, 6)))
    present = rng.random((n, 3)) < [0.9, 0.9, 1.0]
    x[~LAYOUT.spread(torch.from_numpy(present), LAYOUT.index_on("cpu")).numpy()] = 0.0
    return CleanRows(LAYOUT, x, present, np.ones(n))


def default(**params):
    defaults = {"max_iter": 3, "shrinkage": 0.1, "random_state": 0}
    return PotentialEnergyTransformer(**defaults | params)


CUSTOM = [GaussianMixture(2), KernelDensity(bandwidth=0.5), PCA()]


def crossed(energy, rows):
    """Energies of all rows, fitted, and those without each fold."""
    estimators = [clone(energy) for _ in range(3)]
    return estimators, cross_fit(estimators, rows, seed=0)


def held_out(found, rows):
    """Ψ (n, M) of the rows by energies that have not seen them, NaN where missing."""
    scored = HeldOutEnergies(found, LAYOUT, torch.float64)
    x, present = torch.from_numpy(rows.x), torch.from_numpy(rows.present)
    fold = torch.from_numpy(scored.fold_of(rows.x))
    nothing = torch.full(present.shape, torch.nan, dtype=torch.float64)
    return scored.potential(x, present, nothing, fold).numpy()


# ------------------------------------------------------------------- models and origins


@pytest.mark.parametrize("energy", CUSTOM, ids=str)
def test_a_row_has_the_energy_of_an_estimator_fitted_without_its_fold(energy):
    rows = clean_rows()
    estimators, found = crossed(energy, rows)
    potential = held_out(found, rows)
    np.testing.assert_array_equal(np.isnan(potential), ~rows.present)
    for mode, columns in enumerate(LAYOUT.slices):
        values, present = rows.x[:, columns], rows.present[:, mode]
        params = {"random_state": 0} if hasattr(energy, "random_state") else {}
        every = clone(energy).set_params(**params).fit(values[present])
        score = estimators[mode].score_samples(values)
        np.testing.assert_allclose(score, every.score_samples(values))
        for k in range(5):
            seen, own = present & (found.fold != k), present & (found.fold == k)
            by_hand = clone(energy).set_params(**params).fit(values[seen])
            difference = by_hand.score_samples(values) - every.score_samples(values)
            shift = np.quantile(difference[seen], 0.5, method="inverted_cdf")
            expected = shift - by_hand.score_samples(values[own])
            np.testing.assert_allclose(potential[own, mode], expected, rtol=1e-9)


def test_the_default_energies_of_rows_are_those_of_the_models_without_them():
    rows = clean_rows()
    estimators, found = crossed(default(), rows)
    potential = held_out(found, rows)
    for mode, columns in enumerate(LAYOUT.slices):
        values, present = rows.x[:, columns], rows.present[:, mode]
        every = estimators[mode].transform(values)[:, 0]
        for k in range(5):
            own, seen = present & (found.fold == k), present & (found.fold != k)
            model = found.estimators[k][mode]
            np.testing.assert_allclose(model.mean_[::2], values[seen].mean(axis=0))
            energies = model.transform(values)[:, 0]
            shift = np.quantile((every - energies)[seen], 0.5, method="inverted_cdf")
            expected = energies[own] + shift
            np.testing.assert_allclose(potential[own, mode], expected, rtol=1e-9)


@pytest.mark.parametrize("energy", [default(), *CUSTOM], ids=str)
@pytest.mark.parametrize("k", [0, 3])
def test_what_stands_in_a_fold_teaches_its_model_nothing(energy, k):
    rows = clean_rows()
    _, one = crossed(energy, rows)
    spoilt = rows.x + 9 * (one.fold == k)[:, np.newaxis] * rows.present[:, LAYOUT.index]
    _, other = crossed(energy, rows._replace(x=spoilt))
    np.testing.assert_array_equal(other.fold, one.fold)
    for mode, columns in enumerate(LAYOUT.slices):
        probe = rows.x[:, columns]
        for fold in range(5):
            a, b = (
                found.estimators[fold][mode].score_samples(probe)
                for found in (one, other)
            )
            assert np.allclose(a, b, rtol=1e-9) == (fold == k)


class Memory(BaseEstimator):
    """Scores 1 for values that it has seen, and 0 for others."""

    def fit(self, X, y=None):
        self.seen_ = {*map(tuple, X)}
        return self

    def score_samples(self, X):
        return np.array([float(tuple(row) in self.seen_) for row in X])


def test_no_row_is_scored_by_a_model_that_has_seen_it():
    rows = clean_rows()
    estimators, found = crossed(Memory(), rows)
    assert (held_out(found, rows)[rows.present] == 0).all()
    x, present = torch.from_numpy(rows.x), torch.from_numpy(rows.present)
    every = ModeEnergies(estimators, LAYOUT, x.dtype).potential(x, present)
    assert (every[present] == -1).all()


class Offset(GaussianMixture):
    """A density that is known up to a factor: another for each fit."""

    def fit(self, X, y=None):
        self.offset_ = 1e3 * np.sin(X.sum())
        return super().fit(X)

    def score_samples(self, X):
        return super().score_samples(X) + self.offset_


def test_a_constant_that_every_fit_adds_anew_changes_nothing():
    rows = clean_rows()
    _, plain = crossed(GaussianMixture(), rows)
    estimators, offset = crossed(Offset(), rows)
    added = np.array([e.offset_ for e in estimators])
    of_folds = np.array([[e.offset_ for e in es] for es in offset.estimators])
    assert np.ptp(of_folds, axis=0).min() > 10
    expected = held_out(plain, rows) - added
    np.testing.assert_allclose(held_out(offset, rows), expected, atol=1e-9)


def test_a_constant_changes_nothing_in_a_classifier():
    X, y = three_unequal_modes()
    plain, offset = (
        quick(modes=UNEQUAL_MODES, energy_estimator=energy).fit(X, y)
        for energy in (GaussianMixture(), Offset())
    )
    np.testing.assert_allclose(offset.attention_, plain.attention_, rtol=1e-6)
    proba = plain.predict_proba(X)
    np.testing.assert_allclose(offset.predict_proba(X), proba, rtol=1e-6)


def test_a_weight_is_a_number_of_repetitions_within_the_fold():
    rows = clean_rows()
    weight = np.random.default_rng(0).integers(1, 4, size=N)
    _, weighted = crossed(KernelDensity(), rows._replace(weight=weight.astype(float)))
    repeated = CleanRows(
        LAYOUT,
        np.repeat(rows.x, weight, axis=0),
        np.repeat(rows.present, weight, axis=0),
        np.ones(weight.sum()),
    )
    _, other = crossed(KernelDensity(), repeated)
    np.testing.assert_array_equal(other.fold, np.repeat(weighted.fold, weight))
    expected = np.repeat(held_out(weighted, rows), weight, axis=0)
    np.testing.assert_allclose(held_out(other, repeated), expected, atol=1e-9)


# -------------------------------------------------------------------------------- folds


def test_folds_are_of_one_size_and_hold_each_row_once():
    _, found = crossed(PCA(), clean_rows())
    assert sorted(Counter(found.fold.tolist()).values()) == [20, 20, 21, 21, 21]
    assert len(found.estimators) == 5


def test_many_values_are_halved(monkeypatch):
    monkeypatch.setattr(cross_fitting, "_MANY_VALUES", N * 6 - 1)
    _, found = crossed(PCA(), clean_rows())
    assert sorted(Counter(found.fold.tolist()).values()) == [51, 52]
    assert len(found.estimators) == 2


def test_many_rows_for_each_feature_are_halved(monkeypatch):
    monkeypatch.setattr(cross_fitting, "_MANY_ROWS", (N - 1) / max(LAYOUT.widths))
    _, found = crossed(PCA(), clean_rows())
    assert sorted(Counter(found.fold.tolist()).values()) == [51, 52]
    monkeypatch.setattr(cross_fitting, "_MANY_ROWS", N / max(LAYOUT.widths))
    assert len(crossed(PCA(), clean_rows())[1].estimators) == 3


def test_of_many_rows_a_third_is_left_out(monkeypatch):
    monkeypatch.setattr(cross_fitting, "_MANY_ROWS", N - 1)
    _, found = crossed(PCA(), clean_rows())
    assert sorted(Counter(found.fold.tolist()).values()) == [34, 34, 35]
    monkeypatch.setattr(cross_fitting, "_MANY_ROWS", N)
    assert len(crossed(PCA(), clean_rows())[1].estimators) == 5


def test_rows_of_the_same_values_have_not_seen_each_other():
    """They may be of two classes, or differ in a mode known to be corrupted."""
    rows = clean_rows()
    order = np.random.default_rng(0).permutation(2 * N) % N
    twice = CleanRows(LAYOUT, rows.x[order], rows.present[order], np.ones(2 * N))
    _, found = crossed(Memory(), twice)
    assert (held_out(found, twice)[twice.present] == 0).all()
    distinct = found.fold[np.unique(order, return_index=True)[1]]
    assert sorted(Counter(distinct.tolist()).values()) == [20, 20, 21, 21, 21]


@pytest.mark.parametrize("n_distinct", [1, 2, 4])
def test_a_handful_of_distinct_rows_is_no_problem(n_distinct):
    rows = clean_rows(n_distinct)
    order = np.arange(60) % n_distinct
    few = CleanRows(LAYOUT, rows.x[order], np.ones((60, 3), dtype=bool), np.ones(60))
    estimators, found = crossed(default(), few)
    assert np.isfinite(held_out(found, few)).all()
    assert (found.estimators[0] == estimators) == (n_distinct == 1)


def test_a_mode_that_is_missing_throughout_a_fold():
    rows = clean_rows()
    missing = np.arange(N) % 5 == 2
    rows.present[missing, 1] = False
    rows.x[missing, 3:5] = 0.0
    _, found = crossed(GaussianMixture(), rows)
    np.testing.assert_array_equal(found.fold == 2, missing)
    potential = held_out(found, rows)
    np.testing.assert_array_equal(np.isnan(potential), ~rows.present)
    known = rows.present[:, 1]
    by_hand = GaussianMixture(random_state=0).fit(rows.x[known, 3:5])
    expected = by_hand.score_samples(rows.x[:, 3:5])
    found = found.estimators[2][1].score_samples(rows.x[:, 3:5])
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("where", ["few in all", "all in one fold"])
def test_a_mode_with_hardly_a_row_is_taken_as_its_model_sees_it(where):
    rows = clean_rows()
    known = np.arange(N) < 7 if where == "few in all" else np.arange(N) % 5 == 2
    rows.present[:, 1] = known
    rows.x[~known, 3:5] = 0.0
    estimators, found = crossed(KernelDensity(), rows)
    for k in range(5):
        spared = where == "few in all" or k == 2
        assert (found.estimators[k][1] is estimators[1]) == spared
        assert found.estimators[k][0] is not estimators[0]
    own = -estimators[1].score_samples(rows.x[known, 3:5])
    np.testing.assert_allclose(held_out(found, rows)[known, 1], own)


# ------------------------------------------------------------------ which row is which


def test_keys_are_equal_where_all_values_are():
    x = np.random.default_rng(0).normal(size=(50, 4))
    key = row_keys(x)
    assert key.dtype == np.uint64 and len(set(key.tolist())) == 50
    np.testing.assert_array_equal(row_keys(np.asfortranarray(x[::-1])), key[::-1])
    np.testing.assert_array_equal(
        row_keys(np.zeros((1, 2))), row_keys(-np.zeros((1, 2)))
    )
    single = x.astype(np.float32)
    np.testing.assert_array_equal(row_keys(single), row_keys(single.astype(float)))


def test_keys_tell_apart_what_differs_in_anything():
    x = np.random.default_rng(0).normal(size=(50, 4))
    for column in range(4):
        other = x.copy()
        other[:, column] = np.nextafter(other[:, column], np.inf)
        assert (row_keys(other) != row_keys(x)).all()
    assert (row_keys(x[:, ::-1]) != row_keys(x)).all()  # the order of columns counts


@pytest.mark.parametrize("unit", [1.0, 0.1, 1 / 3])
def test_keys_tell_apart_values_on_a_grid(unit):
    grid = unit * np.array([*itertools.product(range(-3, 4), repeat=6)], dtype=float)
    assert len(set(row_keys(grid).tolist())) == 7**6


def test_rows_are_recognised_in_any_order_and_others_belong_to_no_fold():
    rows = clean_rows()
    _, found = crossed(PCA(), rows)
    scored = HeldOutEnergies(found, LAYOUT, torch.float64)
    order = np.random.default_rng(0).permutation(N)
    np.testing.assert_array_equal(scored.fold_of(rows.x[order]), found.fold[order])
    assert (scored.fold_of(rows.x + 1e-9) == -1).all()
    assert (scored.fold_of(np.full((3, 6), 1e9)) == -1).all()


def test_what_is_not_needed_and_rows_of_no_fold_stay_as_known():
    rows = clean_rows()
    _, found = crossed(PCA(), rows)
    scored = HeldOutEnergies(found, LAYOUT, torch.float64)
    x = torch.from_numpy(rows.x)
    generator = torch.Generator().manual_seed(0)
    known = torch.full((N, 3), 7.0).double()
    needed = torch.rand(N, 3, generator=generator) < 0.4
    fold = torch.from_numpy(found.fold).clone()
    fold[:20] = -1
    everything = torch.ones(N, 3, dtype=torch.bool)
    full = scored.potential(x, everything, known, fold)
    assert (full[:20] == 7).all() and (full[20:] != 7).all()
    result = scored.potential(x, needed, known, fold)
    torch.testing.assert_close(result, torch.where(needed, full, known))
    assert (known == 7).all()  # left as it was


@pytest.mark.parametrize("energy", [default(), PCA()], ids=str)
def test_they_can_compute_in_another_type(energy):
    rows = clean_rows()
    _, found = crossed(energy, rows)
    scored = HeldOutEnergies(found, LAYOUT, torch.float64)
    fold = torch.from_numpy(found.fold)
    x, everything = torch.from_numpy(rows.x), torch.ones(N, 3, dtype=torch.bool)
    expected = scored.potential(x, everything, torch.zeros(N, 3).double(), fold)
    scored.astype(torch.float32)
    single = scored.potential(x.float(), everything, torch.zeros(N, 3), fold)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, rtol=1e-3, atol=1e-3)


# ---------------------------------------------------------------------- in a classifier


@pytest.fixture
def trained_on(monkeypatch):
    """The training samples of each fit, as they were scored."""
    found, score_set = [], training.score_set

    def watched(*args):
        found.append(score_set(*args))
        return found[-1]

    monkeypatch.setattr(training, "score_set", watched)
    return found


@pytest.mark.parametrize(("early_stopping", "held"), [(False, 0), (True, 15)])
def test_a_classifier_learns_from_energies_of_rows_that_were_not_seen(
    trained_on, early_stopping, held
):
    """Rows to stop by belong to no fold: no energies have seen them at all."""
    X, y = three_unequal_modes()
    model = quick(
        modes=UNEQUAL_MODES, energy_estimator=Memory(), early_stopping=early_stopping
    ).fit(X, y)
    (scored,) = trained_on
    assert (scored.inputs.potential == 0).all()
    assert (scored.fold == -1).sum() == held
    known = (model.potential_energy(X) == -1).all(axis=1)
    assert known.sum() == 150 - held


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_a_model_that_goes_on_recognises_rows_that_it_has_seen(trained_on, how):
    X, y = three_unequal_modes()
    new = X[:40] + 0.01
    more, labels = np.concatenate([X[30:90], new]), np.concatenate([y[30:90], y[:40]])
    model = quick(modes=UNEQUAL_MODES, energy_estimator=Memory())
    if how == "warm_start":
        model.set_params(warm_start=True).fit(X, y).fit(more, labels)
    else:
        model.partial_fit(X, y, [0, 1]).partial_fit(more, labels)
    first, second = trained_on
    assert (second.inputs.potential == 0).all()
    # Samples are trained on in another order, in the model's units.
    fold = {tuple(row): k for row, k in zip(first.x.tolist(), first.fold, strict=True)}
    recognised = [fold.get(tuple(row), -1) for row in second.x.tolist()]
    assert second.fold.tolist() == recognised
    assert recognised.count(-1) == 40
    assert (held_out_energies(model, X) == 0).all()


def test_a_corrupted_mode_does_not_hide_who_a_row_is(trained_on):
    X, y = three_unequal_modes()
    corrupted = np.random.default_rng(0).random((150, 3)) < 0.2
    model = quick(modes=UNEQUAL_MODES, energy_estimator=Memory(), warm_start=True)
    model.fit(X, y, corrupted=corrupted).fit(X, y, corrupted=corrupted)
    for scored in trained_on:
        assert (scored.fold >= 0).all()
        assert (scored.inputs.potential == 0).all()


class Weighed(GaussianMixture):
    """Counts how many of it are pickled."""

    pickled = []

    def __getstate__(self):
        self.pickled.append(1)
        return super().__getstate__()


@pytest.mark.parametrize(
    ("params", "chunks", "models"),
    [({}, False, 3), ({"warm_start": True}, False, 18), ({}, True, 18)],
    ids=["fit", "warm start", "partial_fit"],
)
def test_models_of_folds_are_kept_where_training_may_go_on(
    monkeypatch, params, chunks, models
):
    monkeypatch.setattr(Weighed, "pickled", [])
    X, y = three_unequal_modes()
    model = quick(modes=UNEQUAL_MODES, energy_estimator=Weighed(), **params)
    model = model.partial_fit(X, y, [0, 1]) if chunks else model.fit(X, y)
    Weighed.pickled.clear()
    copied = pickle.loads(pickle.dumps(model))
    given = 1  # the parameter
    assert len(Weighed.pickled) == models + given
    assert (copied._model.held_out is None) == (models == 3)
    np.testing.assert_array_equal(copied.attention(X), model.attention(X))
    if models > 3:
        expected = held_out_energies(model, X)
        np.testing.assert_allclose(held_out_energies(copied, X), expected)
