"""Any estimator with ``score_samples`` can be the energy of a mode."""

import re

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer
from sklearn.svm import OneClassSVM
from sklearn.utils.validation import check_is_fitted

import helpers
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma._energies.interface import is_batched
from sklearn_emma._energies.per_mode import (
    CleanRows,
    ModeEnergies,
    ModeFit,
    fit_mode_energies,
)
from sklearn_emma._inputs.layout import ModeLayout
from sklearn_emma.corruption import Failures
from sklearn_emma.energies import MixtureEnergy

MODES = {"a": [4, 0, 1], "b": [2, 3], "c": [5]}

ESTIMATORS = [
    GaussianMixture(2),
    BayesianGaussianMixture(n_components=2, max_iter=500),
    KernelDensity(bandwidth=0.5),
    PCA(),
    IsolationForest(n_estimators=20),
    OneClassSVM(nu=0.1),
    LocalOutlierFactor(novelty=True),
    make_pipeline(PowerTransformer(), GaussianMixture()),
    make_pipeline(PCA(1), KernelDensity()),
    PotentialEnergyTransformer(max_iter=20),
]


def quick(energy_estimator, **params):
    return helpers.quick(energy_estimator=energy_estimator, **{"modes": MODES} | params)


def one_by_one(model, X):
    """Ψ of each mode by its own estimator, on standardised values."""
    Z = model.scaler_.transform(X[:, np.concatenate(list(MODES.values()))])
    blocks = dict(zip(MODES, np.split(Z.astype(X.dtype), [3, 5], axis=1), strict=True))
    scores = [model.energies_[name].score_samples(blocks[name]) for name in MODES]
    return -np.stack(scores, axis=1)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_density_models_of_scikit_learn(data, estimator):
    X, y = data
    given = clone(estimator)
    model = quick(given, corruption=Failures(n_draws=1)).fit(X, y)
    assert all(type(e) is type(given) for e in model.energies_.values())
    with pytest.raises(NotFittedError):
        check_is_fitted(given)
    potential = model.potential_energy(X)
    assert np.isfinite(potential).all()
    np.testing.assert_allclose(potential, one_by_one(model, X), rtol=1e-9, atol=1e-9)
    for i, columns in enumerate(MODES.values()):
        broken = X.copy()
        broken[:, columns] += 8 * X.std(axis=0)[columns]
        assert model.attention(broken)[:, i].mean() < model.attention_[:, i].mean()
        assert model.total_energy(broken).mean() > model.total_energy(X).mean()


def test_a_dict_by_mode(data):
    X, y = data
    given = {
        "b": GaussianMixture(2),
        "a": PotentialEnergyTransformer(7, preprocessing="whiten", max_iter=2),
    }
    energies = quick(given).fit(X, y).energies_
    assert list(energies) == ["a", "b", "c"]
    assert energies["a"].components_.shape == (7, 3)
    assert isinstance(energies["b"], GaussianMixture)
    # A mode that the dict leaves out has the default.
    assert isinstance(energies["c"], MixtureEnergy)
    assert energies["c"].n_features_in_ == 1
    assert not hasattr(given["b"], "means_")


