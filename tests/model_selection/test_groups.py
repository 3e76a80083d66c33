"""Which candidates are trained together, and how jobs share the work."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn

from helpers import (
    SEARCH_OPTIONS,
    VARIED,
    assert_same_search,
    search_data,
    searchable,
)
from sklearn_emma.corruption import Failures
from sklearn_emma.model_selection import EMMAGridSearchCV, _groups
from sklearn_emma.predictors import MLP, GatedCopies

X, Y, LABELS = search_data()


class CountingScaler(TransformerMixin, BaseEstimator):
    """Counts how often any of them is fitted."""

    fits = 0

    def __init__(self, shift=0.0):
        self.shift = shift

    def fit(self, X, y=None):
        CountingScaler.fits += 1
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return X - self.mean_ + self.shift


def test_pipeline_prepares_once_for_each_group_and_fold(
    fits,
):
    pipeline = Pipeline([("scale", CountingScaler()), ("emma", searchable())])
    grid = {
        "scale__shift": [0.0, 100.0],
        "emma__rho": [0.3, "learn"],
    }
    CountingScaler.fits = 0
    EMMAGridSearchCV(pipeline, grid, **SEARCH_OPTIONS, refit=False).fit(X, Y)
    assert CountingScaler.fits == 2 * 2
    assert fits == {"together": [2] * 4, "alone": []}
    found = assert_same_search(pipeline, grid)
    assert set(found.best_estimator_.named_steps) == {"scale", "emma"}


def test_a_pipeline_hands_its_fit_parameters_on():
    pipeline = Pipeline([("scale", StandardScaler()), ("emma", searchable())])
    weight = np.where(Y == 0, 5.0, 1.0)
    assert_same_search(
        pipeline,
        {"emma__rho": [0.3, "learn"]},
        fit_params={"emma__sample_weight": weight},
    )


def test_other_parameters_make_groups_of_their_own(fits):
    grid = [
        {"rho": [0.3, "learn"], "corruption__n_failing": [1, 2]},
        {"predictor__hidden_layer_sizes": [(4,)], "lambda_e": [0.0]},
    ]
    assert_same_search(searchable(corruption=Failures()), grid)
    assert sorted(fits["together"]) == [2, 2, 2, 2]
    assert len(fits["alone"]) == 2


def unvectorisable(n_features_in, n_outputs):
    return Branching(n_features_in, n_outputs)


class Branching(nn.Linear):
    """Looks at its data in Python, which ``torch.func`` forbids."""

    def forward(self, x):
        return super().forward(x if bool(x.detach().sum() > 0) else 2 * x)


class Watcher(Callback):
    """A callback that does nothing."""


@pytest.mark.parametrize(
    "changes",
    [
        {"early_stopping": True},
        {"callbacks": [Watcher()]},
        {"optimizer": torch.optim.SGD},
        {"warm_start": True},
        {"predictor": unvectorisable},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_cannot_be_stacked_is_fitted_as_ever(changes, fits):
    clf = searchable(**changes)
    assert_same_search(clf, {"rho": [0.3]})
    assert fits == {"together": [], "alone": [1] * 2}


def test_seeds_that_are_no_numbers_are_not_shared(fits):
    clf = searchable(**{"random_state": np.random.RandomState(0)})
    options = SEARCH_OPTIONS | {"refit": False}
    EMMAGridSearchCV(clf, {"rho": [0.3, "learn"]}, **options).fit(X, Y)
    clf.set_params(random_state=None)
    EMMAGridSearchCV(clf, {"rho": [0.3, "learn"]}, **options).fit(X, Y)
    assert fits == {"together": [], "alone": [1] * 8}


def test_what_is_left_over_is_cut_where_jobs_would_idle():
    group = list(range(125))
    every = [(group, 0), (group, 1), (group, 2)]
    assert _groups.share_out([group], 3, 1) == every
    assert _groups.share_out([group], 2, 2) == every[:2]
    *whole, (one, split), (other, of_other) = _groups.share_out([group], 3, 2)
    assert whole == every[:2] and split == of_other == 2
    assert sorted([len(one), len(other)]) == [62, 63]
    assert sorted(one + other) == group
    assert len(_groups.share_out([group], 1, 64)) == 7
    assert len(_groups.share_out([group], 3, 8)) == 3 * 7
    small = [([0], 0), ([1, 2], 0)]
    assert _groups.share_out([[0], [1, 2]], 1, 8) == small


# ----------------------------------------------------------------- groups of candidates


def groups(estimator, grid):
    return _groups.group_candidates(estimator, list(ParameterGrid(grid)))


def test_what_differs_in_stacked_parameters_only_is_one_group():
    assert groups(searchable(), VARIED) == [list(range(8))]
    grid = {"rho": [0.3, "learn"], "corruption__n_failing": [1, 2]}
    found = groups(searchable(corruption=Failures()), grid)
    assert sorted(map(sorted, found)) == [[0, 1], [2, 3]]


def test_objects_in_a_grid_are_told_apart_by_identity():
    twins = [MLP(4), MLP(4)]  # equal, but a grid repeats its own objects
    found = groups(searchable(), {"predictor": twins, "rho": [0.3, 1.0, 2.0]})
    assert found == [[0, 1, 2], [3, 4, 5]]


def test_parameters_of_a_pipeline_have_its_prefix():
    pipeline = Pipeline([("scale", StandardScaler()), ("emma", searchable())])
    grid = {"emma__rho": [0.3, 1.0], "scale__with_mean": [True, False]}
    assert len(groups(pipeline, grid)) == 2
    assert _groups.prefix_and_classifier(pipeline) == ("emma__", pipeline[-1])
    assert _groups.prefix_and_classifier(pipeline[-1]) == ("", pipeline[-1])


def test_a_candidate_that_cannot_be_stacked_is_alone():
    grid = {"early_stopping": [False, True], "rho": [0.3, 1.0]}
    assert groups(searchable(), grid) == [[0, 1], [2], [3]]


@pytest.mark.parametrize(
    "predictor", [LogisticRegression(), GatedCopies(LogisticRegression())], ids=repr
)
def test_a_classifier_behind_the_gate_is_fitted_as_ever(predictor, fits):
    assert_same_search(searchable(predictor=predictor), {"rho": [0.3, "learn"]})
    assert fits == {"together": [], "alone": [1] * 4}


def test_a_candidate_is_configured_on_a_clone():
    clf = searchable(corruption=Failures(n_failing=2))
    candidate = {"rho": 0.3, "predictor": MLP(5), "corruption__n_draws": 3}
    made = _groups.configured(clf, candidate)
    assert (made.rho, made.corruption.n_failing, made.corruption.n_draws) == (0.3, 2, 3)
    assert made.predictor.hidden_layer_sizes == 5
    assert made.predictor is not candidate["predictor"]
    assert clf.rho == "learn" and clf.corruption.n_draws is None
