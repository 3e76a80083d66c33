"""Modes on their way to the classifier: what loses them is warned of, and no more."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn import set_config
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import helpers
from sklearn_emma.corruption import MissingMode
from sklearn_emma.exceptions import ModesWarning
from sklearn_emma.model_selection import EMMAGridSearchCV
from sklearn_emma.robustness import corrupt, robustness_curve

rng = np.random.default_rng(0)
NAMES = [f"mode_{i}__f{j}" for i in range(3) for j in range(4)]
X = pd.DataFrame(rng.normal(size=(80, 12)), columns=NAMES)
y = (X.iloc[:, 0] > 0).to_numpy().astype(int)
FOUND = {f"mode_{i}": list(range(4 * i, 4 * i + 4)) for i in range(3)}
EMMA = helpers.quick(epochs=1, modes=None)


def modes_of(estimator):
    return {name: columns.tolist() for name, columns in estimator.modes_.items()}


@pytest.mark.parametrize("step", [StandardScaler(), SimpleImputer()], ids=repr)
def test_a_transformer_that_drops_the_names_is_warned_of(step):
    pipeline = make_pipeline(clone(step), clone(EMMA))
    with pytest.warns(ModesWarning, match=r"each of the 12 columns.*set_output"):
        pipeline.fit(X, y)
    assert len(pipeline[-1].modes_) == 12
    kept = clone(pipeline).set_output(transform="pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept.fit(X, y)
    assert modes_of(kept[-1]) == FOUND


def test_bagging_hands_on_arrays_and_is_warned_of():
    bagging = BaggingClassifier(EMMA, n_estimators=1, random_state=0)
    with pytest.warns(ModesWarning, match="array has no names"):
        bagging.fit(X, y)
    by_index = clone(bagging).set_params(estimator__modes=FOUND)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_index.fit(X, y)


@pytest.mark.parametrize("search", [GridSearchCV, EMMAGridSearchCV])
def test_a_search_warns_too(search):
    with pytest.warns(ModesWarning, match="each of the 12 columns"):
        search(EMMA, {"lambda_e": [0.0]}, cv=2).fit(X.to_numpy(), y)


def test_a_column_transformer_that_passes_columns_through():
    columns = [("mode_0", "passthrough", NAMES[:4])]
    prepare = ColumnTransformer(columns, remainder="passthrough")
    pipeline = make_pipeline(prepare.set_output(transform="pandas"), clone(EMMA))
    with pytest.warns(ModesWarning, match="'remainder'"):
        pipeline.fit(X, y)
    assert list(pipeline[-1].modes_) == ["mode_0", "remainder"]


def test_a_forgotten_argument_is_warned_of_where_modes_are_made_to_fail():
    with pytest.warns(ModesWarning, match="each of the 12 columns"):
        corrupt(X.to_numpy(), MissingMode(), random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        corrupt(X, MissingMode(), random_state=0)


def test_the_warning_can_be_silenced_by_itself():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ModesWarning)
        assert len(clone(EMMA).fit(X.to_numpy(), y).modes_) == 12


def test_modes_that_are_found_are_not_warned_of_wherever_the_data_come_from():
    tables = {
        "pandas": X,
        "polars": pl.from_pandas(X),
        "pyarrow": pa.Table.from_pandas(X),
        "batch": pa.RecordBatch.from_pandas(X),
    }
    expected = clone(EMMA).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, table in tables.items():
            model = clone(EMMA).fit(table, y)
            assert modes_of(model) == FOUND, name
            assert list(model.feature_names_in_) == NAMES, name
            helpers.assert_same(model, expected, table, rtol=1e-12)
        assert np.isfinite(cross_val_score(EMMA, X, y, cv=2)).all()


def test_tables_of_pyarrow_can_be_made_to_fail():
    failed = corrupt(pa.Table.from_pandas(X), MissingMode(), random_state=0)
    pd.testing.assert_frame_equal(failed, corrupt(X, MissingMode(), random_state=0))
    model = clone(EMMA).fit(X, y)
    curves = [
        robustness_curve(
            model, table, y, mode="mode_0", levels=[1.0], n_repeats=2, random_state=0
        )
        for table in (X, pa.Table.from_pandas(X))
    ]
    np.testing.assert_array_equal(curves[0].scores, curves[1].scores)


@pytest.mark.parametrize("first", [["cam__left", "cam__right"], ["lidar", "lidar_"]])
def test_the_first_level_is_the_mode(first):
    columns = pd.MultiIndex.from_product([first, ["x", "y"]])
    frame = pd.DataFrame(X.to_numpy()[:, :4], columns=columns)
    model = clone(EMMA).fit(frame, y)
    assert modes_of(model) == {first[0]: [0, 1], first[1]: [2, 3]}
    assert list(model.explain(frame).columns.unique(0)) == first
    failed = corrupt(frame, MissingMode(), random_state=0)
    assert failed.columns.equals(columns)
    # Whole modes, not both of them and not single columns.
    assert (failed.isna().T.groupby(level=0, sort=False).nunique() == 1).all().all()
    assert (failed.isna().sum(axis=1) == 2).all()


def test_scikit_learn_may_be_told_to_keep_names_for_all():
    set_config(transform_output="pandas")
    try:
        pipeline = make_pipeline(StandardScaler(), clone(EMMA)).fit(X, y)
    finally:
        set_config(transform_output="default")
    assert modes_of(pipeline[-1]) == FOUND
