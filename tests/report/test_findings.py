"""What a report finds, against the methods of the classifier that it asks."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import helpers
from sklearn_emma.report._findings import inside, look_at

ALPHA = 0.05


@pytest.fixture(scope="module")
def found(fitted, data):
    _, y, broken = data
    return look_at(fitted, broken, y, ALPHA, 6)


def test_modes_are_counted_as_the_classifier_says(found, fitted, data):
    _, _, broken = data
    alarms, attention = fitted.failing_modes(broken, ALPHA), fitted.attention(broken)
    modes = found.modes
    assert modes.index.tolist() == list(fitted.modes_)
    assert modes["n_columns"].tolist() == [3, 2, 1]
    assert modes["n_alarms"].tolist() == alarms.sum(axis=0).tolist()
    np.testing.assert_allclose(modes["missing"], [0, 0, 3 / len(broken)])
    np.testing.assert_allclose(modes["attention"][:2], attention[:, :2].mean(axis=0))
    # A mode counts where it is: three rows of "c" have nothing to trust.
    there = ~np.isnan(broken[:, 5])
    np.testing.assert_allclose(modes["attention"]["c"], attention[there, 2].mean())
    np.testing.assert_allclose(modes["alarms"]["c"], alarms[there, 2].mean())
    usual = fitted.reference_.loc[0.5].xs("attention", level="quantity")
    np.testing.assert_array_equal(modes["usual_attention"], usual)
    np.testing.assert_array_equal(found.rings, alarms.any(axis=1))


def test_many_modes_are_looked_at_without_a_warning():
    X = np.random.default_rng(0).normal(size=(40, 30))
    model = helpers.quick(modes=[[i] for i in range(30)], epochs=1).fit(X, X[:, 0] > 0)
    assert len(look_at(model, X, None, ALPHA, 1).modes) == 30


def test_the_most_unusual_rows_come_first_and_are_explained(found, fitted, data):
    _, y, broken = data
    assert set(found.rows.index[:4]) == {0, 1, 2, 3}  # the broken ones
    least = np.nanmin(fitted.p_values(broken), axis=1)
    np.testing.assert_array_equal(
        least[found.rows.index], np.sort(least)[: len(found.rows)]
    )
    explained = fitted.explain(broken, ranks=True).loc[found.rows.index]
    for mode in fitted.modes_:
        for quantity in explained[mode]:
            pd.testing.assert_series_equal(
                found.rows[mode, quantity], explained[mode, quantity]
            )
    places = found.rows.index.to_numpy()
    np.testing.assert_array_equal(
        found.rows["", "prediction"], fitted.predict(broken)[places]
    )
    np.testing.assert_array_equal(found.rows["", "truth"], y[places])
    np.testing.assert_allclose(
        found.rows["", "probability"],
        fitted.predict_proba(broken)[places].max(axis=1),
    )


def test_of_equally_rare_rows_that_of_most_energy_comes_first(fitted, data):
    X = data[0].copy()
    X[2, 3:5] += 20
    X[5, 3:5] += 2000
    assert look_at(fitted, X, None, ALPHA, 2).rows.index.tolist() == [5, 2]


def test_columns_far_from_their_mean_are_named_with_their_distance(fitted, data):
    X = data[0].copy()
    mean, scale = X.mean(axis=0), X.std(axis=0)
    X[1, :3] = mean[:3] + scale[:3] * [2.0, -150.0, 3e7]
    X[1, 3:] = np.nan
    told = look_at(fitted, X, None, ALPHA, 1).extremes[0]
    assert (
        told["left & <right>"]
        == "column 2 +3e+07 SD, column 1 -150 SD, column 0 +2.0 SD"
    )
    assert told["b"] == told["c"] == ""


def test_right_predictions_are_marked_for_classes_alone(found, fitted, data):
    _, y, broken = data
    np.testing.assert_array_equal(found.right, fitted.predict(broken) == y)
    assert look_at(fitted, broken, None, ALPHA, 1).right is None
    regressor = helpers.quick_regressor(max_iter=1).fit(data[0], data[0][:, 0])
    numbers = look_at(regressor, broken, data[0][:, 0], ALPHA, 2)
    assert numbers.right is None
    assert ("", "probability") not in numbers.rows


def test_several_targets_stand_in_one_cell(data):
    X = data[0]
    regressor = helpers.quick_regressor(max_iter=1).fit(X, X[:, :2])
    rows = look_at(regressor, X, X[:, :2], ALPHA, 2).rows
    place = rows.index[0]
    assert rows["", "truth"].iloc[0] == X[place, :2].tolist()


def test_names_of_columns_and_rows_are_those_of_a_frame(data):
    _, y, broken = data
    frame = pd.DataFrame(broken, columns=list("uvwxyz"))
    frame.index = [f"r{i}" for i in frame.index]
    modes = {"a": ["z", "u"], "b": ["x", "y"]}
    clf = helpers.quick(modes=modes, remainder="drop", epochs=1)
    told = look_at(clf.fit(frame, y), frame, y, ALPHA, 1)
    assert told.rows.index[0].startswith("r")
    assert told.extremes[0]["b"].split()[0] in {"x", "y"}


def test_pipelines_are_looked_into(fitted, data):
    X, y, _ = data
    scaled = StandardScaler().fit_transform(X)
    clf = helpers.quick(epochs=1, modes=helpers.UNEQUAL_MODES).fit(scaled, y)
    piped = make_pipeline(StandardScaler().fit(X), clf)
    inner, arrived = inside(piped, X)
    assert inner is clf
    np.testing.assert_allclose(arrived, scaled)
    with pytest.raises(TypeError, match=r"a fitted EMMAClassifier .* Function"):
        inside(FunctionTransformer(), X)


def test_a_mode_with_parts_rings_by_fewer_rows_for_each(data):
    X, y, broken = data
    modes = {"a": {"l": [0], "r": [1, 2]}, "b": [3, 4], "c": [5]}
    fitted = helpers.quick(modes=modes, epochs=1).fit(X, y)
    found = look_at(fitted, broken, y, ALPHA, 6)
    assert found.modes.index.tolist() == ["a", "b", "c"]
    n = fitted.alarm_rows_
    expected = [(n[:2].max() + 1) // 2 - 1, n[2], n[3]]
    assert found.modes["alarm_rows"].tolist() == expected
    np.testing.assert_allclose(found.attention, fitted.attention(broken))
    assert set(found.rows.columns.get_level_values(0)) == {"", "a", "b", "c"}
