"""The classifier inside the tools that scikit-learn users have."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context, set_config
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_validate,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from helpers import TWO_MODES, quick, rare_class
from sklearn_emma import PotentialEnergyTransformer
from sklearn_emma.metrics import roc_corner_score, roc_corner_scorer


@pytest.fixture(scope="module")
def data():
    return rare_class()


@pytest.fixture(scope="module")
def fitted(data):
    return quick().fit(*data)


# ---------------------------------------------------------------- before the classifier


def test_pipeline(data):
    X, y = data
    pipe = make_pipeline(StandardScaler(), quick()).fit(X, y)
    direct = quick().fit(StandardScaler().fit_transform(X), y)
    Z = pipe[0].transform(X)
    np.testing.assert_allclose(pipe.predict_proba(X), direct.predict_proba(Z))
    assert pipe[-1].attention(Z).shape == (120, 2)


@pytest.mark.parametrize("as_frames", [True, False])
def test_modes_from_the_names_of_a_column_transformer(data, as_frames):
    X, y = data
    frame = pd.DataFrame(X, columns=["u", "v", "w", "x"])
    frame["kind"] = np.where(np.arange(120) % 3, "red", "blue")
    encoder = OneHotEncoder(sparse_output=False)
    columns = ColumnTransformer(
        [
            ("optical", StandardScaler(), ["w", "u"]),
            ("radio", PCA(1), ["v", "x"]),
            ("kind", encoder, ["kind"]),
        ]
    )
    modes = None
    if as_frames:
        columns.set_output(transform="pandas")
    else:
        modes = {"optical": [0, 1], "radio": [2], "kind": [3, 4]}
    pipe = make_pipeline(columns, quick(modes=modes)).fit(frame, y)
    got = {name: list(i) for name, i in pipe[-1].modes_.items()}
    assert got == {"optical": [0, 1], "radio": [2], "kind": [3, 4]}
    assert pipe.predict(frame).shape == (120,)


def test_modes_from_the_names_of_a_feature_union(data):
    X, y = data
    union = FeatureUnion([("raw", StandardScaler()), ("main", PCA(2))])
    pipe = make_pipeline(union.set_output(transform="pandas"), quick(modes=None))
    assert list(pipe.fit(X, y)[-1].modes_) == ["raw", "main"]


def test_global_output_configuration(data):
    X, y = data
    columns = ColumnTransformer(
        [(name, StandardScaler(), indices) for name, indices in TWO_MODES.items()]
    )
    pipe = make_pipeline(columns, quick(modes=None))
    set_config(transform_output="pandas")
    try:
        pipe.fit(X, y)
        assert isinstance(pipe.predict_proba(X), np.ndarray)
    finally:
        set_config(transform_output="default")
    assert list(pipe[-1].modes_) == ["a", "b"]


# ---------------------------------------------------------------------------- searching


def test_grid_search_in_a_pipeline_and_in_parallel(data):
    X, y = data
    pipe = Pipeline([("scale", StandardScaler()), ("emma", quick())])
    grid = [
        {"emma__rho": [0.5, "learn"], "emma__lambda_e": [0.0, 0.1]},
        {"emma__lambda_c": [0.1]},
    ]
    alone = GridSearchCV(pipe, grid, cv=2, scoring="neg_log_loss").fit(X, y)
    assert np.isfinite(alone.cv_results_["mean_test_score"]).all()
    assert len(set(alone.cv_results_["mean_test_score"])) == 5
    assert alone.best_estimator_["emma"].attention_.shape == (120, 2)
    half = {"emma__rho": ["learn"], "emma__lambda_e": [0.0, 0.1]}
    parallel = clone(alone).set_params(n_jobs=2, param_grid=half).fit(X, y)
    np.testing.assert_allclose(
        parallel.cv_results_["mean_test_score"],
        alone.cv_results_["mean_test_score"][1:4:2],
        rtol=1e-6,
    )


def test_parameters_of_the_energy_estimator_are_searched(data):
    grid = [
        {"energy_estimator__sigma": [0.1, 1.0]},
        {"predictor__hidden_layer_sizes": [(), 4]},
    ]
    search = GridSearchCV(quick(), grid, cv=2, error_score="raise").fit(*data)
    assert len(search.cv_results_["params"]) == 4


def test_cross_validate(data):
    X, y = data
    scoring = ["accuracy", "f1", "roc_auc", "neg_log_loss"]
    result = cross_validate(quick(), X, y, cv=2, scoring=scoring, error_score="raise")
    for name in scoring:
        assert np.isfinite(result[f"test_{name}"]).all()
    proba = cross_val_predict(quick(), X, y, cv=2, method="predict_proba")
    assert proba.shape == (120, 2)


# --------------------------------------------------------------------------- thresholds


@pytest.mark.parametrize(
    ("score", "names"),
    [(roc_corner_score, np.array(["noise", "pulsar"])), (f1_score, np.array([0, 1]))],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_tuned_threshold(data, names, score):
    X, y = data
    labels = names[y]
    scorer = make_scorer(score, pos_label=names[1])
    # A network that was told to fear false alarms predicts too few positives at 0.5.
    base = quick(class_weight={names[0]: 20.0}, pretraining_max_iter=20, lr=0.02)
    tuned = TunedThresholdClassifierCV(base, scoring=scorer, cv=2).fit(X, labels)
    assert set(tuned.predict(X)) <= set(names)
    at_half = base.fit(X, labels).predict(X)
    got = score(labels, tuned.predict(X), pos_label=names[1])
    assert got > score(labels, at_half, pos_label=names[1]) + 0.1


def test_ready_scorer(data):
    X, y = data
    tuned = TunedThresholdClassifierCV(quick(), scoring=roc_corner_scorer, cv=2)
    assert 0.3 < tuned.fit(X, y).best_score_ <= 1.0
    grid = {"rho": [1.0, 2.0]}
    search = GridSearchCV(quick(), grid, scoring=roc_corner_scorer, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_fixed_threshold(data):
    X, y = data
    model = FixedThresholdClassifier(
        quick(), threshold=0.2, response_method="predict_proba"
    ).fit(X, y)
    expected = model.estimator_.predict_proba(X)[:, 1] >= 0.2
    np.testing.assert_array_equal(model.predict(X), expected.astype(int))


# ---------------------------------------------------------------------- meta-estimators


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(data, method):
    X, y = data
    calibrated = CalibratedClassifierCV(quick(), method=method, cv=2).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    assert calibrated.score(X, y) > 0.6


def test_permutation_importance_finds_the_mode_that_matters(data):
    X, y = data
    noise = X + 20 * y[:, np.newaxis]
    noise[:, 2:] = np.random.default_rng(1).normal(size=(120, 2))
    model = quick(lr=0.02, max_iter=15, pretraining_max_iter=15).fit(noise, y)
    found = permutation_importance(model, noise, y, n_repeats=5, random_state=0)
    signal, other = found.importances_mean.reshape(2, 2).sum(axis=1)
    assert signal > other + 0.1


@pytest.mark.parametrize(
    "ensemble",
    [
        lambda e: VotingClassifier([("e", e)], voting="soft"),
        lambda e: StackingClassifier([("e", e)], LogisticRegression(), cv=2),
        lambda e: BaggingClassifier(e, n_estimators=2, random_state=0),
        OneVsRestClassifier,
    ],
    ids=["voting", "stacking", "bagging", "one-vs-rest"],
)
def test_ensembles(data, ensemble):
    X, y = data
    assert ensemble(quick()).fit(X, y).predict_proba(X).shape == (120, 2)


def test_potential_energies_as_features(data):
    X, y = data
    energy = PotentialEnergyTransformer(max_iter=5, random_state=0)
    energies = ColumnTransformer([(m, energy, TWO_MODES[m]) for m in TWO_MODES])
    pipe = make_pipeline(energies, StandardScaler(), LogisticRegression()).fit(X, y)
    assert pipe[0].transform(X).shape == (120, 2)


# --------------------------------------------------------------------- metadata routing


def test_metadata_through_a_pipeline(data):
    X, y = data
    rng = np.random.default_rng(1)
    corrupted, weight = rng.random((120, 2)) < 0.3, rng.random(120) + 0.5
    plain = quick(corruption=None).fit(X, y, sample_weight=weight, corrupted=corrupted)
    with config_context(enable_metadata_routing=True):
        emma = quick(corruption=None)
        emma.set_fit_request(corrupted=True, sample_weight=True)
        pipe = make_pipeline("passthrough", emma)
        pipe.fit(X, y, corrupted=corrupted, sample_weight=weight)
        proba = pipe.predict_proba(X)
    np.testing.assert_allclose(proba, plain.predict_proba(X))
    ignoring = quick(corruption=None).fit(X, y)
    assert not np.allclose(proba, ignoring.predict_proba(X))


def test_metadata_through_a_grid_search(data):
    X, y = data
    rng = np.random.default_rng(1)
    corrupted, weight = rng.random((120, 2)) < 0.3, rng.integers(0, 3, 120)
    halves = [(np.arange(60), np.arange(60, 120)), (np.arange(60, 120), np.arange(60))]
    with config_context(enable_metadata_routing=True):
        emma = quick(corruption=None).set_score_request(sample_weight=True)
        emma.set_fit_request(corrupted=True, sample_weight=True)
        search = GridSearchCV(emma, {"rho": [1.0, 5.0]}, cv=halves, refit=False)
        search.fit(X, y, corrupted=corrupted, sample_weight=weight)
    for i, (train, test) in enumerate(halves):
        for j, rho in enumerate([1.0, 5.0]):
            model = quick(corruption=None, rho=rho)
            model.fit(X[train], y[train], weight[train], corrupted[train])
            expected = model.score(X[test], y[test], weight[test])
            got = search.cv_results_[f"split{i}_test_score"][j]
            assert got == pytest.approx(expected)


def test_metadata_must_be_asked_for(data):
    X, y = data
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(quick(), {"rho": [1.0]}, cv=2)
        with pytest.raises(Exception, match="corrupted"):
            search.fit(X, y, corrupted=np.zeros((120, 2)))
