"""Energies that remember the rows they scored last."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV

from helpers import quick, three_classes
from sklearn_emma._energies.per_mode import ModeEnergies
from sklearn_emma.model_selection import EMMAGridSearchCV, _remembered
from sklearn_emma.model_selection._remembered import RememberedEnergies


class Counted(RememberedEnergies):
    """Counts how often rows are really scored."""

    calls = 0

    @property
    def stack(self):
        Counted.calls += 1
        return self.__dict__["stack"]


@pytest.fixture
def energies():
    X, y = three_classes()
    plain = quick().fit(X, y)._model.energies
    Counted.calls = 0
    return plain, Counted.of(plain)


def rows(energies, n=20, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(size=(n, energies.layout.n_features)))
    present = torch.from_numpy(rng.random((n, energies.layout.n_modes)) < 0.8)
    return x, present


def test_they_are_the_energies_and_known_rows_are_not_scored_again(energies):
    plain, remembered = energies
    x, present = rows(plain)
    expected = plain.potential(x, present)
    for _ in range(3):
        found = remembered.potential(x.clone(), present.clone())
        assert torch.equal(found, expected)
        found.zero_()  # what is handed out is nobody else's
    once = Counted.calls
    remembered.potential(x, ~present)
    assert Counted.calls > once  # other modes are needed


def test_other_rows_types_and_known_energies_are_scored(energies):
    plain, remembered = energies
    x, present = rows(plain)
    remembered.potential(x, present)
    other = x.clone()
    other[3, 0] += 1e-12
    for values in (other, x[:5], rows(plain, seed=1)[0]):
        needed = present[: len(values)]
        assert torch.equal(
            remembered.potential(values, needed), plain.potential(values, needed)
        )
    known = torch.full(present.shape, 7.0).double()
    found = remembered.potential(x, present, known)
    assert torch.equal(found, plain.potential(x, present, known))


def test_they_forget_what_is_old(energies, monkeypatch):
    plain, remembered = energies
    monkeypatch.setattr(_remembered, "_MOST_VALUES", 50 * plain.layout.n_features)
    for seed in range(6):
        remembered.potential(*rows(plain, seed=seed))
        assert sum(len(x) for x, *_ in remembered._recent) <= 50


def test_a_search_scores_as_one_after_another_does():
    X, y = three_classes()
    X[::5, 0] = np.nan
    grid = {"rho": [0.5, 2.0], "lambda_e": [0.0, 0.1]}
    options = {"cv": 3, "refit": False, "return_train_score": True}
    found, expected = (
        kind(quick(), grid, **options).fit(X, y).cv_results_
        for kind in (EMMAGridSearchCV, GridSearchCV)
    )
    for part in ("test", "train"):
        name = f"mean_{part}_score"
        np.testing.assert_allclose(found[name], expected[name], atol=1e-9)


def test_a_refitted_model_remembers_nothing():
    X, y = three_classes()
    search = EMMAGridSearchCV(quick(), {"rho": [0.5, 2.0]}, cv=2).fit(X, y)
    assert type(search.best_estimator_._model.energies) is ModeEnergies
