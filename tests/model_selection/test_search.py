"""EMMAGridSearchCV gives what GridSearchCV gives, from far fewer computations."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, ShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn

from sklearn_emma import EMMAClassifier
from sklearn_emma.datasets import make_multimodal_classification
from sklearn_emma.model_selection import (
    EMMAGridSearchCV,
    _groups,
    _search,
    _stacked_training,
)

X, Y, MODES = make_multimodal_classification(
    n_samples=160, n_modes=3, redundancy=0.5, random_state=0
)
LABELS = np.array(["no", "yes"])[Y]
QUICK: dict[str, Any] = {
    "modes": MODES,
    "hidden_layer_sizes": (6, 4),
    "max_iter": 4,
    "pretraining_max_iter": 2,
    "random_state": 0,
}
# Everything that a stack may vary, and every kind of value of it.
VARIED: list[dict[str, list[Any]]] = [
    {"rho": [0.3, "learn"], "lambda_c": [0, 0.1], "lambda_e": [0.01]},
    {"rho": ["learn"], "lambda_e": [0.0, 0.1], "lr": [0.01]},
    {"rho": [2.0], "random_state": [1], "lr": [0.001, 0.01]},
]
OPTIONS: dict[str, Any] = {"cv": 2, "scoring": "neg_log_loss"}


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """Number of classifiers in each stack that was trained, and of fits by itself."""
    found: dict[str, list[int]] = {"together": [], "alone": []}
    together, alone = _groups.fit_together, _groups._fit_alone

    def fit_together(classifiers: list[Any], *args: Any, **params: Any) -> Any:
        errors = together(classifiers, *args, **params)
        found["together"].append(len(classifiers))
        return errors

    def fit_alone(*args: Any) -> Any:
        found["alone"].append(1)
        return alone(*args)

    monkeypatch.setattr(_groups, "fit_together", fit_together)
    monkeypatch.setattr(_groups, "_fit_alone", fit_alone)
    return found


def assert_same_search(
    estimator: Any, grid: Any, X: Any = X, y: Any = LABELS, **options: Any
) -> EMMAGridSearchCV:
    """Same results as the sequential search, times excepted."""
    fit_params = options.pop("fit_params", {})
    options = OPTIONS | options
    found = EMMAGridSearchCV(estimator, grid, **options).fit(X, y, **fit_params)
    expected = GridSearchCV(estimator, grid, **options).fit(X, y, **fit_params)
    assert found.cv_results_.keys() == expected.cv_results_.keys()
    assert found.cv_results_["params"] == expected.cv_results_["params"]
    for name, values in expected.cv_results_.items():
        if name.startswith(("split", "mean_t", "std_t")):
            np.testing.assert_allclose(
                found.cv_results_[name], values, atol=1e-4, err_msg=name
            )
    names = {n for n in vars(expected) if n.endswith("_")}
    assert {n for n in vars(found) if n.endswith("_")} == names
    assert found.best_params_ == expected.best_params_
    assert type(found.best_estimator_) is type(expected.best_estimator_)
    np.testing.assert_allclose(
        found.predict_proba(X), expected.predict_proba(X), atol=1e-4
    )
    return found


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_are_those_of_the_sequential_search(
    dtype: Any, dropout: float, fits: dict[str, list[int]]
) -> None:
    clf = EMMAClassifier(**QUICK, dropout=dropout)
    assert_same_search(clf, VARIED, X.astype(dtype), return_train_score=True)
    assert fits == {"together": [8, 8], "alone": []}


def test_scores_differ_between_candidates() -> None:
    # Or the test above would show nothing.
    search = EMMAGridSearchCV(EMMAClassifier(**QUICK), VARIED, **OPTIONS).fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) == 8


@pytest.mark.parametrize(
    "changes",
    [
        {"lr_schedule": "constant", "batch_size": 20},
        {"energy_scaling": "shift", "attention_function": "hard"},
        {"n_draws": 2, "class_weight": "balanced"},
        {"corruption": None, "symmetric_coupling": True},
        {"hidden_layer_sizes": (), "importance_floor": 0.0},
        {"optimizer": torch.optim.Adam, "n_failing": 2},
        {"energy_estimator": None, "modes": None},
    ],
)
def test_every_variant_of_the_model(
    changes: dict[str, Any], fits: dict[str, list[int]]
) -> None:
    grid = {"rho": [0.3, "learn"], "lambda_e": [0.0, 0.01], "random_state": [0, 1]}
    assert_same_search(EMMAClassifier(**QUICK | changes), grid)
    assert fits == {"together": [8, 8], "alone": []}


def test_stacks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    clf = EMMAClassifier(**QUICK)
    whole = EMMAGridSearchCV(clf, VARIED, **OPTIONS).fit(X, Y)
    for values in (1, 40_000):
        monkeypatch.setattr(_stacked_training, "_STACK_VALUES", values)
        cut = EMMAGridSearchCV(clf, VARIED, **OPTIONS).fit(X, Y)
        np.testing.assert_allclose(
            cut.cv_results_["mean_test_score"],
            whole.cv_results_["mean_test_score"],
            rtol=1e-9,
        )


def test_missing_values_and_known_corruption_and_weights() -> None:
    rng = np.random.default_rng(0)
    holes = np.where(rng.random(X.shape) < 0.1, np.nan, X)
    assert_same_search(
        EMMAClassifier(**QUICK),
        {"rho": [0.3, "learn"], "lambda_e": [0.0, 0.01]},
        holes,
        fit_params={
            "sample_weight": rng.integers(0, 3, len(X)).astype(float),
            "corrupted": rng.random((len(X), 3)) < 0.1,
        },
        scoring="accuracy",
    )


class CountingScaler(TransformerMixin, BaseEstimator):
    """Counts how often any of them is fitted."""

    fits = 0

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift

    def fit(self, X: Any, y: Any = None) -> CountingScaler:
        CountingScaler.fits += 1
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X: Any) -> Any:
        return X - self.mean_ + self.shift


def test_pipeline_prepares_once_for_each_group_and_fold(
    fits: dict[str, list[int]],
) -> None:
    pipeline = Pipeline(
        [("scale", CountingScaler()), ("emma", EMMAClassifier(**QUICK))]
    )
    grid = {
        "scale__shift": [0.0, 100.0],
        "emma__rho": [0.3, "learn"],
        "emma__lambda_c": [0.0, 0.1],
    }
    CountingScaler.fits = 0
    EMMAGridSearchCV(pipeline, grid, **OPTIONS, refit=False).fit(X, Y)
    assert CountingScaler.fits == 2 * 2
    assert fits == {"together": [4] * 4, "alone": []}
    found = assert_same_search(pipeline, grid)
    assert set(found.best_estimator_.named_steps) == {"scale", "emma"}


def test_a_pipeline_hands_its_fit_parameters_on() -> None:
    pipeline = Pipeline(
        [("scale", StandardScaler()), ("emma", EMMAClassifier(**QUICK))]
    )
    weight = np.where(Y == 0, 5.0, 1.0)
    assert_same_search(
        pipeline,
        {"emma__rho": [0.3, "learn"]},
        fit_params={"emma__sample_weight": weight},
    )


def test_other_parameters_make_groups_of_their_own(fits: dict[str, list[int]]) -> None:
    grid = [
        {"rho": [0.3, "learn"], "n_failing": [1, 2]},
        {"hidden_layer_sizes": [(4,)], "lambda_e": [0.0]},
    ]
    assert_same_search(EMMAClassifier(**QUICK), grid)
    assert sorted(fits["together"]) == [2, 2, 2, 2]
    assert len(fits["alone"]) == 2


def unvectorisable(n_features_in: int, n_outputs: int) -> nn.Module:
    return Branching(n_features_in, n_outputs)


class Branching(nn.Linear):
    """Looks at its data in Python, which ``torch.func`` forbids."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
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
def test_what_cannot_be_stacked_is_fitted_as_ever(
    changes: dict[str, Any], fits: dict[str, list[int]]
) -> None:
    clf = EMMAClassifier(**QUICK | changes)
    assert_same_search(clf, {"rho": [0.3, "learn"]})
    assert fits == {"together": [], "alone": [1] * 4}


