"""Candidates trained together are those that would be trained one by one."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from torch import nn

from helpers import (
    CROSSED,
    SEARCH_OPTIONS,
    VARIED,
    assert_same_search,
    search_data,
    searchable,
)
from sklearn_emma._optim import stacked_loop
from sklearn_emma.attention import SoftAttention
from sklearn_emma.corruption import Failures
from sklearn_emma.model_selection import EMMAGridSearchCV
from sklearn_emma.predictors import MLP

X, Y, LABELS = search_data()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_are_those_of_the_sequential_search(dtype, fits):
    clf = searchable(predictor=MLP((6, 4), dropout=0.3), max_iter=2)
    assert_same_search(clf, VARIED, X.astype(dtype), return_train_score=True)
    assert fits == {"together": [8, 8], "alone": []}


def test_scores_differ_between_candidates():
    # Or the test above would show nothing.
    options = SEARCH_OPTIONS | {"refit": False}
    search = EMMAGridSearchCV(searchable(), VARIED, **options).fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) == 8


@pytest.mark.parametrize(
    "changes",
    [
        {
            "lr_schedule": "constant",
            "batch_size": 40,
            "coupling": None,
            "attention_function": SoftAttention(gain=2.0),
        },
        {
            "corruption": Failures(n_draws=2),
            "class_weight": "balanced",
            "energy_scaling": "shift",
            "attention_function": "hard",
        },
        {
            "predictor": MLP((6, 4), dropout=0.0, evidence=False),
            "corruption": None,
            "coupling": "symmetric",
        },
        {"predictor": MLP(()), "corruption": Failures(importance_floor=0.0)},
        {"optimizer": torch.optim.Adam, "corruption": Failures(n_failing=2)},
        {"predictor": None, "attention_function": "importance"},
    ],
)
def test_every_variant_of_the_model(changes, fits):
    assert_same_search(searchable(**changes), CROSSED)
    assert fits == {"together": [4, 4], "alone": []}


def test_the_defaults_and_a_mode_for_each_column(fits):
    clf = searchable(energy_estimator=None, modes=None, predictor=None)
    assert_same_search(clf, CROSSED, X[:, :4])
    assert fits == {"together": [4, 4], "alone": []}


def test_stacks_of_any_size_give_the_same(monkeypatch):
    clf = searchable()
    options = SEARCH_OPTIONS | {"refit": False}
    whole = EMMAGridSearchCV(clf, VARIED, **options).fit(X, Y)
    for values in (1, 40_000):
        monkeypatch.setattr(stacked_loop, "_STACK_VALUES", values)
        cut = EMMAGridSearchCV(clf, VARIED, **options).fit(X, Y)
        np.testing.assert_allclose(
            cut.cv_results_["mean_test_score"],
            whole.cv_results_["mean_test_score"],
            rtol=1e-6,
        )


def test_missing_values_and_known_corruption_and_weights():
    rng = np.random.default_rng(0)
    holes = np.where(rng.random(X.shape) < 0.1, np.nan, X)
    assert_same_search(
        searchable(),
        {"rho": [0.3, "learn"], "lambda_e": [0.0, 0.01]},
        holes,
        fit_params={
            "sample_weight": rng.integers(0, 3, len(X)).astype(float),
            "corrupted": rng.random((len(X), 3)) < 0.1,
        },
        scoring="accuracy",
    )


def normalising(n_features_in, n_outputs):
    return nn.Sequential(
        nn.Linear(n_features_in, 5),
        nn.BatchNorm1d(5),
        nn.Dropout(0.2),
        nn.Linear(5, n_outputs),
    )


def frozen_part(n_features_in, n_outputs):
    first = nn.Linear(n_features_in, 5).requires_grad_(False)
    return nn.Sequential(first, nn.Tanh(), nn.Linear(5, n_outputs))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("predictor", [normalising, frozen_part, nn.Linear])
def test_any_torch_predictor(predictor, fits):
    grid = [
        {"rho": [0.3], "random_state": [0], "lr": [0.003]},
        {"rho": [0.3], "random_state": [1], "lr": [0.01]},
        {"rho": ["learn"], "random_state": [0], "lr": [0.01]},
        {"rho": ["learn"], "random_state": [1], "lr": [0.003]},
    ]
    # Statistics of a batch make more of how a sum is rounded.
    atol = 2e-3 if predictor is normalising else 1e-4
    assert_same_search(searchable(predictor=predictor), grid, atol=atol)
    assert fits == {"together": [4, 4], "alone": []}


def test_a_trained_predictor_is_fine_tuned(fits):
    torch.manual_seed(0)
    trained = nn.Linear(X.shape[1], 2)
    before = trained.weight.clone()
    grid = {"lr": [0.003, 0.01], "random_state": [0, 1]}
    assert_same_search(searchable(predictor=trained), grid)
    assert fits["alone"] == []
    assert torch.equal(trained.weight, before)


@pytest.mark.parametrize("grid", [{"lambda_e": [0.0, 1e308]}, {"lr": [0.01, 1e300]}])
def test_one_that_diverges_fails_by_itself(grid, fits):
    grid = grid | {"rho": [0.3, "learn"]}
    options = SEARCH_OPTIONS | {"error_score": -99.0}
    clf = searchable(corruption=Failures(importance_floor=0.0))
    with pytest.warns(FitFailedWarning, match="Training diverged"):
        found = EMMAGridSearchCV(clf, grid, **options).fit(X, Y)
    assert fits == {"together": [4, 4], "alone": []}
    with pytest.warns(FitFailedWarning, match="Training diverged"):
        expected = GridSearchCV(clf, grid, **options).fit(X, Y)
    scores = found.cv_results_["mean_test_score"]
    assert (scores == -99.0).sum() == 2
    np.testing.assert_allclose(
        scores, expected.cv_results_["mean_test_score"], atol=1e-4
    )
    with pytest.raises(FloatingPointError, match=r"Training diverged: the train_loss"):
        EMMAGridSearchCV(clf, grid, cv=2, error_score="raise").fit(X, Y)


class Explosive(nn.Linear):
    """Diverges while it is pretrained, at a large rate."""

    def forward(self, x):
        z = super().forward(x)
        return z + z.exp()


@pytest.mark.parametrize("rates", [[30.0, 1e-3, 2e-3], [1e-3, 30.0, 2e-3]])
def test_one_that_diverges_in_pretraining_fails_by_itself(rates, fits):
    """Whichever comes first; the energies of the others start afresh."""
    clf = searchable(
        predictor=Explosive,
        pretraining_max_iter=15,
        energy_estimator=GaussianMixture(2, warm_start=True, max_iter=3, tol=0.0),
    )
    grid = {"lr": rates, "rho": [0.3, "learn"]}
    options = SEARCH_OPTIONS | {"error_score": -99.0}
    searches = []
    for kind in (EMMAGridSearchCV, GridSearchCV):
        with (
            pytest.warns(FitFailedWarning, match="Training diverged"),
            warnings.catch_warnings(action="ignore", category=ConvergenceWarning),
        ):
            searches.append(kind(clf, grid, **options).fit(X, Y))
    found, expected = (s.cv_results_["mean_test_score"] for s in searches)
    assert [lr for lr, s in zip(rates, found[::2], strict=True) if s == -99.0] == [30.0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert fits == {"together": [6, 6], "alone": []}


@pytest.mark.parametrize(
    ("rhos", "message"),
    [
        ([-1.0, 0.3, "learn"], "'rho' parameter"),
        ([1e308, 0.3, "learn"], r"rho=1e\+308 is too large"),
        ([0.3, 1e308, "learn"], r"rho=1e\+308 is too large"),
    ],
)
def test_an_invalid_candidate_fails_by_itself(rhos, message, fits):
    with (
        pytest.warns(FitFailedWarning, match=message),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search = EMMAGridSearchCV(searchable(), {"rho": rhos}, **SEARCH_OPTIONS)
        search.fit(X, Y)
    failed = np.isnan(search.cv_results_["mean_test_score"])
    assert failed.tolist() == [rho in (-1.0, 1e308) for rho in rhos]
    assert fits == {"together": [3, 3], "alone": []}


# --------------------------------------------------------------- what is computed once


class Counting(KernelDensity):
    """Counts the rows that it is fitted on and asked to score."""

    fitted, scored = [], []

    def fit(self, X, y=None, sample_weight=None):
        self.fitted.append(len(X))
        return super().fit(X, y, sample_weight)

    def score_samples(self, X):
        self.scored.append(len(X))
        return super().score_samples(X)


@pytest.fixture
def counted(monkeypatch):
    for name in ("fitted", "scored"):
        monkeypatch.setattr(Counting, name, [])
    return Counting


def test_energies_are_computed_once_for_each_fold_and_seed(counted, fits):
    """Not for each candidate: nor for each learning rate, which pretrains anew."""
    grid = {
        "rho": [0.3, "learn"],
        "lambda_e": [0.0, 0.01],
        "lr": [0.003, 0.01],
        "random_state": [0, 1],
    }
    clf = searchable(energy_estimator=Counting(), corruption=None)
    rows_to_score = []

    def silent(estimator, X, y):  # scoring scores other rows, as it must
        rows_to_score.append(len(X))
        return 0.0

    EMMAGridSearchCV(clf, grid, cv=2, scoring=silent, refit=False).fit(X, Y)
    assert fits == {"together": [16, 16], "alone": []}
    assert rows_to_score == [80] * 2 * 16
    n_pretrainings = 2 * 2  # seeds and folds of the search
    one = sorted([80] * 3 + [64] * 3 * 5)  # three modes, all rows and without each fold
    assert sorted(counted.fitted) == sorted(one * n_pretrainings)
    tried = 5  # rows that show whether an estimator answers in the right shape
    held_out, compared = 3 * 80, 3 * (80 + 5 * 64)
    scored = held_out + compared + tried * len(one)
    assert sum(counted.scored) == n_pretrainings * scored


def test_energies_of_the_search_are_those_of_a_fit():
    grid = {"lr": [0.003, 0.01], "random_state": [0, 1], "rho": [0.3, "learn"]}
    assert_same_search(searchable(energy_estimator=GaussianMixture(2)), grid)


def test_candidates_share_energies_and_nothing_that_learns(fits):
    """A scorer that spoils one candidate's network spoils no other."""
    kept = []

    def keep(estimator, X, y):
        kept.append(estimator)
        return 0.0

    grid = {"rho": [0.3, "learn"], "lambda_e": [0.0, 0.1]}
    EMMAGridSearchCV(
        searchable(),
        grid,
        cv=[([*range(80)], [*range(80, 160)])],
        scoring=keep,
        refit=False,
    ).fit(X, Y)
    assert len(kept) == 4 and fits["alone"] == []
    first, *others = kept
    expected = [other.predict_proba(X) for other in others]
    for parameter in first.network_.parameters():
        parameter.data.zero_()
    for other, before in zip(others, expected, strict=True):
        np.testing.assert_array_equal(other.predict_proba(X), before)
    assert not any(hasattr(clf, "attention_") for clf in kept)