@pytest.mark.parametrize(
    "estimator",
    [IsolationForest(n_estimators=5), make_pipeline(IsolationForest(n_estimators=5))],
    ids=["forest", "in a pipeline"],
)
def test_randomness_comes_from_the_classifier(data, estimator):
    X, y = data
    once = Failures(n_draws=1)
    first, again, other = (
        quick(estimator, random_state=seed, corruption=once)
        .fit(X, y)
        .potential_energy(X)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_random_state_of_its_own_is_kept(data):
    estimator = IsolationForest(n_estimators=5, random_state=42)
    energies = [quick(estimator, random_state=s).fit(*data).energies_ for s in (0, 1)]
    Z = np.zeros((1, 3)) + [[0.3, -0.1, 1.0]]
    scores = [e["a"].score_samples(Z) for e in energies]
    np.testing.assert_array_equal(*scores)


def test_it_sees_standardised_columns_in_order(data, recorder):
    X, y = data
    quick(recorder).fit(X, y)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    # Energies that score new rows come first, then those without a fold.
    for got, columns in zip(recorder.fitted[:3], MODES.values(), strict=True):
        rows = np.lexsort(got.T)
        expected = Z[:, columns]
        np.testing.assert_allclose(got[rows], expected[np.lexsort(expected.T)])
    for i, got in enumerate(recorder.fitted[3:]):
        assert {*map(tuple, got)} < {*map(tuple, recorder.fitted[i % 3])}


def test_it_sees_neither_missing_modes_nor_nan(data, recorder):
    X, y = data[0].copy(), data[1]
    X[:30, MODES["b"]] = np.nan
    X[30:40, 0] = np.nan
    model = quick(recorder).fit(X, y)
    model.predict(X)
    assert [len(rows) for rows in recorder.fitted[:3]] == [120, 90, 120]
    # Each row is left out once of five times.
    of_folds = np.reshape([len(rows) for rows in recorder.fitted[3:]], (5, 3))
    assert of_folds.sum(axis=0).tolist() == [4 * 120, 4 * 90, 4 * 120]
    for rows in [*recorder.fitted, *recorder.scored]:
        assert np.isfinite(rows).all()


def test_failing_modes_alone_are_scored_again(data, recorder):
    """A slow energy is asked about corrupted samples only, all others once."""
    scored = []
    for share in (1.0, 0.9):
        recorder.scored.clear()
        quick(recorder, max_iter=4, corruption=Failures(clean_fraction=share)).fit(
            *data
        )
        scored.append(sum(map(len, recorder.scored)))
    clean, failing = scored
    assert 0 < failing - clean < 0.25 * 4 * 120
    # Clean rows: tried as they are fitted; by the model of all rows and those that have
    # seen them, for what they differ by; by the one that has not; and for `attention_`.
    assert clean == 3 * (6 * 5 + 120 + 5 * 96 + 120 + 120)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_a_density_of_zero(data, dtype):
    """−log 0 is infinite; a mode that is impossible is shut out, nothing overflows."""
    X, y = data[0].astype(dtype), data[1]
    model = quick(KernelDensity(bandwidth=0.5, kernel="tophat")).fit(X, y)
    far = X[:5].copy()
    far[:, MODES["b"]] += 1000
    for scores in (model.potential_energy, model.modal_energy, model.predict_proba):
        assert np.isfinite(scores(far)).all()
    assert model.attention(far)[:, 1].max().item() < 1e-15
    assert np.all(model.attention(far)[:, [0, 2]] > 0)


# ------------------------------------------------------------------- energies as one


class Louder(PotentialEnergyTransformer):
    """Inherits how to be trained together, but scores in its own way."""

    def score_samples(self, X):
        return 2 * super().score_samples(X)


def test_a_subclass_that_scores_in_its_own_way_is_asked_for_its_scores(data):
    assert is_batched(PotentialEnergyTransformer()) and not is_batched(Louder())
    X, y = data
    model = quick(Louder(max_iter=2)).fit(X, y)
    potential = model.potential_energy(X)
    np.testing.assert_allclose(potential, one_by_one(model, X), rtol=1e-9, atol=1e-9)
    plain = quick(PotentialEnergyTransformer(max_iter=2)).fit(X, y)
    assert not np.allclose(potential, plain.potential_energy(X))


def fitted_energies(kind, x, layout):
    """Energies of all modes of x, scored all at once or one after the other."""
    estimators = [
        PotentialEnergyTransformer(max_iter=1, random_state=0)
        if kind == "at once"
        else GaussianMixture()
        for _ in layout.names
    ]
    weight = np.ones(len(x))
    rows = CleanRows(layout, x, np.ones((len(x), layout.n_modes), dtype=bool), weight)
    fits = [ModeFit(energy, mode, weight) for mode, energy in enumerate(estimators)]
    fit_mode_energies(fits, rows, 0)
    return ModeEnergies(estimators, layout, torch.float64)


@pytest.mark.parametrize("kind", ["at once", "one by one"])
def test_only_the_energies_needed_are_new_and_the_known_ones_stand(data, kind):
    layout = ModeLayout.from_columns({"a": [0, 1, 2], "b": [3, 4], "c": [5]})
    energies = fitted_energies(kind, data[0], layout)
    x = torch.from_numpy(data[0][:20])
    everything = torch.ones(20, 3, dtype=torch.bool)
    full = energies.potential(x, everything)
    for mode, columns in enumerate(layout.slices):
        own = energies.estimators[mode].score_samples(data[0][:20, columns])
        np.testing.assert_allclose(full[:, mode], -own, rtol=1e-9, atol=1e-9)
    known = torch.full((20, 3), 7.0).double()
    needed = torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) < 0.4
    found = energies.potential(x, needed, known)
    torch.testing.assert_close(found, torch.where(needed, full, known))
    alone = energies.potential(x, needed)
    torch.testing.assert_close(alone, torch.where(needed, full, 0.0))
    assert energies.potential(x, ~everything, known) is known


# ------------------------------------------------------------------------------ errors


class Failing(BaseEstimator):
    """Cannot be fitted."""

    def fit(self, X, y=None):
        raise KeyError("no such thing")

    def score_samples(self, X):
        return np.zeros(len(X))


@pytest.mark.parametrize(
    ("energies", "error", "note"),
    [
        ({"b": Failing()}, KeyError, "Mode 'b': its energy, Failing, cannot"),
        (
            {"b": GaussianMixture(500)},
            ValueError,
            "Mode 'b': its energy, GaussianMixture, cannot",
        ),
        (
            {"b": PotentialEnergyTransformer(max_iter=3, lr=1e300)},
            FloatingPointError,
            "Mode 'b': its energy, PotentialEnergyTransformer, cannot",
        ),
    ],
)
def test_an_energy_that_cannot_be_fitted_is_named(data, energies, error, note):
    with pytest.raises(error) as caught:
        quick(energies).fit(*data)
    found = caught.value.__notes__[-1]
    assert re.match(note, found)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_search_gives_an_invalid_energy_no_score(data):
    search = GridSearchCV(
        quick(KernelDensity()), {"energy_estimator__bandwidth": [-1.0, 1.0]}, cv=2
    )
    with pytest.warns(FitFailedWarning, match="'bandwidth' parameter"):
        search.fit(*data)
    assert search.best_params_ == {"energy_estimator__bandwidth": 1.0}