def test_seeds_that_are_no_numbers_are_not_shared(fits: dict[str, list[int]]) -> None:
    clf = EMMAClassifier(**QUICK | {"random_state": np.random.RandomState(0)})
    EMMAGridSearchCV(clf, {"rho": [0.3, "learn"]}, **OPTIONS).fit(X, Y)
    clf.set_params(random_state=None)
    EMMAGridSearchCV(clf, {"rho": [0.3, "learn"]}, **OPTIONS).fit(X, Y)
    assert fits == {"together": [], "alone": [1] * 8}


def normalising(n_features_in: int, n_outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(n_features_in, 5),
        nn.BatchNorm1d(5),
        nn.Dropout(0.2),
        nn.Linear(5, n_outputs),
    )


def frozen_part(n_features_in: int, n_outputs: int) -> nn.Module:
    first = nn.Linear(n_features_in, 5).requires_grad_(False)
    return nn.Sequential(first, nn.Tanh(), nn.Linear(5, n_outputs))


@pytest.mark.parametrize("predictor", [normalising, frozen_part, nn.Linear])
def test_any_torch_predictor(predictor: Any, fits: dict[str, list[int]]) -> None:
    grid = {"rho": [0.3, "learn"], "random_state": [0, 1], "lr": [0.003, 0.01]}
    assert_same_search(EMMAClassifier(**QUICK, predictor=predictor), grid)
    assert fits == {"together": [8, 8], "alone": []}


def test_a_trained_predictor_is_fine_tuned(fits: dict[str, list[int]]) -> None:
    torch.manual_seed(0)
    trained = nn.Linear(X.shape[1], 2)
    before = trained.weight.clone()
    grid = {"lr": [0.003, 0.01], "random_state": [0, 1]}
    assert_same_search(EMMAClassifier(**QUICK, predictor=trained), grid)
    assert fits["alone"] == []
    assert torch.equal(trained.weight, before)


def test_other_estimators_are_searched_as_ever() -> None:
    assert_same_search(LogisticRegression(), {"C": [0.1, 1.0]})


def test_many_metrics_and_a_refit_of_choice() -> None:
    clf, grid = EMMAClassifier(**QUICK), {"rho": [0.3, "learn"], "lambda_c": [0, 0.1]}
    found = assert_same_search(
        clf, grid, scoring=["accuracy", "neg_log_loss"], refit="neg_log_loss"
    )
    assert found.multimetric_
    assert set(found.scorer_) == {"accuracy", "neg_log_loss"}
    found = assert_same_search(clf, grid, refit=lambda results: 2)
    assert found.best_index_ == 2
    assert not hasattr(found, "best_score_")


def importance_of_the_first_mode(estimator: Any, X: Any, y: Any) -> dict[str, float]:
    """Scorer that wants the true class, and more than predictions."""
    assert type(estimator) is EMMAClassifier
    return {"first": float(estimator.importance(X)[:, 0].mean())}


def test_a_scorer_sees_the_fitted_classifier() -> None:
    assert_same_search(
        EMMAClassifier(**QUICK),
        {"rho": [0.3, 2.0]},
        scoring=importance_of_the_first_mode,
        refit="first",
    )


def test_without_scoring_and_with_random_splits() -> None:
    search = EMMAGridSearchCV(
        EMMAClassifier(**QUICK),
        {"rho": [0.3, "learn"]},
        cv=ShuffleSplit(n_splits=3, test_size=0.25),  # other splits at each call
    ).fit(X, Y)
    assert search.n_splits_ == 3
    assert 0 <= search.best_score_ <= 1
    assert search.score(X, Y) == search.best_estimator_.score(X, Y)
    assert search.refit_time_ > 0
    assert (search.cv_results_["mean_fit_time"] > 0).all()


def test_groups_decide_the_splits() -> None:
    assert_same_search(
        EMMAClassifier(**QUICK),
        {"rho": [0.3, "learn"]},
        cv=GroupKFold(n_splits=2),
        fit_params={"groups": np.arange(len(X)) % 5},
    )


def test_metadata_is_routed() -> None:
    weight = np.where(Y == 0, 5.0, 1.0)
    groups = np.arange(len(X)) % 5
    with config_context(enable_metadata_routing=True):
        clf = EMMAClassifier(**QUICK).set_fit_request(sample_weight=True)
        scorer = get_scorer("neg_log_loss").set_score_request(sample_weight=False)
        for estimator, prefix in [
            (clf, ""),
            (Pipeline([("scale", CountingScaler()), ("emma", clf)]), "emma__"),
        ]:
            assert_same_search(
                estimator,
                {f"{prefix}rho": [0.3, "learn"]},
                cv=GroupKFold(n_splits=2),
                scoring=scorer,
                fit_params={"sample_weight": weight, "groups": groups},
            )
        unasked = EMMAGridSearchCV(EMMAClassifier(**QUICK), {"rho": [1.0]})
        with pytest.raises(Exception, match="sample_weight"):
            unasked.fit(X, Y, sample_weight=weight)


def test_data_frames() -> None:
    frame = pd.DataFrame(X, columns=[f"m{i // 4}__f{i}" for i in range(X.shape[1])])
    clf = EMMAClassifier(**QUICK | {"modes": None})
    search = assert_same_search(clf, {"rho": [0.3, "learn"]}, frame)
    assert search.feature_names_in_.tolist() == frame.columns.tolist()
    assert search.classes_.tolist() == sorted(set(LABELS))


@pytest.mark.parametrize("grid", [{"lambda_e": [0.0, 1e308]}, {"lr": [0.01, 1e300]}])
def test_one_that_diverges_fails_by_itself(
    grid: dict[str, list[Any]], fits: dict[str, list[int]]
) -> None:
    grid = grid | {"rho": [0.3, "learn"]}
    options = OPTIONS | {"error_score": -99.0}
    clf = EMMAClassifier(**QUICK, importance_floor=0.0)
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


def test_the_error_of_a_diverged_one_is_that_of_its_fit() -> None:
    clf = EMMAClassifier(**QUICK, importance_floor=0.0, lambda_e=1e308)
    with pytest.raises(FloatingPointError) as expected:
        clf.fit(X, Y)
    grid = {"lambda_e": [1e308], "rho": [0.5, "learn"]}
    clf = clf.set_params(rho=0.5)
    found = _groups.fit_group(
        clf, [{"rho": "learn"}, {"rho": 0.5}], X, Y, np.arange(len(X)), {}, False
    )
    assert str(found[0].error) == str(expected.value)
    with pytest.raises(ValueError, match="All the 4 fits failed"):
        EMMAGridSearchCV(clf, grid, cv=2).fit(X, Y)


def test_an_invalid_candidate_fails_by_itself() -> None:
    clf, grid = EMMAClassifier(**QUICK), {"rho": [-1.0, 0.3, "learn"]}
    with (
        pytest.warns(FitFailedWarning, match="'rho' parameter"),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search = EMMAGridSearchCV(clf, grid, **OPTIONS).fit(X, Y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scoring": "beauty"}, "beauty"),
        ({"param_grid": {"colour": [1, 2]}}, "colour"),
        ({"param_grid": {"rho": []}}, "rho"),
        ({"n_jobs": "many"}, "n_jobs"),
        ({"error_score": "ignore"}, "error_score"),
        ({"scoring": ["accuracy", "f1_macro"]}, "refit"),
        ({"cv": 1}, "cv"),
    ],
)
def test_bad_options_are_named_before_any_training(
    change: dict[str, Any], message: str, fits: dict[str, list[int]]
) -> None:
    options = {"param_grid": {"rho": [0.3, "learn"]}, "cv": 2} | change
    search = EMMAGridSearchCV(EMMAClassifier(**QUICK), **options)
    with pytest.raises((ValueError, TypeError), match=message):
        search.fit(X, Y)
    assert fits == {"together": [], "alone": []}


def test_data_of_one_class_are_an_error_with_its_name() -> None:
    search = EMMAGridSearchCV(
        EMMAClassifier(**QUICK), {"rho": [0.3, "learn"]}, cv=2, error_score="raise"
    )
    with pytest.raises(ValueError, match="class"):
        search.fit(X, np.zeros(len(X)))


def test_it_is_an_estimator_like_any_other() -> None:
    clf = EMMAClassifier(**QUICK)
    search = EMMAGridSearchCV(clf, {"rho": [0.3, "learn"]}, **OPTIONS)
    assert is_classifier(search)
    with pytest.raises(NotFittedError):
        search.predict(X)
    again = clone(search)
    assert repr(again) == repr(search)
    before = repr(search.get_params())
    search.fit(X, LABELS)
    assert search.estimator is clf and not hasattr(clf, "classes_")
    assert repr(search.get_params()) == before
    assert "EMMAClassifier" in search._repr_html_()
    copied = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(copied.predict(X), search.predict(X))
    assert len(pickle.dumps(search)) < 2 * len(pickle.dumps(search.best_estimator_))
    # What has been fitted stays when another fit fails.
    search.set_params(scoring="beauty")
    with pytest.raises(ValueError, match="beauty"):
        search.fit(X, LABELS)
    np.testing.assert_array_equal(copied.predict(X), search.predict(X))


def test_global_random_state_is_untouched() -> None:
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    EMMAGridSearchCV(EMMAClassifier(**QUICK), VARIED, **OPTIONS).fit(X, Y)
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002


def test_results_do_not_depend_on_the_number_of_jobs() -> None:
    clf, grid = EMMAClassifier(**QUICK), {"rho": [0.3, "learn"], "n_failing": [1, 2]}
    one = EMMAGridSearchCV(clf, grid, **OPTIONS).fit(X, Y)
    two = EMMAGridSearchCV(clf, grid, **OPTIONS, n_jobs=2).fit(X, Y)
    with parallel_config(backend="multiprocessing", n_jobs=2):
        given = EMMAGridSearchCV(clf, grid, **OPTIONS).fit(X, Y)
    for other in (two, given):
        np.testing.assert_allclose(
            other.cv_results_["mean_test_score"],
            one.cv_results_["mean_test_score"],
            rtol=1e-9,
        )


def test_groups_are_cut_where_jobs_would_idle() -> None:
    group = list(range(125))
    assert _groups.share_out([group], 3, 1) == [group]
    assert _groups.share_out([group], 2, 2) == [group]
    halves = _groups.share_out([group], 3, 2)
    assert sorted(map(len, halves)) == [62, 63]
    assert sorted(halves[0] + halves[1]) == group
    assert len(_groups.share_out([group], 1, 64)) == 7
    assert _groups.share_out([[0], [1, 2]], 1, 8) == [[0], [1, 2]]


def test_work_goes_to_the_backend_of_the_caller(
    monkeypatch: pytest.MonkeyPatch, fits: dict[str, list[int]]
) -> None:
    backends = []
    fit_stacked = _groups._fit_stacked

    def fit_and_look(*args: Any) -> Any:
        backends.append(threading.current_thread() is threading.main_thread())
        return fit_stacked(*args)

    monkeypatch.setattr(_groups, "_fit_stacked", fit_and_look)
    with parallel_config(backend="threading", n_jobs=2):
        EMMAGridSearchCV(EMMAClassifier(**QUICK), {"rho": [0.3, 1.0]}, cv=2).fit(X, Y)
    assert backends == [False, False]


def test_what_fails_outside_of_a_fit_fails_the_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lose(*args: Any, **params: Any) -> Any:
        raise OSError("worker lost")

    monkeypatch.setattr(_search, "fit_group", lose)
    search = EMMAGridSearchCV(EMMAClassifier(**QUICK), {"rho": [0.3, 1.0]}, cv=2)
    with pytest.raises(OSError, match="worker lost"):
        search.fit(X, Y)
    assert not hasattr(search, "cv_results_")


def test_blocks_of_candidates_give_the_same(
    monkeypatch: pytest.MonkeyPatch, fits: dict[str, list[int]]
) -> None:
    clf, options = EMMAClassifier(**QUICK), OPTIONS | {"refit": False}
    whole = EMMAGridSearchCV(clf, VARIED, **options).fit(X, Y)
    monkeypatch.setattr(_search, "_BLOCK", 3)
    blocks = EMMAGridSearchCV(clf, VARIED, **options).fit(X, Y)
    assert fits["together"] == [8, 8, 3, 3, 3, 3, 2, 2]
    np.testing.assert_allclose(
        blocks.cv_results_["mean_test_score"],
        whole.cv_results_["mean_test_score"],
        rtol=1e-9,
    )
